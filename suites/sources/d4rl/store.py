"""D4RL's original files, kept beside the other data as they came; a wrong file never gets there."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from suites.errors import DataError
from suites.sources.contact import unreachable
from suites.sources.d4rl.download import Patience, download
from suites.sources.d4rl.files import address
from suites.sources.d4rl.hdf5 import layout_faults, opened
from suites.sources.d4rl.lock import LEARNED, learn, locked, measured, mismatch
from suites.sources.d4rl.view import VERSION, read_d4rl
from suites.sources.flat import flat_or, flat_path
from suites.sources.transitions import Transitions, check
from suites.task import ControlTask, Progress


def stored_file(directory: Path, name: str) -> Path:
    """Where a data set's original file lies, if it is there."""
    return directory / "d4rl" / f"{name}.hdf5"


def load_d4rl(task: ControlTask, name: str, directory: Path, progress: Progress | None) -> Transitions:
    """A D4RL data set, downloaded if it is not there.

    Raises:
        DataError: it is not there and cannot be downloaded (within 5 seconds where the server does not answer;
            says what to type instead), or it is damaged or does not fit.
    """
    path = stored_file(directory, name)
    if not path.is_file():
        reason = unreachable(address(name))
        if reason is not None:
            raise DataError(
                f"data set {name} (d4rl) of task {task.name} is not in {directory} and {address(name)} cannot be "
                f"reached ({reason}): {remedies(task, name)}"
            )
        fetch_d4rl(name, directory, progress=progress)
    return load_file(path, task, directory, source="d4rl", name=name, bounded=False)


def remedies(task: ControlTask, name: str) -> str:
    """What to type instead, in one clause."""
    others = [source for source in task.datasets if source != "d4rl"]
    version = "" if name == task.datasets["d4rl"] else f" --data d4rl:{name.rpartition('-')[2]}"
    others_said = [f"choose other data with --data {source}" for source in others]
    return (
        "; or ".join(
            [
                f"with a connection, type `python -m bench data fetch {task.name}{version}`",
                f"with a copy of the file, `python -m bench data import FILE --task {task.name}{version}`",
                "with data of your own, --data file:PATH",
                *others_said,
            ]
        )
        + f" (wanted: {name}.hdf5)"
    )


def load_file(
    path: Path, task: ControlTask, directory: Path, *, source: str, name: str, bounded: bool
) -> Transitions:
    """A file in D4RL's layout, through its flat copy.

    Args:
        path: the file.
        task: what it is for.
        directory: where flat copies are kept.
        source, name: for the record.
        bounded: refuse actions beyond ±1.001 instead of clipping them.

    Raises:
        DataError: it is not there, damaged, or does not fit.
    """
    if not path.is_file():
        raise DataError(f"data set {name} ({source}) of task {task.name}: there is no file {path}")
    status = path.stat()
    reading = f"view {VERSION} {task.horizon} {task.longest_step} {task.frame} {bounded}"
    stamp = f"{path.resolve()} {status.st_size} {status.st_mtime_ns} {reading}"
    transitions, was_flat = flat_or(
        flat_path(directory, source, name, task.observation_dim),
        stamp,
        lambda: read_d4rl(path, task, source=source, name=name, bounded=bounded),
        source=source,
        name=name,
    )
    if was_flat:
        check(transitions, task)
    return transitions


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
    with _held(path):
        if path.is_file():
            _verify(path, name, path.parent, "delete it and fetch again")
            return False
        download(
            address(name, base),
            path,
            lambda came: _verify(came, name, path.parent, "it was thrown away"),
            patience=patience or Patience(),
            progress=progress,
            say=say,
        )
        if locked(name, path.parent) is None:
            learn(name, measured(path), path.parent)
            say(f"no lock file knew {name}: what came is believed, and written to {path.parent / LEARNED}")
    return True


def import_d4rl(file: Path, name: str, directory: Path) -> Path:
    """Take a copy of a data set's file that was got elsewhere; the file itself is left as it is.

    Returns:
        Where the copy lies.

    Raises:
        DataError: it is not the file that the lock file names, is damaged, or cannot be copied.
    """
    path = stored_file(directory, name)
    with opened(file, f"data set {name}"):
        pass
    with _held(path):
        _verify(file, name, path.parent, "use it as your own data with --data file:PATH")
        partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
        try:
            shutil.copyfile(file, partial)
            os.replace(partial, path)
        except OSError as error:
            raise DataError(f"{file} cannot be copied to {path} ({error.strerror}); free space there") from error
        finally:
            partial.unlink(missing_ok=True)
        learn(name, measured(path), path.parent)
    return path


def _verify(file: Path, name: str, folder: Path, remedy: str) -> None:
    """Refuse a file that the lock file does not know, or that is not even of the layout."""
    known = locked(name, folder)
    if known is not None:
        wrong = mismatch(measured(file), known[0])
        if wrong is not None:
            raise DataError(f"{file} is not D4RL's {name}: {wrong} ({known[1]}); {remedy}")
    with opened(file, f"data set {name}") as stored:
        for fault in layout_faults(stored):
            raise DataError(f"{file} is not in D4RL's layout: {fault}; {remedy}")


def _held(path: Path) -> FileLock:
    """Two processes do not fetch one file at a time."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(
            f"data folder {path.parent} cannot be made ({error.strerror}); choose another folder"
        ) from error
    return FileLock(path.with_name(f"{path.name}.lock"))
