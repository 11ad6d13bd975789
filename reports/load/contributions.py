"""Contributed runs on disk: which files of a results folder are one, their content's hash, and a site of them.

    SITE                       number of the layout
    runs/ID/run.json           the contributor's words and the hash of every file, see `Contribution`
    runs/ID/results/           the results folder, without reports, logs and what is unfinished
    runs/ID/report/            its report

ID is the beginning of the content's SHA-256, so the same results are the same run wherever they were.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from foundation.files import is_temporary
from reports.errors import ReportError
from reports.load.components import list_records, read_record
from reports.load.contribution_schema import MARKER, RESULTS, RUN, RUNS, SITE, Contribution
from reports.load.files import EXPERIMENTS, TIMING, TUNED, read_bytes, read_file, read_finished, read_lines
from reports.load.frozen_plan import FROZEN
from reports.load.ledger import LEDGER
from reports.load.looks import LOOKS
from reports.load.merged_schema import MERGED, SOURCES
from reports.load.origins import COMMANDS, list_method_records, read_method_record
from reports.load.plans import PLANS
from reports.load.samples import are_trajectories_lost
from reports.load.schema import FailedResult, Result

RECORDS = (LEDGER, PLANS, LOOKS, COMMANDS, TUNED, TIMING, EXPERIMENTS, FROZEN, MERGED)
_OF_LINES = (LEDGER, PLANS, LOOKS, COMMANDS)


@dataclass(frozen=True)
class Run:
    """A contributed run of a site.

    Attributes:
        folder: its own, `runs/ID`.
        said: its `run.json`.
    """

    folder: Path
    said: Contribution

    @property
    def results(self) -> Path:
        """Its results folder."""
        return self.folder / RESULTS


def read_results(folder: Path) -> list[Result | FailedResult]:
    """Every result of a folder, in the order of their paths; see `read_finished`."""
    return [read_finished(path) for path in sorted((folder / "runs").glob("*/*/seed-*.json"))]


def list_files(folder: Path) -> list[str]:
    """The files of a results folder that are contributed, by their relative paths: results with samples, records.

    Raises:
        ReportError: a damaged result, or record of a component or method.
    """
    found = ["FORMAT", *_list_records(folder)]
    for result in read_results(folder):
        files = [result.path, *(result.path.with_name(name) for name in _list_beside(result))]
        found += [file.relative_to(folder).as_posix() for file in files]
    return sorted(found)


def _list_beside(result: Result | FailedResult) -> list[str]:
    """The names of the files of samples and of trajectories that go with a result; none of trajectories that are
    gone."""
    if isinstance(result, FailedResult):
        return []
    trajectories = None if are_trajectories_lost(result) else result.trajectories_file
    return [name for name in (result.samples_file, trajectories) if name is not None]


def _list_records(folder: Path) -> Iterator[str]:
    """The records of a folder, those of its components and methods too, and of the sources of a merged one."""
    for place in list_sources(folder):
        prefix = "" if place == folder else f"{place.relative_to(folder).as_posix()}/"
        yield from (prefix + name for name in RECORDS if (place / name).exists())
        for paths, read in ((list_records(place), read_record), (list_method_records(place), read_method_record)):
            for path in paths:
                read(path)  # which refuses a name that is no record's
                yield path.relative_to(folder).as_posix()


def list_sources(folder: Path) -> list[Path]:
    """A results folder and, if it was merged, the folders of its sources' records, in their order."""
    numbered = [
        p for p in (folder / SOURCES).glob("*") if p.name.isdecimal() and p.is_dir() and not p.is_symlink()
    ]
    return [folder, *(own for place in sorted(numbered, key=lambda p: int(p.name)) for own in list_sources(place))]


def read_content(file: Path) -> bytes:
    """The content of a contributed file, in its bounds of size; see `read_bytes`."""
    return read_lines(file) if file.name in _OF_LINES else read_bytes(file)


def hash_files(folder: Path, names: Sequence[str]) -> dict[str, str]:
    """SHA-256 of each file by its path."""
    return {name: hashlib.sha256(read_content(folder / name)).hexdigest() for name in names}


def hash_content(hashes: Mapping[str, str]) -> str:
    """SHA-256 of what a run is: of the lines `HASH  PATH` of its files, as sha256sum writes them, by their paths.

    The looks at it are not of it: who reports the same results once more has the same run.

    Args:
        hashes: of each file by its path, see `hash_files`.
    """
    lines = (f"{hashes[name]}  {name}\n" for name in sorted(hashes) if name != LOOKS)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def check_site(site: Path) -> None:
    """Refuse a folder that is no site of contributed runs, or one of another layout.

    Raises:
        ReportError: its file `SITE` is missing or has another number.
    """
    marker = site / MARKER
    found = read_bytes(marker).decode(errors="replace").strip() if marker.is_file() else None
    if found is None:
        raise ReportError(
            f"{str(site)!r} is no site of contributed runs, as it has no file {MARKER}: name one that `publish` "
            "made, or a new or empty folder with --to."
        )
    if found != str(SITE):
        raise ReportError(
            f"site {str(site)!r} has the layout {found[:20]!r}, this version reads and writes {SITE}: publish "
            "into a new folder with --to."
        )


def read_runs(site: Path) -> list[Run]:
    """The contributed runs of a site, oldest first; see `read_run`."""
    runs = [read_run(place) for place in (site / RUNS).glob("*") if not is_temporary(place)]
    return sorted(runs, key=lambda run: (run.said.created, run.folder.name))


def read_run(place: Path) -> Run:
    """The contributed run in a folder.

    Raises:
        ReportError: its `run.json` is missing or damaged, or is that of another run.
    """
    said = read_file(place / RUN, Contribution)
    if said.id != place.name:
        raise ReportError(
            f"{str(place / RUN)!r} is of run {said.id}, which belongs elsewhere: remove the folder, and publish "
            "that run again."
        )
    return Run(place, said)
