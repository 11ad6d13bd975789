"""The CSV files: every number of the report at full precision."""

from collections.abc import Sequence

import pandas as pd

from reports.analysis.published import Comparison
from reports.analysis.suite import OVERALL, Analysis, ControlAnalysis, DensityAnalysis
from reports.load.frames import describe_cell

_AGGREGATES = "suite,variant,baseline,aggregate,estimate,lower,upper,seeds,tasks,replicates,data"
_EXACTNESS = "suite,set,variant,inverse_temperature,multiple_of_floor,lower,upper,floor,seeds,replicates"
_COMPARISON = (
    "experiment,table,suite,task,method,row,ours,ours_lower,ours_upper,published,published_spread,"
    "difference,difference_lower,difference_upper,seeds,replicates"
)
_DENSITIES = "suite,task,variant,seed,inverse_temperature,distance,floor,samples"


def _format_csv(header: str, rows: Sequence[tuple[object, ...]]) -> str:
    return pd.DataFrame(rows, columns=pd.Index(header.split(","))).to_csv(index=False)


def export_scores(analyses: Sequence[Analysis]) -> str:
    """One row per cell (task, variant, seed)."""
    rows = [
        describe_cell(variant, result)
        for a in analyses
        for task in a.scores.tasks
        for variant in a.scores.variants
        for result in a.scores.of(task, variant)
    ]
    return pd.DataFrame(rows).to_csv(index=False)


def export_aggregates(analyses: Sequence[Analysis]) -> str:
    """One row per suite, variant and aggregate, in scores divided by 100; only a header for densities alone."""
    rows = []
    for a in analyses:
        if not isinstance(a, ControlAnalysis):
            continue
        size = (len(a.scores.seeds), len(a.scores.tasks), a.replicates, a.scores.source)
        for variant in a.scores.variants:
            found = dict(a.aggregates[variant])
            if variant in a.improvements:
                found["probability of improvement"] = a.improvements[variant]
            rows += [
                (a.scores.suite, variant, a.baseline, name, e.value, e.lower, e.upper, *size)
                for name, e in found.items()
            ]
    return _format_csv(_AGGREGATES, rows)


def export_densities(analyses: Sequence[Analysis]) -> str | None:
    """One row per density result and β, or None where no suite has densities."""
    rows = [
        (a.scores.suite, task, variant, r.seed, d.inverse_temperature, d.distance, d.floor, d.samples)
        for a in analyses
        if isinstance(a, DensityAnalysis)
        for task in a.scores.tasks
        for variant in a.scores.variants
        for r in a.scores.of(task, variant)
        for d in r.densities
    ]
    return _format_csv(_DENSITIES, rows) if rows else None


def export_exactness(analyses: Sequence[Analysis]) -> str | None:
    """One row per set (and for all of them together), variant and β, or None where no suite has densities."""
    rows = []
    for a in analyses:
        if not isinstance(a, DensityAnalysis):
            continue
        found = {(task, beta, v): (e, a.floors[task, beta]) for (task, beta, v), e in a.multiples.items()}
        if len(a.scores.tasks) > 1:
            found |= {(OVERALL, beta, v): (e, None) for (beta, v), e in a.overall.items()}
        rows += [
            (a.scores.suite, task, v, beta, e.value, e.lower, e.upper, floor, len(a.scores.seeds), a.replicates)
            for (task, beta, v), (e, floor) in found.items()
        ]
    return _format_csv(_EXACTNESS, rows) if rows else None


def export_comparisons(comparisons: Sequence[Comparison]) -> str | None:
    """One row per published number that ours is compared with, or None where no experiment was run."""
    rows = []
    for c in comparisons:
        for score in c.scores:
            ours, less = score.ours, score.difference
            names = (c.experiment, c.table, score.suite, score.task or "mean over tasks", score.method, score.row)
            numbers = (ours.value, ours.lower, ours.upper, score.published, score.spread)
            rows.append((*names, *numbers, less.value, less.lower, less.upper, score.seeds, c.replicates))
    return _format_csv(_COMPARISON, rows) if comparisons else None
