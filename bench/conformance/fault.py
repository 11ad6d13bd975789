"""Runs named checks, says one line for each, and collects the faults; shared by check-method and check-suite."""

import time
from collections.abc import Callable, Mapping


class Fault(Exception):
    """What a method or a suite does that the harness cannot work with, in one sentence."""


class Skipped(Exception):
    """Why a check cannot be made here."""


Check = Callable[[], str | None]
"""Raises `Fault` or `Skipped`; may return a note."""


def run_checks(name: str, checks: Mapping[str, Check], say: Callable[[str], None]) -> list[str]:
    """Run every check and say how it went.

    Args:
        name: of what is checked, with which each fault begins.
        checks: by title.
        say: told a line for each.

    Returns:
        The faults, one sentence each.
    """
    faults: list[str] = []
    for title, check in checks.items():
        started = time.monotonic()
        try:
            note = check()
        except Fault as fault:
            faults.append(f"{name} {fault}")
            say(f"  FAILED  {title}: {fault}")
        except Skipped as reason:
            say(f"  skipped {title}: {reason}")
        except Exception as error:  # whatever a user's code raises
            faults.append(f"{name} raises {type(error).__name__}: {error}")
            say(f"  FAILED  {title}: {type(error).__name__}: {error}")
        else:
            said = f": {note}" if note else ""
            say(f"  ok      {title}{said} ({time.monotonic() - started:.1f} s)")
    return faults
