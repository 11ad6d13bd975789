"""How often the report's intervals hold the truth, as `studies/coverage.py` simulated it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import pandas as pd

from reports.analysis.intervals import FEWEST

LEAST = ", each the lowest of what was simulated of tasks that are alike or differ, independent or correlated"


@dataclass(frozen=True)
class Coverage:
    """The simulated coverage of one interval.

    Attributes:
        seeds, tasks: that were simulated: the next smaller numbers in the table.
        by_law: law of the seeds to coverage, the lowest of independent and correlated tasks with unequal and with
            equal means, since how tasks truly lie to each other is not known.
    """

    seeds: int
    tasks: int
    by_law: Mapping[str, float]


@cache
def read_coverage() -> tuple[dict[str, Any], ...]:
    """The rows of the table that `studies/coverage.py` wrote."""
    with (resources.files("reports") / "simulated" / "coverage.csv").open(encoding="utf-8") as file:
        return tuple(pd.read_csv(file).to_dict("records"))  # pyright: ignore[reportReturnType]


def find_coverage(statistics: Sequence[str], interval: str, seeds: int, tasks: int) -> Coverage | None:
    """The lowest coverage of some statistics, for the next smaller seeds and tasks; None under three seeds.

    Args:
        statistics, interval: as the table names them, such as `mean` and `jackknife t`.
    """
    if seeds < FEWEST:
        return None
    rows = [r for r in read_coverage() if r["statistic"] in statistics and r["interval"] == interval]
    if not rows:
        raise KeyError(f"coverage.csv has no {interval} of {' or '.join(statistics)}")
    for name, size in (("seeds", seeds), ("tasks", tasks)):
        nearest = max(row[name] for row in rows if row[name] <= size)
        rows = [row for row in rows if row[name] == nearest]
    by_law = {row["law"]: 1.0 for row in rows}
    for row in rows:
        by_law[row["law"]] = min(by_law[row["law"]], row["coverage"])
    return Coverage(rows[0]["seeds"], rows[0]["tasks"], by_law)


def describe_coverage(
    statistics: Sequence[str], interval: str, seeds: int, tasks: int, whose: str = "such intervals"
) -> str:
    """`Simulated with 3 seeds and 1 task, such intervals hold the truth in 95 % of cases with normal seeds, ...`;
    nothing under three seeds."""
    found = find_coverage(statistics, interval, seeds, tasks)
    if found is None:
        return ""
    size = f"{found.seeds} seeds and {found.tasks} task{'s' if found.tasks > 1 else ''}"
    normal, ten, thirty = (100 * found.by_law[law] for law in ("normal", "10 % collapse", "30 % collapse"))
    return (
        f"Simulated with {size}, {whose} hold the truth in {normal:.0f} % of cases with normal seeds, in "
        f"{ten:.0f} % where a tenth of the seeds collapses and in {thirty:.0f} % where 30 % do"
        f"{LEAST if found.tasks > 1 else ''}."
    )
