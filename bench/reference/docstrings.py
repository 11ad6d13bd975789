"""Reads docstrings: the description, and the text of each attribute under `Attributes:`."""

import inspect
import re
from collections.abc import Iterator

SECTIONS = ("Attributes:", "Class attributes:", "Args:", "Returns:", "Raises:")


def read_description(documented: object) -> str:
    """The docstring above its first section; empty where there is none."""
    lines = (inspect.getdoc(documented) or "").splitlines()
    end = next((number for number, line in enumerate(lines) if line in SECTIONS), len(lines))
    return "\n".join(lines[:end]).strip()


def read_attributes(cls: type) -> dict[str, str]:
    """Name → text for what the class's docstring, or that of a class it derives from, lists under `Attributes:`.

    One text may stand for several names, as in `low, high: the ends`.
    """
    found: dict[str, str] = {}
    for each in reversed(cls.__mro__):
        found |= dict(_read_entries(inspect.cleandoc(each.__dict__.get("__doc__") or "")))
    return found


def _read_entries(docstring: str) -> Iterator[tuple[str, str]]:
    names, words = "", []
    for line in docstring.partition("\nAttributes:\n")[2].splitlines():
        if line and not line.startswith(" "):
            break
        entry = re.fullmatch(r" {4}(\w+(?:, \w+)*): (.+)", line)
        if entry is None:
            words.append(line.strip())
            continue
        yield from _name_each(names, words)
        names, words = entry[1], [entry[2]]
    yield from _name_each(names, words)


def _name_each(names: str, words: list[str]) -> Iterator[tuple[str, str]]:
    text = " ".join(word for word in words if word)
    return ((name, text) for name in names.split(", ") if name)
