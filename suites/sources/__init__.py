"""Data sets by source: made here (`local`), Minari's (`minari`), D4RL's own files (`d4rl`), the user's (`file`).

Sources are never mixed: a data set that is missing is downloaded or is an error, and no other takes its place.
"""

from collections.abc import Callable
from pathlib import Path

from suites.errors import DataError
from suites.sources.d4rl.store import load_d4rl, load_file
from suites.sources.local import draw_density, load_generated
from suites.sources.minari import load_downloaded
from suites.sources.transitions import Transitions, transformed
from suites.sources.wanted import Wanted, is_minari_name, wanted
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
    """The checked transitions of a task, with the rewards that it is learned from.

    Args:
        task: what the data are for.
        source: `local`, `minari` or `d4rl` as the task declares them (`d4rl:v0` for another version), `auto` for
            its canonical one, `file:PATH` for the user's own file in D4RL's layout, or `file:NAMESPACE/NAME-v0`
            for any Minari data set.
        count: how many transitions to make, for `local`; a published data set always comes whole.
        directory: where sets made here, downloaded files, and flat copies of all sets are kept.
        seed: of a set made here.
        progress: told (done, total) transitions while a set is being made, or bytes while it is downloaded.

    Raises:
        DataError: the task does not declare the source, the data are damaged or do not fit, or they are missing
            and cannot be got (within 5 seconds where there is no connection).
    """
    folder = Path(directory).absolute()  # Minari writes to places relative to its own folder
    return transformed(_loaded(task, wanted(task, source), count, folder, seed, progress), task)


def _loaded(
    task: Task,
    chosen: Wanted,
    count: int,
    directory: Path,
    seed: int,
    progress: Callable[[int, int], None] | None,
) -> Transitions:
    if chosen.source == "local":
        return _generated(task, count, directory, seed, progress)
    if chosen.source == "minari":
        return load_downloaded(task, chosen.name, directory)
    if not isinstance(task, ControlTask):
        raise DataError(f"task {task.name} is a density: its data are drawn here, so leave --data out")
    if chosen.source == "d4rl":
        return load_d4rl(task, chosen.name, directory, progress)
    path = Path(chosen.name).expanduser()
    if not path.exists() and is_minari_name(chosen.name):
        return load_downloaded(task, chosen.name, directory, source="file")
    return load_file(path, task, directory, source="file", name=path.name, bounded=True)


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
