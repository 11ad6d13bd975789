"""Seeds that collapse: the rate that the data cannot exclude, and a gap in a cell's seeds where one is seen.

If none of n seeds collapsed, the rate is below 1 - 0.05^(1/n) with 95 % confidence (Clopper and Pearson 1934, one
side; for k collapsed the 95 % quantile of Beta(k + 1, n - k)). A gap is seen where the largest distance between
neighbouring seeds that leaves fewer than half of them below it is a larger share of their range than in 99 of 100
cells of normal seeds (Dixon 1950, one side, for any number below the gap).
"""

import bisect

import numpy as np
import scipy.stats

CONFIDENCE = 0.95
# The 99 % quantile of the gap's share of the range, of n normal values (400,000 cells each).
_CRITICAL = {
    3: 0.988, 4: 0.890, 5: 0.806, 6: 0.716, 7: 0.661, 8: 0.607, 9: 0.569, 10: 0.539, 12: 0.492, 15: 0.446,
    20: 0.395, 30: 0.344, 50: 0.298,
}  # fmt: skip


def bound_collapse_rate(collapsed: int, seeds: int) -> float:
    """The largest rate of collapse that `collapsed` of `seeds` does not exclude with 95 % confidence."""
    if collapsed == seeds:
        return 1.0
    return float(scipy.stats.beta.ppf(CONFIDENCE, collapsed + 1, seeds - collapsed))


def measure_gap(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The largest gap with fewer than half of the seeds below it.

    Args:
        values: shape (..., seeds), at least three.

    Returns:
        The gap as a share of the seeds' range (0 where they are equal), and how many seeds lie below it.
    """
    ordered = np.sort(values, axis=-1)
    gaps = np.diff(ordered, axis=-1)[..., : (values.shape[-1] - 1) // 2]
    extent = ordered[..., -1] - ordered[..., 0]
    share = np.divide(gaps.max(axis=-1), extent, out=np.zeros_like(extent), where=extent > 0)
    return share, gaps.argmax(axis=-1) + 1


def find_critical_gap(seeds: int) -> float:
    """The share of the range beyond which a gap is flagged: of the next smaller number of seeds in the table."""
    known = sorted(_CRITICAL)
    return _CRITICAL[known[bisect.bisect_right(known, seeds) - 1]]


def count_collapsed(values: np.ndarray) -> int:
    """How many of a cell's seeds lie below a gap; 0 where none is seen, or under three seeds."""
    if len(values) < min(_CRITICAL):
        return 0
    share, below = measure_gap(values)
    return int(below) if share > find_critical_gap(len(values)) else 0
