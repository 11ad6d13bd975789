"""Distances as multiples of the noise floor, with intervals that hold the floor's own error.

A multiple is a ratio of geometric means: of the distances over the seeds, and of those of pairs of exact samples.
Its logarithm is a difference of means, with the standard error √(s²/n + s_f²/m), s over n seeds and s_f over m
pairs, and the interval is t(0.975, n - 1) of these to either side. Distances of exact samples are skewed and their
logarithms nearly normal: simulated for a perfect sampler (`studies/toy_faults.py --coverage`) the interval holds 1
in 95 to 97 % of cases at 3, 5 and 10 seeds.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.stats

from reports.analysis.intervals import FEWEST, LEVEL, Estimate
from reports.load.schema import Density

COVERAGE = "95 to 97 %"
"""Of these intervals for a perfect sampler at 3, 5 and 10 seeds, printed by `studies/toy_faults.py --coverage`."""
_EQUAL = 1e-9  # of logarithms: the seeds are all the same


@dataclass(frozen=True)
class Floor:
    """The noise floor of a set at one β.

    Attributes:
        value: geometric mean distance of two exact samples; NaN where no result was scored there.
        error: standard error of its logarithm.
    """

    value: float
    error: float


def average_floors(densities: Sequence[Density]) -> Floor:
    """The floor behind results, which is one number unless they have different numbers of samples.

    Args:
        densities: of one set at one β, possibly none.
    """
    if not densities or min(d.floor for d in densities) <= 0:
        return Floor(float("nan"), float("nan"))
    errors = [d.floor_log_spread / np.sqrt(d.floor_pairs) for d in densities]
    return Floor(float(np.exp(np.mean([np.log(d.floor) for d in densities]))), float(max(errors)))


def estimate_multiple(multiples: np.ndarray, errors: Sequence[float]) -> Estimate:
    """The geometric mean of multiples over seeds and tasks with its 95 % interval.

    Args:
        multiples: distance over floor, seeds × tasks.
        errors: of the logarithm of each task's floor, which all its seeds share.

    Returns:
        NaN where a multiple is not positive; no interval under three seeds, or where the seeds are all equal.
    """
    if not (np.isfinite(multiples) & (multiples > 0)).all():
        return Estimate(float("nan"))
    logs = np.log(multiples).mean(axis=1)
    value, seeds = float(logs.mean()), len(logs)
    if seeds < FEWEST or np.ptp(logs) <= _EQUAL:
        return Estimate(float(np.exp(value)))
    error = np.sqrt(logs.var(ddof=1) / seeds + np.sum(np.square(errors)) / len(errors) ** 2)
    half = float(scipy.stats.t.ppf((1 + LEVEL) / 2, seeds - 1) * error)
    return Estimate(*(float(np.exp(bound)) for bound in (value, value - half, value + half)))
