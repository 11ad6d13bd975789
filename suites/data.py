"""Loads a task's data set from the source that `--data` names.

The sources are `local` (made here), `minari` (Minari's), `d4rl` (D4RL's own files) and `file` (the user's). They
are never mixed: a data set that is missing is downloaded or is an error, and no other is used instead. `auto`
takes one that is stored or can be made here (`suites.sources.auto`) and downloads nothing.
"""

import re
from pathlib import Path

from suites.errors import DataError
from suites.sources.auto import Source, Wanted, choose_sources
from suites.sources.d4rl.fetch import load_d4rl, load_file
from suites.sources.d4rl.files import select_version
from suites.sources.local import draw_density, load_local
from suites.sources.minari import load_minari
from suites.sources.transitions import Transitions, transform_rewards
from suites.task import ControlTask, DensityTask, Progress, Task


def load(
    task: Task, source: str, *, count: int, directory: Path, seed: int = 0, progress: Progress | None = None
) -> Transitions:
    """The checked transitions of a task, with the rewards used in training.

    Args:
        task: what the data are for.
        source: `local`, `minari` or `d4rl` as the task declares them (`d4rl:v0` for another version), `file:PATH`
            for the user's own file in D4RL's layout, `file:NAMESPACE/NAME-v0` for any Minari data set, or `auto`
            for the task's published data if they are stored, else data made here.
        count: how many transitions to make, for `local`; a published data set always comes whole.
        directory: where sets made here, downloaded files, and flat copies of all sets are kept.
        seed: of a set made here.
        progress: called with (done, total) transitions while a set is being made, or bytes while it is downloaded.

    Raises:
        DataError: the task does not declare the source, the data are damaged or do not fit, or they are missing
            and cannot be got (within 5 seconds where there is no connection).
    """
    folder = Path(directory).absolute()  # Minari writes to places relative to its own folder
    asked = choose_sources([Wanted(task)], folder)[task.name] if source == "auto" else source
    return transform_rewards(_read_source(task, parse_source(task, asked), count, folder, seed, progress), task)


def _read_source(
    task: Task, chosen: Source, count: int, directory: Path, seed: int, progress: Progress | None
) -> Transitions:
    if chosen.source == "local":
        return _make_locally(task, count, directory, seed, progress)
    if chosen.source == "minari":
        return load_minari(task, chosen.name, directory)
    if not isinstance(task, ControlTask):
        raise DataError(f"task {task.name} is a density: its data are drawn here, so leave --data out")
    if chosen.source == "d4rl":
        return load_d4rl(task, chosen.name, directory, progress)
    path = Path(chosen.name).expanduser()
    if not path.exists() and is_minari_name(chosen.name):
        return load_minari(task, chosen.name, directory, source="file")
    return load_file(path, task, directory, source="file", name=path.name, bounded=True)


def _make_locally(task: Task, count: int, directory: Path, seed: int, progress: Progress | None) -> Transitions:
    if count < 1:
        raise DataError(f"task {task.name} cannot be given {count} transitions: ask for 1 or more")
    if seed < 0:
        raise DataError(f"data for task {task.name} cannot be made from seed {seed}: ask for 0 or more")
    match task:
        case DensityTask():
            return draw_density(task, count, seed)
        case ControlTask():
            return load_local(task, count, directory, seed, progress)
    raise DataError(f"data for task {task.name} cannot be made here: it is neither a density nor a control task")


def parse_source(task: Task, text: str) -> Source:
    """What `--data TEXT` means for a task, unless it is `auto`, which `choose_sources` resolves.

    Raises:
        DataError: a source that the task does not declare, a version that D4RL has not, or no file.
    """
    source, colon, rest = text.partition(":")
    if source == "file":
        if not rest:
            raise DataError("--data file: names no file; type file:PATH (D4RL's layout) or file:NAMESPACE/NAME-v0")
        return Source("file", rest)
    if source not in task.datasets or (colon and source != "d4rl"):
        raise DataError(
            f"task {task.name} has no data set from source {text!r}: the choices are {list_sources(task)}"
        )
    if source == "d4rl":
        return Source("d4rl", select_version(task.datasets["d4rl"], rest if colon else None))
    return Source(source, task.datasets[source])


def list_sources(task: Task) -> str:
    """What `--data` takes for this task."""
    own = ["file:PATH"] if isinstance(task, ControlTask) else []
    return ", ".join([*(["auto"] if task.datasets else []), *task.datasets, *own])


def is_minari_name(text: str) -> bool:
    """Whether it has the form of a Minari data set's name, such as `D4RL/pen/human-v2`."""
    return re.fullmatch(r"([A-Za-z0-9_.-]+/)*[A-Za-z0-9_.-]+-v\d+", text) is not None
