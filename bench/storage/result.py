"""The result file of a cell: the full spec, every episode, the data's fingerprint, versions, seconds, repairs."""

import datetime
import io
import os
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench.runner.evaluate import DensityScore, Outcome
from bench.runner.plan import PlannedCell
from bench.storage.store import FORMAT, write_atomically, write_json

PACKAGES = ("torch", "numpy", "mujoco", "gymnasium", "gymnasium-robotics", "minari")


def write_result(
    file: Path,
    planned: PlannedCell,
    outcome: Outcome,
    transitions: Mapping[str, Any],
    *,
    tuning: Mapping[str, Any] | None,
    counts: Mapping[str, Any],
    seconds: Mapping[str, float],
    device: torch.device,
) -> None:
    """Write the samples, if there are any, then the result itself, each atomically."""
    cell = planned.cell
    samples = file.with_suffix(".npz") if outcome.densities else None
    if samples is not None:
        write_atomically(samples, _samples(outcome.densities))
    content = {
        "format": FORMAT,
        "suite": cell.task.suite,
        "task": cell.task.name,
        "method": cell.name,
        "title": cell.method.title,
        "seed": cell.seed,
        "rho": cell.rho,
        "rho_source": cell.rho_source,
        "preset": cell.preset,
        "terms": cell.terms,
        "metric": outcome.metric,
        "score": outcome.score,
        "episodes": [
            {"return": e.episode_return, "length": e.length, "seed": e.seed, "normalized": e.normalized}
            for e in outcome.episodes
        ],
        "densities": [_density(score) for score in outcome.densities],
        "samples_file": samples.name if samples is not None else None,
        "data": dict(transitions),
        "config": cell.settings(),
        "components": {name: node.label for name, node in planned.models.items()},
        "tuning": dict(tuning) if tuning is not None else None,
        **counts,
        "seconds": dict(seconds),
        "versions": versions(),
        "machine": machine(device),
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
    write_json(file, content)


def versions() -> dict[str, str]:
    """Python's and the packages' that a score can depend on."""
    return {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}


def machine(device: torch.device) -> dict[str, Any]:
    """The device's kind, its name and the number of cores."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else _processor()
    return {"device": device.type, "processor": name, "cores": os.cpu_count()}


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _density(score: DensityScore) -> dict[str, Any]:
    return {
        "inverse_temperature": score.inverse_temperature,
        "distance": score.distance,
        "floor": score.floor,
        "samples": score.samples,
    }


def _samples(scores: Sequence[DensityScore]) -> bytes:
    buffer = io.BytesIO()
    arrays = {}
    for score in scores:
        arrays[f"ours_{score.inverse_temperature:g}"] = score.ours.astype(np.float32)
        arrays[f"truth_{score.inverse_temperature:g}"] = score.truth.astype(np.float32)
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()
