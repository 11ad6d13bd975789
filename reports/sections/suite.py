"""A suite's part of the report: scores with intervals, cost, published numbers, tuning of ρ, settings."""

from collections.abc import Sequence

from reports.analysis.components import Part
from reports.analysis.costs import find_costs, find_evaluations
from reports.analysis.density_sweeps import DensityValue
from reports.analysis.intervals import FEWEST
from reports.analysis.suite import Analysis, ControlAnalysis, DensityAnalysis, Options, SweptAnalysis
from reports.analysis.sweep_values import SweepValue
from reports.figures.aggregates import make_aggregates_figure
from reports.figures.costs import make_costs_figure, make_evaluations_figure
from reports.figures.exactness import make_exactness_figure
from reports.figures.pairs import make_pairs_figure
from reports.figures.profile import make_profile_figure
from reports.figures.samples import make_samples_figure
from reports.figures.scores import make_scores_figure
from reports.load.ledger import TuningRecords
from reports.load.scores import SuiteScores
from reports.load.timing_schema import TimingRow
from reports.render.document import Block, Details, Heading, Text, name_table
from reports.render.measure_tables import describe_measures, tabulate_measures
from reports.render.missing import mark_scores, mark_sets
from reports.render.numbers import describe_few_seeds
from reports.render.tables import (
    describe_bold,
    describe_intervals,
    describe_multiples,
    describe_rliable,
    describe_scores,
    find_bold,
    tabulate_aggregates,
    tabulate_distances,
    tabulate_improvements,
    tabulate_multiples,
    tabulate_rliable,
    tabulate_scores,
    tabulate_shares,
    tabulate_success,
)
from reports.sections.budgets import make_budgets_section
from reports.sections.cost import make_cost_section
from reports.sections.curves import make_curves_section
from reports.sections.density_sweeps import make_density_sweep_blocks
from reports.sections.episodes import make_episodes_section
from reports.sections.interventions import make_interventions_section
from reports.sections.method_sweeps import make_sweep_blocks
from reports.sections.pairs import make_pair_blocks, make_variance_blocks
from reports.sections.protocol import describe_protocol
from reports.sections.published import make_published_section
from reports.sections.ranks import make_ranks_section
from reports.sections.settings import make_settings_section
from reports.sections.terms import make_terms_section
from reports.sections.trajectories import make_trajectory_blocks
from reports.sections.tuning import make_tuning_section
from reports.sections.weights import make_weights_section


def _make_control_blocks(analysis: ControlAnalysis, options: Options) -> list[Block]:
    scores, bold = analysis.scores, find_bold(analysis, options.bold)
    return [
        Heading(3, scores.add_source("Scores")),
        Text(_say_declared(analysis) + describe_scores(scores) + describe_bold(bold, options.bold)),
        name_table(mark_scores(tabulate_scores(scores, bold), scores), scores.suite, "scores", splits=True),
        make_scores_figure(analysis),
        *_make_success_blocks(scores),
        *make_pair_blocks(analysis),
        *([make_pairs_figure(analysis)] if len(scores.variants) > 1 and analysis.pairs.seeds >= FEWEST else []),
        *_make_aggregate_blocks(analysis),
        *_make_improvement_blocks(analysis),
        Heading(3, scores.add_source("Performance profile")),
        make_profile_figure(analysis),
        *make_ranks_section(analysis, options.replicates),
        *make_variance_blocks(analysis),
        *make_episodes_section(scores),
        *make_trajectory_blocks(scores),
    ]


def _say_declared(analysis: ControlAnalysis | DensityAnalysis) -> str:
    """That swept methods are shown at one value, with a space behind it; nothing where nothing is swept."""
    is_swept = analysis.swept is not None
    return "Swept methods here, and in what follows, are at their declared value. " if is_swept else ""


def _make_aggregate_blocks(analysis: ControlAnalysis) -> list[Block]:
    """The aggregates with the intervals that a conclusion rests on, and rliable's own."""
    scores, seeds, tasks = analysis.scores, len(analysis.scores.seeds), len(analysis.scores.tasks)
    estimates = [e for own in analysis.aggregates.values() for e in own.values()]
    names = tuple(next(iter(analysis.aggregates.values())))
    what = (
        "rliable's aggregates over seeds × tasks, in scores divided by 100, so that 1 is D4RL's reference maximum "
        "and the optimality gap is the mean shortfall from 1 (lower is better)."
        if tasks > 1
        else "The mean over seeds of the one task, in scores divided by 100."
    )
    return [
        Heading(3, scores.add_source("Aggregates")),
        Text(f"{what} {describe_intervals(seeds, tasks, estimates, names)}"),
        name_table(tabulate_aggregates(analysis.aggregates), scores.suite, "aggregates"),
        make_aggregates_figure(analysis),
        Details(
            "The same with rliable's bootstrap intervals",
            (Text(describe_rliable(analysis)), name_table(tabulate_rliable(analysis), scores.suite, "rliable")),
        ),
    ]


def _make_improvement_blocks(analysis: ControlAnalysis) -> list[Block]:
    if not analysis.improvements:
        return []
    few = describe_few_seeds(len(analysis.scores.seeds))
    note = few or (
        "In brackets: a 95 % score interval (Newcombe 2006, with Student's t) that takes runs for independent and "
        "tasks for one, and so is as a rule wider than it need be."
    )
    return [
        Heading(3, analysis.scores.add_source(f"Probability of improvement over {analysis.baseline}")),
        Text(
            f"The probability that a random run scores above a random run of `{analysis.baseline}` on a random "
            f"task; ties count one half. {note}"
        ),
        name_table(tabulate_improvements(analysis), analysis.scores.suite, "improvements"),
    ]


