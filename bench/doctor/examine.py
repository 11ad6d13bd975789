"""Makes all checks, several at once, and prints each in its place as soon as it is made."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from bench.doctor.finding import Finding, Subject
from bench.doctor.folders import find_folders
from bench.doctor.isolated import Processes
from bench.doctor.machine import find_cores, find_file_limit, find_memory, find_temporary
from bench.doctor.simulators import (
    draw_picture,
    find_plugins,
    find_rendering,
    find_simulator,
    list_plugin,
    name_suites,
    step_simulator,
)
from bench.doctor.software import find_packages, find_python, find_torch
from foundation.resources import count_cores
from foundation.text import clean_line


def _list_data(subject: Subject, argument: str) -> list[Finding]:
    from bench.doctor.data import list_data  # imports the suites' declarations

    return list_data(subject, argument)


ISOLATED: Mapping[str, Callable[[Subject, str], list[Finding]]] = {
    "torch": find_torch,
    "plugins": list_plugin,
    "data": _list_data,
    "simulator": step_simulator,
    "rendering": draw_picture,
}
"""The checks that another process makes, by name."""
MOST_AT_ONCE = 8


def list_checks(subject: Subject, processes: Processes) -> list[Callable[[], list[Finding]]]:
    """All checks, in the order in which their findings are shown.

    Raises:
        UserError: an unknown suite.
    """
    checks: list[Callable[[], list[Finding]]] = [
        partial(find_python, subject),
        partial(find_packages, subject),
        partial(_find_torch, processes, subject),
        partial(find_cores, subject),
        partial(find_memory, subject),
        partial(find_file_limit, subject),
        partial(find_temporary, subject),
        partial(find_folders, subject),
        partial(find_plugins, processes, subject),
    ]
    try:
        suites = name_suites(subject)
    except ImportError as error:
        lacking = Finding("suites", clean_line(f"cannot be imported: {error}"), "fail", "see the packages above")
        return [*checks, lambda: [lacking]]
    checks += [partial(find_simulator, processes, subject, suite) for suite in suites]
    checks += [partial(find_rendering, processes, subject), partial(_find_data, processes, subject)]
    return checks


def examine_all(subject: Subject, say: Callable[[str], None]) -> bool:
    """Make and print all checks; whether nothing fails.

    Raises:
        UserError: an unknown suite.
    """
    processes, started = Processes(), time.monotonic()
    checks = list_checks(subject, processes)
    say("Examining this machine and installation; it takes some seconds.")
    findings: list[Finding] = []
    pool = ThreadPoolExecutor(min(MOST_AT_ONCE, count_cores() + 1))
    try:
        for waiting in [pool.submit(check) for check in checks]:
            for finding in waiting.result():
                say(finding.format())
                findings.append(finding)
    finally:
        processes.end()
        pool.shutdown(wait=True, cancel_futures=True)
    say(summarize(findings, time.monotonic() - started))
    return not any(finding.state == "fail" for finding in findings)


def summarize(findings: list[Finding], seconds: float) -> str:
    """How many are as they should be, and what the others mean."""
    failed, warned = (sum(each.state == state for each in findings) for state in ("fail", "warn"))
    ok = len(findings) - failed - warned
    said = [f"{ok} of {len(findings)} are as they should be"]
    said += [f"{warned} matter for some commands only"] if warned else []
    said += [f"{failed} must be mended first"] if failed else []
    return f"{', '.join(said)} ({seconds:.0f} s)."


def _find_torch(processes: Processes, subject: Subject) -> list[Finding]:
    found = processes.isolate("torch", subject)
    remedy = "reinstall it: `python -m pip install --force-reinstall -r requirements.lock`"
    return [Finding("torch", found, "fail", remedy)] if isinstance(found, str) else found


def _find_data(processes: Processes, subject: Subject) -> list[Finding]:
    from bench.doctor.data import find_data

    return find_data(processes, subject)
