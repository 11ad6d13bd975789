"""The numbers of one suite, computed once for the tables, figures and CSV files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np

from reports.analysis.collapse import count_collapsed
from reports.analysis.declared import SweptSuite
from reports.analysis.density_sweeps import DensityValue, collect_density_values
from reports.analysis.distances import measure_distances
from reports.analysis.improvement import estimate_improvement
from reports.analysis.intervals import (
    Estimate,
    estimate_aggregates,
    estimate_mean,
)
from reports.analysis.looks import LookHistory, review_looks
from reports.analysis.measures import Measures, summarize_measures
from reports.analysis.multiples import Floor
from reports.analysis.pairs import MARGIN, SuitePairs, compare_suite
from reports.analysis.statistics import REPLICATES, Profile, bootstrap_aggregates, estimate_profile
from reports.analysis.sweep_values import SweepValue, collect_sweep_values
from reports.analysis.variance import VarianceParts, split_variance
from reports.load.looks import Look
from reports.load.scores import SuiteScores

_PERCENT = 100.0
_THRESHOLDS = 401
BoldRule = Literal["separated", "five-percent"]
BOLD_RULES: tuple[BoldRule, ...] = get_args(BoldRule)


@dataclass(frozen=True)
class Options:
    """What a report is asked for.

    Attributes:
        replicates: bootstrap replicates of rliable's intervals and the profiles' bands.
        margin: within which two scores count as equivalent, in points.
        bold: `separated` for the variants not separated from the best, `five-percent` for those within 5 % of it.
        pictures: whether figures are drawn for print too, as PNG and PDF.
        partial: whether results may be missing; then what is there is reported, and the opening says what is not.
        refresh: seconds after which a browser reads the page again; None where it does not.
    """

    replicates: int = REPLICATES
    margin: float = MARGIN
    bold: BoldRule = "separated"
    pictures: bool = False
    partial: bool = False
    refresh: int | None = None


@dataclass(frozen=True)
class ControlAnalysis:
    """What is said about a suite of tasks scored by normalised return.

    Attributes:
        baseline: the variant the others are compared with.
        by_task: (task, variant) to the mean score over seeds, in percent.
        aggregates: variant to its aggregates, in scores divided by 100; of one task the mean alone.
        bootstrapped: variant to the four aggregates with rliable's intervals.
        improvements: variant (all but the baseline) to its probability of improvement over the baseline.
        profiles: variant to its performance profile.
        pairs: every pair of variants.
        collapsed: (task, variant) to how many of its seeds lie below a gap.
        variances: (task, variant) to the parts of its variance, where they can be told apart.
        replicates: bootstrap replicates behind rliable's intervals and the profiles' bands.
        history: earlier looks at this comparison.
        swept: the suite with its sweeps, of which `scores` has the declared values alone; None without a sweep.
        sweep_values: every value of each sweep.
    """

    scores: SuiteScores
    baseline: str
    by_task: Mapping[tuple[str, str], Estimate]
    aggregates: Mapping[str, Mapping[str, Estimate]]
    bootstrapped: Mapping[str, Mapping[str, Estimate]]
    improvements: Mapping[str, Estimate]
    profiles: Mapping[str, Profile]
    pairs: SuitePairs
    collapsed: Mapping[tuple[str, str], int]
    variances: Mapping[tuple[str, str], VarianceParts]
    replicates: int
    history: LookHistory
    swept: SweptSuite | None = None
    sweep_values: tuple[SweepValue, ...] = ()

    @property
    def every(self) -> SuiteScores:
        """All results of the suite, those of sweeps at every value."""
        return self.scores if self.swept is None else self.swept.scores


@dataclass(frozen=True)
class SweptAnalysis:
    """What is said about a suite of which nothing is compared: sweeps without a declared value.

    Attributes:
        scores: all results.
        swept: the sweeps.
        sweep_values: every value of each, of a suite of tasks or of densities.
        history: earlier looks at these results.
        pairs: None.
    """

    scores: SuiteScores
    swept: SweptSuite
    sweep_values: tuple[SweepValue, ...] | tuple[DensityValue, ...]
    history: LookHistory
    pairs: None = None

    @property
    def every(self) -> SuiteScores:
        """All results of the suite."""
        return self.scores


def _choose_thresholds(matrices: Mapping[str, np.ndarray]) -> np.ndarray:
    """From just below the lowest score (or 0) to just above the highest (or 1)."""
    every = np.concatenate([m.ravel() for m in matrices.values()])
    return np.linspace(min(0.0, every.min() - 0.02), max(1.0, every.max() + 0.02), _THRESHOLDS)


def analyse_control(
    scores: SuiteScores,
    asked: str | None,
    options: Options,
    looks: Sequence[Look] = (),
    primary: tuple[str, str] | None = None,
) -> ControlAnalysis:
    """Everything said about a control suite.

    Args:
        scores: the suite.
        asked: the baseline asked for, if any.
        options: margin and bootstrap replicates.
        looks: of earlier reports.
        primary: two variants whose pair is tested alone.
    """
    baseline, replicates = scores.baseline(asked), options.replicates
    points = {variant: scores.matrix(variant) for variant in scores.variants}
    matrices = {variant: matrix / _PERCENT for variant, matrix in points.items()}
    thresholds = _choose_thresholds(matrices)
    cells = {(task, v): matrix[:, i] for v, matrix in points.items() for i, task in enumerate(scores.tasks)}
    return ControlAnalysis(
        scores=scores,
        baseline=baseline,
        by_task={cell: estimate_mean(values) for cell, values in cells.items()},
        aggregates={variant: estimate_aggregates(matrix) for variant, matrix in matrices.items()},
        bootstrapped={variant: bootstrap_aggregates(matrix, replicates) for variant, matrix in matrices.items()},
        improvements={
            variant: estimate_improvement(matrix, matrices[baseline])
            for variant, matrix in matrices.items()
            if variant != baseline
        },
        profiles={
            variant: estimate_profile(matrix, thresholds, replicates) for variant, matrix in matrices.items()
        },
        pairs=compare_suite(points, scores.tasks, options.margin, primary),
        collapsed={cell: count_collapsed(values) for cell, values in cells.items()},
        variances={cell: parts for cell in cells if (parts := _split_cell(scores, *cell)) is not None},
        replicates=replicates,
        history=review_looks(scores, looks),
    )


def _split_cell(scores: SuiteScores, task: str, variant: str) -> VarianceParts | None:
    groups = [np.array([e.normalized for e in result.episodes]) for result in scores.of(task, variant)]
    return split_variance(groups)


@dataclass(frozen=True)
class DensityAnalysis:
    """What is said about a suite of densities scored by distance to the exact target (lower is better).

    Attributes:
        baseline: the variant the others are compared with.
        inverse_temperatures, floors, distances, multiples, overall: as in `Distances`.
        measures: (task, β, variant) to what else was measured.
        pairs: every pair of variants, by the logarithm of the distance, averaged over β; None where a distance is
            not positive or a result was not scored at every β.
        history: earlier looks at this comparison.
        swept: the suite with its sweeps, of which `scores` has the declared values alone; None without a sweep.
        sweep_values: every value of each sweep.
    """

    scores: SuiteScores
    baseline: str
    inverse_temperatures: tuple[float, ...]
    floors: Mapping[tuple[str, float], Floor]
    distances: Mapping[tuple[str, float, str], Estimate]
    multiples: Mapping[tuple[str, float, str], Estimate]
    overall: Mapping[tuple[float, str], Estimate]
    measures: Mapping[tuple[str, float, str], Measures]
    pairs: SuitePairs | None
    history: LookHistory
    swept: SweptSuite | None = None
    sweep_values: tuple[DensityValue, ...] = ()

    @property
    def every(self) -> SuiteScores:
        """All results of the suite, those of sweeps at every value."""
        return self.scores if self.swept is None else self.swept.scores

    def of_baseline(self, task: str, beta: float, variant: str) -> float:
        """The distance as a share of the baseline's (NaN where that is 0)."""
        reference = self.distances[task, beta, self.baseline].value
        return self.distances[task, beta, variant].value / reference if reference > 0 else float("nan")


