"""Runs commands of `python -m bench` in forked processes, which have every package imported already.

A command is what `bench.cli.main.main` does, in a process whose output goes to two files. What starts Python and
imports packages, two to three seconds, is left out: until then nothing is written.
"""

import importlib
import os
import pkgutil
import signal
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from bench.cli.main import main
from bench.entry import PACKAGES

LIMIT = 120.0  # seconds that a command may take
POLL = 0.002
_LAZY = (
    "torch._dynamo",
    "matplotlib.pyplot",
    "mujoco",
    "gymnasium_robotics",
    "minari",
    "optuna",
    "scipy.stats",
    "tyro",
    "h5py",
    "importlib.readers",  # for a user who cannot read where Python lies
)
Do = Callable[[], object]


@dataclass(frozen=True)
class Ended:
    """How a command ended.

    Attributes:
        code: its exit status; below 0 the signal that it died of.
        out, err: what it printed.
        seconds: that it took.
    """

    code: int
    out: str
    err: str
    seconds: float

    @property
    def fault(self) -> str | None:
        """What no user may see of it: a traceback, a signal, or a refusal that is not one clean sentence."""
        lines = self.err.strip().splitlines()
        if "Traceback (most recent call last)" in self.out + self.err:
            return f"traceback: {lines[-1] if lines else ''}"
        if self.code == -signal.SIGKILL and self.seconds >= LIMIT:
            return f"no end within {LIMIT:g} s"
        if self.code not in (0, 2):
            return f"exit status {self.code}: {' '.join(lines[-3:])}"
        if self.code == 2 and not (lines and lines[-1].startswith("error: ")):
            return f"exit status 2 without a sentence: {' '.join(lines[-3:])}"
        if "\x1b" in self.out + self.err:
            return "an escape character reaches the terminal"
        return None

    @property
    def sentence(self) -> str:
        """The refusal."""
        return self.err.strip().splitlines()[-1].removeprefix("error: ") if self.code == 2 else ""


def import_everything() -> None:
    """Import what commands need, so that a forked process has it; one thread is left.

    Raises:
        RuntimeError: a package has started threads, which a fork would lose.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for package in map(importlib.import_module, PACKAGES):
            for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
                try:
                    importlib.import_module(module.name)
                except ImportError:  # of a package that an extra brings
                    continue
        for name in _LAZY:
            importlib.import_module(name)
    if threading.active_count() > 1:
        raise RuntimeError("threads run before the first fork; set OMP_NUM_THREADS=1")


def start(words: Sequence[object], place: Path, prepare: Do | None = None, name: str = "command") -> int:
    """Begin a command in a forked process; returns its number.

    Args:
        words: of the command line.
        place: a folder for what it prints.
        prepare: called in the process before.
        name: of the two files.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return pid
    _be_command(words, place, prepare, name)


def _be_command(words: Sequence[object], place: Path, prepare: Do | None, name: str) -> NoReturn:
    code = 1
    try:
        for number, stream in ((1, "out"), (2, "err")):
            file = os.open(place / f"{name}.{stream}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
            os.dup2(file, number)
        sys.stdout = os.fdopen(1, "w", encoding="utf-8", errors="surrogateescape")
        sys.stderr = os.fdopen(2, "w", encoding="utf-8", errors="surrogateescape")
        try:
            if prepare is not None:
                prepare()
            main([str(word) for word in words])
            code = 0
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else 0 if stop.code is None else 1
        except BaseException:  # as Python does at the end of a program
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def wait(pid: int, place: Path, kill_after: float | None = None, name: str = "command") -> Ended:
    """The end of a command that was begun.

    Args:
        pid: of `start`.
        place, name: as of `start`.
        kill_after: seconds after which it is killed.
    """
    began, limit = time.monotonic(), LIMIT if kill_after is None else kill_after
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            break
        if time.monotonic() - began >= limit:
            os.kill(pid, signal.SIGKILL)
            _, status = os.waitpid(pid, 0)
            break
        time.sleep(POLL)
    seconds = time.monotonic() - began
    out, err = (_read(place / f"{name}.{stream}") for stream in ("out", "err"))
    return Ended(os.waitstatus_to_exitcode(status), out, err, seconds)


def call(words: Sequence[object], place: Path, prepare: Do | None = None) -> Ended:
    """Do a command to its end; arguments as of `start`."""
    return wait(start(words, place, prepare), place)


def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
