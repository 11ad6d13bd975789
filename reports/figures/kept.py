"""Pictures for print, which take long to draw, kept by the hash of everything that they are drawn from.

That is the marks, the styles and the words of a figure, the code that draws it, and the programs and their
settings that it is drawn with. A kept picture begins with the hash of its own bytes: one that is damaged or cut
short counts as none and is drawn again, so that a report is the same with and without what is kept.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cache, partial
from importlib import resources
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import matplotlib
import numpy as np
import pandas as pd

from reports.render.document import Figure

FOLDER = ".cache"
_NAME = re.compile(r"[0-9a-f]{64}")
_DIGEST = 64  # letters of a hash, with which a kept file begins
_PROGRAMS = ("matplotlib", "numpy", "pandas")
_CODE = ("reports.figures", "reports.render")


class UnknownContentError(TypeError):
    """A value of which not all is known that a picture may depend on."""


@dataclass(frozen=True)
class KeptPictures:
    """The kept pictures of a report.

    Attributes:
        folder: where they lie; it need not be there.
        used: name to content, as it is to be kept, of every picture that was asked for.
    """

    folder: Path
    used: dict[str, bytes] = field(default_factory=dict)

    def draw(self, figure: Figure, kind: Literal["png", "pdf"]) -> bytes:
        """A picture of a figure, as `Figure.draw` gives it."""
        try:
            name = hash_content(kind, describe_drawing(), figure.draw)
        except UnknownContentError:
            return figure.draw(kind)
        found = read_kept(self.folder / name)
        content = figure.draw(kind) if found is None else found
        self.used[name] = hashlib.sha256(content).hexdigest().encode() + content
        return content

    def list_new(self) -> dict[str, bytes]:
        """What is to be written, by name."""
        return {name: content for name, content in self.used.items() if read_kept(self.folder / name) is None}

    def remove_unused(self) -> None:
        """Remove the pictures that were not asked for."""
        for path in self.folder.iterdir() if self.folder.is_dir() else ():
            if _NAME.fullmatch(path.name) and path.name not in self.used:
                path.unlink(missing_ok=True)


def read_kept(path: Path) -> bytes | None:
    """A kept picture; None where there is none, or it is not as it was written."""
    try:
        found = path.read_bytes()
    except OSError:
        return None
    digest, content = found[:_DIGEST], found[_DIGEST:]
    return content if hashlib.sha256(content).hexdigest().encode() == digest else None


def hash_content(*parts: Any) -> str:
    """SHA-256 of values, numbers to their last digit.

    Raises:
        UnknownContentError: one of a kind that is not known here.
    """
    found = hashlib.sha256()
    _add(found.update, parts)
    return found.hexdigest()


def _add(update: Callable[[bytes], None], value: Any) -> None:
    match value:
        case None | bool() | int() | float() | str():
            update(f"{type(value).__name__} {value!r};".encode())
        case np.generic():
            _add(update, value.item())
        case pd.DataFrame():
            _add(update, {str(name): list(column) for name, column in value.items()})
        case Mapping():
            _add(update, ("mapping", *value.items()))
        case list() | tuple():
            update(f"sequence {len(value)};".encode())
            for inner in value:
                _add(update, inner)
        case partial():
            _add(update, (value.func, value.args, value.keywords))
        case _ if is_dataclass(value) and not isinstance(value, type):
            _add(update, (type(value).__qualname__, *(getattr(value, each.name) for each in fields(value))))
        case _ if _is_drawing_code(value):
            _add(update, (value.__module__, value.__qualname__))
        case _:
            raise UnknownContentError(f"no hash of a {type(value).__name__}")


def _is_drawing_code(value: Any) -> bool:
    """Whether it is a plain function of the code that `describe_drawing` has."""
    module = str(getattr(value, "__module__", ""))
    return module.startswith(_CODE) and hasattr(value, "__qualname__") and not getattr(value, "__closure__", None)


@cache
def describe_drawing() -> str:
    """The hash of the code that draws, and of the programs that it draws with and their settings."""
    found = [f"{name} {version(name)}" for name in _PROGRAMS]
    found.append(repr(sorted(matplotlib.rcParams.items())))
    for package in _CODE:
        files = sorted(resources.files(package).iterdir(), key=lambda file: file.name)
        found += [file.read_text(encoding="utf-8") for file in files if file.name.endswith(".py")]
    return hash_content(*found)
