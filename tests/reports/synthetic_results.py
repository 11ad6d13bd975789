"""A results folder written by hand, by the result schema, with numbers a test knows."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from reports.load.schema import FailedResult, Result

FORMAT = 4
MEASURES = {
    "floor_log_spread": 0.3,
    "floor_pairs": 100,
    "samples": 4000,
    "effective_beta": 5.0,
    "effective_beta_low": 4.9,
    "effective_beta_high": 5.1,
    "effective_beta_least": -2.5,
    "effective_beta_most": 30.0,
    "divergence": 0.25,
    "divergence_floor": 0.02,
    "divergence_spread": 0.001,
    "classifier": 0.625,
}
"""What a density's result says beside its distance and floor: the measures of a sample with half of β = 10."""
MACHINE = {"device": "cpu", "processor": "a processor", "cores": 2}


def milliseconds(median: float, mean: float | None = None) -> dict[str, float]:
    """What a call took: percentiles one beside the median, a standard deviation of a half."""
    return {
        "median": median,
        "p5": median - 1,
        "p95": median + 1,
        "mean": median if mean is None else mean,
        "deviation": 0.5,
    }


def timing_row(method: str, guided: bool, median: float, **changes: Any) -> dict[str, Any]:
    """What `time` measured of a policy on maze2d-umaze; `changes` replace its fields."""
    ratio = {"median": 2.5, "lower": 2.4, "upper": 2.6, "p5": 2.0, "p95": 3.0}
    return {
        "suite": "maze2d",
        "task": "maze2d-umaze",
        "preset": "quick",
        "terms": "shared",
        "method": method,
        "guided": guided,
        "batch": 20,
        "way": "eager",
        "device": "cpu",
        "threads": 1,
        "machine": MACHINE,
        "settings": {"critic.steps": 10000, "critic.expectile": 0.7},
        "sweep": None,
        "milliseconds": milliseconds(median),
        "cpu_milliseconds": milliseconds(median),
        "throughput": None,
        "over_own_unguided": ratio if guided else None,
        "over_unguided_method": None if method == "unguided" else ratio,
        "shares": {"denoiser": 0.5, "guidance": 0.3, "selection": 0.0, "rest": 0.2},
        "evaluations": {
            "function": 300,
            "gradient": 300 if guided else 0,
            "beside": 0,
            "guided_rows": 300 if guided else 0,
            "actions": 20,
            "candidates": 1,
        },
        "calls": 50,
        "order_seed": 0,
        "load": 0.1,
        "parameters": 1234567,
        "peak_memory_mib": None,
        **changes,
    }


def data_set(
    source: str, name: str, fingerprint: str = "f", transitions: int = 10, canonical: tuple[str, str] | None = None
) -> dict[str, Any]:
    """What a result says of its data; `canonical` is the source and name of the task's published set."""
    return {
        "source": source,
        "name": name,
        "version": name.rpartition("-")[2] if "-v" in name else None,
        "canonical": dict(zip(("source", "name"), canonical, strict=True)) if canonical is not None else None,
        "reward_transform": "r",
        "fingerprint": fingerprint,
        "per_seed": False,
        "transitions": transitions,
        "action_low": [-1.0, -1.0],
        "action_high": [1.0, 1.0],
    }


def tuned(seeds: list[int], **changes: Any) -> dict[str, Any]:
    """A choice of ρ for SWG on maze2d-umaze; `changes` replace its fields."""
    return {
        "suite": "maze2d",
        "task": "maze2d-umaze",
        "method": "swg",
        "preset": "quick",
        "terms": "shared",
        "data": data_set("local", "local/maze2d-umaze-v0", "ab12", 100000),
        "policy": "p0",
        "settings": {"critic.steps": 10000, "critic.expectile": 0.7},
        "rho": 5.0,
        "score": 60.0,
        "trials": 6,
        "episodes": 120,
        "seeds": seeds,
        "sampler": "grid",
        "range": [1, 5, 10],
        "tried": [{"rho": 5.0, "score": 60.0}],
        **changes,
    }


def evaluation(kind: str, seeds: list[int], rho: float | None, **changes: Any) -> dict[str, Any]:
    """A ledger's entry for SWG on maze2d-umaze, without its place in the chain; `changes` replace its fields."""
    return {
        "kind": kind,
        "suite": "maze2d",
        "task": "maze2d-umaze",
        "method": "swg",
        "preset": "quick",
        "terms": "shared",
        "data": ["local", "ab12"],
        "policy": "p0",
        "settings": {"critic.steps": 10000},
        "rho": rho,
        "seeds": seeds,
        "first_episode": 0,
        "episodes": 10,
        "purpose": kind,
        "study": "s" if kind == "tuning" else None,
        "trial": 0 if kind == "tuning" else None,
        "values": [[50.0] for _ in seeds],
        "seconds": 1.0,
        "created": "2026-11-21T04:00:00+00:00",
        **changes,
    }


