"""Reads which commands wrote into a results folder, and what the code of its methods departs from."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from reports.errors import ReportError
from reports.load.files import read_file
from reports.load.method_schema import CommandRecord, MethodRecord
from reports.load.sealed_lines import read_sealed_lines

COMMANDS = "commands.jsonl"
METHODS = "methods"
DAMAGED = "damaged-"
"""How the names of damaged files begin that a command set aside."""


@dataclass(frozen=True)
class CommandHistory:
    """The commands that wrote into a folder, as far as they are known.

    Attributes:
        commands: of the record, oldest first.
        fault: what is wrong with it, a sentence; None where nothing is.
        aside: names of the damaged records that were set aside before it was begun.
    """

    commands: tuple[CommandRecord, ...] = ()
    fault: str | None = None
    aside: tuple[str, ...] = ()


def read_command_history(results: Path) -> CommandHistory:
    """The commands that wrote into a folder, with what is not known of them in the place of an error."""
    aside = tuple(sorted(file.name for file in results.glob(f"{DAMAGED}*-{COMMANDS}")))
    try:
        return CommandHistory(read_commands(results), None, aside)
    except ReportError as error:
        return CommandHistory((), str(error), aside)


def read_commands(results: Path) -> tuple[CommandRecord, ...]:
    """The commands that wrote into a folder, oldest first; none where an earlier version alone did.

    Raises:
        ReportError: a line that is no command, or is not as it was written.
    """
    loss = "reports no longer say which commands repeat the results"
    return read_sealed_lines(results / COMMANDS, CommandRecord, "a command", loss)


def find_method_record(results: Path, method: str) -> Path:
    """Where the record of a method of that name lies."""
    return results / METHODS / f"{method}.json"


def list_method_records(results: Path) -> list[Path]:
    """The files of all records of methods, in the order of their paths; none where there is no such folder."""
    return sorted((results / METHODS).glob("*.json"))


def read_method_record(path: Path) -> MethodRecord:
    """The record of a method.

    Raises:
        ReportError: see `read_file`; also one that lies where another's belongs.
    """
    record = read_file(path, MethodRecord)
    if path.stem != record.method:
        raise ReportError(
            f"file {str(path)!r} holds the record of method {record.method}, which belongs elsewhere: it was "
            "moved or edited; delete it and run the same `bench` command again."
        )
    return record


def read_method_records(results: Path, methods: Iterable[str]) -> dict[str, MethodRecord | None]:
    """The records of methods by their names; None for one that the folder has no record of."""
    places = {name: find_method_record(results, name) for name in methods}
    return {name: read_method_record(place) if place.exists() else None for name, place in places.items()}
