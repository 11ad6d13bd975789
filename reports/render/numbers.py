"""Numbers as text: with the interval where there is one, a dash where there is no number."""

from collections.abc import Collection

import numpy as np

from reports.analysis.intervals import FEWEST, Estimate
from reports.load.timing_schema import Milliseconds, Ratio


def format_number(value: float, digits: int) -> str:
    """A number with fixed digits; a dash where there is none."""
    return f"{value:.{digits}f}" if np.isfinite(value) else "–"


def format_estimate(estimate: Estimate, digits: int) -> str:
    """`0.63 [0.58, 0.69]`, or the number alone where there is no interval."""
    if estimate.lower is None or estimate.upper is None or not np.isfinite(estimate.value):
        return format_number(estimate.value, digits)
    return f"{estimate.value:.{digits}f} [{estimate.lower:.{digits}f}, {estimate.upper:.{digits}f}]"


def describe_few_seeds(seeds: int) -> str:
    """Why there is no interval, under three seeds; else nothing."""
    if seeds >= FEWEST:
        return ""
    return "No interval: 1 seed." if seeds == 1 else f"No interval: {seeds} seeds, {FEWEST} are needed."


def format_p(p: float | None) -> str:
    """`0.032`, `<0.001`, or a dash."""
    if p is None:
        return "–"
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def count_noun(count: int, noun: str) -> str:
    """`1 seed`, `3 seeds`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def format_difference(estimate: Estimate, digits: int) -> str:
    """`+1.2 [-0.3, +2.6]`: a difference, whose sign is what it says."""
    if estimate.lower is None or estimate.upper is None:
        return f"{estimate.value:+.{digits}f}"
    return f"{estimate.value:+.{digits}f} [{estimate.lower:+.{digits}f}, {estimate.upper:+.{digits}f}]"


def describe_range(counts: Collection[int]) -> str:
    """`20,000`, or `500 to 20,000` where they differ."""
    low, high = min(counts), max(counts)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def format_milliseconds(taken: Milliseconds | None) -> str:
    """`1.20 [1.10, 1.50]`: median, 5th and 95th percentile."""
    return "–" if taken is None else f"{taken.median:.2f} [{taken.p5:.2f}, {taken.p95:.2f}]"


def format_ratio(ratio: Ratio | None) -> str:
    """`1.80 [1.75, 1.86]`: the median and its interval, alone where there is none."""
    if ratio is None:
        return "–"
    interval = "" if ratio.lower is None or ratio.upper is None else f" [{ratio.lower:.2f}, {ratio.upper:.2f}]"
    return f"{ratio.median:.2f}{interval}"
