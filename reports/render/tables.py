"""Tables say what they average over: seeds and episodes are counted, one seed has neither sd nor interval."""

from collections.abc import Sequence

import numpy as np

from reports.analysis.statistics import AGGREGATES
from reports.analysis.suite import Analysis, ControlAnalysis
from reports.load.scores import SuiteScores
from reports.render.document import Table, in_pieces, markdown_table
from reports.render.numbers import too_few_said, with_interval
from reports.sections.exactness import multiple_note, multiple_table


def mean_and_deviation(values: np.ndarray) -> str:
    """`63.2 ± 3.1` by the sample standard deviation (n - 1), or the score alone for one seed.

    Args:
        values: shape (seeds,).
    """
    if len(values) == 1:
        return f"{values[0]:.1f}"
    return f"{values.mean():.1f} ± {values.std(ddof=1):.1f}"


def score_table(scores: SuiteScores) -> Table:
    """Task × variant, mean ± sd over seeds; below them, for several tasks, the mean over tasks."""
    matrices = {variant: scores.matrix(variant) for variant in scores.variants}
    rows = [
        (task, *(mean_and_deviation(matrices[v][:, i]) for v in scores.variants))
        for i, task in enumerate(scores.tasks)
    ]
    if len(scores.tasks) > 1:
        rows.append(("mean over tasks", *(f"{matrices[v].mean():.1f}" for v in scores.variants)))
    return Table(("task", *scores.variants), tuple(rows))


def score_note(scores: SuiteScores) -> str:
    """What stands behind a score table: seeds and episodes."""
    seeds = ", ".join(map(str, scores.seeds))
    per_seed = {
        task: sorted({r.episodes for v in scores.variants for r in scores.of(task, v)}) for task in scores.tasks
    }
    distinct = sorted({n for counts in per_seed.values() for n in counts})
    episodes = (
        f"{distinct[0]} episodes per seed"
        if len(distinct) == 1
        else "episodes per seed: "
        + "; ".join(f"{task} {' or '.join(map(str, counts))}" for task, counts in per_seed.items())
    )
    if len(scores.seeds) == 1:
        return f"Normalised score of one seed ({seeds}), so there is no standard deviation; {episodes}."
    return (
        f"Normalised score, mean ± sample standard deviation (n − 1) over {len(scores.seeds)} seeds ({seeds}); "
        f"{episodes}. A seed's score is the mean of its episodes."
    )


def aggregate_table(analysis: ControlAnalysis) -> Table:
    """Variant × aggregate with intervals, in scores divided by 100."""
    rows = [
        (variant, *(with_interval(found[name], 3) for name in AGGREGATES))
        for variant, found in analysis.aggregates.items()
    ]
    return Table(("variant", *AGGREGATES), tuple(rows))


def improvement_table(analysis: ControlAnalysis) -> Table:
    """Each variant's probability of improvement over the baseline."""
    rows = [(variant, with_interval(found, 3)) for variant, found in analysis.improvements.items()]
    return Table(("variant", f"P(variant > {analysis.baseline})"), tuple(rows))


def interval_note(seeds: int, replicates: int) -> str:
    """How the intervals came about, or that there are none."""
    if seeds == 1:
        return "No interval: 1 seed."
    few = too_few_said(seeds)
    return (
        f"In brackets: 95 % percentile intervals from {replicates:,} bootstrap replicates over {seeds} seeds, "
        f"stratified by task.{few}"
    )


def summary(analyses: Sequence[Analysis]) -> str:
    """The score tables alone, for a terminal."""
    parts: list[str] = []
    for analysis in analyses:
        scores = analysis.scores
        if isinstance(analysis, ControlAnalysis):
            intervals = interval_note(len(scores.seeds), analysis.replicates)
            parts += [
                f"{scores.suite}: {score_note(scores)}",
                *map(markdown_table, in_pieces(score_table(scores))),
                f"{scores.suite}: aggregates of scores / 100. {intervals}",
                markdown_table(aggregate_table(analysis)),
            ]
        else:
            parts += [f"{scores.suite}: {multiple_note(analysis)}", markdown_table(multiple_table(analysis))]
    return "\n\n".join(parts) + "\n"
