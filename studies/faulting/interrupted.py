"""Leaves a training that was killed after it had kept its state several times."""

import os
import signal
from collections.abc import Callable, Sequence
from pathlib import Path

from .commands import call
from .operations import Watch
from .scenes import keep_states_often

STATES = 2  # so that there is one and the one before


def interrupt(words: Sequence[object], folder: Path, scratch: Path) -> None:
    """Kill a command once it has kept two states of its last training.

    Raises:
        RuntimeError: it was not killed.
    """
    ended = call(words, scratch, kill_after_states(folder, STATES))
    if ended.code != -signal.SIGKILL:
        raise RuntimeError(f"no training was interrupted: {ended.code} {ended.err}")


def kill_after_states(folder: Path, number: int) -> Callable[[], None]:
    """End the process once so many states of one training were kept."""

    def prepare() -> None:
        kept: dict[str, int] = {}

        def reach(point: int, what: str) -> None:
            target = what.split()[-1]
            if point % 2 and what.startswith("replace ") and target.endswith(".state"):
                kept[target] = kept.get(target, 0) + 1
                if kept[target] == number:
                    os.kill(os.getpid(), signal.SIGKILL)

        keep_states_often()
        Watch(folder, reach)

    return prepare
