"""Numbers as text: with the interval where there is one, a dash where there is no number."""

import numpy as np

from reports.analysis.statistics import Estimate

# Resampling n seeds understates the variance by (n - 1) / n, and n = 3 can show no more than its own range.
_FEW_SEEDS = 5


def format_number(value: float, digits: int) -> str:
    """A number with fixed digits; a dash where there is none."""
    return f"{value:.{digits}f}" if np.isfinite(value) else "–"


def format_estimate(estimate: Estimate, digits: int) -> str:
    """`0.63 [0.58, 0.69]`, or the number alone where one seed gives no interval."""
    if estimate.lower is None or estimate.upper is None or not np.isfinite(estimate.value):
        return format_number(estimate.value, digits)
    return f"{estimate.value:.{digits}f} [{estimate.lower:.{digits}f}, {estimate.upper:.{digits}f}]"


def note_few_seeds(seeds: int) -> str:
    """A sentence, with a space before it, where the seeds are too few for the bootstrap; else nothing."""
    return f" With {seeds} seeds bootstrap intervals are too narrow." if seeds < _FEW_SEEDS else ""


def format_difference(estimate: Estimate, digits: int) -> str:
    """`+1.2 [-0.3, +2.6]`: a difference, whose sign is what it says."""
    if estimate.lower is None or estimate.upper is None:
        return f"{estimate.value:+.{digits}f}"
    return f"{estimate.value:+.{digits}f} [{estimate.lower:+.{digits}f}, {estimate.upper:+.{digits}f}]"
