"""Downloads, imports and loads D4RL's original files; one that is not the right file is never kept."""

import contextlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from foundation.files import replace_atomically
from foundation.locks import hold_lock
from foundation.program import program_name, say_aside
from suites.errors import DataError
from suites.sources.cache import cache_path, read_through_cache
from suites.sources.checksums import compute_checksum, describe_mismatch
from suites.sources.d4rl.check import find_layout_faults
from suites.sources.d4rl.files import LEARNED, build_url, find_checksum, record_checksum
from suites.sources.d4rl.hdf5 import open_hdf5
from suites.sources.d4rl.read import VERSION, read_d4rl
from suites.sources.download import Patience, check_server, download
from suites.sources.spaces import describe_range
from suites.sources.transitions import Transitions
from suites.task import ControlTask, Progress


def stored_file(directory: Path, name: str) -> Path:
    """The path of a data set's original file, whether it is there or not."""
    return directory / "d4rl" / f"{name}.hdf5"


def load_d4rl(task: ControlTask, name: str, directory: Path, progress: Progress | None) -> Transitions:
    """A D4RL data set, downloaded if it is not there.

    Raises:
        DataError: it is not there and cannot be downloaded (within 5 seconds where the server does not answer;
            says what to type instead), or it is damaged or does not fit.
    """
    path = stored_file(directory, name)
    if not path.is_file():
        url = build_url(name)
        reason = check_server(url)
        if reason is not None:
            raise DataError(
                f"data set {name} (d4rl) of task {task.name} is not in {directory} and {url} cannot be "
                f"reached ({reason}): {suggest_remedies(task, name)}"
            )
        fetch_d4rl(name, directory, progress=progress)
    return load_file(
        path,
        task,
        directory,
        source="d4rl",
        name=name,
        bounded=False,
        verify=lambda: _verify(path, name, path.parent, "delete it and fetch it again"),
    )


def suggest_remedies(task: ControlTask, name: str) -> str:
    """What to type instead, in one clause."""
    others = [source for source in task.datasets if source != "d4rl"]
    version = "" if name == task.datasets["d4rl"] else f" --data d4rl:{name.rpartition('-')[2]}"
    alternatives = [f"choose other data with --data {source}" for source in others]
    return (
        "; or ".join(
            [
                f"with a connection, type `{program_name()} data fetch {task.name}{version}`",
                f"with a copy of the file, `{program_name()} data import FILE --task {task.name}{version}`",
                "with data of your own, --data file:PATH",
                *alternatives,
            ]
        )
        + f" (wanted: {name}.hdf5)"
    )


def load_file(
    path: Path,
    task: ControlTask,
    directory: Path,
    *,
    source: str,
    name: str,
    bounded: bool,
    verify: Callable[[], None] = lambda: None,
) -> Transitions:
    """A file in D4RL's layout, through its flat copy.

    Args:
        path: the file.
        task: what it is for.
        directory: where flat copies are kept.
        source, name: for the record.
        bounded: refuse actions beyond ±1.001 instead of clipping them.
        verify: called before the file itself is read; raises DataError for one that is not the right one.

    Raises:
        DataError: it is not there, damaged, or does not fit.
    """
    if not path.is_file():
        raise DataError(
            f"data set {name} ({source}) of task {task.name}: there is no file {path}; give the path of one that "
            "is there."
        )
    status = path.stat()
    reading = f"view {VERSION} {task.horizon} {task.longest_step} {task.frame} {bounded}{describe_range(task)}"
    stamp = f"{path.resolve()} {status.st_size} {status.st_mtime_ns} {reading}"

    def read() -> Transitions:
        verify()
        return read_d4rl(path, task, source=source, name=name, bounded=bounded)

    return read_through_cache(
        cache_path(directory, source, name, task.observation_dim),
        stamp,
        read,
        task,
        source=source,
        name=name,
    )


def fetch_d4rl(
    name: str,
    directory: Path,
    *,
    base: str | None = None,
    patience: Patience | None = None,
    progress: Progress | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> bool:
    """Download a data set's file, unless it is there and whole.

    Args:
        name: such as `hopper-medium-v2`.
        directory: of all data.
        base: an address with D4RL's paths below it, instead of the original one.
        patience, progress, say: see `download`.

    Returns:
        Whether anything was downloaded.

    Raises:
        DataError: it cannot be downloaded, or what came is not the file that the lock file names.
    """
    path = stored_file(directory, name)
    with _hold_file(path, name, say):
        if path.is_file():
            _verify(path, name, path.parent, "delete it and fetch again")
            return False
        download(
            build_url(name, base),
            path,
            lambda came: _verify(came, name, path.parent, "the download was deleted"),
            patience=patience or Patience(),
            progress=progress,
            say=say,
        )
        if find_checksum(name, path.parent) is None:
            record_checksum(name, compute_checksum(path), path.parent)
            say(f"no lock file has {name}: it is accepted, and its checksum written to {path.parent / LEARNED}")
    return True


def import_d4rl(file: Path, name: str, directory: Path) -> Path:
    """Copy a data set's file from elsewhere; the original is not changed.

    Returns:
        The path of the copy.

    Raises:
        DataError: it is not the file that the lock file names, or is damaged.
        UserError: it cannot be copied.
    """
    path = stored_file(directory, name)
    with open_hdf5(file, f"data set {name}"):
        pass
    with _hold_file(path, name):
        _verify(file, name, path.parent, "use it as your own data with --data file:PATH")
        with replace_atomically(path) as partial:
            shutil.copyfile(file, partial)
        record_checksum(name, compute_checksum(path), path.parent)
    return path


def _verify(file: Path, name: str, folder: Path, remedy: str) -> None:
    """Refuse a file that differs from the lock file's, or is not in D4RL's layout."""
    known = find_checksum(name, folder)
    if known is not None:
        wrong = describe_mismatch(compute_checksum(file), known[0])
        if wrong is not None:
            raise DataError(f"{file} is not D4RL's {name}: {wrong} ({known[1]}); {remedy}")
    with open_hdf5(file, f"data set {name}") as stored:
        for fault in find_layout_faults(stored):
            raise DataError(f"{file} is not in D4RL's layout: {fault}; {remedy}")


@contextlib.contextmanager
def _hold_file(path: Path, name: str, say: Callable[[str], None] = say_aside) -> Iterator[None]:
    """Hold the lock under which one process at a time fetches the file."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(
            f"data folder {path.parent} cannot be made ({error.strerror}); choose another folder"
        ) from error
    with hold_lock(path.with_name(f".{path.name}.lock"), f"data set {name}", say):
        yield
