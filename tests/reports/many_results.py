"""A large results folder as `bench run` leaves it, with made-up scores: sweeps of ρ, plan and ledger."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from synthetic_results import FORMAT, control

from reports.load.seals import seal_file, seal_line

SHARED = {
    **{f"critic.setting_{i}": 0.1 * i for i in range(14)},
    **{f"denoiser.setting_{i}": f"value {i}" for i in range(16)},
    **{f"guidance_net.setting_{i}": i for i in range(8)},
    "sampler.solver": "ddpm",
}
"""As many settings as a result of this harness has, without the episodes and the method's own."""


@dataclass(frozen=True)
class Size:
    """How many of each there are; the default is the folder that a report is to take at most 10 seconds for.

    Attributes:
        methods, tasks: names.
        seeds, episodes: how many of each.
        rhos: guidance scales of every method.
        declared: the scale that a run of a method takes where none is given; none where it is not stored.
    """

    methods: tuple[str, ...] = ("swg", "swg-r", "cep", "ddice", "mse", "dps")
    tasks: tuple[str, ...] = tuple(f"task-{i:02d}" for i in range(20))
    seeds: int = 10
    rhos: tuple[float, ...] = (0.0, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
    episodes: int = 20
    declared: float | None = 10.0

    @property
    def count(self) -> int:
        """Results of the folder."""
        return len(self.methods) * len(self.tasks) * self.seeds * len(self.rhos)


def write_sweeps(folder: Path, size: Size | None = None, seed: int = 0) -> Path:
    """Write the results of every method at every ρ; the folder.

    A score rises with ρ up to a best one, which differs by method and task, and falls behind it; seeds and
    episodes scatter around it. Returns and normalised scores are the same numbers.

    Args:
        folder: made if it is not there.
        size: how many results; see `Size`.
        seed: of the scores.
    """
    size, generator = size or Size(), np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "FORMAT").write_text(f"{FORMAT}\n")
    cells: list[dict[str, Any]] = []
    evaluations: list[dict[str, Any]] = []
    for task in size.tasks:
        resets = generator.integers(2**31, size=(size.seeds, size.episodes))
        level = generator.normal(50, 15)
        for method in size.methods:
            best, worth = generator.uniform(0, 2), generator.normal(20, 5)
            for rho in size.rhos:
                gain = worth * np.exp(-((np.log10(rho + 0.1) - best) ** 2)) if rho else 0.0
                means = level + gain + generator.normal(0, 4, size.seeds)
                values = means[:, None] + generator.normal(0, 12, (size.seeds, size.episodes))
                made = _make_cell(task, method, rho, values.round(6), resets, size.declared)
                cells += [_write_result(folder, record) for record in made]
                evaluations.append(_make_evaluation(task, method, rho, values.round(6)))
    plan = {"created": "2026-11-21T02:00:00+00:00", "cells": cells}
    _write_chain(folder / "plans.jsonl", [plan])
    _write_chain(folder / "ledger.jsonl", evaluations)
    return folder


def _make_cell(
    task: str, method: str, rho: float, values: np.ndarray, resets: np.ndarray, declared: float | None
) -> Iterator[dict[str, Any]]:
    """The result of each seed; `values` and `resets` have the shape (seeds, episodes)."""
    for seed, (own, reset) in enumerate(zip(values.tolist(), resets.tolist(), strict=True)):
        episodes = [
            {"return": value, "length": 300, "seed": number, "normalized": value, "success": None}
            for value, number in zip(own, reset, strict=True)
        ]
        yield control(
            task,
            method,
            seed,
            sum(own) / len(own),
            rho=rho,
            rho_source="given",
            declared_rho=None if declared is None else {"rho": declared, "source": "default"},
            suite="many",
            episodes=episodes,
            config=_make_settings(method, len(own)),
            tunable=["rho"],
            interventions={"nan_gradients": [0] * 10, "clipped_weights": [0] * 10},
        )


def _make_settings(method: str, episodes: int) -> dict[str, Any]:
    return {**SHARED, "evaluation.episodes": episodes, f"{method}.weight": "linex"}


def _make_evaluation(task: str, method: str, rho: float, values: np.ndarray) -> dict[str, Any]:
    """The ledger's line of all seeds, without its place in the chain."""
    return {
        "kind": "reported",
        "suite": "many",
        "task": task,
        "method": method,
        "preset": "quick",
        "terms": "shared",
        "data": ["local", "ab12"],
        "policy": hashlib.sha256(method.encode()).hexdigest()[:16],
        "settings": _make_settings(method, values.shape[1]),
        "rho": rho,
        "seeds": list(range(len(values))),
        "first_episode": 0,
        "episodes": values.shape[1],
        "purpose": "evaluation",
        "study": None,
        "trial": None,
        "values": values.tolist(),
        "seconds": 1.0,
        "created": "2026-11-21T04:00:00+00:00",
    }


def _write_result(folder: Path, record: dict[str, Any]) -> dict[str, Any]:
    """Write a result's file; its cell of the plan."""
    key = hashlib.sha256(f"{record['method']} {record['rho']}".encode()).hexdigest()[:16]
    path = f"runs/{record['task']}/{record['method']}-{key}/seed-{record['seed']}.json"
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_bytes(seal_file(f"{json.dumps(record).removesuffix('}')}\n}}"))
    return {name: record[name] for name in ("suite", "task", "method", "rho", "seed")} | {"path": path}


def _write_chain(file: Path, entries: Sequence[dict[str, Any]]) -> None:
    """Lines that each hold the hash of the one before, sealed."""
    lines, previous = list[bytes](), "0" * 64
    for entry in entries:
        line = seal_line(json.dumps({"previous": previous, **entry}, separators=(",", ":")))
        previous = hashlib.sha256(line).hexdigest()
        lines.append(line)
    file.write_bytes(b"".join(line + b"\n" for line in lines))
