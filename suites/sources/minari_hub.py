"""Any Minari data set on this disk becomes transitions; the first reading leaves a flat copy that loads fast.

Nothing is downloaded: `minari download NAME` does that, into Minari's own folder.
Data set format: https://minari.farama.org (HDF5, one group for each episode, T + 1 observations).
"""

import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import minari
import numpy as np

from suites.episode import Episode
from suites.errors import DataError
from suites.sources.transitions import ARRAYS, Transitions, check, from_episodes
from suites.task import Task


def minari_folder() -> Path:
    """Where Minari keeps its downloads: $MINARI_DATASETS_PATH, or ~/.minari/datasets."""
    return Path(os.environ.get("MINARI_DATASETS_PATH") or Path.home() / ".minari" / "datasets")


def load_downloaded(task: Task, name: str, directory: Path) -> Transitions:
    """A data set that `minari download` put into Minari's folder.

    Args:
        task: what the data are for.
        name: Minari's identifier, such as `D4RL/antmaze/umaze-v1`.
        directory: where flat copies are kept.

    Raises:
        DataError: it is not there (says how to get it), is damaged, or does not fit the task.
    """
    if not (minari_folder() / name / "data").is_dir():
        raise DataError(
            f"data set {name} (minari) of task {task.name} is not in {minari_folder()}: "
            f"get it with `minari download {name}`"
        )
    return read(minari_folder(), name, task, source="minari", directory=directory)


def read(root: Path, name: str, task: Task, *, source: str, directory: Path) -> Transitions:
    """A stored Minari data set as checked transitions.

    Args:
        root: the folder that holds `name`.
        name: the data set's identifier.
        task: decides the width of an observation; see `flatten`.
        source: `local` or `minari`, for the record.
        directory: flat copies are kept in its folder `flat`.

    Raises:
        DataError: the files are damaged or do not fit the task.
    """
    data = root / name / "data"
    stamp = _stamp(data)
    flat = directory / "flat" / f"{source}-{name.replace('/', '--')}-{task.observation_dim}.npz"
    transitions = _read_flat(flat, stamp, source=source, name=name)
    if transitions is None:
        transitions = from_episodes(_episodes(data, name, task.observation_dim), source=source, name=name)
        check(transitions, task)
        _write_flat(flat, stamp, transitions)
    else:
        check(transitions, task)
    return transitions


def flatten(observations: Any, width: int) -> np.ndarray:
    """Observations (T + 1, width) of an episode.

    A Box observation is taken as it is. Of a goal environment's dictionary, `observation` is taken if it has
    the width asked for; if `achieved_goal` makes up the difference it stands in front, which is D4RL's layout
    of antmaze (x, y, then the rest). The desired goal is left out.
    """
    if not isinstance(observations, dict):
        return np.asarray(observations)
    inner = np.asarray(observations["observation"])
    if inner.ndim == 2 and inner.shape[1] < width and "achieved_goal" in observations:
        joined = np.concatenate([np.asarray(observations["achieved_goal"]), inner], axis=1)
        if joined.shape[1] == width:
            return joined
    return inner


def _episodes(data: Path, name: str, width: int) -> Iterator[Episode]:
    try:
        for stored in minari.MinariDataset(data).iterate_episodes():
            yield Episode(
                observations=flatten(stored.observations, width),
                actions=np.asarray(stored.actions),
                rewards=stored.rewards,
                terminations=stored.terminations,
                truncations=stored.truncations,
            )
    except (OSError, KeyError, ValueError, AssertionError, RuntimeError) as error:
        raise DataError(
            f"data set {name} in {data.parent} cannot be read ({error}); "
            f"delete that folder and generate or download it again"
        ) from error


def _stamp(data: Path) -> str:
    """Tells one state of the stored files from another: their number, total size and latest change."""
    found = [path.stat() for path in sorted(data.rglob("*")) if path.is_file()]
    latest = max((status.st_mtime_ns for status in found), default=0)
    return f"{len(found)} {sum(status.st_size for status in found)} {latest}"


def _read_flat(path: Path, stamp: str, *, source: str, name: str) -> Transitions | None:
    """The flat copy, or None if there is none, it is of other files, or it is damaged (it is then remade)."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            if str(stored["stamp"]) != stamp:
                return None
            return Transitions(*(stored[array] for array in ARRAYS), source=source, name=name)
    except (OSError, KeyError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile):
        return None


def _write_flat(path: Path, stamp: str, transitions: Transitions) -> None:
    """Leave a flat copy, whole or not at all."""
    partial = path.with_suffix(f".{os.getpid()}.partial.npz")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(partial, allow_pickle=False, stamp=np.array(stamp), **transitions.arrays())
        os.replace(partial, path)
    except OSError as error:
        raise DataError(
            f"the flat copy {path} cannot be written ({error}); free space there or choose another folder"
        ) from error
    finally:
        partial.unlink(missing_ok=True)
