"""Results on disk, one file per task, method, ρ and seed; a cell whose file is there is finished.

`results/runs/TASK/METHOD-KEY/seed-N.json`, with `.npz` samples on the toy sets, which are written before it.
"""

import datetime
import io
import os
import platform
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench.runner.evaluate import Outcome, Points
from bench.runner.plan import PlannedCell
from foundation.errors import UserError
from foundation.files import is_temporary, write_atomically
from reports.load.files import check_folder, write_file
from reports.load.schema import (
    FORMAT,
    Data,
    Evaluations,
    Machine,
    Result,
    Seconds,
    TuningCost,
)

PACKAGES = ("torch", "numpy", "mujoco", "gymnasium", "gymnasium-robotics", "minari")
NEEDED_BYTES = 200 * 2**20


@dataclass(frozen=True)
class ResultStore:
    """Result files of one folder.

    Attributes:
        root: the results folder.
    """

    root: Path

    def prepare(self) -> None:
        """Make the folder, or check that it is of this format.

        Raises:
            UserError: a folder of another format, or not a results folder at all.
        """
        marker = self.root / "FORMAT"
        if marker.is_file():
            check_folder(self.root)
            return
        if self.root.exists() and not (self.root.is_dir() and all(map(is_temporary, self.root.iterdir()))):
            raise UserError(
                f"{str(self.root)!r} is not a results folder; give an empty or new one with --results."
            )
        write_atomically(marker, f"{FORMAT}\n".encode())

    def file(self, task: str, label: str, seed: int) -> Path:
        """Where a cell's result lies; label is `<method>-<key>`."""
        return self.root / "runs" / task / label / f"seed-{seed}.json"

    def seeds(self, task: str) -> set[int]:
        """The seeds that have a result of any method on that task."""
        found = (self.root / "runs" / task).glob("*/seed-*.json")
        return {int(path.stem.removeprefix("seed-")) for path in found}

    def write(
        self,
        planned: PlannedCell,
        outcome: Outcome,
        data: Data,
        *,
        tuning: TuningCost | None,
        counts: Mapping[str, Any],
        seconds: Seconds,
        device: torch.device,
    ) -> None:
        """Write a cell's samples, if there are any, then its result, each atomically.

        Args:
            planned: the cell.
            outcome: of its evaluation.
            data: what it was learned from.
            tuning: what choosing its ρ spent, None where it was not tuned.
            counts: `interventions`, name to counts by level, and `evaluations` with the fields of `Evaluations`.
            seconds: its share of the wall time.
            device: where it was evaluated.
        """
        cell = planned.cell
        file = self.file(cell.task.name, planned.label, cell.seed)
        samples = file.with_suffix(".npz") if outcome.points else None
        if samples is not None:
            write_atomically(samples, _pack_samples(outcome.points))
        result = Result(
            format=FORMAT,
            status="done",
            suite=cell.task.suite,
            task=cell.task.name,
            method=cell.name,
            title=cell.method.title,
            seed=cell.seed,
            rho=cell.rho,
            rho_source=cell.rho_source,
            preset=cell.preset,
            terms=cell.terms,
            metric=outcome.metric,
            score=outcome.score,
            episodes=outcome.episodes,
            densities=outcome.densities,
            samples_file=samples.name if samples is not None else None,
            trajectories_file=None,
            data=data,
            config=cell.settings(),
            components={name: node.label for name, node in planned.models.items()},
            tuning=tuning,
            interventions={name: tuple(by_level) for name, by_level in counts["interventions"].items()},
            evaluations=Evaluations(**counts["evaluations"]),
            weights_histogram=None,
            seconds=seconds,
            versions=read_versions(),
            machine=describe_machine(device),
            created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        )
        write_file(file, result)


def check_space(folder: Path) -> None:
    """A UserError if `folder` cannot be a folder, or its disk has less than 200 MiB free."""
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not existing.is_dir():
        raise UserError(f"{str(folder)!r} cannot be a folder, {str(existing)!r} is a file; choose another folder.")
    free = shutil.disk_usage(existing).free
    if free < NEEDED_BYTES:
        raise UserError(
            f"only {free / 2**20:.0f} MiB are free for {str(folder)!r}, a run needs {NEEDED_BYTES // 2**20}; "
            "free some space, or choose other folders with --results and --artifacts."
        )


def read_versions() -> dict[str, str]:
    """Python's and the packages' that a score can depend on."""
    return {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}


def describe_machine(device: torch.device) -> Machine:
    """The device's kind, its name and the number of cores."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else _read_processor()
    return Machine(device=device.type, processor=name, cores=os.cpu_count())


def _read_processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _pack_samples(points: Sequence[Points]) -> bytes:
    buffer = io.BytesIO()
    arrays = {
        f"{name}_{at.inverse_temperature:g}": array.astype(np.float32)
        for at in points
        for name, array in (("ours", at.ours), ("truth", at.truth))
    }
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()
