"""rliable's aggregates over seeds × tasks and performance profiles, with its stratified bootstrap.

Agarwal et al., "Deep RL at the Edge of the Statistical Precipice" (arXiv 2108.13264): seeds are resampled with
replacement within each task (the strata), and the interval is the 2.5th to the 97.5th percentile of the
aggregate over the replicates. Normalised scores are divided by 100 first, so that 1 is D4RL's reference maximum
and the optimality gap is the mean shortfall from 1. These intervals hold the truth less often than 95 % for few
seeds (`coverage.csv`), so no conclusion rests on them.
"""

from dataclasses import dataclass

import numpy as np
from rliable import library, metrics

from reports.analysis.intervals import AGGREGATES, LEVEL, Estimate

REPLICATES = 5_000
_SEED = 0


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


def bootstrap_aggregates(scores: np.ndarray, replicates: int = REPLICATES) -> dict[str, Estimate]:
    """IQM, median, mean and optimality gap of one variant with rliable's intervals.

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
