"""The tables of scores and of distances, each with a note of the seeds, episodes and intervals behind it.

A distance is also shown as a multiple of the noise floor: 1 is what samples of the exact target themselves reach.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

import numpy as np

from reports.analysis.coverage import describe_coverage
from reports.analysis.distances import OVERALL
from reports.analysis.intervals import FEWEST, Estimate, compute_mean, count_left_out, estimate
from reports.analysis.multiples import COVERAGE
from reports.analysis.pairs import find_unseparated
from reports.analysis.suite import Analysis, ControlAnalysis, DensityAnalysis, Options, SweptAnalysis
from reports.load.scores import SuiteScores
from reports.render.document import Table, format_markdown_table, format_markdown_tables
from reports.render.episode_lists import list_episodes
from reports.render.missing import mark_scores, mark_sets
from reports.render.numbers import count_noun, describe_few_seeds, describe_range, format_estimate, format_number

FLOOR = "(noise floor)"
MEAN = "mean over tasks"
_NEAR = 0.05  # of the best: the papers' rule for bold


def format_mean(values: np.ndarray) -> str:
    """`63.2 ± 3.1` by the sample standard deviation (n - 1), or the score alone for one seed.

    Args:
        values: shape (seeds,).
    """
    if len(values) == 1:
        return f"{values[0]:.1f}"
    return f"{values.mean():.1f} ± {values.std(ddof=1):.1f}"


def find_bold(analysis: ControlAnalysis, rule: str) -> dict[str, set[str]]:
    """Which variants are bold in each row of the score table, by task and for the mean over tasks.

    Args:
        rule: `separated` or `five-percent`, see `Options`.
    """
    scores, pairs = analysis.scores, analysis.pairs
    if len(scores.variants) == 1 or (rule == "separated" and pairs.seeds < 3):
        return {}
    means = {t: {v: analysis.by_task[t, v].value for v in scores.variants} for t in scores.tasks}
    means[MEAN] = {v: float(np.mean([means[t][v] for t in scores.tasks])) for v in scores.variants}
    compared = {**pairs.by_task, MEAN: pairs.overall}
    found = {}
    for row, values in means.items():
        best = max(values, key=values.__getitem__)
        near = {v for v, value in values.items() if value >= values[best] - _NEAR * abs(values[best])}
        found[row] = find_unseparated(best, compared[row]) if rule == "separated" else near
    return found


def describe_bold(bold: Mapping[str, Collection[str]], rule: str) -> str:
    """What bold means, with a space before it; nothing where nothing is."""
    if not bold:
        return ""
    if rule == "five-percent":
        return " Bold: within 5 % of the best mean, which no test stands behind."
    return " Bold: not separated from the best mean by the paired test below (one task alone is exploratory)."


def tabulate_scores(scores: SuiteScores, bold: Mapping[str, Collection[str]] | None = None) -> Table:
    """Task × variant, mean ± sd over seeds; below them, for several tasks, their mean with its interval."""
    matrices = {variant: scores.matrix(variant) for variant in scores.variants}

    def mark(row: str, cells: Mapping[str, str]) -> list[str]:
        strong = (bold or {}).get(row, ())
        return [f"**{cell}**" if variant in strong else cell for variant, cell in cells.items()]

    rows = [
        (scores.label_task(task), *mark(task, {v: format_mean(matrices[v][:, i]) for v in scores.variants}))
        for i, task in enumerate(scores.tasks)
    ]
    if len(scores.tasks) > 1:
        means = {v: format_estimate(estimate(compute_mean, matrices[v]), 1) for v in scores.variants}
        rows.append((MEAN, *mark(MEAN, means)))
    cells = {
        (row, column): scores.of(task, variant)
        for row, task in enumerate(scores.tasks)
        for column, variant in enumerate(scores.variants, 1)
    }
    header = ("task", *scores.variants)
    return Table(header, tuple(rows), notes=_note_seeds(scores), unfolded=list_episodes(cells))


def _note_seeds(scores: SuiteScores) -> dict[tuple[int, int], str]:
    """The seeds' scores behind every cell of the score table, by its row and column."""
    notes: dict[tuple[int, int], str] = {}
    for column, variant in enumerate(scores.variants, 1):
        matrix = scores.matrix(variant)
        for row, task in enumerate(scores.tasks):
            episodes = [len(result.episodes) for result in scores.of(task, variant)]
            notes[row, column] = list_seeds(scores.seeds, matrix[:, row], episodes)
        if len(scores.tasks) > 1:
            means = list_seeds(scores.seeds, matrix.mean(axis=1))
            notes[len(scores.tasks), column] = f"{means}; each the mean over {len(scores.tasks)} tasks"
    return notes


def list_seeds(seeds: Sequence[int], values: np.ndarray, episodes: Sequence[int] = ()) -> str:
    """`seed 0: 31.2, seed 1: 33.0; 20 episodes each`, or each seed with its own number of episodes."""
    every = [f"seed {seed}: {value:.1f}" for seed, value in zip(seeds, values, strict=True)]
    if not episodes:
        return ", ".join(every)
    if len(set(episodes)) > 1:
        own = (f"{said} ({count_noun(n, 'episode')})" for said, n in zip(every, episodes, strict=True))
        return ", ".join(own)
    each = " each" if len(seeds) > 1 else ""
    return f"{', '.join(every)}; {count_noun(episodes[0], 'episode')}{each}"


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
        f"{episodes}. A seed's score is the mean of its episodes.{_describe_mean_row(scores)}"
    )


def _describe_mean_row(scores: SuiteScores) -> str:
    if len(scores.tasks) == 1 or len(scores.seeds) < FEWEST:
        return ""
    return " Of the mean over tasks the brackets are its 95 % interval by Student's t over the seeds."


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


