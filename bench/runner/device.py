"""The device that trains and evaluates, and the number of CPU threads."""

import torch

from foundation.errors import UserError

MOST_THREADS = 4096


def prepare_device(name: str, threads: int | None) -> torch.device:
    """The device of that name (`auto`, `cpu` or `cuda`), with the number of CPU threads set, 1 if None.

    Raises:
        UserError: a device that is not there, or more threads than any processor runs.
    """
    if threads is not None and threads > MOST_THREADS:
        raise UserError(
            f"threads={threads} must be at most {MOST_THREADS:,}; name as many as the machine has cores."
        )
    torch.set_num_threads(threads or 1)
    if name == "cuda" and not torch.cuda.is_available():
        raise UserError("device cuda is not available (torch finds no CUDA GPU); use --device cpu.")
    has_gpu = name != "cpu" and torch.cuda.is_available()
    return torch.device("cuda" if has_gpu else "cpu")
