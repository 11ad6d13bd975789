"""Counts what a command does to files, and kills it or lets it fail before or after one of these operations.

Watched are the functions of `os` that change a folder or wait for the disk. Those of temporary files elsewhere are
not counted. Operation n is reached at points 2n (before it) and 2n + 1 (after it).
"""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

WATCHED = ("replace", "rename", "fsync", "unlink", "remove", "rmdir", "truncate", "ftruncate", "mkdir", "link")
NUMBERED = frozenset({"fsync", "ftruncate"})  # these take an open file
Reach = Callable[[int, str], None]
"""Called with a point and what the operation is."""


class Watch:
    """Wraps the operations of this process.

    Attributes:
        folder: below which they count.
        reach: called at every point.
        number: operations so far.
    """

    def __init__(self, folder: Path, reach: Reach):
        self.folder = os.path.realpath(folder)
        self.reach = reach
        self.number = 0
        for name in WATCHED:
            setattr(os, name, self._wrap(name, getattr(os, name)))

    def _wrap(self, name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*given: Any, **named: Any) -> Any:
            if not self._is_inside(name, given):
                return original(*given, **named)
            number, self.number = self.number, self.number + 1
            what = f"{name} {' '.join(map(self._shorten, given))}"
            self.reach(2 * number, what)
            result = original(*given, **named)
            self.reach(2 * number + 1, what)
            return result

        return watched

    def _is_inside(self, name: str, given: tuple[Any, ...]) -> bool:
        return name in NUMBERED or os.path.abspath(os.fspath(given[0])).startswith(self.folder)

    def _shorten(self, value: Any) -> str:
        text = str(value) if isinstance(value, str | os.PathLike) else ""
        return os.path.abspath(text).removeprefix(self.folder) if text else ""


def log_operations(folder: Path, file: Path) -> Callable[[], Watch]:
    """Write every operation to a file, a line for each."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def reach(point: int, what: str) -> None:
        if point % 2 == 0:
            os.write(descriptor, f"{what}\n".encode())

    return lambda: Watch(folder, reach)


def kill_at(folder: Path, point: int) -> Callable[[], Watch]:
    """End the process, as SIGKILL does, at a point."""

    def reach(reached: int, what: str) -> None:
        if reached == point:
            os.kill(os.getpid(), signal.SIGKILL)

    return lambda: Watch(folder, reach)


def fail_from(folder: Path, point: int, number: int) -> Callable[[], Watch]:
    """From a point on, waiting for the disk and moving files into place fail with an error of the system."""

    def reach(reached: int, what: str) -> None:
        if reached >= point and what.split()[0] in ("fsync", "replace", "rename", "mkdir"):
            raise OSError(number, os.strerror(number))

    return lambda: Watch(folder, reach)
