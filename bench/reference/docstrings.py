"""Reads docstrings: the description, the text of each attribute under `Attributes:`, and what a method says it is.

A paragraph of a method's class that begins with `Exact:`, `Not exact:` or `No given law:` says whether its actions
have the law that it aims at, and why: at its default settings and ρ = 1, in the limit of networks that have
learned without error and of many noise levels.
"""

import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

SECTIONS = ("Attributes:", "Class attributes:", "Args:", "Returns:", "Raises:")
LAWS: Mapping[str, bool | None] = {"Exact": True, "Not exact": False, "No given law": None}


@dataclass(frozen=True)
class Law:
    """What a method says of the law of its actions.

    Attributes:
        title: a name in `LAWS`.
        text: the law that it aims at, and what makes its actions have it or not.
    """

    title: str
    text: str

    @property
    def is_exact(self) -> bool | None:
        """Whether its actions have the law that it aims at; None where it aims at no given one."""
        return LAWS[self.title]


def read_description(documented: object) -> str:
    """The docstring above its first section; empty where there is none."""
    lines = (inspect.getdoc(documented) or "").splitlines()
    end = next((number for number, line in enumerate(lines) if line in SECTIONS), len(lines))
    return "\n".join(lines[:end]).strip()


def read_law(documented: object) -> Law | None:
    """What a docstring says of the law; None where it says nothing."""
    for paragraph in read_description(documented).split("\n\n"):
        title, _, text = paragraph.partition(": ")
        if title in LAWS:
            return Law(title, " ".join(text.split()))
    return None


def is_law(paragraph: str) -> bool:
    """Whether a paragraph says what `read_law` reads."""
    return paragraph.partition(": ")[0] in LAWS


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
