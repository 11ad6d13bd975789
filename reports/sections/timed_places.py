"""Where calls were timed, and whether other work on the machine disturbed that, by what the rows say."""

from collections.abc import Sequence

from reports.load.schema import Machine
from reports.load.timing_schema import TimingRow
from reports.render.numbers import count_noun

WAITING = 1.2  # wall time over CPU time from which on a CPU's calls waited for something else
SPARE = 0.5  # of a core that the average load may be above


def find_contention(rows: Sequence[TimingRow]) -> list[str]:
    """A sentence for each sign of it, none where there is none."""
    said: list[str] = []
    waited = [row for row in rows if is_waiting(row)]
    if waited:
        most = max(waited, key=measure_waiting)
        said.append(
            f"In {len(waited)} of {count_noun(len(rows), 'row')} a call took more than {WAITING:g} times its CPU "
            f"time ({measure_waiting(most):.1f} times: {most.method}, batch {most.batch}): other work was on the "
            "machine. Ratios within a turn bear that better than milliseconds; measure again when it is quiet."
        )
    loaded = [row for row in rows if is_loaded(row)]
    if loaded:
        most = max(loaded, key=lambda row: row.load or 0.0)
        said.append(
            f"The load average before was {most.load:.1f} on {count_noun(most.machine.cores or 0, 'core')}, which "
            f"leaves less than {count_noun(most.threads, 'thread')} to what was timed."
        )
    return said


def measure_waiting(row: TimingRow) -> float:
    """Wall time over CPU time of the calls."""
    return row.milliseconds.mean / max(row.cpu_milliseconds.mean, 1e-9)


def is_waiting(row: TimingRow) -> bool:
    """Whether a CPU's calls took much longer than they computed; a GPU's wait for the GPU."""
    return row.device == "cpu" and measure_waiting(row) > WAITING


def is_loaded(row: TimingRow) -> bool:
    """Whether the load before left fewer cores than the threads need."""
    cores = row.machine.cores
    return row.load is not None and cores is not None and row.load + row.threads > cores + SPARE


def describe_places(rows: Sequence[TimingRow]) -> str:
    """The machines and threads that measured."""
    found = dict.fromkeys((_describe_machine(row.machine), row.threads) for row in rows)
    return "; ".join(f"{machine}, threads {threads}" for machine, threads in found)


def _describe_machine(machine: Machine) -> str:
    return ", ".join(f"{name} {value}" for name, value in machine)
