"""Checks an `.npz` file by its headers, before anything of the size that it claims is allocated."""

import lzma
import math
import stat
import zipfile
import zlib
from pathlib import Path
from typing import IO

import numpy as np

UNREADABLE = (
    OSError,
    ValueError,
    EOFError,
    RuntimeError,
    NotImplementedError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
)
"""What `zipfile` and NumPy raise on a damaged file."""
MOST_RATIO = 1100  # deflate makes nothing smaller than 1 in 1032
_SLACK = 4096  # bytes of headers


def find_npz_fault(path: Path) -> str | None:
    """What is wrong with a file of arrays, as the end of a sentence, by its headers alone; None if nothing is.

    An array that claims more bytes than can be packed into the file is at fault, and so is one of Python objects.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            return "is no file"
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            for member in archive.infolist():
                fault = _find_member_fault(archive, member, status.st_size)
                if fault is not None:
                    return fault
    except UNREADABLE as error:
        return f"cannot be read ({' '.join(str(error).split())[:160]})"
    return None


def _find_member_fault(archive: zipfile.ZipFile, member: zipfile.ZipInfo, size: int) -> str | None:
    if member.file_size > MOST_RATIO * min(member.compress_size, size) + _SLACK:
        return f"claims {member.file_size:,} bytes for {member.filename!r}, which cannot be in a file of {size:,}"
    with archive.open(member) as stream:
        claimed = _measure_array(stream)
        held = member.file_size - stream.tell()
    if claimed != held:
        return f"claims {claimed:,} bytes for {member.filename!r} and has {held:,}"
    return None


def _measure_array(stream: IO[bytes]) -> int:
    """The bytes that an array's header claims; the stream stands behind the header afterwards.

    Raises:
        ValueError: it is no array's header, or one of Python objects.
    """
    major, _ = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if major == 1 else np.lib.format.read_array_header_2_0
    shape, _, kind = read(stream)
    if kind.hasobject:
        raise ValueError("it holds Python objects")
    if any(length < 0 for length in shape):
        raise ValueError("it has a negative length")
    return math.prod(shape) * kind.itemsize