def tabulate_aggregates(found: Mapping[str, Mapping[str, Estimate]]) -> Table:
    """Variant × aggregate with intervals, in scores divided by 100; of one task the mean alone.

    Args:
        found: variant to its aggregates by name.
    """
    names = tuple(next(iter(found.values())))
    rows = [(variant, *(format_estimate(own[name], 3) for name in names)) for variant, own in found.items()]
    return Table(("variant", *names), tuple(rows))


def tabulate_rliable(analysis: ControlAnalysis) -> Table:
    """The same aggregates with rliable's intervals."""
    names = next(iter(analysis.aggregates.values()))
    return tabulate_aggregates({v: {n: own[n] for n in names} for v, own in analysis.bootstrapped.items()})


def describe_rliable(analysis: ControlAnalysis) -> str:
    """What rliable's intervals are, and how often they hold the truth."""
    scores = analysis.scores
    seeds, tasks = len(scores.seeds), len(scores.tasks)
    said = (
        f"By rliable: percentile intervals of its stratified bootstrap, {analysis.replicates:,} replicates over "
        f"{count_noun(seeds, 'seed')}, each task drawn by itself."
    )
    if few := describe_few_seeds(seeds):
        return f"{said} {few if seeds == 1 else 'Two seeds cannot show how far they scatter.'}"
    own = [describe_coverage(["mean"], "rliable", seeds, tasks, "such intervals of the mean")]
    if tasks > 1:
        own.append(describe_coverage(["IQM"], "rliable", seeds, tasks, "those of the IQM"))
    return " ".join([said, *own])


def tabulate_improvements(analysis: ControlAnalysis) -> Table:
    """Each variant's probability of improvement over the baseline."""
    rows = [(variant, format_estimate(found, 3)) for variant, found in analysis.improvements.items()]
    return Table(("variant", f"P(variant > {analysis.baseline})"), tuple(rows))


def describe_intervals(
    seeds: int, tasks: int, estimates: Iterable[Estimate] = (), statistics: Sequence[str] = ("mean",)
) -> str:
    """How the intervals came about and how often they hold the truth, or that there are none.

    Args:
        seeds, tasks: behind each.
        estimates: those shown, for a word on any without an interval.
        statistics: of which the lowest coverage is stated.
    """
    if few := describe_few_seeds(seeds):
        return few
    equal = any(e.lower is None and np.isfinite(e.value) for e in estimates)
    several, limit = 1, ""
    if "median" in statistics:
        several = count_left_out(seeds, tasks)
        limit = (
            " The median's can hold it less often where tasks differ in spread and lie closer together than that."
        )
    median = f", for the median {several}" if several > 1 else ""
    return (
        f"In brackets: 95 % intervals by Student's t over {seeds} seeds, a whole seed left out at a time{median}. "
        + describe_coverage(statistics, "jackknife t", seeds, tasks)
        + limit
        + (" A number without brackets is of seeds that are all equal." if equal else "")
    )


def describe_multiples(analysis: DensityAnalysis) -> str:
    """What the table of multiples holds, and which of its methods are biased by construction."""
    scores = analysis.scores
    densities = [d for result in scores.results() for d in result.densities]
    samples = describe_range([d.samples for d in densities])
    pairs = describe_range([d.floor_pairs for d in densities])
    said = (
        f"sliced Wasserstein distance to the exact target as a multiple of the noise floor ({pairs} pairs of "
        f"exact samples), {samples} samples each, geometric means; lower is better. "
        + _describe_multiples_intervals(len(scores.seeds), analysis.multiples.values())
    )
    biased = [v for v in scores.variants if "biased" in scores.of(scores.tasks[0], v)[0].title]
    if biased:
        said += f" Biased by construction: {', '.join(biased)}."
    return said


def _describe_multiples_intervals(seeds: int, estimates: Iterable[Estimate]) -> str:
    if few := describe_few_seeds(seeds):
        return few
    equal = any(e.lower is None and np.isfinite(e.value) for e in estimates)
    return (
        f"In brackets: 95 % intervals by Student's t of the logarithm over {seeds} seeds, the floor's own error "
        f"in them; simulated, those of a perfect sampler hold 1 in {COVERAGE} of cases at 3, 5 and 10 seeds."
        + (" A number without brackets is of seeds that are all equal." if equal else "")
    )


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
            *(format_number(analysis.floors[task, beta].value, 4) for beta in analysis.inverse_temperatures),
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


def summarize(analyses: Sequence[Analysis], options: Options) -> str:
    """The score tables alone, for a terminal."""
    parts: list[str] = []
    for analysis in analyses:
        scores = analysis.scores
        if isinstance(analysis, SweptAnalysis):
            continue
        if isinstance(analysis, ControlAnalysis):
            bold = find_bold(analysis, options.bold)
            estimates = [e for own in analysis.aggregates.values() for e in own.values()]
            names = tuple(next(iter(analysis.aggregates.values())))
            intervals = describe_intervals(len(scores.seeds), len(scores.tasks), estimates, names)
            parts += [
                f"{scores.add_source(scores.suite)}. {describe_scores(scores)}{describe_bold(bold, options.bold)}",
                format_markdown_tables(mark_scores(tabulate_scores(scores, bold), scores)),
                f"{scores.add_source(scores.suite)}. Aggregates of scores / 100. {intervals}",
                format_markdown_table(tabulate_aggregates(analysis.aggregates)),
            ]
        else:
            parts += [
                f"{scores.suite}: {describe_multiples(analysis)}",
                format_markdown_table(mark_sets(tabulate_multiples(analysis), scores)),
            ]
    return "\n\n".join(parts) + "\n"
