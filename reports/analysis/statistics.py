"""rliable's aggregates over seeds × tasks and performance profiles, with its stratified bootstrap.

Agarwal et al., "Deep RL at the Edge of the Statistical Precipice" (arXiv 2108.13264): seeds are resampled with
replacement within each task (the strata), and the interval is the 2.5th to the 97.5th percentile of the
aggregate over the replicates. Normalised scores are divided by 100 first, so that 1 is D4RL's reference maximum
and the optimality gap is the mean shortfall from 1. These intervals hold the truth less often than 95 % for few
seeds (`coverage.csv`), so no conclusion rests on them.

rliable draws and evaluates one replicate after the other. Here they are drawn at once, from the same stream of
numbers, and evaluated together: the numbers are those of rliable to the last bit, which a test holds.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from rliable import metrics

from reports.analysis.intervals import AGGREGATES, LEVEL, Estimate

REPLICATES = 5_000
_SEED = 0
_TRIMMED = 0.25
_PERCENTILES = (100 * ((1 - LEVEL) / 2), 100 * (1 - (1 - LEVEL) / 2))
_MOST_AT_ONCE = 2_000_000  # runs of replicates in memory


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


def _resample(scores: np.ndarray, replicates: int) -> Iterator[np.ndarray]:
    """The replicates of a bootstrap that draws each task's seeds by itself, in blocks (replicates, seeds, tasks).

    The draws depend on the shape of the scores alone, so that a variant's numbers are the same whichever others
    stand in the report. They are those of NumPy's old generator, which rliable uses.
    """
    draws = np.random.RandomState(_SEED)
    seeds, tasks = scores.shape
    block = max(1, _MOST_AT_ONCE // scores.size)
    for start in range(0, replicates, block):
        rows = draws.choice(seeds, (min(block, replicates - start), seeds, tasks), replace=True)
        yield scores[rows, np.arange(tasks)]


def _compute_replicates(samples: np.ndarray) -> np.ndarray:
    """The four aggregates of each replicate, shape (replicates, 4), summed in the order of rliable."""
    runs = samples.reshape(len(samples), -1)
    cut = int(_TRIMMED * runs.shape[1])
    middle = np.partition(runs, (cut, runs.shape[1] - cut - 1), axis=1)[:, cut : runs.shape[1] - cut]
    by_task = samples.mean(axis=1)
    columns = (
        middle.mean(axis=1),
        np.median(by_task, axis=1),
        by_task.mean(axis=1),
        1 - np.minimum(runs, 1).mean(axis=1),
    )
    return np.stack(columns, axis=1)


def bootstrap_aggregates(scores: np.ndarray, replicates: int = REPLICATES) -> dict[str, Estimate]:
    """IQM, median, mean and optimality gap of one variant with rliable's intervals.

    Args:
        scores: seeds × tasks, normalised scores divided by 100.
        replicates: bootstrap replicates.
    """
    _check_matrix(scores)
    points = _compute_aggregates(scores)
    if len(scores) == 1:  # rliable would give intervals of zero width
        return {name: Estimate(float(v)) for name, v in zip(AGGREGATES, points, strict=True)}
    drawn = np.concatenate([_compute_replicates(samples) for samples in _resample(scores, replicates)])
    intervals = np.percentile(drawn, _PERCENTILES, axis=0)
    rows = zip(AGGREGATES, points, *intervals, strict=True)
    return {name: Estimate(float(v), float(low), float(high)) for name, v, low, high in rows}


def estimate_profile(scores: np.ndarray, thresholds: np.ndarray, replicates: int = REPLICATES) -> Profile:
    """The performance profile of one variant: the fraction of runs that score above each threshold.

    Args:
        scores: seeds × tasks, normalised scores divided by 100.
        thresholds: shape (n,), ascending.
        replicates: bootstrap replicates; the band is pointwise.
    """
    _check_matrix(scores)
    curve = _count_above(np.searchsorted(thresholds, scores)[None], len(thresholds))[0] / scores.size
    if len(scores) == 1:
        return Profile(thresholds, curve, None, None)
    # A run is above as many thresholds as are less than its score, whichever replicate it is drawn into.
    places = np.searchsorted(thresholds, scores)
    counts = [_count_above(drawn, len(thresholds)) for drawn in _resample(places, replicates)]
    lower, upper = np.percentile(np.concatenate(counts) / scores.size, _PERCENTILES, axis=0)
    return Profile(thresholds, curve, lower, upper)


def _count_above(places: np.ndarray, thresholds: int) -> np.ndarray:
    """How many runs of each replicate are above each threshold, shape (replicates, thresholds).

    Args:
        places: shape (replicates, seeds, tasks), above how many thresholds each run is.
        thresholds: how many there are.
    """
    size = thresholds + 1
    cells = places.reshape(len(places), -1) + size * np.arange(len(places))[:, None]
    found = np.bincount(cells.ravel(), minlength=size * len(places)).reshape(len(places), size)
    return found[:, ::-1].cumsum(axis=1)[:, -2::-1]
