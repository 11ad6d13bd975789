"""The record of looks, `looks.jsonl`: a line for each suite of each report that saw results not seen before."""

import os
from collections.abc import Sequence
from pathlib import Path

from reports.load.fields import Name, Whole
from reports.load.ledger import split_lines
from reports.load.schema import Sealed
from reports.load.sealed_lines import read_sealed_lines
from reports.load.seals import seal_line

LOOKS = "looks.jsonl"


class Look(Sealed):
    """What a report saw of one suite.

    Attributes:
        created: date and time in UTC, ISO 8601.
        suite: its name.
        tasks: that were compared.
        seeds: of every cell, ascending.
        episodes: variant to the number of its episodes, the fewest of a cell; of a density its samples at each β.
        hashes: variant to the SHA-256 of its results on these tasks and seeds, of so many episodes each.
    """

    created: str
    suite: Name
    tasks: tuple[Name, ...]
    seeds: tuple[Whole, ...]
    episodes: dict[str, Whole]
    hashes: dict[str, str]


def read_looks(folder: Path) -> tuple[Look, ...]:
    """The looks at a results folder, oldest first; a last line that was cut short is passed over.

    Raises:
        ReportError: a line that is no look, or is not as it was written.
    """
    return read_sealed_lines(folder / LOOKS, Look, "a look", "reports no longer say how often was looked before")


def record_looks(folder: Path, looks: Sequence[Look]) -> None:
    """Add lines in one write.

    Raises:
        OSError: the file cannot be written.
    """
    if not looks:
        return
    file = folder / LOOKS
    _, torn = split_lines(file.read_bytes() if file.is_file() else b"")
    if torn:
        os.truncate(file, file.stat().st_size - len(torn))
    with file.open("ab") as stream:
        stream.write(b"".join(seal_line(look.model_dump_json()) + b"\n" for look in looks))
