"""What ran out: which errors of other libraries mean a lack of memory or of disk, and what a user does then."""

import errno
import os
import re
import shutil
from pathlib import Path

from foundation.program import program_name

NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
CLOSED = (errno.EACCES, errno.EPERM, errno.EROFS)
DISK_ERRORS = (*NO_SPACE, *CLOSED, errno.EFBIG, errno.EIO)
"""Numbers of the errors that say that a file cannot be written here, whoever writes it."""
_WORDS = (
    "can't allocate memory",  # torch on a CPU
    "storage size calculation overflowed",  # torch, of a tensor that no memory holds
    "not enough memory",
    "out of memory",  # CUDA, cuDNN, MuJoCo
    "cublas_status_alloc_failed",
    "bad_alloc",  # C++
    "could not allocate memory",
    "can't start new thread",  # a thread's stack has no place
    "cannot allocate memory",
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, of the machine or of a GPU; torch's have no class on a CPU."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, (RuntimeError, ImportError)) and any(word in str(error).lower() for word in _WORDS)


def is_of_gpu(error: BaseException) -> bool:
    """Whether the memory that ran out is a GPU's."""
    return type(error).__name__ == "OutOfMemoryError" or "cuda" in str(error).lower()


def describe_memory_error(error: BaseException) -> str:
    """The sentence for memory that ran out: which, how much was asked for, and what to do."""
    asked = re.search(r"[Tt]ried to allocate ([0-9.]+ ?[KMGTPE]?i?B|\d+ bytes)", str(error))
    asked = asked or re.search(r"Unable to allocate ([0-9.]+ [KMGTPE]?iB)", str(error))
    more = f" when {asked[1]} more were asked for" if asked else ""
    if is_of_gpu(error):
        return (
            f"the GPU's memory ran out{more}; end other programs on it, take fewer seeds at once (--seeds 0-4, "
            "then --seeds 5-9), smaller batches (--critic.batch-size, --denoiser.batch-size), or --device cpu: "
            "what is finished is kept."
        )
    return (
        f"this machine's memory ran out{more}; take fewer processes (--processes 1), fewer seeds at once (--seeds "
        "0-4, then --seeds 5-9), smaller batches (--critic.batch-size, --denoiser.batch-size) or data "
        "(--data-set.transitions), or raise the limit, as of `ulimit -v`: what is finished is kept."
    )


def describe_unwritten(path: Path | str | None, error: OSError, size: int | None = None) -> str:
    """The sentence for a file that cannot be written: what the system says, what is lacking and what to do.

    Args:
        path: of the file; None where the system does not say which it is.
        error: what writing it raised.
        size: its bytes, where they are known.
    """
    words = [describe_os_error(error)]
    if size is not None and error.errno in (*NO_SPACE, errno.EFBIG):
        words.append(f"it has {size / 1e6:,.1f} MB")
    if error.errno in NO_SPACE:
        free = measure_free_space(Path(path or "."))
        words += [] if free is None else [f"{free / 1e6:,.1f} MB are free"]
    named = "a file of this command" if path is None else repr(str(path))
    return (
        f"cannot write {named} ({', '.join(words)}); {suggest_write_remedy(error)}, then run the same command "
        "again: what is finished is kept."
    )


def suggest_write_remedy(error: OSError) -> str:
    """What a user does about a file that cannot be written, as the end of a sentence."""
    if error.errno == errno.EFBIG:
        return "allow larger files, as by `ulimit -f unlimited`"
    if error.errno in CLOSED:
        return "make the folder writable or choose another folder"
    if error.errno in NO_SPACE:
        return (
            f"free some space (`{program_name()} clean` lists what no result needs) or choose another folder with "
            "--results or --artifacts"
        )
    return "free some space or choose another folder"


def measure_free_space(path: Path) -> int | None:
    """Free bytes where a file is to be written; None where there is no such place."""
    for folder in (path, *path.absolute().parents):
        try:
            return shutil.disk_usage(folder).free
        except OSError:
            continue
    return None


def describe_os_error(error: OSError) -> str:
    """The system's words for an error, without its number."""
    return error.strerror or (os.strerror(error.errno) if error.errno else str(error))
