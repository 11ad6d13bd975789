"""Writes files atomically: to a temporary file in the same folder, which is then moved into place."""

import contextlib
import errno
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from foundation.errors import UserError

TEMPORARY = ".writing-"
LEFTOVER_SECONDS = 24 * 3600
"""Age from which a temporary file is what a killed process left: whoever still writes it changes its time."""
# Windows opens no folder, and some network file systems have nothing to do when one is to be synced.
_NO_FOLDER_SYNC = (errno.EINVAL, errno.EACCES, errno.EPERM, errno.EISDIR, errno.EBADF, errno.ENOTSUP, errno.ENOSYS)


def write_atomically(path: Path, content: bytes) -> None:
    """Write the whole file or nothing.

    Raises:
        UserError: the disk is full or the folder cannot be written.
    """
    with replace_atomically(path) as partial:
        partial.write_bytes(content)


@contextlib.contextmanager
def replace_atomically(path: Path) -> Iterator[Path]:
    """A temporary path in the same folder; what the block writes there is moved to `path` at its end.

    What was moved is on the disk when this returns: the file before the move, then the folder that names it.

    Raises:
        UserError: the disk is full or the folder cannot be written.
    """
    try:
        make_folder(path.parent)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=TEMPORARY, suffix=path.suffix)
        os.close(handle)
        partial = Path(name)
        try:
            yield partial
            partial.chmod(0o644)
            sync_file(partial)
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)
        sync_folder(path.parent)
    except OSError as error:
        raise UserError(
            f"cannot write {str(path)!r} ({error.strerror or error}); free some space or choose another folder, "
            "then run the same command again: what is finished is kept."
        ) from error


def sync_file(path: Path) -> None:
    """Have a file's content on the disk."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Have a folder's names on the disk, so that a rename in it outlasts a loss of power, if possible."""
    try:
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise


def make_folder(folder: Path) -> None:
    """Make a folder and those above it that are missing, and have their names on the disk."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for each in reversed(missing):
        sync_folder(each.parent)


def is_temporary(path: Path) -> bool:
    """Whether a killed process left this file half written."""
    return path.name.startswith(TEMPORARY)


def is_leftover(path: Path) -> bool:
    """Whether a file was not changed for a day; False where it is gone."""
    try:
        return time.time() - path.lstat().st_mtime > LEFTOVER_SECONDS
    except FileNotFoundError:
        return False
