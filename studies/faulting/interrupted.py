"""Leaves a training that was killed after it had kept its state several times."""

import os
import signal
from collections.abc import Callable, Sequence
from pathlib import Path

from .commands import call
from .operations import Watch
from .scenes import keep_states_often

STATES = 2  # so that there is one and the one before


def interrupt(words: Sequence[object], kind: str, folder: Path, scratch: Path) -> None:
    """Kill a command once it has kept two states of the training of a kind of component.

    Raises:
        RuntimeError: it was not killed.
    """
    ended = call(words, scratch, kill_after_states(folder, kind, STATES))
    if ended.code != -signal.SIGKILL:
        raise RuntimeError(f"no training was interrupted: {ended.code} {ended.err}")


def kill_after_states(folder: Path, kind: str, number: int) -> Callable[[], None]:
    """End the process once so many states of one training of that kind were kept."""

    def prepare() -> None:
        kept: list[str] = []

        def reach(point: int, what: str) -> None:
            if point % 2 and what.startswith("replace ") and f"/{kind}-" in what and what.endswith(".state"):
                kept.append(what)
                if len(kept) == number:
                    os.kill(os.getpid(), signal.SIGKILL)

        keep_states_often()
        Watch(folder, reach)

    return prepare
