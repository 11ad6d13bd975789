"""Measures of a density's samples beside the distance: effective β, divergence, accuracy of a classifier."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from reports.analysis.intervals import Estimate, estimate_mean, estimate_positive_mean
from reports.load.schema import Density
from reports.load.scores import SuiteScores


@dataclass(frozen=True)
class Effective:
    """The β that samples have, over seeds.

    Attributes:
        value: median over seeds.
        lower, upper: the outermost ends of the seeds' 95 % intervals.
        is_least, is_most: whether an end of the range that was searched is among them, and β may be beyond.
        excluded: whether every seed's interval excludes the β that was asked for.
    """

    value: float
    lower: float
    upper: float
    is_least: bool
    is_most: bool
    excluded: bool


@dataclass(frozen=True)
class Measures:
    """Of one set, variant and β, over seeds; numbers are NaN where a seed diverged.

    Attributes:
        effective: the β that the samples have.
        divergence: KL(target || samples) in nats.
        divergence_floor: its mean for exact samples.
        classifier: held-out accuracy.
        classifier_error: standard error of that accuracy, were the laws equal.
    """

    effective: Effective
    divergence: Estimate
    divergence_floor: float
    classifier: Estimate
    classifier_error: float


def summarize_measures(scores: SuiteScores) -> Mapping[tuple[str, float, str], Measures]:
    """(task, β, variant) to its measures, where all its results were scored at that β."""
    found = {}
    for task in scores.tasks:
        for variant in scores.variants:
            results = scores.of(task, variant)
            by_beta: dict[float, list[Density]] = {}
            for density in (d for result in results for d in result.densities):
                by_beta.setdefault(density.inverse_temperature, []).append(density)
            for beta, densities in by_beta.items():
                if len(densities) == len(results):
                    found[task, beta, variant] = _average(densities)
    return found


def _average(densities: list[Density]) -> Measures:
    divergences, accuracies = (
        np.array([getattr(d, name) for d in densities]) for name in ("divergence", "classifier")
    )
    points = sum(d.samples for d in densities)  # the second halves of as many of either kind
    return Measures(
        effective=_pool_effective(densities),
        divergence=estimate_positive_mean(divergences),
        divergence_floor=float(np.mean([d.divergence_floor for d in densities])),
        classifier=estimate_mean(accuracies),
        classifier_error=0.5 / float(np.sqrt(points)),
    )


def _pool_effective(densities: list[Density]) -> Effective:
    lows, highs = ([getattr(d, f"effective_beta_{end}") for d in densities] for end in ("low", "high"))
    return Effective(
        value=float(np.median([d.effective_beta for d in densities])),
        lower=float(np.min(lows)),
        upper=float(np.max(highs)),
        is_least=any(d.effective_beta_low <= d.effective_beta_least for d in densities),
        is_most=any(d.effective_beta_high >= d.effective_beta_most for d in densities),
        excluded=all(
            d.inverse_temperature < d.effective_beta_low or d.inverse_temperature > d.effective_beta_high
            for d in densities
        ),
    )
