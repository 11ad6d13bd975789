"""The most resident memory of this process since some moment, as Linux counts it.

`VmHWM` in `/proc/self/status` is the most since the process began, or since 5 was written to
`/proc/self/clear_refs`, which changes nothing else
(https://man7.org/linux/man-pages/man5/proc_pid_clear_refs.5.html).
"""

from dataclasses import dataclass
from pathlib import Path

from foundation.resources import ROOT, read_numbers


@dataclass(frozen=True)
class Measuring:
    """What is known where a measurement begins.

    Attributes:
        resident: bytes now.
        highest: the most bytes so far, or since the count was begun anew.
        is_anew: whether it was.
    """

    resident: int
    highest: int
    is_anew: bool


def begin_measuring(root: Path = ROOT) -> Measuring | None:
    """Count anew from now on, where the system lets a process do so; None where it does not tell its memory.

    Args:
        root: of the file system `proc`.
    """
    place = root / "proc/self/clear_refs"
    try:
        is_anew = place.exists() and place.write_text("5") == 1
    except OSError:
        is_anew = False
    found = read_numbers(root / "proc/self/status")
    if not {"VmRSS", "VmHWM"} <= found.keys():
        return None
    return Measuring(found["VmRSS"] * 1024, found["VmHWM"] * 1024, is_anew)


def read_peak(began: Measuring, root: Path = ROOT) -> int | None:
    """The most resident bytes since a measurement began; None where the most is older than that.

    Args:
        began: what `begin_measuring` gave.
        root: of the file system `proc`.
    """
    highest = read_numbers(root / "proc/self/status").get("VmHWM", 0) * 1024
    return highest if highest and (began.is_anew or highest > began.highest) else None
