"""Edits of files that stay consistent in themselves, as who makes a file to mislead would make them.

Their hashes are taken out, so that what is read is what another version or a stranger wrote.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from reports.load.ledger import FIRST, hash_line
from reports.load.seals import SEAL

Edit = Callable[[Any], None]
"""Changes a JSON value in place."""


def edit_json(file: Path, edit: Edit) -> None:
    """Edit a file that holds one JSON value."""
    value = json.loads(file.read_text(encoding="utf-8"))
    value.pop(SEAL, None)
    edit(value)
    file.write_text(dump(value), encoding="utf-8")


def edit_results(folder: Path, pattern: str, edit: Edit) -> None:
    """Edit all results of a method alike, so that they still belong in one table."""
    for file in sorted((folder / "runs").glob(f"{pattern}/seed-?.json")):
        edit_json(file, edit)


def edit_lines(file: Path, edit: Edit) -> None:
    """Edit every line of a chain, and make the chain anew."""
    previous, made = FIRST, []
    for line in file.read_text(encoding="utf-8").splitlines():
        value = json.loads(line)
        value.pop(SEAL, None)
        edit(value)
        if "previous" in value:
            value["previous"] = previous
        text = dump(value)
        previous = hash_line(text.encode())
        made.append(text)
    file.write_text("".join(f"{text}\n" for text in made), encoding="utf-8")


def put(path: Sequence[Any], new: Any) -> Edit:
    """Put a value in a place of a JSON value; where that has not got it, nothing is done."""

    def edit(value: Any) -> None:
        for step in path[:-1]:
            value = value[step]
        value[path[-1]] = new

    return edit


class Raw(str):
    """A text that stands in JSON as it is, such as a number of 5,000 digits."""


def dump(value: Any) -> str:
    """JSON, in which `Raw` stands as it is."""
    raws: list[str] = []

    def keep(each: Any) -> Any:
        if isinstance(each, Raw):
            raws.append(str(each))
            return f"@@raw{len(raws) - 1}@@"
        if isinstance(each, dict):
            return {name: keep(value) for name, value in each.items()}
        return [keep(value) for value in each] if isinstance(each, list) else each

    text = json.dumps(keep(value))
    for number, raw in enumerate(raws):
        text = text.replace(f'"@@raw{number}@@"', raw)
    return text
