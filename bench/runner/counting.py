"""Sums and differences of what a policy counts, as `Counts.of_seed` gives it."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

Counted: TypeAlias = Mapping[str, Mapping[str, Any]]
"""`interventions`, name to counts by level, and `evaluations`, name to a count."""
NOTHING: Counted = {
    "interventions": {"nan_gradients": ()},
    "evaluations": {"function": 0, "gradient": 0, "beside": 0, "guided_rows": 0, "actions": 0},
}


def add_counts(counts: Iterable[Counted]) -> dict[str, dict[str, Any]]:
    """The sum; `NOTHING` of none."""
    total = _copy(NOTHING)
    for each in counts:
        total = _combine(total, each, 1)
    return total


def subtract_counts(after: Counted, before: Counted) -> dict[str, dict[str, Any]]:
    """What was counted in between."""
    return _combine(_copy(after), before, -1)


def _copy(counts: Counted) -> dict[str, dict[str, Any]]:
    return {name: dict(values) for name, values in counts.items()}


def _combine(first: Counted, second: Counted, sign: int) -> dict[str, dict[str, Any]]:
    """first + sign · second; a name that one of them lacks, or has no levels of, has counts of 0 there."""
    named = {name: tuple(by_level) for name, by_level in first["interventions"].items()}
    for name, by_level in second["interventions"].items():
        before = named.get(name) or (0,) * len(by_level)
        named[name] = tuple(a + sign * b for a, b in zip(before, by_level or (0,) * len(before), strict=True))
    spent = dict(first["evaluations"])
    for name, count in second["evaluations"].items():
        spent[name] = spent.get(name, 0) + sign * count
    return {"interventions": named, "evaluations": spent}
