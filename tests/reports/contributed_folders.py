"""Results folders to contribute: what a run leaves, with returns and scores that fit D4RL's references."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
from synthetic_results import ResultsFolder, control, evaluation

import bench

REFERENCE = {"maze2d-umaze": (23.85, 161.86), "maze2d-medium": (13.13, 277.39)}
TASKS = tuple(REFERENCE)
SHARED = {"critic.steps": 10000, "critic.expectile": 0.7}


def scored(task: str, method: str, seed: int, scores: list[float], **changes: Any) -> dict[str, Any]:
    """A result of episodes with these normalised scores."""
    low, high = REFERENCE[task]
    episodes = [
        {"return": low + value / 100 * (high - low), "length": 300, "seed": 7 + i, "normalized": value}
        for i, value in enumerate(scores)
    ]
    mean = sum(scores) / len(scores)
    tuned = {"rho": 5.0, "rho_source": "tuned"} if method == "swg" else {}
    return control(task, method, seed, mean, **{"episodes": episodes, **tuned, **changes})


def draw(task: str, method: str, seed: int, shift: float = 0.0) -> list[float]:
    """Scores of five episodes."""
    generator = np.random.default_rng([seed, len(method), len(task), int(1000 * shift)])
    return [float(value) for value in generator.normal(40.0 if method == "swg" else 20.0, 5.0, 5)]


def recorded(result: dict[str, Any]) -> dict[str, Any]:
    """The ledger's entry of a result."""
    values, count = [[e["normalized"] for e in result["episodes"]]], len(result["episodes"])
    return evaluation(
        "reported", [result["seed"]], result["rho"], task=result["task"], method=result["method"], episodes=count,
        values=values, settings=result["config"], data=[result["data"]["source"], result["data"]["fingerprint"]],
    )  # fmt: skip


def planned(result: dict[str, Any]) -> dict[str, Any]:
    path = f"runs/{result['task']}/{result['method']}-0/seed-{result['seed']}.json"
    return {**{name: result[name] for name in ("suite", "task", "method", "rho", "seed")}, "path": path}


def fill(
    place: Path, seeds: tuple[int, ...] = (0, 1, 2), shift: float = 0.0, **changes: Any
) -> tuple[ResultsFolder, list[dict[str, Any]]]:
    """What a run of `unguided` and `swg` on two tasks leaves, and its results."""
    folder = ResultsFolder(place)
    results = [
        scored(task, method, seed, draw(task, method, seed, shift), **changes)
        for method in ("unguided", "swg")
        for task in TASKS
        for seed in seeds
    ]
    for result in results:
        folder.add(result)
    tuning = [evaluation("tuning", [100], 5.0, task=task) for task in TASKS]
    folder.write_ledger([*tuning, *map(recorded, results)])
    folder.write_plans([planned(result) for result in results])
    return folder, results


def publish(folder: ResultsFolder, site: Path, **words: Any) -> Path:
    return bench.publish(folder.path, to=site, progress=False, **words)


def snapshot(place: Path) -> dict[str, bytes]:
    """Every file's content but for locks, which stay."""
    files = {str(p.relative_to(place)): p for p in sorted(place.rglob("*")) if p.is_file()}
    return {name: file.read_bytes() for name, file in files.items() if ".lock" not in name}


def write_little(results: Path, out: Path) -> list[Path]:
    """A report of one file."""
    out.mkdir()
    (out / "index.html").write_text("a report")
    return [out / "index.html"]


def read_rows(site: Path) -> list[dict[str, str]]:
    with (site / "leaderboard.csv").open() as file:
        return list(csv.DictReader(file))
