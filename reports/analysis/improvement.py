"""The probability of improvement, P(X > Y) + P(X = Y) / 2 for a random run of each, with a score interval.

The interval holds the θ for which |estimate - θ| ≤ t(0.975, 2n - 2) · sd(θ), with the variance that Newcombe
(Statistics in Medicine 25, 2006, method 5) gives for n runs of each: θ (1 - θ) (1 + N (1 - θ) / (2 - θ) +
N θ / (1 + θ)) / n², N = n - 1. It has a width also where every run of one lies above every run of the other.
Deviation: Student's t for the normal quantile, which is too narrow under about 10 seeds. Runs count as independent
and all tasks as one, since tasks share seeds; both make the interval wider than it need be.
"""

import numpy as np
import scipy.stats

from reports.analysis.intervals import FEWEST, LEVEL, Estimate

_STEPS = 60  # of the bisection


def compute_improvement(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """The mean over tasks of Mann-Whitney's U / n² (rliable's `probability_of_improvement`).

    Args:
        ours, theirs: shape (..., seeds, tasks).
    """
    one, other = ours[..., :, None, :], theirs[..., None, :, :]
    return ((one > other) + 0.5 * (one == other)).mean(axis=(-3, -2, -1))


def _exceeds(theta: np.ndarray, value: np.ndarray, seeds: int, quantile: float) -> np.ndarray:
    """Whether a value lies further from θ than the score test at θ allows."""
    spread = 1 + (seeds - 1) * ((1 - theta) / (2 - theta) + theta / (1 + theta))
    return np.abs(value - theta) > quantile * np.sqrt(theta * (1 - theta) * spread) / seeds


def bound_improvement(value: np.ndarray, seeds: int) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper bound of a probability of improvement that `seeds` runs of each variant gave."""
    value = np.asarray(value, dtype=float)
    quantile = float(scipy.stats.t.ppf((1 + LEVEL) / 2, 2 * seeds - 2))
    bounds = []
    for end in (0.0, 1.0):
        outside, inside = np.full_like(value, end), value.copy()
        for _ in range(_STEPS):
            middle = (outside + inside) / 2
            is_out = _exceeds(middle, value, seeds, quantile)
            outside, inside = np.where(is_out, middle, outside), np.where(is_out, inside, middle)
        bounds.append(np.where(value == end, end, inside))
    return bounds[0], bounds[1]


def estimate_improvement(ours: np.ndarray, theirs: np.ndarray) -> Estimate:
    """The probability that a run of `ours` scores above one of `theirs` on a random task.

    Args:
        ours, theirs: seeds × tasks, of the same seeds.
    """
    value = float(compute_improvement(ours, theirs))
    if len(ours) < FEWEST:
        return Estimate(value)
    low, high = bound_improvement(np.array(value), len(ours))
    return Estimate(value, float(low), float(high))
