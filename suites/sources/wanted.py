"""`--data` names a source, at most with a version or a file: `auto`, `local`, `d4rl:v0`, `file:PATH`."""

import re
from dataclasses import dataclass

from suites.errors import DataError
from suites.sources.d4rl.files import versioned
from suites.task import ControlTask, Task


@dataclass(frozen=True)
class Wanted:
    """What `--data` asks for.

    Attributes:
        source: `local`, `minari`, `d4rl` or `file`.
        name: the data set's name there; of `file`, the path or Minari name as it was typed.
    """

    source: str
    name: str


def wanted(task: Task, text: str) -> Wanted:
    """What `--data TEXT` means for a task.

    Raises:
        DataError: a source that the task does not declare, a version that D4RL has not, or no file.
    """
    source, colon, rest = text.partition(":")
    if source == "file":
        if not rest:
            raise DataError("--data file: names no file; type file:PATH (D4RL's layout) or file:NAMESPACE/NAME-v0")
        return Wanted("file", rest)
    chosen = next(iter(task.datasets), source) if text == "auto" else source
    if chosen not in task.datasets or (colon and chosen != "d4rl"):
        raise DataError(f"task {task.name} has no data set from source {text!r}: the choices are {choices(task)}")
    if chosen == "d4rl":
        return Wanted("d4rl", versioned(task.datasets["d4rl"], rest if colon else None))
    return Wanted(chosen, task.datasets[chosen])


def choices(task: Task) -> str:
    """What `--data` takes for this task."""
    own = ["file:PATH"] if isinstance(task, ControlTask) else []
    return ", ".join(["auto", *task.datasets, *own])


def is_minari_name(text: str) -> bool:
    """Whether it has the form of a Minari data set's name, such as `D4RL/pen/human-v2`."""
    return re.fullmatch(r"([A-Za-z0-9_.-]+/)*[A-Za-z0-9_.-]+-v\d+", text) is not None
