"""How the episodes of a task and variant are spread: their scores and lengths, all seeds together and by seed.

A mean hides how it came about: all episodes may be middling, or some good and the others falls. So may the seeds,
where the episodes of each are nearly alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reports.load.scores import SuiteScores

PERCENTILES = (5, 25, 50, 75, 95)
POINTS = 100  # of a curve


@dataclass(frozen=True)
class EpisodeSpread:
    """The episodes of one task and variant.

    Attributes:
        task, variant: of the suite.
        scores: normalised, of all seeds' episodes.
        lengths: in environment steps, of all episodes.
        seed_medians: the median score of each seed's episodes.
    """

    task: str
    variant: str
    scores: np.ndarray
    lengths: np.ndarray
    seed_medians: np.ndarray


def spread_episodes(scores: SuiteScores) -> tuple[EpisodeSpread, ...]:
    """The spread of every task and variant of a control suite, by task."""
    return tuple(_spread(scores, task, variant) for task in scores.tasks for variant in scores.variants)


def _spread(scores: SuiteScores, task: str, variant: str) -> EpisodeSpread:
    results = scores.of(task, variant)
    by_seed = [np.array([episode.normalized for episode in result.episodes]) for result in results]
    lengths = np.array([episode.length for result in results for episode in result.episodes])
    medians = np.array([np.median(own) for own in by_seed])
    return EpisodeSpread(task, variant, np.concatenate(by_seed), lengths, medians)


def trace_distribution(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The empirical distribution function, as the corners of its steps.

    Args:
        values: finite, one or more.

    Returns:
        The values, ascending, and the share of all that lies at or below each. It begins at the least value with a
        share of 0. Of more than `POINTS` corners those are kept that come first at evenly spaced shares, the first
        and the last among them, so that the curve is off by less than 1/98 besides.
    """
    corners, counts = np.unique(values, return_counts=True)
    shares = np.cumsum(counts) / len(values)
    if len(corners) >= POINTS:
        wanted = np.linspace(shares[0], 1.0, POINTS - 1)
        kept = np.unique(np.searchsorted(shares, wanted - 1e-12))
        corners, shares = corners[kept], shares[kept]
    return np.concatenate([corners[:1], corners]), np.concatenate([[0.0], shares])


def find_fixed_lengths(spreads: Sequence[EpisodeSpread]) -> dict[str, int]:
    """Tasks on which every episode is equally long, with that length."""
    lengths: dict[str, set[int]] = {}
    for spread in spreads:
        lengths.setdefault(spread.task, set()).update(map(int, spread.lengths))
    return {task: next(iter(found)) for task, found in lengths.items() if len(found) == 1}
