"""The numbers of one suite, computed once for the tables, figures and CSV files."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from reports.analysis.statistics import (
    Estimate,
    Profile,
    estimate_aggregates,
    estimate_improvement,
    estimate_mean,
    estimate_over_tasks,
    estimate_profile,
    geometric_mean,
)
from reports.load.scores import SuiteScores

OVERALL = "geometric mean"  # of all sets
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


def _choose_thresholds(matrices: Mapping[str, np.ndarray]) -> np.ndarray:
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
    thresholds = _choose_thresholds(matrices)
    return ControlAnalysis(
        scores=scores,
        baseline=baseline,
        by_task={
            (task, variant): estimate_mean(scores.matrix(variant)[:, i], replicates)
            for variant in scores.variants
            for i, task in enumerate(scores.tasks)
        },
        aggregates={variant: estimate_aggregates(matrix, replicates) for variant, matrix in matrices.items()},
        improvements={
            variant: estimate_improvement(matrix, matrices[baseline], replicates)
            for variant, matrix in matrices.items()
            if variant != baseline
        },
        profiles={
            variant: estimate_profile(matrix, thresholds, replicates) for variant, matrix in matrices.items()
        },
        replicates=replicates,
    )


@dataclass(frozen=True)
class DensityAnalysis:
    """What is said about a suite of densities scored by distance to the exact target (lower is better).

    Attributes:
        baseline: the variant the others are compared with.
        inverse_temperatures: the β at which any result was scored, ascending; the numbers of one that was not
            scored there are NaN.
        floors: (task, β) to the mean distance between two samples of the target itself.
        distances: (task, β, variant) to the mean distance over seeds.
        multiples: the same as multiples of the floor, which is taken as a constant; NaN where it is 0.
        overall: (β, variant) to the geometric mean of the multiples over the tasks; NaN where one is not positive.
        replicates: bootstrap replicates behind every interval.
    """

    scores: SuiteScores
    baseline: str
    inverse_temperatures: tuple[float, ...]
    floors: Mapping[tuple[str, float], float]
    distances: Mapping[tuple[str, float, str], Estimate]
    multiples: Mapping[tuple[str, float, str], Estimate]
    overall: Mapping[tuple[float, str], Estimate]
    replicates: int

    def of_baseline(self, task: str, beta: float, variant: str) -> float:
        """The distance as a share of the baseline's (NaN where that is 0)."""
        reference = self.distances[task, beta, self.baseline].value
        return self.distances[task, beta, variant].value / reference if reference > 0 else float("nan")


def analyse_densities(scores: SuiteScores, asked: str | None, replicates: int) -> DensityAnalysis:
    """Everything said about a suite of densities.

    Args:
        scores: the suite.
        asked: the baseline asked for, if any.
        replicates: bootstrap replicates of every interval.
    """
    at = {(r.path, d.inverse_temperature): d for r in scores.results() for d in r.densities}
    betas = tuple(sorted({beta for _, beta in at}))
    distances, floors, multiples, overall = {}, {}, {}, {}
    for beta in betas:
        for task in scores.tasks:
            cells = [at.get((r.path, beta)) for v in scores.variants for r in scores.of(task, v)]
            known = [density.floor for density in cells if density is not None]
            floors[task, beta] = float(np.mean(known)) if known else float("nan")
        for variant in scores.variants:
            own = [
                [at[r.path, beta].distance if (r.path, beta) in at else np.nan for r in scores.of(task, variant)]
                for task in scores.tasks
            ]
            distance = np.array(own).T  # seeds × tasks
            floor = np.array([floors[task, beta] for task in scores.tasks])
            multiple = np.divide(distance, floor, out=np.full_like(distance, np.nan), where=floor > 0)
            for i, task in enumerate(scores.tasks):
                distances[task, beta, variant] = estimate_mean(distance[:, i], replicates)
                multiples[task, beta, variant] = estimate_mean(multiple[:, i], replicates)
            overall[beta, variant] = (
                estimate_over_tasks(multiple, geometric_mean, replicates)
                if (multiple > 0).all()
                else Estimate(float("nan"))
            )
    return DensityAnalysis(
        scores, scores.baseline(asked), betas, floors, distances, multiples, overall, replicates
    )


Analysis = ControlAnalysis | DensityAnalysis


def analyse(scores: SuiteScores, asked: str | None, replicates: int) -> Analysis:
    """The analysis that fits the suite's metric."""
    work = analyse_control if scores.is_control else analyse_densities
    return work(scores, asked, replicates)
