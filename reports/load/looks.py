"""The record of looks, `looks.jsonl`: a line for each suite of each report that saw results not seen before."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from foundation.locks import hold_lock
from foundation.program import say_aside
from reports.load.base_schema import Sealed
from reports.load.fields import Name, Whole
from reports.load.files import read_lines
from reports.load.ledger import split_lines
from reports.load.sealed_lines import read_sealed_lines
from reports.load.seals import seal_line

LOOKS, LOCK = "looks.jsonl", ".looks.lock"


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


def is_seen(look: Look, looks: Sequence[Look]) -> bool:
    """Whether an earlier look was at the same results of the same variants."""
    return any(other.model_copy(update={"created": look.created}) == look for other in looks)


def record_looks(folder: Path, looks: Sequence[Look], say: Callable[[str], None] = say_aside) -> None:
    """Add a line for each look at what no earlier one saw, in one write; several reports may do so at once.

    Args:
        folder: of the results.
        looks: of a report.
        say: prints a sentence about a long wait for another report.

    Raises:
        OSError: the file cannot be written.
        ReportError: see `read_looks`.
    """
    known = read_looks(folder)
    if all(is_seen(look, known) for look in looks):
        return  # nothing is written, so that a folder that cannot be written is no fault
    file = folder / LOOKS
    with hold_lock(folder / LOCK, f"looks at {folder}", say):
        known = read_looks(folder)
        added = [look for look in looks if not is_seen(look, known)]
        _, torn = split_lines(read_lines(file))
        if torn:
            os.truncate(file, file.stat().st_size - len(torn))
        with file.open("ab") as stream:
            stream.write(b"".join(seal_line(look.model_dump_json()) + b"\n" for look in added))
