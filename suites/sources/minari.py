"""Reads Minari data sets, and downloads them into Minari's own folder.

Data set format: https://minari.farama.org (HDF5, one group for each episode, T + 1 observations).
"""

import contextlib
import io
import os
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import minari
import numpy as np

from foundation.files import make_folder, sync_folder
from foundation.program import program_name
from suites.errors import DataError, shorten
from suites.sources.cache import cache_path, read_through_cache
from suites.sources.checksums import FilesChanged, find_change, has_record, record_files
from suites.sources.d4rl.hdf5 import BROKEN
from suites.sources.download import check_server
from suites.sources.hazards import find_storage_fault
from suites.sources.spaces import check_spaces, describe_reading, join_entries
from suites.sources.transitions import Transitions, check, join_episodes, rescale_actions
from suites.task import Episode, Task

HDF5 = "main_data.hdf5"


def minari_folder() -> Path:
    """Where Minari keeps its downloads: $MINARI_DATASETS_PATH, or ~/.minari/datasets."""
    return Path(os.environ.get("MINARI_DATASETS_PATH") or Path.home() / ".minari" / "datasets")


def has_minari(name: str) -> bool:
    """Whether the data set is in Minari's folder."""
    return (minari_folder() / name / "data").is_dir()


def load_minari(task: Task, name: str, directory: Path, source: str = "minari") -> Transitions:
    """A data set in Minari's folder, downloaded if it is not there.

    Args:
        task: what the data are for.
        name: Minari's identifier, such as `D4RL/antmaze/umaze-v1`.
        directory: where flat copies are kept.
        source: for the record, `minari` or `file`.

    Raises:
        DataError: it cannot be got (within 5 seconds where there is no connection), is damaged, or does not fit.
    """
    if not has_minari(name):
        try:
            fetch_minari(name)
        except DataError as error:
            ways = [f"`minari download {name}`"]
            ways += [f"`{program_name()} data fetch {task.name} --data minari`"] if source == "minari" else []
            others = "".join(f", or choose --data {other}" for other in task.datasets if other != source)
            typed = " or ".join(reversed(ways))
            raise DataError(
                f"{error} (data for task {task.name}); with a connection, type {typed}{others}, or set "
                "MINARI_DATASETS_PATH to the folder that holds it"
            ) from error
    return read_minari(minari_folder(), name, task, source=source, directory=directory)


def fetch_minari(name: str) -> bool:
    """Download a data set into Minari's folder, unless it is there; it appears there whole or not at all.

    Returns:
        Whether anything was downloaded.

    Raises:
        DataError: there is no connection (known within 5 seconds), or Minari cannot download it.
    """
    if has_minari(name):
        return False
    what = f"data set {name} (minari) is not in {minari_folder()}"
    reason = _check_hub()
    if reason is not None:
        raise DataError(f"{what} and cannot be downloaded ({reason})")
    unfinished = minari_folder() / ".unfinished" / name.replace("/", "--")  # kept: the next try resumes from it
    try:
        unfinished.mkdir(parents=True, exist_ok=True)
        with redirect_minari(unfinished), contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it is there in part, which is what is wanted
            minari.download_dataset(name, force_download=True)
        record_files(unfinished / name)
        make_folder((minari_folder() / name).parent)
        os.rename(unfinished / name, minari_folder() / name)
        sync_folder((minari_folder() / name).parent)
        shutil.rmtree(unfinished)
    except Exception as error:  # Minari's, the hub's and the connection's errors share no other class
        raise DataError(f"{what} and Minari cannot download it ({shorten(error)})") from error
    return True


