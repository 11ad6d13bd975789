"""What earlier runs set out to compute and never finished: it is in no table, and the report says so."""

from collections.abc import Mapping, Sequence

from reports.load.schema import PlanEntry
from reports.load.scores import describe_entry
from reports.render.numbers import count_noun

_SHOWN = 5


def warn_of_unfinished(missing: Sequence[PlanEntry], labels: Mapping[str, str]) -> list[str]:
    """A sentence on the cells of plans before the last whose results are not there; none where all are.

    Args:
        missing: these cells.
        labels: of their variants by their paths, without ρ.
    """
    if not missing:
        return []
    shown = "; ".join(describe_entry(cell, labels) for cell in missing[:_SHOWN])
    more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
    are = "is" if len(missing) == 1 else "are"
    return [
        f"{count_noun(len(missing), 'result')} that earlier runs into this folder set out to compute {are} not "
        f"there and in no table: {shown}{more}."
    ]
