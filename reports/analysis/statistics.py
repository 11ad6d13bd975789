"""Uncertainty by rliable: aggregates over seeds × tasks with 95 % stratified-bootstrap intervals.

Agarwal et al., "Deep RL at the Edge of the Statistical Precipice" (arXiv 2108.13264): seeds are resampled with
replacement within each task (the strata), and the interval is the 2.5th to the 97.5th percentile of the
aggregate over the replicates. Normalised scores are divided by 100 first, so that 1 is D4RL's reference maximum
and the optimality gap is the mean shortfall from 1.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from rliable import library, metrics

REPLICATES = 5_000
LEVEL = 0.95
AGGREGATES = ("IQM", "median", "mean", "optimality gap")
_SEED = 0


@dataclass(frozen=True)
class Estimate:
    """A number and its 95 % interval; the bounds are None where one seed leaves nothing to resample."""

    value: float
    lower: float | None = None
    upper: float | None = None


@dataclass(frozen=True)
class Profile:
    """Fraction of runs with a score above each threshold; the bounds are None with one seed.

    Attributes:
        thresholds: shape (n,), in scores divided by 100.
        curve, lower, upper: shape (n,).
    """

    thresholds: np.ndarray
    curve: np.ndarray
    lower: np.ndarray | None
    upper: np.ndarray | None


def _seed_rliable() -> None:
    # The one global seed: rliable ignores `random_state` and draws from NumPy's global generator. Seeding before
    # every interval also keeps a variant's numbers the same whichever others stand in the report.
    np.random.seed(_SEED)  # noqa: NPY002


def _check_matrix(scores: np.ndarray) -> None:
    if scores.ndim != 2 or scores.size == 0 or not np.isfinite(scores).all():
        raise ValueError(f"scores of shape {scores.shape} are not a full, finite seeds × tasks matrix")


def _compute_aggregates(scores: np.ndarray) -> np.ndarray:
    """The four aggregates of a seeds × tasks matrix, in the order of `AGGREGATES`."""
    return np.array(
        [
            metrics.aggregate_iqm(scores),
            metrics.aggregate_median(scores),
            metrics.aggregate_mean(scores),
            metrics.aggregate_optimality_gap(scores, gamma=1),
        ]
    )


def estimate_aggregates(scores: np.ndarray, replicates: int = REPLICATES) -> dict[str, Estimate]:
    """IQM, median, mean and optimality gap of one variant.

    Args:
        scores: seeds × tasks, normalised scores divided by 100.
        replicates: bootstrap replicates.
    """
    _check_matrix(scores)
    if len(scores) == 1:  # rliable would give intervals of zero width
        return {name: Estimate(float(v)) for name, v in zip(AGGREGATES, _compute_aggregates(scores), strict=True)}
    _seed_rliable()
    points, intervals = library.get_interval_estimates(
        {"": scores}, _compute_aggregates, reps=replicates, confidence_interval_size=LEVEL
    )
    rows = zip(AGGREGATES, points[""], *intervals[""], strict=True)
    return {name: Estimate(float(v), float(low), float(high)) for name, v, low, high in rows}


def compute_improvement(ours: np.ndarray, theirs: np.ndarray) -> float:
    """P(X > Y) + P(X = Y) / 2 for a random run of each, averaged over tasks (Mann-Whitney's U / n²).

    The same number as `rliable.metrics.probability_of_improvement`, in one comparison instead of a rank test for
    each task, which makes its bootstrap 100 times faster.

    Args:
        ours, theirs: seeds × tasks.
    """
    above, level = ours[:, None] > theirs[None], ours[:, None] == theirs[None]
    return float((above + 0.5 * level).mean())


def estimate_improvement(ours: np.ndarray, theirs: np.ndarray, replicates: int = REPLICATES) -> Estimate:
    """The probability that a run of `ours` scores above one of `theirs` on a random task.

    Args:
        ours, theirs: seeds × tasks, resampled independently of each other.
        replicates: bootstrap replicates.
    """
    _check_matrix(ours)
    _check_matrix(theirs)
    if min(len(ours), len(theirs)) == 1:
        return Estimate(compute_improvement(ours, theirs))
    _seed_rliable()
    points, intervals = library.get_interval_estimates(
        {"": [ours, theirs]},
        lambda x, y: np.array([compute_improvement(x, y)]),
        reps=replicates,
        confidence_interval_size=LEVEL,
    )
    (low,), (high,) = intervals[""]
    return Estimate(float(points[""][0]), float(low), float(high))


def _fraction_above(scores: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    return (scores.reshape(-1, 1) > thresholds).mean(axis=0)


def estimate_profile(scores: np.ndarray, thresholds: np.ndarray, replicates: int = REPLICATES) -> Profile:
    """The performance profile of one variant: the fraction of runs that score above each threshold.

    Args:
        scores: seeds × tasks, normalised scores divided by 100.
        thresholds: shape (n,).
        replicates: bootstrap replicates; the band is pointwise.
    """
    _check_matrix(scores)
    if len(scores) == 1:
        return Profile(thresholds, _fraction_above(scores, thresholds), None, None)
    _seed_rliable()
    curves, bands = library.create_performance_profile(
        {"": scores},
        thresholds,
        custom_profile_func=_fraction_above,
        reps=replicates,
        confidence_interval_size=LEVEL,
    )
    return Profile(thresholds, curves[""], bands[""][0], bands[""][1])


def estimate_mean(values: np.ndarray, replicates: int = REPLICATES) -> Estimate:
    """The mean over seeds with a percentile-bootstrap interval (no interval from one seed).

    Args:
        values: shape (seeds,).
        replicates: bootstrap replicates.
    """
    if len(values) == 1:
        return Estimate(float(values[0]))
    generator = np.random.default_rng(_SEED)
    means = generator.choice(values, (replicates, len(values))).mean(axis=1)
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(float(values.mean()), float(low), float(high))


def estimate_over_tasks(
    values: np.ndarray, statistic: Callable[[np.ndarray], np.ndarray], replicates: int = REPLICATES
) -> Estimate:
    """A statistic of the tasks' means over seeds; seeds are resampled within each task, as rliable does.

    Args:
        values: seeds × tasks.
        statistic: from means of shape (..., tasks) to (...).
        replicates: bootstrap replicates.
    """
    point = float(statistic(values.mean(axis=0)))
    if len(values) == 1:
        return Estimate(point)
    drawn = np.random.default_rng(_SEED).integers(len(values), size=(replicates, *values.shape))
    found = statistic(np.take_along_axis(values[None], drawn, axis=1).mean(axis=1))
    low, high = np.quantile(found, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(point, float(low), float(high))


def geometric_mean(values: np.ndarray) -> np.ndarray:
    """The geometric mean of positive numbers along the last axis."""
    return np.exp(np.log(values).mean(axis=-1))
