"""Every pair of a suite's variants, compared on the same seeds.

Variants are run on the same training and reset seeds (a report with a seed missing is refused), so a pair is
always compared by its differences seed by seed. Over tasks the difference of a seed is the mean of its differences
on the tasks; its t interval and p carry the conclusion, with Holm's step-down correction (1979) over the suite's
pairs. Beside it stands the exact sign-flip p of the same differences, which n seeds cannot take below 2 / 2^n, and
two one-sided t tests of equivalence within a margin (Schuirmann 1987), with Holm over the same pairs. A primary
comparison that was decided on before stands outside of that family, and its p are not corrected. Pairs on a single
task are exploratory: corrected over the pairs of that task alone. Distances are compared by their
logarithms, so that a difference is a ratio.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cache
from itertools import combinations

import numpy as np
import scipy.stats

from reports.analysis.improvement import estimate_improvement
from reports.analysis.intervals import FEWEST, LEVEL, Estimate, estimate_mean

ALPHA = 1 - LEVEL
MARGIN = 5.0  # points of normalised score
POWER = 0.8
FEWEST_TO_PLAN = 5  # seeds from which the variance is known well enough to say how many more are needed
MOST_SEEDS = 1_000
_QUANTILES = (np.arange(200) + 0.5) / 200
_NORMAL_QUANTILES = scipy.stats.norm.ppf(_QUANTILES)
_ENUMERATED = 16  # seeds; 2^16 sign flips
_FLIPS = 100_000
_SEED = 0


@dataclass(frozen=True)
class Pair:
    """Two variants on the same seeds.

    Attributes:
        first, second: variants; the difference is first minus second.
        difference: mean over seeds with its t interval.
        p: of the t test that the true difference is 0; None without an interval.
        adjusted: the same after Holm over the family.
        flip: the sign-flip permutation test's p; None under three seeds.
        equivalence: p of equivalence within the margin, after Holm; None without a margin or an interval.
        improvement: the probability that a run of the first is better than one of the second.
        more_seeds: how many seeds to add would separate the two with a power of 80 % if the difference were as
            seen, for the smallest and the largest standard deviation in its 95 % interval; None where not said.
        is_primary: whether it is the primary comparison, whose p are not corrected.
    """

    first: str
    second: str
    difference: Estimate
    p: float | None
    adjusted: float | None
    flip: float | None
    equivalence: float | None
    improvement: Estimate
    more_seeds: tuple[int, int] | None
    is_primary: bool = False

    @property
    def is_separated(self) -> bool:
        return self.adjusted is not None and self.adjusted <= ALPHA

    @property
    def is_equivalent(self) -> bool:
        return self.equivalence is not None and self.equivalence <= ALPHA


def adjust_by_holm(p: np.ndarray) -> np.ndarray:
    """Holm's adjusted p values over the last axis."""
    count = p.shape[-1]
    order = np.argsort(p, axis=-1)
    scaled = np.take_along_axis(p, order, -1) * np.arange(count, 0, -1)
    stepped = np.minimum(np.maximum.accumulate(scaled, axis=-1), 1.0)
    adjusted = np.empty_like(stepped)
    np.put_along_axis(adjusted, order, stepped, -1)
    return adjusted


def compute_p(differences: np.ndarray, centre: float = 0.0) -> np.ndarray:
    """Two-sided p of the one-sample t test, over the last axis (seeds)."""
    return 2 * scipy.stats.t.sf(np.abs(_compute_t(differences, centre)), differences.shape[-1] - 1)


def compute_equivalence_p(differences: np.ndarray, margin: float) -> float:
    """p of the two one-sided t tests that the true difference lies within ± margin: the larger of the two."""
    nearer = min(_compute_t(differences, -margin), -_compute_t(differences, margin))
    return float(scipy.stats.t.sf(nearer, len(differences) - 1))


def _compute_t(differences: np.ndarray, centre: float) -> np.ndarray:
    error = differences.std(axis=-1, ddof=1) / np.sqrt(differences.shape[-1])
    return (differences.mean(axis=-1) - centre) / error


def find_least_flip(seeds: int) -> float:
    """The least two-sided p that sign flips of n differences can give."""
    return 2.0 / 2.0**seeds


