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


_CUT = "half|empty"
EXCEPTIONS: tuple[Exceptional, ...] = (
    Exceptional(
        "ledger.*",
        _CUT,
        ".*",
        "",
        "lines cut off a ledger's end do not show; the other ledger has them, and the method's next evaluation "
        "brings them back",
    ),
    Exceptional(
        "plans.jsonl|looks.jsonl|commands.jsonl",
        _CUT,
        ".*",
        "",
        "lines cut off the end of the record of plans, looks or commands do not show: what they had is forgotten",
    ),
    Exceptional(
        "commands.jsonl",
        ".*",
        "report",
        "report.md|index.html",
        "the report says that the record of commands is damaged, and is the same else",
    ),
    Exceptional(
        "(plans|ledger|looks|commands|record).*|(tuned|timing|experiments|frozen_plan).json|Optuna's journal",
        "swap",
        ".*",
        "",
        "a whole file of another comparison is sound in itself",
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
