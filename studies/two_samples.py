"""Two samples of seeds compared by their pairs, of which those that share a seed are not independent.

Given are numbers of all pairs, such as the distance of two policies' actions, as a symmetric matrix whose first
rows are of one sample. What is between the samples beyond what is within them,

    Δ = mean of pairs (i, j) - (mean of pairs (i, i') + mean of pairs (j, j')) / 2,

is, of distances, half the energy distance of the two laws of policies (Székely & Rizzo 2013): 0 where they are one
law, and above 0 elsewhere. Its interval is of the jackknife over seeds: each seed in turn is left out with all its
pairs. Its p is of the permutation test: the labels of the seeds are exchanged, which changes nothing where the
laws are one. There Δ has no normal law and its interval is a rough scale, while the p is exact.
"""

import itertools
import math
from collections.abc import Callable, Iterator

import numpy as np
import scipy.stats

from reports.analysis.intervals import Estimate

MOST_EXACT = 200_000
DRAWS = 20_000
LEVEL = 0.95
FEWEST = 3
_AT_ONCE = 20_000


def compare_pairs(pairs: np.ndarray, first: int) -> dict[str, Estimate]:
    """`between`, `first`, `second` (within each sample) and `difference`, Δ, each with its jackknife interval.

    Args:
        pairs: (n, n), symmetric; its diagonal is not read.
        first: how many of the n seeds are of the first sample, 3 or more, as of the second.
    """
    size = len(pairs)
    found = measure_pairs(pairs, first)
    return {name: estimate_by_jackknife(pairs, first, name, value, size) for name, value in found.items()}


def measure_pairs(pairs: np.ndarray, first: int) -> dict[str, float]:
    """The means of pairs between and within the samples, and Δ."""
    own, other = pairs[:first, :first], pairs[first:, first:]
    within = [each[np.triu_indices(len(each), 1)].mean() for each in (own, other)]
    between = pairs[:first, first:].mean()
    return {
        "between": float(between),
        "first": float(within[0]),
        "second": float(within[1]),
        "difference": float(between - sum(within) / 2),
    }


def estimate_by_jackknife(pairs: np.ndarray, first: int, name: str, value: float, size: int) -> Estimate:
    """The interval of one of the means: t with one degree of freedom fewer than the smaller sample has seeds.

    The variance is the sum over the samples of (n - 1)/n Σ (θ_-i - mean θ_-)².
    """
    variance, sizes = 0.0, []
    for sample in (range(first), range(first, size)):
        left_out = []
        for seed in sample:
            kept = [place for place in range(size) if place != seed]
            left_out.append(measure_pairs(pairs[np.ix_(kept, kept)], first - (seed < first))[name])
        values = np.array(left_out)
        variance += (len(values) - 1) / len(values) * float(((values - values.mean()) ** 2).sum())
        sizes += [len(values)] if np.ptp(values) > 0 else []
    freedom = min(sizes, default=2) - 1
    half = float(scipy.stats.t.ppf((1 + LEVEL) / 2, freedom)) * math.sqrt(variance)
    return Estimate(value, value - half, value + half)


def find_pair_p(pairs: np.ndarray, first: int) -> float:
    """The one-sided p of Δ ≤ 0 by the permutation test over seeds; of distances the energy test."""
    filled = pairs.copy()
    np.fill_diagonal(filled, 0.0)

    def measure(chosen: np.ndarray) -> np.ndarray:
        other = 1 - chosen
        n, m = chosen[0].sum(), other[0].sum()
        of_first = chosen @ filled
        between = (of_first * other).sum(1) / (n * m)
        within = (of_first * chosen).sum(1) / (n * (n - 1)) + (other @ filled * other).sum(1) / (m * (m - 1))
        return between - within / 2

    return permute(measure, len(pairs), first)


def compare_means(a: np.ndarray, b: np.ndarray) -> tuple[Estimate, float]:
    """The difference of means of two samples, a - b, with Welch's t interval, and the two-sided permutation p."""
    value = float(a.mean() - b.mean())
    parts = [float(each.var(ddof=1)) / len(each) for each in (a, b)]
    both = np.concatenate([a, b])

    def measure(chosen: np.ndarray) -> np.ndarray:
        return np.abs(chosen @ both / len(a) - (1 - chosen) @ both / len(b))

    p = permute(measure, len(both), len(a))
    if sum(parts) == 0:
        return Estimate(value, value, value), p
    freedom = sum(parts) ** 2 / sum(part**2 / (len(each) - 1) for part, each in zip(parts, (a, b), strict=True))
    half = float(scipy.stats.t.ppf((1 + LEVEL) / 2, freedom)) * math.sqrt(sum(parts))
    return Estimate(value, value - half, value + half), p


def permute(measure: Callable[[np.ndarray], np.ndarray], size: int, first: int) -> float:
    """The share of ways to label the seeds whose statistic is at least that of the labels they have.

    Every way counts where there are at most 200,000; else 20,000 are drawn, and the labels themselves count as one
    more.

    Args:
        measure: (way, seed) of 1 for the first sample and 0 for the second → a statistic of each way.
        size: of both samples.
        first: of the first.
    """
    observed = measure(_label([tuple(range(first))], size))[0]
    is_exact = math.comb(size, first) <= MOST_EXACT
    reached = ways = 0
    for some in _list_ways(size, first) if is_exact else _draw_ways(size, first):
        values = measure(_label(some, size))
        reached += int((values >= observed - 1e-12 * max(1.0, abs(observed))).sum())
        ways += len(values)
    return reached / ways if is_exact else (reached + 1) / (ways + 1)


def _label(ways: list[tuple[int, ...]], size: int) -> np.ndarray:
    labels = np.zeros((len(ways), size))
    labels[np.arange(len(ways))[:, None], np.array(ways)] = 1
    return labels


def _list_ways(size: int, first: int) -> Iterator[list[tuple[int, ...]]]:
    every = itertools.combinations(range(size), first)
    while some := list(itertools.islice(every, _AT_ONCE)):
        yield some


def _draw_ways(size: int, first: int) -> Iterator[list[tuple[int, ...]]]:
    generator = np.random.default_rng(0)
    yield [tuple(generator.permutation(size)[:first].tolist()) for _ in range(DRAWS)]