def compute_flip_p(differences: np.ndarray) -> float:
    """Two-sided p of the sign-flip permutation test of the mean: exact up to 16 seeds, else of 100,000 flips.

    Args:
        differences: shape (seeds,).
    """
    seeds = len(differences)
    if seeds <= _ENUMERATED:
        signs = 1 - 2 * ((np.arange(2**seeds)[:, None] >> np.arange(seeds)) & 1)
    else:
        signs = np.random.default_rng(_SEED).choice([-1, 1], (_FLIPS, seeds))
        signs[0] = 1  # the data themselves are one of the flips
    seen = np.abs(differences.sum())
    return float((np.abs(signs @ differences) >= seen * (1 - 1e-12)).mean())


def _find_power(differences: np.ndarray, deviation: float, alpha: float, more: int) -> float:
    """The power of the t test at `alpha` on these seeds and `more` new ones.

    New differences are normal with the mean that was seen and this standard deviation. The test sees them by their
    mean and their sum of squares alone, which are independent, so the power is an integral over two quantiles.
    """
    count, mean, squares = len(differences), differences.mean(), differences.var() * len(differences)
    total = count + more
    new = mean + deviation * _NORMAL_QUANTILES / np.sqrt(more)
    inner = deviation**2 * _find_square_quantiles(more - 1) if more > 1 else np.zeros(1)
    between = count * more / total * (new - mean) ** 2
    error = np.sqrt((squares + inner[:, None] + between) / (total - 1) / total)
    found = np.sign(mean) * (count * mean + more * new) / total / error
    return float((found >= _find_critical_t(alpha, total - 1)).mean())


@cache
def _find_square_quantiles(freedom: int) -> np.ndarray:
    return scipy.stats.chi2.ppf(_QUANTILES, freedom)


@cache
def _find_critical_t(alpha: float, freedom: int) -> float:
    return float(scipy.stats.t.ppf(1 - alpha / 2, freedom))


def plan_seeds(differences: np.ndarray, alpha: float) -> tuple[int, int]:
    """The fewest seeds more with which these separate a pair, for the least and the greatest standard deviation.

    The seeds that there are stay, and the true difference is taken to be the one that was seen.

    Args:
        differences: shape (seeds,).
        alpha: the level of the test.

    Returns:
        Numbers of seeds to add, at most as many as make `MOST_SEEDS`; the standard deviation's 95 % interval is
        chi-squared's.
    """
    free, spread = len(differences) - 1, differences.std(ddof=1)
    edges = scipy.stats.chi2.ppf([(1 + LEVEL) / 2, (1 - LEVEL) / 2], free)
    few, many = (_count_needed(differences, spread * np.sqrt(free / edge), alpha) for edge in edges)
    return few, many


def _count_needed(differences: np.ndarray, deviation: float, alpha: float) -> int:
    low, high = 0, MOST_SEEDS - len(differences)
    if _find_power(differences, deviation, alpha, high) < POWER:
        return high
    while high - low > 1:
        middle = (low + high) // 2
        reaches = _find_power(differences, deviation, alpha, middle) >= POWER
        low, high = (low, middle) if reaches else (middle, high)
    return high


def _plan_more(differences: np.ndarray, family: int) -> tuple[int, int] | None:
    if len(differences) < FEWEST_TO_PLAN or differences.std() == 0:
        return None
    return plan_seeds(differences, ALPHA / family)


def compare_variants(
    matrices: Mapping[str, np.ndarray],
    margin: float | None,
    higher: bool = True,
    primary: tuple[str, str] | None = None,
) -> list[Pair]:
    """Every pair of variants over all tasks, a family of its own.

    Args:
        matrices: variant to seeds × tasks, of the same seeds in the same order.
        margin: of equivalence, in the unit of the matrices; None for no such test.
        higher: whether a higher value is better.
        primary: two variants whose pair is tested alone, in any order.
    """
    names = list(combinations(matrices, 2))
    alone = {pair for pair in names if primary is not None and set(pair) == set(primary)}
    rows = {pair: (matrices[pair[0]] - matrices[pair[1]]).mean(axis=1) for pair in names}
    found = {pair: estimate_mean(row) for pair, row in rows.items()}
    # A pair without an interval stays in the family, as one that no test separates.
    tested = {pair for pair in names if found[pair].lower is not None}
    raw = {pair: float(compute_p(rows[pair])) if pair in tested else 1.0 for pair in names}
    adjusted = _adjust(raw, alone)
    equal = _adjust(
        {pair: compute_equivalence_p(rows[pair], margin) if pair in tested else 1.0 for pair in names}
        if margin is not None
        else {},
        alone,
    )
    pairs = []
    for pair in names:
        first, second = (matrices[name] if higher else -matrices[name] for name in pair)
        is_tested, family = pair in tested, 1 if pair in alone else len(names) - len(alone)
        pairs.append(
            Pair(
                *pair,
                found[pair],
                raw[pair] if is_tested else None,
                adjusted[pair] if is_tested else None,
                compute_flip_p(rows[pair]) if len(rows[pair]) >= FEWEST else None,
                equal.get(pair) if is_tested else None,
                estimate_improvement(first, second),
                _plan_more(rows[pair], family) if is_tested and adjusted[pair] > ALPHA else None,
                pair in alone,
            )
        )
    return pairs


