"""How the variants of a suite rank on its tasks and seeds, with bootstrap intervals.

On each task and seed, a cell, the variants are ranked by their scores, 1 the best. Variants that tie share ranks:
each of m counts 1/m at each of the m ranks, so that the mean over the ranks is the average rank. The runs of a
cell share training seed, resets and noise.

Intervals are the 2.5th to the 97.5th percentile of a bootstrap stratified by task: seeds are drawn with
replacement within each task, cells whole. It takes the tasks as given and a seed's scores on two tasks for
independent; of few seeds such intervals are too narrow as a rule (`coverage.csv`), so no conclusion rests on them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from reports.analysis.intervals import FEWEST, LEVEL, Estimate
from reports.analysis.suite import ControlAnalysis, DensityAnalysis, collect_log_distances
from reports.load.scores import SuiteScores

_SEED = 0
_PERCENT = 100.0


@dataclass(frozen=True)
class Ranks:
    """The ranks of a suite's variants.

    Attributes:
        scores: the suite.
        mean: variant to its mean rank over all tasks and seeds.
        shares: variant to the share of tasks and seeds at each rank, from 1 on; they sum to 1.
        replicates: bootstrap replicates behind the intervals.
    """

    scores: SuiteScores
    mean: Mapping[str, Estimate]
    shares: Mapping[str, tuple[Estimate, ...]]
    replicates: int


def rank_suite(analysis: ControlAnalysis | DensityAnalysis, replicates: int) -> Ranks | None:
    """The ranks by score, of densities by the mean over β of the logarithm of the distance, as pairs compare them.

    Args:
        analysis: the suite's numbers.
        replicates: of the bootstrap.

    Returns:
        None for a single variant, and where a distance is not positive or was not measured at every β.
    """
    scores = analysis.scores
    if isinstance(analysis, ControlAnalysis):
        values = {variant: scores.matrix(variant) for variant in scores.variants}
    else:
        values = collect_log_distances(scores, analysis.inverse_temperatures)
    if values is None or len(values) < 2:
        return None
    shares = share_ranks(np.stack([values[v] for v in scores.variants]), higher_is_better=scores.is_control)
    numbers = np.arange(1, len(scores.variants) + 1)
    drawn = draw_weights(len(scores.seeds), len(scores.tasks), replicates)
    mean, at = {}, {}
    for variant, own in zip(scores.variants, shares, strict=True):
        mean[variant] = _estimate(np.tensordot(numbers, own, 1)[None], drawn)[0]
        at[variant] = _estimate(own, drawn)
    return Ranks(scores, mean, at, replicates)


def share_ranks(values: np.ndarray, *, higher_is_better: bool) -> np.ndarray:
    """What each variant counts at each rank.

    Args:
        values: finite, shape (variants, seeds, tasks).
        higher_is_better: whether rank 1 is the greatest value, else the least.

    Returns:
        Shape (variants, ranks, seeds, tasks), with as many ranks as variants; sums over either of the two are 1.
    """
    signed = values if higher_is_better else -values
    better = np.stack([(signed > own).sum(0) for own in signed])[:, None]
    tied = np.stack([(signed == own).sum(0) for own in signed])[:, None]
    rank = np.arange(len(values))[None, :, None, None]
    return ((rank >= better) & (rank < better + tied)) / tied


def draw_weights(seeds: int, tasks: int, replicates: int) -> np.ndarray | None:
    """Weights of the cells in each replicate, (replicates, seeds, tasks), that sum to 1; None of few seeds."""
    if seeds < FEWEST:
        return None
    # A fixed seed, so that a report can be made again, with the same draws for every variant.
    generator = np.random.default_rng(_SEED)
    counts = generator.multinomial(seeds, np.full(seeds, 1 / seeds), size=(replicates, tasks))
    return counts.swapaxes(1, 2) / (seeds * tasks)


def _estimate(cells: np.ndarray, drawn: np.ndarray | None) -> tuple[Estimate, ...]:
    """The means over seeds and tasks of each quantity, cells of shape (quantities, seeds, tasks)."""
    values = cells.mean(axis=(1, 2))
    if drawn is None:
        return tuple(Estimate(float(value)) for value in values)
    means = drawn.reshape(len(drawn), -1) @ cells.reshape(len(cells), -1).T
    ends = (_PERCENT * (1 - LEVEL) / 2, _PERCENT * (1 + LEVEL) / 2)
    lower, upper = np.percentile(means, ends, axis=0)
    return tuple(
        Estimate(float(v), float(low), float(high)) if high - low > 1e-9 else Estimate(float(v))
        for v, low, high in zip(values, lower, upper, strict=True)
    )
