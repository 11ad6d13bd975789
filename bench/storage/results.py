"""Results on disk, one file per task, method, ρ and seed; see `bench.runner.finished` for what is.

`results/runs/TASK/METHOD-KEY/seed-N.json`, on the toy sets with its samples in a `.npz` file, in mazes with its
trajectories, which is written before it.
"""

import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from foundation.errors import UserError
from foundation.files import is_temporary, write_atomically
from reports.errors import ReportError
from reports.load.files import check_folder, read_file, write_file
from reports.load.headers import SourceHeader
from reports.load.schema import FORMAT, FailedResult, Result

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

    def files(self, task: str, method: str, seed: int) -> list[Path]:
        """The results of a method and a seed with whatever settings, in the order of their labels."""
        return sorted((self.root / "runs" / task).glob(f"{method}-*/seed-{seed}.json"))

    def seeds(self, task: str, method: str) -> set[int]:
        """The seeds that have a result of that method, with any settings, on that task."""
        found = (self.root / "runs" / task).glob("*/seed-*.json")
        own = [path for path in found if path.parent.name.rpartition("-")[0] == method]
        seeds = (path.stem.removeprefix("seed-") for path in own)
        return {int(seed) for seed in seeds if seed.isdecimal()}

    def labels(self) -> dict[str, set[str]]:
        """Suite to the labels of the data (see `Data.label`) that its results stand on.

        All seeds of a cell have one source, which is in its folder's key, so one that can be read stands for all.
        """
        found: dict[str, set[str]] = {}
        for folder in (self.root / "runs").glob("*/*"):
            headers = map(_read_source, sorted(folder.glob("seed-*.json")))
            header = next(filter(None, headers), None)
            if header is not None:
                found.setdefault(header.suite, set()).add(header.data.label)
        return found

    def write(self, label: str, result: Result | FailedResult, arrays: bytes | None = None) -> None:
        """Write a cell's samples or trajectories, if there are any, then its result, each atomically.

        Args:
            label: as for `file`.
            result: it names the file of arrays, if there is one.
            arrays: the content of that file.
        """
        file = self.file(result.task, label, result.seed)
        if arrays is not None and isinstance(result, Result):
            write_atomically(file.with_suffix(".npz"), arrays)
            kind = "samples" if result.samples_file is not None else "trajectories"
            result = result.model_copy(update={f"{kind}_sha256": hashlib.sha256(arrays).hexdigest()})
        write_file(file, result)


def _read_source(file: Path) -> SourceHeader | None:
    """What a file says of its source; None where it is damaged, so that no result stands on it."""
    try:
        return read_file(file, SourceHeader)
    except ReportError:
        return None


def check_space(folder: Path) -> None:
    """A UserError if `folder` cannot be a folder or be written, or its disk has less than 200 MiB free."""
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not existing.is_dir():
        raise UserError(f"{str(folder)!r} cannot be a folder, {str(existing)!r} is a file; choose another folder.")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise UserError(
            f"{str(existing)!r} cannot be written by this user; make it writable, or choose other folders with "
            "--results and --artifacts."
        )
    free = shutil.disk_usage(existing).free
    if free < NEEDED_BYTES:
        raise UserError(
            f"only {free / 2**20:.0f} MiB are free for {str(folder)!r}, a run needs {NEEDED_BYTES // 2**20}; "
            "free some space, or choose other folders with --results and --artifacts."
        )
