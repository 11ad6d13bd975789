"""Writes the files of a report or an export into its folder."""

from collections.abc import Mapping
from pathlib import Path

from foundation.files import write_atomically
from reports.errors import ReportError


def write_files(out: Path, files: Mapping[str, bytes]) -> list[Path]:
    """Write files by their names, each whole or not at all; the paths in the same order.

    Raises:
        ReportError: the folder is a file.
        UserError: the disk is full or the folder cannot be written.
    """
    if out.exists() and not out.is_dir():
        raise ReportError(f"the report cannot go to {out}, which is a file: name a folder.")
    for name, content in files.items():
        write_atomically(out / name, content)
    return [out / name for name in files]
