"""The variance of a cell's episodes in two parts, between seeds and between the episodes of a seed.

One-way random effects by the method of moments (Searle, Casella and McCulloch, Variance Components, 1992, ch. 3):
with mean squares MSB between k seeds and MSW within them, of N episodes in seeds of m_i, m0 = (N - Σ m_i² / N) /
(k - 1), the episode variance is MSW and the seed variance (MSB - MSW) / m0, or 0 where that is negative. The
intraclass correlation is the seeds' share of the sum; its interval is F's, for normal parts and equal m.
Every seed has resets of its own, so episodes are nested in seeds.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.stats

from reports.analysis.intervals import FEWEST, LEVEL, Estimate


@dataclass(frozen=True)
class VarianceParts:
    """The two parts of one cell's variance, in squared points of normalised score.

    Attributes:
        seeds, episodes: how many seeds, and episodes of all of them.
        between, within: variance between seeds, and between the episodes of a seed.
        correlation: intraclass correlation, the seeds' share of an episode's variance.
        share: the seeds' share of the variance of a seed's score, which is a mean over episodes.
    """

    seeds: int
    episodes: int
    between: float
    within: float
    correlation: Estimate
    share: float


def split_variance(groups: Sequence[np.ndarray]) -> VarianceParts | None:
    """The parts of one cell's variance.

    Args:
        groups: the normalised scores of each seed's episodes.

    Returns:
        None for one seed, one episode a seed, episodes that are not finite, or no variance at all.
    """
    sizes = np.array([len(group) for group in groups])
    seeds, total = len(groups), int(sizes.sum())
    every = np.concatenate([np.asarray(group, dtype=float) for group in groups])
    if seeds < 2 or total <= seeds or not np.isfinite(every).all():
        return None
    means = np.array([np.mean(group) for group in groups])
    between_squares = float((sizes * (means - every.mean()) ** 2).sum()) / (seeds - 1)
    within = float(sum(((group - np.mean(group)) ** 2).sum() for group in groups)) / (total - seeds)
    size = (total - (sizes**2).sum() / total) / (seeds - 1)
    between = max(0.0, (between_squares - within) / size)
    if between + within == 0:
        return None
    return VarianceParts(
        seeds,
        total,
        between,
        within,
        _estimate_correlation(between / (between + within), between_squares, within, (seeds, total), size),
        between / (between + within / size),
    )


def _estimate_correlation(
    value: float, between: float, within: float, counts: tuple[int, int], size: float
) -> Estimate:
    """The intraclass correlation with F's interval (Shrout and Fleiss 1979), from three seeds on."""
    seeds, total = counts
    if seeds < FEWEST or within == 0:
        return Estimate(value)
    freedom = (seeds - 1, total - seeds)
    edges = scipy.stats.f.ppf([(1 + LEVEL) / 2, (1 - LEVEL) / 2], *freedom)
    low, high = ((between / within / edge - 1) / (between / within / edge + size - 1) for edge in edges)
    return Estimate(value, max(0.0, float(low)), max(0.0, float(high)))
