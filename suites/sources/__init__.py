"""Data sets by source: made here (`local`), downloaded by Minari (`minari`), or D4RL's files (`d4rl`)."""

from collections.abc import Callable
from pathlib import Path

from suites.errors import DataError
from suites.sources.local import draw_density, load_generated
from suites.sources.minari_hub import load_downloaded
from suites.sources.transitions import Transitions
from suites.task import ControlTask, DensityTask, Task

__all__ = ["load"]


def load(
    task: Task,
    source: str,
    *,
    count: int,
    directory: Path,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Transitions:
    """The checked transitions of a task.

    Args:
        task: what the data are for.
        source: `local`, `minari` or `d4rl` as the task declares them, or `auto` for its canonical one.
        count: how many transitions to make, for `local`; a published data set always comes whole.
        directory: where sets made here, and flat copies of all sets, are kept.
        seed: of a set made here.
        progress: told (done, total) transitions while a set is being made.

    Raises:
        DataError: the task does not declare the source, the data are missing or damaged, or do not fit.
    """
    chosen = next(iter(task.datasets), source) if source == "auto" else source
    if chosen not in task.datasets:
        raise DataError(
            f"task {task.name} has no data set from source {source!r}: "
            f"the choices are {', '.join(['auto', *task.datasets])}"
        )
    name = task.datasets[chosen]
    if chosen == "minari":
        return load_downloaded(task, name, Path(directory))
    if chosen == "local":
        return _generated(task, count, Path(directory), seed, progress)
    raise DataError(
        f"data set {name} ({chosen}) of task {task.name} is missing: reading D4RL's own files is not built "
        f"yet; suites toy and maze2d run on data made here"
    )


def _generated(
    task: Task, count: int, directory: Path, seed: int, progress: Callable[[int, int], None] | None
) -> Transitions:
    if count < 1:
        raise DataError(f"task {task.name} cannot be given {count} transitions: ask for 1 or more")
    if seed < 0:
        raise DataError(f"data for task {task.name} cannot be made from seed {seed}: ask for 0 or more")
    match task:
        case DensityTask():
            return draw_density(task, count, seed)
        case ControlTask():
            return load_generated(task, count, directory, seed, progress)
    raise DataError(f"data for task {task.name} cannot be made here: it is neither a density nor a control task")
