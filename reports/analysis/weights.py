"""The weights of the data and those that a method predicts for what it draws, as shares by bin."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reports.load.schema import Histogram
from reports.load.scores import SuiteScores


@dataclass(frozen=True)
class WeightShares:
    """Of one task and variant.

    Attributes:
        task, variant: of the suite.
        edges: of the bins, ascending; shape (bins + 1,).
        learned, predicted: share of all weights in each bin, the mean over seeds; shape (bins,).
    """

    task: str
    variant: str
    edges: np.ndarray
    learned: np.ndarray
    predicted: np.ndarray

    def average(self, shares: np.ndarray) -> float:
        """The mean weight, each taken for the middle of its bin."""
        return float(shares @ (self.edges[:-1] + self.edges[1:]) / 2)


def collect_weights(scores: SuiteScores) -> tuple[WeightShares, ...]:
    """The shares of every task and variant whose seeds all have both histograms, with the same edges."""
    found = []
    for task in scores.tasks:
        for variant in scores.variants:
            pairs = [(r.learned_weights, r.weights_histogram) for r in scores.of(task, variant)]
            whole = [(learned, predicted) for learned, predicted in pairs if learned and predicted]
            every = [each for pair in whole for each in pair]
            if len(whole) == len(pairs) and len({each.edges for each in every}) == 1 and _have_weights(every):
                learned, predicted = (np.mean([_share(pair[i]) for pair in whole], axis=0) for i in range(2))
                found.append(WeightShares(task, variant, np.array(every[0].edges), learned, predicted))
    return tuple(found)


def _have_weights(every: Sequence[Histogram]) -> bool:
    return all(sum(each.counts) for each in every)


def _share(histogram: Histogram) -> np.ndarray:
    counts = np.array(histogram.counts, dtype=float)
    return counts / counts.sum()
