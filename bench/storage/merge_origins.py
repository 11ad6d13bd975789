"""The records of components, methods and commands of several results folders as one."""

from collections.abc import Sequence
from pathlib import Path

from reports.load.components import list_records, read_record
from reports.load.method_schema import CommandRecord, MethodRecord
from reports.load.origins import list_method_records, read_commands, read_method_record
from reports.load.seals import seal_line


def find_records(folders: Sequence[Path]) -> dict[str, Path]:
    """The records of components and methods by their names in a folder, each with the folder that it is from.

    Of a component that several have it is the first folder's, as of equal results; of a method the newest.

    Raises:
        UserError: a damaged record.
    """
    found: dict[str, Path] = {}
    for folder in folders:
        for path in list_records(folder):
            read_record(path)
            found.setdefault(path.relative_to(folder).as_posix(), folder)
    newest: dict[str, MethodRecord] = {}
    for folder in folders:
        for path in list_method_records(folder):
            name, record = path.relative_to(folder).as_posix(), read_method_record(path)
            if name not in newest or record.created > newest[name].created:
                newest[name], found[name] = record, folder
    return found


def merge_commands(folders: Sequence[Path]) -> bytes:
    """The commands of all folders, oldest first, the first of those that are equal.

    Raises:
        UserError: a damaged record.
    """
    commands = sorted(
        (each for folder in folders for each in read_commands(folder)), key=lambda each: each.created
    )
    first: dict[tuple[str, str | None], CommandRecord] = {}
    for each in commands:
        first.setdefault((each.command, each.version), each)
    return b"".join(seal_line(each.model_dump_json()) + b"\n" for each in first.values())
