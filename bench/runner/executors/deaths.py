"""Says what a process died of, from its exit code and the kernel's count of kills for lack of memory."""

import signal
from pathlib import Path

MEMORY_GROUPS = Path("/sys/fs/cgroup")
PROCESS_GROUPS = Path("/proc/self/cgroup")
KERNEL_COUNTS = Path("/proc/vmstat")

MEANINGS = {
    "SIGSEGV": "crashed (segmentation fault, SIGSEGV)",
    "SIGBUS": "crashed (bus error, SIGBUS), as where /dev/shm or the disk is full",
    "SIGABRT": "was aborted by a library (SIGABRT)",
    "SIGILL": "met an instruction that this processor lacks (SIGILL), so that a package is built for another",
    "SIGTERM": "was ended from outside (SIGTERM)",
    "SIGXCPU": "used up its processor time (SIGXCPU, see `ulimit -t`)",
    "SIGXFSZ": "wrote a file larger than allowed (SIGXFSZ, see `ulimit -f`)",
}


def describe_death(code: int | None, kills_before: int | None, kills: int | None) -> str:
    """What a process died of, as a sentence without its subject.

    Args:
        code: as of `multiprocessing`: negative is a signal; None where it is not known.
        kills_before, kills: `count_memory_kills` before and after; None where there is no count.
    """
    if code is None:
        return "ended in an unknown way"
    if code == 128 + signal.SIGTERM:  # it saved what it did, and left as a shell would say it
        return MEANINGS["SIGTERM"]
    if code >= 0:
        return f"ended by itself with exit code {code}"
    name = name_signal(-code)
    if name != "SIGKILL":
        return MEANINGS.get(name, f"was ended by signal {name}")
    if kills is None or kills_before is None:
        return "was killed (SIGKILL), as the kernel does where memory is short"
    if kills > kills_before:
        return "was killed by the kernel for lack of memory (SIGKILL)"
    return "was killed (SIGKILL) from outside: the kernel counts no kill for lack of memory"


def name_signal(number: int) -> str:
    """`SIGKILL` for 9; the number where it has no name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)


def count_memory_kills() -> int | None:
    """How many processes the kernel has killed for lack of memory, in this control group or else on the machine.

    Returns:
        None where it does not say, as outside Linux.
    """
    for file in (*find_group_counts(), KERNEL_COUNTS):
        try:
            lines = file.read_text().splitlines()
        except OSError:
            continue
        for line in lines:
            name, _, count = line.partition(" ")
            if name == "oom_kill" and count.isdecimal():
                return int(count)
    return None


def find_group_counts() -> list[Path]:
    """The files with the memory events of this process's control group, of either version of control groups."""
    try:
        lines = PROCESS_GROUPS.read_text().splitlines()
    except OSError:
        return []
    found: list[Path] = []
    for line in lines:
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0":
            found.append(MEMORY_GROUPS / path.lstrip("/") / "memory.events")
        elif "memory" in controllers.split(","):
            found.append(MEMORY_GROUPS / "memory" / path.lstrip("/") / "memory.oom_control")
    return found
