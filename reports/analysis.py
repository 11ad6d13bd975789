"""One suite's numbers, worked out once: tables, figures and CSV print the same ones."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from reports.errors import ReportError
from reports.scores import SuiteScores
from reports.statistics import Estimate, Profile, aggregates, improvement, over_seeds, profile

_PERCENT = 100.0
_THRESHOLDS = 401


@dataclass(frozen=True)
class ControlAnalysis:
    """What is said about a suite of tasks scored by normalised return.

    Attributes:
        baseline: the variant the others are compared with.
        by_task: (task, variant) to the mean score over seeds, in percent.
        aggregates: variant to rliable's aggregates, in scores divided by 100.
        improvements: variant (all but the baseline) to its probability of improvement over the baseline.
        profiles: variant to its performance profile.
        replicates: bootstrap replicates behind every interval.
    """

    scores: SuiteScores
    baseline: str
    by_task: Mapping[tuple[str, str], Estimate]
    aggregates: Mapping[str, Mapping[str, Estimate]]
    improvements: Mapping[str, Estimate]
    profiles: Mapping[str, Profile]
    replicates: int


def _thresholds(matrices: Mapping[str, np.ndarray]) -> np.ndarray:
    """From just below the lowest score (or 0) to just above the highest (or 1)."""
    every = np.concatenate([m.ravel() for m in matrices.values()])
    return np.linspace(min(0.0, every.min() - 0.02), max(1.0, every.max() + 0.02), _THRESHOLDS)


def analyse_control(scores: SuiteScores, asked: str | None, replicates: int) -> ControlAnalysis:
    """Everything said about a control suite.

    Args:
        scores: the suite.
        asked: the baseline asked for, if any.
        replicates: bootstrap replicates of every interval.
    """
    baseline = scores.baseline(asked)
    matrices = {variant: scores.matrix(variant) / _PERCENT for variant in scores.variants}
    thresholds = _thresholds(matrices)
    return ControlAnalysis(
        scores=scores,
        baseline=baseline,
        by_task={
            (task, variant): over_seeds(scores.matrix(variant)[:, i], replicates)
            for variant in scores.variants
            for i, task in enumerate(scores.tasks)
        },
        aggregates={variant: aggregates(matrix, replicates) for variant, matrix in matrices.items()},
        improvements={
            variant: improvement(matrix, matrices[baseline], replicates)
            for variant, matrix in matrices.items()
            if variant != baseline
        },
        profiles={variant: profile(matrix, thresholds, replicates) for variant, matrix in matrices.items()},
        replicates=replicates,
    )


@dataclass(frozen=True)
class DensityAnalysis:
    """What is said about a suite of densities scored by distance to the exact target (lower is better).

    Attributes:
        baseline: the variant the others are compared with.
        inverse_temperatures: the β, ascending.
        floors: (task, β) to the mean distance between two samples of the target itself.
        distances: (task, β, variant) to the mean distance over seeds.
        replicates: bootstrap replicates behind every interval.
    """

    scores: SuiteScores
    baseline: str
    inverse_temperatures: tuple[float, ...]
    floors: Mapping[tuple[str, float], float]
    distances: Mapping[tuple[str, float, str], Estimate]
    replicates: int

    def of_floor(self, task: str, beta: float, variant: str) -> float:
        """The distance as a multiple of the floor (infinite where the floor is 0)."""
        return _ratio(self.distances[task, beta, variant].value, self.floors[task, beta])

    def of_baseline(self, task: str, beta: float, variant: str) -> float:
        """The distance as a multiple of the baseline's (infinite where that is 0)."""
        return _ratio(self.distances[task, beta, variant].value, self.distances[task, beta, self.baseline].value)


def _ratio(value: float, reference: float) -> float:
    return value / reference if reference > 0 else float("inf")


def _inverse_temperatures(scores: SuiteScores) -> tuple[float, ...]:
    """The β that every result has.

    Raises:
        ReportError: two results were scored at different β.
    """
    first, *others = scores.results()
    found = sorted(d.inverse_temperature for d in first.densities)
    for other in others:
        if sorted(d.inverse_temperature for d in other.densities) != found:
            raise ReportError(
                f"{other.path} is scored at other β than {first.path}: keep them in folders of their own "
                f"(`--results`), or leave one out with `--tasks` or `--methods`."
            )
    return tuple(found)


def analyse_densities(scores: SuiteScores, asked: str | None, replicates: int) -> DensityAnalysis:
    """Everything said about a suite of densities.

    Args:
        scores: the suite.
        asked: the baseline asked for, if any.
        replicates: bootstrap replicates of every interval.

    Raises:
        ReportError: the results were scored at different β.
    """
    betas = _inverse_temperatures(scores)
    at = {(r.path, d.inverse_temperature): d for r in scores.results() for d in r.densities}
    distances, floors = {}, {}
    for task in scores.tasks:
        for beta in betas:
            floors[task, beta] = float(
                np.mean([at[r.path, beta].floor for v in scores.variants for r in scores.of(task, v)])
            )
            for variant in scores.variants:
                values = np.array([at[r.path, beta].distance for r in scores.of(task, variant)])
                distances[task, beta, variant] = over_seeds(values, replicates)
    return DensityAnalysis(scores, scores.baseline(asked), betas, floors, distances, replicates)


Analysis = ControlAnalysis | DensityAnalysis


def analyse(scores: SuiteScores, asked: str | None, replicates: int) -> Analysis:
    """The analysis that fits the suite's metric."""
    work = analyse_control if scores.is_control else analyse_densities
    return work(scores, asked, replicates)
