"""Reads the records of components of a results folder, `components/LABEL/seed-N.json`."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from reports.errors import ReportError
from reports.load.component_schema import ComponentRecord
from reports.load.fields import LABEL_PATTERN
from reports.load.files import read_file, refuse_large

COMPONENTS = "components"
MOST_RECORD_BYTES = 2 * 2**20
"""Of one record: some hundred times as many as one has."""
_PLACE = "*/seed-*.json"

Records = Mapping[tuple[str, int], ComponentRecord]
"""Label and seed to the record."""


def find_record(results: Path, label: str, seed: int) -> Path:
    """Where the record of a component's seed lies; label is KIND-KEY."""
    return results / COMPONENTS / label / f"seed-{seed}.json"


def list_records(results: Path) -> list[Path]:
    """The files of all records of a folder, in the order of their paths; none where there is no such folder."""
    return sorted((results / COMPONENTS).glob(_PLACE))


def read_record(path: Path) -> ComponentRecord:
    """A record.

    Raises:
        ReportError: see `read_file`; also one that is too large, or lies where another's belongs.
    """
    refuse_large(path, MOST_RECORD_BYTES)
    record = read_file(path, ComponentRecord)
    if (path.parent.name, path.stem) != (record.label, f"seed-{record.seed}"):
        raise ReportError(
            f"file {str(path)!r} holds the record of {record.label}, seed {record.seed}, which belongs elsewhere: "
            "it was moved or edited; delete it and run the same `bench` command again."
        )
    return record


def read_records(results: Path, wanted: Iterable[tuple[str, int]]) -> Records:
    """The records of components that results name, and of all that these were made from, where they are there.

    Args:
        results: the folder.
        wanted: labels, each with a seed.

    Raises:
        ReportError: see `read_record`.
    """
    found: dict[tuple[str, int], ComponentRecord] = {}
    waiting = [(label, seed) for label, seed in wanted if re.fullmatch(LABEL_PATTERN.strip("^$"), label)]
    seen = set(waiting)
    while waiting:
        label, seed = waiting.pop()
        path = find_record(results, label, seed)
        if path.exists():
            found[label, seed] = read_record(path)
            above = {(other, seed) for other in found[label, seed].upstream.values()} - seen
            seen |= above
            waiting += above
    return dict(sorted(found.items()))