def analyse_densities(
    scores: SuiteScores,
    asked: str | None,
    looks: Sequence[Look] = (),
    primary: tuple[str, str] | None = None,
) -> DensityAnalysis:
    """Everything said about a suite of densities.

    Args:
        scores: the suite.
        asked: the baseline asked for, if any.
        looks: of earlier reports.
        primary: two variants whose pair is tested alone.
    """
    found = measure_distances(scores)
    return DensityAnalysis(
        scores=scores,
        baseline=scores.baseline(asked),
        inverse_temperatures=found.inverse_temperatures,
        floors=found.floors,
        distances=found.distances,
        multiples=found.multiples,
        overall=found.overall,
        measures=summarize_measures(scores),
        pairs=_compare_densities(scores, found.inverse_temperatures, primary),
        history=review_looks(scores, looks),
    )


def _compare_densities(
    scores: SuiteScores, betas: tuple[float, ...], primary: tuple[str, str] | None
) -> SuitePairs | None:
    """Pairs by the mean over β of the logarithm of the distance."""
    logarithms = collect_log_distances(scores, betas)
    return compare_suite(logarithms, scores.tasks, None, primary) if logarithms is not None else None


def collect_log_distances(scores: SuiteScores, betas: tuple[float, ...]) -> dict[str, np.ndarray] | None:
    """The mean over β of the logarithm of the distance, seeds × sets of each variant; None where one has none."""
    cells = {
        variant: [[{d.inverse_temperature: d.distance for d in r.densities} for r in scores.of(task, variant)]
                  for task in scores.tasks]
        for variant in scores.variants
    }  # fmt: skip
    found = {
        v: np.array([[[cell.get(beta, np.nan) for beta in betas] for cell in task] for task in tasks])
        for v, tasks in cells.items()
    }
    if not all((array > 0).all() and np.isfinite(array).all() for array in found.values()):
        return None
    return {v: np.log(array).mean(axis=-1).T for v, array in found.items()}


