"""The results of several folders: each cell once, two contents of one cell refused."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from foundation.errors import UserError
from foundation.program import program_name
from reports.load.files import read_bytes, read_finished
from reports.load.samples import are_trajectories_lost
from reports.load.schema import FailedResult, Result, Seconds


@dataclass(frozen=True)
class Cell:
    """A result of one of the folders.

    Attributes:
        folder: that it lies in.
        name: of its file, relative to the folder.
        content: SHA-256 of what it says, but for when it was made, how long that took, and trajectories.
        settings: SHA-256 of what a report tells cells apart by.
        hashes: SHA-256 by name of its file and of those beside it, such as samples.
        described: `swg on maze2d-umaze, seed 0`.
    """

    folder: Path
    name: str
    content: str
    settings: str
    hashes: dict[str, str]
    described: str

    @property
    def path(self) -> Path:
        """Of its file."""
        return self.folder / self.name


def collect_cells(folders: Sequence[Path]) -> list[Cell]:
    """Every cell once, from the first folder that has it with all of its files.

    Raises:
        UserError: a damaged result, or a cell that two folders have with different contents.
    """
    kept: dict[str, Cell] = {}
    by_settings: dict[str, Cell] = {}
    for folder in folders:
        own = list(_read_cells(folder))
        for cell in own:
            other = kept.get(cell.name)
            if other is not None and other.content != cell.content:
                raise _report_conflict(other, cell, "with different contents")
            same = by_settings.get(cell.settings)
            if same is not None and same.name != cell.name:
                raise _report_conflict(same, cell, "with the same settings, of other data or other code")
        for cell in own:
            other = kept.get(cell.name)
            if other is None or len(cell.hashes) > len(other.hashes):  # one whose trajectories are not lost
                kept[cell.name] = cell
            by_settings.setdefault(cell.settings, cell)
    return list(kept.values())


def _read_cells(folder: Path) -> Iterator[Cell]:
    for path in sorted((folder / "runs").glob("*/*/seed-*.json")):
        result = read_finished(path)
        failed = isinstance(result, FailedResult)
        samples, trajectories = (None, None) if failed else (result.samples_file, result.trajectories_file)
        if not failed and are_trajectories_lost(result):
            trajectories = None
        files = [path, *(path.with_name(name) for name in (samples, trajectories) if name is not None)]
        hashes = {file.relative_to(folder).as_posix(): hash_file(file) for file in files}
        name = path.relative_to(folder).as_posix()
        compared = [] if samples is None else [hashes[files[1].relative_to(folder).as_posix()]]
        content = _hash_text([describe_content(result), compared])
        described = f"{result.method} on {result.task}, seed {result.seed}"
        yield Cell(folder, name, content, _hash_settings(result), hashes, described)


_BESIDE = (
    "trajectories_file",
    "trajectories_sha256",
    "weights_histogram",
    "learned_weights",
    "declared_rho",
    "declared_settings",
)


def describe_content(result: Result | FailedResult) -> str:
    """All that a result says but for when it was made and the seconds that it took, as JSON.

    Left out is what the same episodes may have beside them: trajectories, histograms of weights, and the scale
    and settings that a run would have taken where others were given.
    """
    plain = result.model_copy(update={"created": "", "seconds": Seconds(train=0.0, evaluate=0.0)})
    said = json.loads(plain.model_dump_json(by_alias=True))
    for name in _BESIDE:
        said.pop(name, None)
    return json.dumps(said, sort_keys=True)


def _hash_settings(result: Result | FailedResult) -> str:
    names = (result.suite, result.task, result.method, result.seed, result.rho, result.terms)
    return _hash_text([names, json.loads(json.dumps(dict(result.config), default=str))])


def _hash_text(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def hash_file(path: Path) -> str:
    """SHA-256 of a file's content; see `read_bytes`."""
    return hashlib.sha256(read_bytes(path)).hexdigest()


def read_unchanged(cell: Cell, name: str) -> bytes:
    """The content of a cell's file, which is what was checked.

    Raises:
        UserError: somebody wrote it since.
    """
    content = read_bytes(cell.folder / name)
    if hashlib.sha256(content).hexdigest() != cell.hashes[name]:
        raise UserError(
            f"file {str(cell.folder / name)!r} changed while it was merged: wait until nothing writes into that "
            "folder, and merge again."
        )
    return content


def _report_conflict(one: Cell, other: Cell, what: str) -> UserError:
    return UserError(
        f"files {str(one.path)!r} and {str(other.path)!r} are two results of {one.described}, {what}: one folder "
        f"holds one of them; merge copies of the folders from which you removed the one that you do not want, or "
        f"see what differs with `{program_name()} report --compare {one.folder} {other.folder}`."
    )
