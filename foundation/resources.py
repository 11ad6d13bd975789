"""What this process may use of the machine: cores and memory, within the limits of its container and its shell.

Containers limit by control groups (https://docs.kernel.org/admin-guide/cgroup-v2.html), shells by `ulimit`.
"""

import math
import os
from collections.abc import Iterator
from pathlib import Path

ROOT = Path("/")
PROCESS_BYTES = 600_000_000
"""Of one process with torch and a simulator, without data."""
UNLIMITED = 2**60  # bytes; version 1 of control groups writes a number above this for no limit


def count_cores(root: Path = ROOT) -> int:
    """The CPU cores that this process may use: those it may run on, or fewer where a container has less time."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = read_quota(root)
    return allowed if quota is None else max(1, min(allowed, math.ceil(quota)))


def read_quota(root: Path = ROOT) -> float | None:
    """How many cores' time the control groups give; None where they do not limit it.

    Args:
        root: of the file systems `proc` and `sys`.
    """
    found: list[float] = []
    for folder in _find_groups("cpu", root):
        words = _read_words(folder / "cpu.max")
        words = words or _read_words(folder / "cpu.cfs_quota_us") + _read_words(folder / "cpu.cfs_period_us")
        if len(words) == 2 and words[0].isdecimal() and words[1].isdecimal() and int(words[1]):
            found.append(int(words[0]) / int(words[1]))
    return min(found, default=None)


def read_free_memory(root: Path = ROOT) -> int | None:
    """Bytes that this process can still have: of the machine, of its control groups and of its address space.

    None where the system does not say.
    """
    machine = read_numbers(root / "proc/meminfo").get("MemAvailable")
    found = [] if machine is None else [machine * 1024]
    for folder in _find_groups("memory", root):
        limit = _read_bytes(folder / "memory.max", folder / "memory.limit_in_bytes")
        used = _read_bytes(folder / "memory.current", folder / "memory.usage_in_bytes")
        if limit is not None and used is not None:
            # Pages of files that were not used lately are counted, and given back where memory is short.
            cached = read_numbers(folder / "memory.stat").get("inactive_file", 0)
            found.append(max(0, limit - used + cached))
    space = read_limit("RLIMIT_AS")
    if space is not None:
        found.append(max(0, space - read_numbers(root / "proc/self/status").get("VmSize", 0) * 1024))
    return min(found, default=None)


def read_limit(name: str) -> int | None:
    """The soft limit of that name, such as RLIMIT_FSIZE, in bytes; None where there is none."""
    try:
        import resource  # not on Windows
    except ImportError:
        return None
    soft, _ = resource.getrlimit(getattr(resource, name))
    return None if soft == resource.RLIM_INFINITY else soft


def read_numbers(path: Path) -> dict[str, int]:
    """The lines `name: 123 kB` or `name 123` of a file."""
    found: dict[str, int] = {}
    for line in _read_text(path).splitlines():
        words = line.replace(":", " ").split()
        if len(words) >= 2 and words[1].isdecimal():
            found[words[0]] = int(words[1])
    return found


def _find_groups(controller: str, root: Path) -> Iterator[Path]:
    """The folders of this process's control groups and of those above them, which limit it too."""
    top = root / "sys/fs/cgroup"
    for line in _read_text(root / "proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers and controller not in controllers.split(","):
            continue
        base = top / controller if controllers else top
        place = Path(path.lstrip("/"))
        for part in (place, *place.parents):
            yield base / part


def _read_text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def _read_words(path: Path) -> list[str]:
    return _read_text(path).split()


def _read_bytes(*paths: Path) -> int | None:
    """The number in the first of these files that has one; None for `max` and the like."""
    for path in paths:
        words = _read_words(path)
        if words and words[0].isdecimal() and int(words[0]) < UNLIMITED:
            return int(words[0])
    return None
