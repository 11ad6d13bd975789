"""The interval of a median by order statistics, which holds for any continuous law.

The k-th smallest and the k-th largest of n independent values hold the median between them with probability
1 - 2 P(X < k), X binomial of n and 1/2 (David and Nagaraja, Order Statistics, 2003, §7.1).
"""

from collections.abc import Sequence

import numpy as np
import scipy.stats

LEVEL = 0.95
FEWEST = 6  # values; the least and the greatest of five hold the median in 94 % of cases


def find_median_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """The narrowest symmetric pair of order statistics with at least 95 %; None under six values."""
    below = int(scipy.stats.binom.ppf((1 - LEVEL) / 2, len(values), 0.5))
    if below < 1:
        return None
    ordered = np.sort(np.asarray(values, dtype=float))
    return float(ordered[below - 1]), float(ordered[-below])
