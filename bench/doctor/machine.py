"""Cores, memory, and the places that every process writes to."""

import os
import shutil
import tempfile
from pathlib import Path

from bench.doctor.finding import Finding, Subject
from foundation.exhausted import describe_os_error
from foundation.resources import PROCESS_BYTES, count_cores, read_free_memory, read_limit, read_quota

SMALL_FILE = 2e9
SHARED = Path("/dev/shm")


def find_cores(subject: Subject) -> list[Finding]:
    """Cores that `run` would use, and settings of threads."""
    all_cores, quota = os.cpu_count() or 1, read_quota()
    found = f"{count_cores()} of {all_cores} may be used"
    if quota is not None:
        found += f"; the container gives the time of {quota:g}"
    threads = [
        f"{name}={os.environ[name]}" for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS") if name in os.environ
    ]
    found += f"; {', '.join(threads)}" if threads else ""
    return [Finding("cores", f"{found}; `run` takes one process for each and 1 thread in each")]


def find_memory(subject: Subject) -> list[Finding]:
    """Free memory against what a run's processes take."""
    free = read_free_memory()
    if free is None:
        return [Finding("memory", "the system does not say how much is free")]
    needed, processes = PROCESS_BYTES * (count_cores() + 1), count_cores()
    space = read_limit("RLIMIT_AS")
    limit = f", `ulimit -v` is {space / 1e9:.1f} GB" if space is not None else ""
    found = f"{free / 1e9:.1f} GB free{limit}; {processes} processes take about {needed / 1e9:.1f} and the data"
    if free < 2 * PROCESS_BYTES:
        return [Finding("memory", found, "fail", "end other programs, or raise the limit of memory")]
    if free < needed:
        fits = max(1, int(free / PROCESS_BYTES) - 1)
        return [Finding("memory", found, "warn", f"give `run` fewer processes, as in --processes {fits}")]
    return [Finding("memory", found)]


def find_temporary(subject: Subject) -> list[Finding]:
    """The folder for temporary files, where simulators leave their models, and memory that processes share."""
    found: list[Finding] = []
    try:
        with tempfile.NamedTemporaryFile() as file:
            file.write(bytes(2**16))
            file.flush()
        found.append(Finding("temporary files", f"{tempfile.gettempdir()} can be written"))
    except OSError as error:
        remedy = "free some space there, or name another folder by the variable TMPDIR"
        found.append(Finding("temporary files", describe_os_error(error), "fail", remedy))
    if SHARED.is_dir():
        free = shutil.disk_usage(SHARED).free
        said = f"{free / 1e9:.1f} GB free in {SHARED}"
        few = "" if free > 1e9 else "; with less than the data take, each process reads them itself"
        found.append(Finding("shared memory", said + few))
    return found


def find_file_limit(subject: Subject) -> list[Finding]:
    """The largest file that the shell lets this process write."""
    limit = read_limit("RLIMIT_FSIZE")
    if limit is None:
        return []
    state = "warn" if limit < SMALL_FILE else "ok"
    remedy = "`ulimit -f unlimited` in this shell" if state == "warn" else ""
    return [Finding("largest file", f"`ulimit -f` is {limit / 1e6:,.1f} MB", state, remedy)]