def _make_success_blocks(scores: SuiteScores) -> list[Block]:
    """The success rates, where every task of the suite defines a success."""
    table = tabulate_success(scores)
    if table is None:
        return []
    note = "The share of the episodes of all seeds that the task's own measure counts as a success."
    return [
        Heading(3, "Success rate"),
        Text(note),
        name_table(mark_scores(table, scores), scores.suite, "success", splits=True),
    ]


def _make_density_blocks(analysis: DensityAnalysis, options: Options) -> list[Block]:
    scores = analysis.scores
    figures = [found for task in scores.tasks if (found := make_samples_figure(analysis, task)) is not None]
    note = describe_multiples(analysis)
    distances = name_table(mark_sets(tabulate_distances(analysis), scores), scores.suite, "distances")
    shares = name_table(mark_sets(tabulate_shares(analysis), scores), scores.suite, "shares")
    return [
        Heading(3, "Exactness"),
        Text(_say_declared(analysis) + note[0].upper() + note[1:]),
        name_table(mark_sets(tabulate_multiples(analysis), scores), scores.suite, "exactness"),
        make_exactness_figure(analysis),
        *_make_measure_blocks(analysis),
        Details("The distances themselves, each set's noise floor first", (distances,)),
        Details(f"The distances as a share of {analysis.baseline}'s", (shares,)),
        *make_pair_blocks(analysis),
        *make_ranks_section(analysis, options.replicates),
        Heading(3, "Samples"),
        *(figures or [Text("No samples were stored with these results.")]),
    ]


def _make_measure_blocks(analysis: DensityAnalysis) -> list[Block]:
    """What else was measured of the samples, where every seed of a cell has it."""
    if not analysis.measures:
        return []
    table = name_table(tabulate_measures(analysis), analysis.scores.suite, "measures")
    what = "Effective β, divergence and classifier of every set and variant"
    return [Text(describe_measures(analysis)), Details(what, (table,))]


def _make_cost_blocks(analysis: Analysis, timed: Sequence[TimingRow]) -> list[Block]:
    """The cost tables and, for a control suite, score against milliseconds and against network evaluations."""
    scores = analysis.scores
    order = tuple(dict.fromkeys(map(analysis.every.method, analysis.every.variants)))
    blocks = make_cost_section(timed, order) if timed else []
    if not isinstance(analysis, ControlAnalysis):
        return blocks
    known, unit = find_costs([row for row in timed if row.sweep is None], scores)
    evaluations = find_evaluations(scores)
    if evaluations and not blocks:
        said = (
            "Nothing here was timed, so that cost is known in network evaluations alone, and not in milliseconds."
        )
        blocks = [Heading(3, "Cost"), Text(said)]
    return [
        *blocks,
        *([make_costs_figure(analysis, known, unit)] if known else []),
        *([make_evaluations_figure(analysis, evaluations)] if evaluations else []),
    ]


def _make_score_blocks(analysis: Analysis, records: TuningRecords, options: Options) -> list[Block]:
    """The sweeps, then what is compared."""
    match analysis:
        case DensityAnalysis():
            compared = _make_density_blocks(analysis, options)
        case ControlAnalysis():
            compared = _make_control_blocks(analysis, options)
        case SweptAnalysis():
            compared = []
    return [*_make_sweep_blocks(analysis, records), *compared]


def _make_sweep_blocks(analysis: Analysis, records: TuningRecords) -> list[Block]:
    """The sweeps of a suite of tasks or of densities; nothing where nothing is swept."""
    if analysis.swept is None:
        return []
    of_tasks = [value for value in analysis.sweep_values if isinstance(value, SweepValue)]
    if of_tasks:
        return make_sweep_blocks(analysis.swept, of_tasks, records.ledger)
    of_sets = [value for value in analysis.sweep_values if isinstance(value, DensityValue)]
    return make_density_sweep_blocks(analysis.swept, of_sets)


def make_suite_section(
    analysis: Analysis,
    timed: Sequence[TimingRow],
    records: TuningRecords,
    options: Options,
    searched: Sequence[Block] = (),
    parts: Sequence[Part] = (),
) -> list[Block]:
    """One suite's section.

    Args:
        analysis: the suite's numbers.
        timed: its timing rows, possibly none.
        records: how ρ was tuned, of all suites.
        options: what the report is asked for.
        searched: what tuning found, to go after how ρ was tuned.
        parts: the components that its results stand on.

    Raises:
        ReportError: a samples file that cannot be read, or controlled results that are not on equal terms.
    """
    scores = analysis.every
    return [
        Heading(2, scores.add_source(scores.suite)),
        *make_terms_section(scores),
        describe_protocol(scores),
        *_make_score_blocks(analysis, records, options),
        *_make_cost_blocks(analysis, timed),
        *(make_published_section(analysis.scores) if isinstance(analysis, ControlAnalysis) else []),
        *make_tuning_section(scores, records),
        *searched,
        *make_budgets_section(scores, records.ledger),
        *make_interventions_section(scores),
        *make_curves_section(scores, parts),
        *make_weights_section(scores),
        *make_settings_section(scores),
    ]
