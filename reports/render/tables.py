"""The tables of scores and of distances, each with a note of the seeds, episodes and intervals behind it.

A distance is also shown as a multiple of the noise floor: 1 is what samples of the exact target themselves reach.
"""

from collections.abc import Callable, Sequence

import numpy as np

from reports.analysis.statistics import AGGREGATES
from reports.analysis.suite import OVERALL, Analysis, ControlAnalysis, DensityAnalysis
from reports.load.scores import SuiteScores
from reports.render.document import Table, format_markdown_table, split_table
from reports.render.numbers import format_estimate, format_number, note_few_seeds

FLOOR = "(noise floor)"


def format_mean(values: np.ndarray) -> str:
    """`63.2 ± 3.1` by the sample standard deviation (n - 1), or the score alone for one seed.

    Args:
        values: shape (seeds,).
    """
    if len(values) == 1:
        return f"{values[0]:.1f}"
    return f"{values.mean():.1f} ± {values.std(ddof=1):.1f}"


def tabulate_scores(scores: SuiteScores) -> Table:
    """Task × variant, mean ± sd over seeds; below them, for several tasks, the mean over tasks."""
    matrices = {variant: scores.matrix(variant) for variant in scores.variants}
    rows = [
        (scores.label_task(task), *(format_mean(matrices[v][:, i]) for v in scores.variants))
        for i, task in enumerate(scores.tasks)
    ]
    if len(scores.tasks) > 1:
        rows.append(("mean over tasks", *(f"{matrices[v].mean():.1f}" for v in scores.variants)))
    return Table(("task", *scores.variants), tuple(rows))


def describe_scores(scores: SuiteScores) -> str:
    """The seeds and episodes behind a score table."""
    seeds = ", ".join(map(str, scores.seeds))
    per_seed = {
        task: sorted({len(r.episodes) for v in scores.variants for r in scores.of(task, v)})
        for task in scores.tasks
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


def tabulate_success(scores: SuiteScores) -> Table | None:
    """Task × variant, `0.45 (27 of 60)`: the share of all episodes that succeeded; None unless every one has been
    judged."""
    episodes = {
        (task, variant): [episode.success for result in scores.of(task, variant) for episode in result.episodes]
        for task in scores.tasks
        for variant in scores.variants
    }
    if any(success is None for found in episodes.values() for success in found):
        return None
    rows = [(task, *(_format_share(episodes[task, v]) for v in scores.variants)) for task in scores.tasks]
    return Table(("task", *scores.variants), tuple(rows))


def _format_share(successes: Sequence[bool | None]) -> str:
    count = sum(map(bool, successes))
    return f"{count / len(successes):.2f} ({count} of {len(successes)})"


def tabulate_aggregates(analysis: ControlAnalysis) -> Table:
    """Variant × aggregate with intervals, in scores divided by 100."""
    rows = [
        (variant, *(format_estimate(found[name], 3) for name in AGGREGATES))
        for variant, found in analysis.aggregates.items()
    ]
    return Table(("variant", *AGGREGATES), tuple(rows))


def tabulate_improvements(analysis: ControlAnalysis) -> Table:
    """Each variant's probability of improvement over the baseline."""
    rows = [(variant, format_estimate(found, 3)) for variant, found in analysis.improvements.items()]
    return Table(("variant", f"P(variant > {analysis.baseline})"), tuple(rows))


def describe_intervals(seeds: int, replicates: int, stratified: bool = True) -> str:
    """How the intervals came about, or that there are none."""
    if seeds == 1:
        return "No interval: 1 seed."
    kind, strata = ("percentile intervals", ", stratified by task") if stratified else ("intervals", "")
    return (
        f"In brackets: 95 % {kind} from {replicates:,} bootstrap replicates over {seeds} seeds{strata}."
        f"{note_few_seeds(seeds)}"
    )


def describe_multiples(analysis: DensityAnalysis) -> str:
    """What the table of multiples holds, and which of its methods are biased by construction."""
    scores = analysis.scores
    said = (
        "sliced Wasserstein distance to the exact target as a multiple of the noise floor (two samples of the "
        f"target itself), lower is better. {describe_intervals(len(scores.seeds), analysis.replicates, False)}"
    )
    biased = [v for v in scores.variants if "biased" in scores.of(scores.tasks[0], v)[0].title]
    if biased:
        said += f" Biased by construction: {', '.join(biased)}."
    return said


def _tabulate_by_set(analysis: DensityAnalysis, cell: Callable[[str, float, str], str]) -> list[tuple[str, ...]]:
    """A row for each set and variant, with a cell for each β."""
    return [
        (task, variant, *(cell(task, beta, variant) for beta in analysis.inverse_temperatures))
        for task in analysis.scores.tasks
        for variant in analysis.scores.variants
    ]


def _density_header(analysis: DensityAnalysis) -> tuple[str, ...]:
    return ("set", "variant", *(f"β = {beta:g}" for beta in analysis.inverse_temperatures))


def tabulate_multiples(analysis: DensityAnalysis) -> Table:
    """Set and variant × β: the multiple of the floor; for several sets their geometric mean first."""
    rows = _tabulate_by_set(analysis, lambda *cell: format_estimate(analysis.multiples[cell], 1))
    betas = analysis.inverse_temperatures
    if len(analysis.scores.tasks) > 1:
        rows = [
            (OVERALL, v, *(format_estimate(analysis.overall[beta, v], 1) for beta in betas))
            for v in analysis.scores.variants
        ] + rows
    return Table(_density_header(analysis), tuple(rows), words=2)


def tabulate_distances(analysis: DensityAnalysis) -> Table:
    """Set and variant × β: the distance itself, each set's floor in a row of its own."""
    rows = _tabulate_by_set(analysis, lambda *cell: format_estimate(analysis.distances[cell], 4))
    floors = {
        task: (
            task,
            FLOOR,
            *(format_number(analysis.floors[task, beta], 4) for beta in analysis.inverse_temperatures),
        )
        for task in analysis.scores.tasks
    }
    count = len(analysis.scores.variants)
    for i, task in reversed(list(enumerate(analysis.scores.tasks))):
        rows.insert(i * count, floors[task])
    return Table(_density_header(analysis), tuple(rows), words=2)


def tabulate_shares(analysis: DensityAnalysis) -> Table:
    """Set and variant × β: the distance as a share of the baseline's."""
    return Table(
        _density_header(analysis),
        tuple(_tabulate_by_set(analysis, lambda *cell: format_number(analysis.of_baseline(*cell), 3))),
        words=2,
    )


def summarize(analyses: Sequence[Analysis]) -> str:
    """The score tables alone, for a terminal."""
    parts: list[str] = []
    for analysis in analyses:
        scores = analysis.scores
        if isinstance(analysis, ControlAnalysis):
            intervals = describe_intervals(len(scores.seeds), analysis.replicates)
            parts += [
                f"{scores.add_source(scores.suite)}. {describe_scores(scores)}",
                *map(format_markdown_table, split_table(tabulate_scores(scores))),
                f"{scores.add_source(scores.suite)}. Aggregates of scores / 100. {intervals}",
                format_markdown_table(tabulate_aggregates(analysis)),
            ]
        else:
            parts += [
                f"{scores.suite}: {describe_multiples(analysis)}",
                format_markdown_table(tabulate_multiples(analysis)),
            ]
    return "\n\n".join(parts) + "\n"
