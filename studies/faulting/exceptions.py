"""What is accepted though something differs, each with its reason: the second table of the study."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Exceptional:
    """What is accepted, and why.

    Attributes:
        kind, damage, command, what: patterns, of the whole name or of any part of what differs.
        reason: for the table.
    """

    kind: str
    damage: str
    command: str
    what: str
    reason: str


EXCEPTIONS: tuple[Exceptional, ...] = (
    Exceptional(
        "learning curve",
        ".*",
        ".*",
        r"seed-\d+\.csv",
        "a learning curve is to be looked at: nothing is computed from it, and its component has its own hash",
    ),
)


def find_reason(kind: str, damage: str, command: str, what: str) -> str | None:
    """Why a difference is accepted; None where it is not.

    Args:
        kind: of file.
        damage: of it.
        command: that met it.
        what: differs.
    """
    for each in EXCEPTIONS:
        patterns = ((each.kind, kind), (each.damage, damage), (each.command, command))
        if all(re.fullmatch(pattern, text) for pattern, text in patterns) and re.search(each.what, what):
            return each.reason
    return None