def failed(task: str, method: str, seed: int, step: str, reason: str, **changes: Any) -> dict[str, Any]:
    """A cell without a score; `changes` replace its top-level fields."""
    of_a_score = Result.model_fields.keys() - FailedResult.model_fields.keys()
    record = {name: value for name, value in control(task, method, seed, 0.0).items() if name not in of_a_score}
    return {**record, "status": "failed", "failure": {"step": step, "reason": reason}, **changes}


def control(task: str, method: str, seed: int, score: float, **changes: Any) -> dict[str, Any]:
    """A normalised-score result; `changes` replace its top-level fields."""
    return {
        "format": FORMAT,
        "suite": "maze2d",
        "task": task,
        "method": method,
        "title": method.upper(),
        "seed": seed,
        "rho": None,
        "rho_source": None,
        "declared_rho": None,
        "declared_settings": None,
        "preset": "quick",
        "terms": "shared",
        "metric": "normalized_score",
        "score": score,
        "episodes": [
            {"return": score + d, "length": 300, "seed": 7, "normalized": score + d} for d in (-2.0, 2.0)
        ],
        "densities": [],
        "samples_file": None,
        "samples_sha256": None,
        "trajectories_sha256": None,
        "learned_weights": None,
        "data": data_set("local", f"local/{task}-v0", "ab12", 100000),
        "config": {"critic.steps": 10000, "critic.expectile": 0.7},
        "components": {"critic": "c0", "denoiser": "d0"},
        "tuning": None,
        "tunable": [],
        "status": "done",
        "trajectories_file": None,
        "interventions": {"nan_gradients": [0]},
        "evaluations": {
            "function": 0,
            "gradient": 0,
            "beside": 0,
            "guided_rows": 0,
            "actions": 600,
            "candidates": 1,
        },
        "critics": {"labels": ["critic-c0"], "departures": []},
        "weights_histogram": None,
        "seconds": {"train": 100.0, "evaluate": 20.0},
        "versions": {"python": "3.11.7", "torch": "2.13.0", "mujoco": "3.4.0", "gymnasium": "1.4.0"},
        "machine": MACHINE,
        "created": "2026-11-21T04:00:00+00:00",
        **changes,
    }


def density(
    task: str, method: str, seed: int, distances: Mapping[float, float], floor: float = 0.01, **changes: Any
) -> dict[str, Any]:
    """A sliced-Wasserstein result with one distance per β."""
    return control(
        task,
        method,
        seed,
        float(np.mean(list(distances.values()))),
        **{
            "suite": "toy",
            "metric": "sliced_wasserstein",
            "episodes": [],
            "densities": [
                {"inverse_temperature": beta, "distance": distance, "floor": floor, **MEASURES}
                for beta, distance in distances.items()
            ],
            **changes,
        },
    )


class ResultsFolder:
    """Writes result files into a folder as `bench run` lays them out."""

    def __init__(self, path: Path):
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        (path / "FORMAT").write_text(f"{FORMAT}\n")

    def add(self, record: dict[str, Any], config_hash: str = "0") -> Path:
        folder = self.path / "runs" / record["task"] / f"{record['method']}-{config_hash}"
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"seed-{record['seed']}.json"
        file.write_text(json.dumps(record))
        return file

    def add_matrix(self, scores: Mapping[str, np.ndarray], tasks: tuple[str, ...], **changes: Any) -> None:
        """Adds method → seeds × tasks scores."""
        for method, matrix in scores.items():
            for seed, row in enumerate(matrix):
                for task, score in zip(tasks, row, strict=True):
                    self.add(control(task, method, seed, float(score), **changes))

    def write_ledger(self, entries: Sequence[Mapping[str, Any]]) -> None:
        """Chains the entries by hand."""
        self._write_chain("ledger.jsonl", entries)

    def _write_chain(self, name: str, entries: Sequence[Mapping[str, Any]]) -> None:
        previous, lines = "0" * 64, []
        for entry in entries:
            lines.append(json.dumps({"previous": previous, **entry}))
            previous = hashlib.sha256(lines[-1].encode()).hexdigest()
        (self.path / name).write_text("".join(f"{line}\n" for line in lines))

    def write_plans(
        self, *plans: Sequence[Mapping[str, Any]], settings: Sequence[Mapping[str, Any]] | None = None
    ) -> None:
        """Chains the cells of each plan by hand; with settings, which the cells of all name by their places."""
        about = {"created": "2026-11-21T02:00:00+00:00", **({} if settings is None else {"settings": settings})}
        made = [{**about, "cells": cells} for cells in plans]
        self._write_chain("plans.jsonl", made)

    def write(self, name: str, content: Mapping[str, Any]) -> None:
        (self.path / name).write_text(json.dumps(content))