def _adjust(p: Mapping[tuple[str, str], float], alone: Set[tuple[str, str]]) -> dict[tuple[str, str], float]:
    """Holm's adjusted p; those of pairs that are tested alone as they are."""
    family = [pair for pair in p if pair not in alone]
    adjusted = adjust_by_holm(np.array([p[pair] for pair in family])) if family else ()
    return {**p, **dict(zip(family, map(float, adjusted), strict=True))}


def group_by_letters(order: Sequence[str], pairs: Sequence[Pair]) -> dict[str, str]:
    """Letters such that two variants share one exactly if they are not separated (Piepho 2004, insert and absorb).

    Args:
        order: the variants, best first; the best has the letter a.
        pairs: all of them.
    """
    groups = [set(order)]
    for pair in pairs:
        if not pair.is_separated:
            continue
        split = []
        for group in groups:
            both = {pair.first, pair.second} <= group
            split += [group - {pair.first}, group - {pair.second}] if both else [group]
        groups = [
            g for i, g in enumerate(split) if not any(g < o or (g == o and j < i) for j, o in enumerate(split))
        ]
    rank = {variant: i for i, variant in enumerate(order)}
    groups.sort(key=lambda group: sorted(rank[v] for v in group))
    return {v: " ".join(_name_group(i) for i, group in enumerate(groups) if v in group) for v in order}


def _name_group(index: int) -> str:
    """a to z, then aa, ab, ..."""
    return (_name_group(index // 26 - 1) if index >= 26 else "") + chr(ord("a") + index % 26)


def find_unseparated(best: str, pairs: Sequence[Pair]) -> set[str]:
    """The best variant and those that are not separated from it."""
    apart = {name for p in pairs if p.is_separated and best in (p.first, p.second) for name in (p.first, p.second)}
    return {name for p in pairs for name in (p.first, p.second)} - (apart - {best}) | {best}


@dataclass(frozen=True)
class SuitePairs:
    """All pairs of a suite.

    Attributes:
        order: the variants, best mean over tasks first.
        overall: pairs over all tasks, which a conclusion rests on.
        by_task: task to its pairs, exploratory.
        seeds: how many.
        margin: of equivalence, in points; None for distances.
    """

    order: tuple[str, ...]
    overall: tuple[Pair, ...]
    by_task: Mapping[str, tuple[Pair, ...]]
    seeds: int
    margin: float | None

    @property
    def is_ratio(self) -> bool:
        """Whether a difference is one of logarithms."""
        return self.margin is None


def compare_suite(
    matrices: Mapping[str, np.ndarray],
    tasks: Sequence[str],
    margin: float | None,
    primary: tuple[str, str] | None = None,
) -> SuitePairs:
    """Every pair of a suite's variants, over all tasks and on each.

    Args:
        matrices: variant to seeds × tasks: scores in points, or logarithms of distances.
        tasks: the columns.
        margin: of equivalence in points; None says that the numbers are logarithms of distances.
        primary: two variants whose pair over all tasks is tested alone.
    """
    higher = margin is not None
    order = sorted(matrices, key=lambda v: matrices[v].mean(), reverse=higher)
    ordered = {variant: matrices[variant] for variant in order}
    by_task = {
        task: tuple(compare_variants({v: m[:, i : i + 1] for v, m in ordered.items()}, margin, higher))
        for i, task in enumerate(tasks)
    }
    overall = tuple(compare_variants(ordered, margin, higher, primary))
    return SuitePairs(tuple(order), overall, by_task, len(next(iter(matrices.values()))), margin)
