"""95 % intervals over seeds by a jackknife that leaves out whole seeds, and Student's t.

For a statistic g of the seeds × tasks matrix, leaving seed i out of every task gives g_(i); its standard error is
se² = (n - 1) / n · Σ (g_(i) - mean g_(·))² (Tukey 1958) and the interval g ± t(0.975, n - 1) · se. For the mean
over tasks this is exactly the t interval of the seeds' means over tasks. A seed is left out as a whole, so that
the interval holds where tasks share seeds and streams and their scores go together. The IQM of one task is a
trimmed mean of n values, of which h are kept: it has h - 1 degrees of freedom (Tukey and McLaughlin 1963).
`studies/coverage.py` simulates how often these intervals contain the truth.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import combinations

import numpy as np
import scipy.stats

LEVEL = 0.95
FEWEST = 3  # seeds; t of two seeds is ± 12.7 standard errors
AGGREGATES = ("IQM", "median", "mean", "optimality gap")
_TRIMMED = 0.25
_MOST_SETS = 256  # of seeds that are left out

Statistic = Callable[[np.ndarray], np.ndarray]
"""From scores of shape (..., seeds, tasks) to (...)."""


@dataclass(frozen=True)
class Estimate:
    """A number and its 95 % interval; the bounds are None under three seeds, and where all seeds are equal."""

    value: float
    lower: float | None = None
    upper: float | None = None


def compute_iqm(scores: np.ndarray) -> np.ndarray:
    """The mean of the middle half of all runs (rliable's `aggregate_iqm`, scipy's `trim_mean`)."""
    runs = np.sort(scores.reshape(*scores.shape[:-2], -1), axis=-1)
    cut = int(_TRIMMED * runs.shape[-1])
    return runs[..., cut : runs.shape[-1] - cut].mean(axis=-1)


def compute_median(scores: np.ndarray) -> np.ndarray:
    """The median over tasks of the means over seeds."""
    return np.median(scores.mean(axis=-2), axis=-1)


def compute_mean(scores: np.ndarray) -> np.ndarray:
    """The mean over seeds and tasks."""
    return scores.mean(axis=(-2, -1))


def compute_gap(scores: np.ndarray) -> np.ndarray:
    """The mean shortfall from 1 (the optimality gap)."""
    return np.clip(1.0 - scores, 0.0, None).mean(axis=(-2, -1))


STATISTICS: Mapping[str, Statistic] = {
    "IQM": compute_iqm,
    "median": compute_median,
    "mean": compute_mean,
    "optimality gap": compute_gap,
}


def bound_statistic(statistic: Statistic, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A statistic with its 95 % interval.

    Args:
        statistic: one of `STATISTICS`, or another smooth one.
        scores: shape (..., seeds, tasks), with at least three seeds.

    Returns:
        Value, lower and upper bound, each of shape (...).
    """
    seeds, tasks = scores.shape[-2:]
    if seeds < FEWEST:
        raise ValueError(f"{seeds} seeds give no interval, {FEWEST} are needed")
    value = statistic(scores)
    error = compute_error(statistic, scores, count_left_out(seeds, tasks) if statistic is compute_median else 1)
    half = find_t_quantile(_count_freedom(statistic, seeds, tasks)) * error
    return value, value - half, value + half


def count_left_out(seeds: int, tasks: int) -> int:
    """How many seeds the median's jackknife leaves out at a time; the median of two tasks is their mean."""
    return (seeds - 1) // 2 if tasks > 2 else 1


def compute_error(statistic: Statistic, scores: np.ndarray, left_out: int) -> np.ndarray:
    """The jackknife's standard error of a statistic.

    Args:
        scores: shape (..., seeds, tasks).
        left_out: how many seeds are left out at a time.

    Returns:
        Shape (...).
    """
    seeds = scores.shape[-2]
    if scores.ndim == 2:  # one matrix, all at once
        without = statistic(scores[_list_kept(seeds, left_out)])
    else:
        without = np.stack([statistic(scores[..., rows, :]) for rows in _list_kept(seeds, left_out)], axis=-1)
    return np.sqrt((seeds - left_out) / left_out * without.var(axis=-1))


@cache
def _list_kept(seeds: int, left_out: int) -> np.ndarray:
    """The seeds that stay for each set of `list_left_out`, shape (sets, seeds - left_out)."""
    return np.array([np.delete(np.arange(seeds), rows) for rows in list_left_out(seeds, left_out)])


@cache
def find_t_quantile(freedom: int) -> float:
    """Student's t that a two-sided 95 % interval reaches out to."""
    return float(scipy.stats.t.ppf((1 + LEVEL) / 2, freedom))


@cache
def list_left_out(seeds: int, left_out: int) -> tuple[tuple[int, ...], ...]:
    """Sets of seeds to leave out: all of that size up to 256, else a fixed choice with each seed equally often.

    The choice is made of drawn sets, each with all its turns on the circle of seeds.
    """
    if math.comb(seeds, left_out) <= _MOST_SETS:
        return tuple(combinations(range(seeds), left_out))
    generator = np.random.default_rng(0)
    drawn = [generator.choice(seeds, left_out, replace=False) for _ in range(max(1, _MOST_SETS // seeds))]
    return tuple(tuple(map(int, (rows + turn) % seeds)) for rows in drawn for turn in range(seeds))


def _count_freedom(statistic: Statistic, seeds: int, tasks: int) -> int:
    trimmed = 2 * int(_TRIMMED * seeds) if statistic is compute_iqm and tasks == 1 else 0
    return seeds - trimmed - 1


def estimate(statistic: Statistic, scores: np.ndarray) -> Estimate:
    """A statistic of one matrix with its interval, where there is one.

    Args:
        statistic: see `bound_statistic`.
        scores: seeds × tasks.
    """
    value = float(statistic(scores))
    if len(scores) < FEWEST or not np.isfinite(value):
        return Estimate(value)
    _, lower, upper = map(float, bound_statistic(statistic, scores))
    has_spread = upper - lower > 1e-9 * max(1.0, abs(value))
    return Estimate(value, lower, upper) if has_spread else Estimate(value)


def estimate_mean(values: np.ndarray) -> Estimate:
    """The mean of one value for each seed, shape (seeds,), with its t interval."""
    return estimate(compute_mean, values[:, None])


def estimate_positive_mean(values: np.ndarray) -> Estimate:
    """The same for distances, which no interval takes below 0."""
    found = estimate_mean(values)
    return found if found.lower is None else Estimate(found.value, max(0.0, found.lower), found.upper)


def estimate_aggregates(scores: np.ndarray) -> dict[str, Estimate]:
    """IQM, median, mean and optimality gap of one variant; of one task the mean, of two no median, which is it.

    Args:
        scores: seeds × tasks, normalised scores divided by 100.
    """
    tasks = scores.shape[1]
    names = ("mean",) if tasks == 1 else [name for name in AGGREGATES if tasks > 2 or name != "median"]
    return {name: estimate(STATISTICS[name], scores) for name in names}
