"""What earlier runs set out to compute and never finished: it is in no table, and the report says so."""

from collections.abc import Sequence

from reports.load.schema import PlanEntry
from reports.load.scores import describe_entry
from reports.render.numbers import count_noun

_SHOWN = 5


def warn_of_unfinished(missing: Sequence[PlanEntry]) -> list[str]:
    """A sentence on the cells of plans before the last whose results are not there; none where all are."""
    if not missing:
        return []
    shown = "; ".join(_describe(cell) for cell in missing[:_SHOWN])
    more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
    are = "is" if len(missing) == 1 else "are"
    return [
        f"{count_noun(len(missing), 'result')} that earlier runs into this folder set out to compute {are} not "
        f"there and in no table: {shown}{more}."
    ]


def _describe(cell: PlanEntry) -> str:
    return describe_entry(cell) + ("" if cell.rho is None else f", ρ = {cell.rho:g}")