@contextmanager
def redirect_minari(folder: Path) -> Iterator[None]:
    """Set $MINARI_DATASETS_PATH, below which Minari writes, to a folder for the duration of the block."""
    before = os.environ.get("MINARI_DATASETS_PATH")
    os.environ["MINARI_DATASETS_PATH"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["MINARI_DATASETS_PATH"]
        else:
            os.environ["MINARI_DATASETS_PATH"] = before


def _check_hub() -> str | None:
    """Why Minari's hub cannot be used now, or None; Minari itself tries for half a minute before it says so."""
    if not os.environ.get("MINARI_REMOTE", "hf://").startswith("hf://"):
        return None
    from huggingface_hub import constants  # takes a while to import, and only a download needs it

    if constants.HF_HUB_OFFLINE:
        return "HF_HUB_OFFLINE is set"
    reason = check_server(constants.ENDPOINT)
    return None if reason is None else f"{constants.ENDPOINT} cannot be reached: {reason}"


def read_minari(root: Path, name: str, task: Task, *, source: str, directory: Path) -> Transitions:
    """A stored Minari data set as checked transitions.

    Args:
        root: the folder that holds `name`.
        name: the data set's identifier.
        task: that the data must fit; see `suites/sources/spaces.py`.
        source: `local`, `minari` or `file`, for the record; `local` sets have actions in [-1, 1] already.
        directory: flat copies are kept in its folder `flat`.

    Raises:
        FilesChanged: the files are not those that were made or downloaded.
        DataError: they are damaged or do not fit the task.
    """
    data = root / name / "data"

    def read() -> Transitions:
        _refuse_changed(root / name, name, source)
        found = join_episodes(_iterate_episodes(data, name, task, source), source=source, name=name)
        if source == "local" and not has_record(root / name):  # made by version 0.2.0
            check(found, task)
            record_files(root / name)
        return found

    return read_through_cache(
        cache_path(directory, source, name, task.observation_dim),
        _describe_files(data) + describe_reading(task),
        read,
        task,
        source=source,
        name=name,
    )


def _refuse_changed(folder: Path, name: str, source: str) -> None:
    fault = find_change(folder)
    if fault is not None:
        done, again = ("made", "generate") if source == "local" else ("downloaded", "download")
        raise FilesChanged(
            f"data set {name} in {folder} is not as it was when it was {done}: {fault}; delete that folder and "
            f"{again} it again"
        )


def _iterate_episodes(data: Path, name: str, task: Task, source: str) -> Iterator[Episode]:
    """The episodes with flat observations, and actions of [-1, 1] where they are recorded in another range."""
    try:
        _check_storage(data, name)
        dataset = minari.MinariDataset(data)
        _check_count(data, dataset.total_episodes, name)
        keys = check_spaces(dataset.observation_space, dataset.action_space, name, task, source)
        for stored in dataset.iterate_episodes():
            actions = np.asarray(stored.actions)
            yield Episode(
                observations=join_entries(stored.observations, keys),
                actions=actions if source == "local" else rescale_actions(actions, task),
                rewards=stored.rewards,
                terminations=stored.terminations,
                truncations=stored.truncations,
            )
    except DataError:
        raise
    except ImportError as error:
        raise DataError(f"data set {name} needs a package that is not installed ({shorten(error)})") from error
    except (*BROKEN, AssertionError, RecursionError) as error:
        raise DataError(
            f"data set {name} in {data.parent} cannot be read ({shorten(error)}); "
            f"delete that folder and generate or download it again"
        ) from error


def _check_storage(data: Path, name: str) -> None:
    """Refuse an HDF5 file that leads into others, or claims more than this machine can hold; no value is read.

    Raises:
        DataError: the first such place in it.
    """
    file = data / HDF5
    if not file.is_file():
        return
    with h5py.File(file, "r") as stored:
        fault = find_storage_fault(stored)
    if fault is not None:
        raise DataError(f"data set {name} in {data.parent} is not read: {fault}; generate or download it again")


def _check_count(data: Path, claimed: int, name: str) -> None:
    """Refuse a description that claims another number of episodes than the HDF5 file holds.

    Raises:
        DataError: both numbers.
    """
    file = data / HDF5
    if not file.is_file():
        return
    with h5py.File(file, "r") as stored:
        held = sum(str(each).startswith("episode_") for each in stored)
    if claimed != held:
        raise DataError(
            f"data set {name} in {data.parent} is damaged: its description claims {claimed} episodes and it holds "
            f"{held}; generate or download it again"
        )


def _describe_files(data: Path) -> str:
    """The stored files' number, total size and latest change, which tell one state of them from another."""
    found = [path.stat() for path in sorted(data.rglob("*")) if path.is_file()]
    latest = max((status.st_mtime_ns for status in found), default=0)
    return f"{len(found)} {sum(status.st_size for status in found)} {latest}"
