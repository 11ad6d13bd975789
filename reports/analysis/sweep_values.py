"""Every value of a suite's sweeps by itself: its scores with their intervals, and whether it was declared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from reports.analysis.declared import SweptSuite
from reports.analysis.density_sweeps import DensityValue
from reports.analysis.intervals import Estimate, compute_mean, estimate, estimate_aggregates, estimate_mean
from reports.load.sweeps import Sweep

AnyValue = TypeVar("AnyValue", "SweepValue", DensityValue)
_PERCENT = 100.0


@dataclass(frozen=True)
class SweepValue:
    """A method at one value of its sweep.

    Attributes:
        sweep: of the method.
        value: of its setting.
        variant: label of the results.
        matrix: the scores, seeds × tasks, in points.
        by_task: task to the mean over seeds with its t interval.
        mean: over tasks and seeds, with its t interval over the seeds.
        aggregates: as of a variant, in scores divided by 100.
        sources: task to the names of the sources that declare this value there; see `SOURCES`.
    """

    sweep: Sweep
    value: float
    variant: str
    matrix: np.ndarray
    by_task: Mapping[str, Estimate]
    mean: Estimate
    aggregates: Mapping[str, Estimate]
    sources: Mapping[str, tuple[str, ...]]


def collect_sweep_values(swept: SweptSuite) -> tuple[SweepValue, ...]:
    """The values of every sweep, ascending within each."""
    return tuple(
        _make_value(swept, sweep, value, variant)
        for sweep in swept.sweeps
        for value, variant in sweep.variants.items()
    )


def _make_value(swept: SweptSuite, sweep: Sweep, value: float, variant: str) -> SweepValue:
    tasks, matrix = swept.scores.tasks, swept.scores.matrix(variant)
    return SweepValue(
        sweep,
        value,
        variant,
        matrix,
        {task: estimate_mean(matrix[:, i]) for i, task in enumerate(tasks)},
        estimate(compute_mean, matrix),
        estimate_aggregates(matrix / _PERCENT),
        {task: swept.list_sources(sweep, value, task) for task in tasks},
    )


def group_values(values: Sequence[AnyValue]) -> dict[str, tuple[AnyValue, ...]]:
    """The values, of tasks or of densities, by the setting that is swept, `rho` first."""
    settings = sorted({value.sweep.setting for value in values}, key=lambda setting: (setting != "rho", setting))
    return {setting: tuple(v for v in values if v.sweep.setting == setting) for setting in settings}
