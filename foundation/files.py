"""Writes files atomically: to a temporary file in the same folder, which is then moved into place."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from foundation.errors import UserError
from foundation.exhausted import describe_unwritten

TEMPORARY = ".writing-"


def write_atomically(path: Path, content: bytes) -> None:
    """Write the whole file or nothing.

    Raises:
        UserError: the disk is full or the folder cannot be written.
    """
    with replace_atomically(path, len(content)) as partial, partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


@contextlib.contextmanager
def replace_atomically(path: Path, size: int | None = None) -> Iterator[Path]:
    """A temporary path in the same folder; what the block writes there is moved to `path` at its end.

    Args:
        path: of the file.
        size: its bytes, for the error, where they are known.

    Raises:
        UserError: the disk is full or the folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=TEMPORARY, suffix=path.suffix)
        os.close(handle)
        partial = Path(name)
        try:
            yield partial
            partial.chmod(0o644)
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise UserError(describe_unwritten(path, error, size)) from error


def is_temporary(path: Path) -> bool:
    """Whether a killed process left this file half written."""
    return path.name.startswith(TEMPORARY)