Analysis = ControlAnalysis | DensityAnalysis | SweptAnalysis


def analyse_swept(
    swept: SweptSuite,
    asked: str | None,
    options: Options,
    looks: Sequence[Look] = (),
    primary: tuple[str, str] | None = None,
) -> Analysis:
    """The analysis of what is compared of a suite; see `analyse` for the arguments.

    Earlier looks are counted over all results, of sweeps at every value.
    """
    if not swept.sweeps:
        return analyse(swept.scores, asked, options, looks, primary)
    scores, compared, history = swept.scores, swept.compared, review_looks(swept.scores, looks)
    if scores.is_control:
        values = collect_sweep_values(swept)
        if compared is None:
            return SweptAnalysis(scores, swept, values, history)
        found = analyse_control(compared, asked, options, (), primary)
        return replace(found, swept=swept, sweep_values=values, history=history)
    of_densities = collect_density_values(swept)
    if compared is None:
        return SweptAnalysis(scores, swept, of_densities, history)
    distances = analyse_densities(compared, asked, (), primary)
    return replace(distances, swept=swept, sweep_values=of_densities, history=history)


def analyse(
    scores: SuiteScores,
    asked: str | None,
    options: Options,
    looks: Sequence[Look] = (),
    primary: tuple[str, str] | None = None,
) -> ControlAnalysis | DensityAnalysis:
    """The analysis that fits the suite's metric.

    Args:
        scores: the suite.
        asked: the baseline asked for, if any.
        options: margin and bootstrap replicates.
        looks: of earlier reports.
        primary: two variants whose pair is tested alone, as a frozen plan has it.
    """
    if scores.is_control:
        return analyse_control(scores, asked, options, looks, primary)
    return analyse_densities(scores, asked, looks, primary)
