"""Reads which commands wrote into a results folder, and what the code of its methods departs from."""

from collections.abc import Iterable
from pathlib import Path

from reports.errors import ReportError
from reports.load.files import read_file
from reports.load.method_schema import CommandRecord, MethodRecord
from reports.load.sealed_lines import read_sealed_lines

COMMANDS = "commands.jsonl"
METHODS = "methods"


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
