"""A suite's part of the report: scores with intervals, cost, published numbers, tuning of ρ, settings."""

from collections.abc import Sequence

from reports.analysis.suite import Analysis, ControlAnalysis, DensityAnalysis
from reports.load.schema import Choice, Machine, TimingRow
from reports.load.scores import SuiteScores
from reports.render.density_figures import draw_multiples, draw_samples
from reports.render.document import Block, Details, Heading, Text, split_table
from reports.render.figures import draw_aggregates, draw_costs, draw_profile, draw_scores
from reports.render.tables import (
    describe_intervals,
    describe_multiples,
    describe_scores,
    tabulate_aggregates,
    tabulate_distances,
    tabulate_improvements,
    tabulate_multiples,
    tabulate_scores,
    tabulate_shares,
    tabulate_success,
)
from reports.sections.cost import average_costs, make_cost_section
from reports.sections.published import make_published_section
from reports.sections.settings import make_settings_section
from reports.sections.terms import make_terms_section
from reports.sections.tuning import make_tuning_section


def _make_control_blocks(analysis: ControlAnalysis) -> list[Block]:
    scores, note = analysis.scores, describe_intervals(len(analysis.scores.seeds), analysis.replicates)
    blocks: list[Block] = [
        Heading(3, scores.add_source("Scores")),
        Text(describe_scores(scores)),
        *split_table(tabulate_scores(scores)),
        draw_scores(analysis),
        *_make_success_blocks(scores),
        Heading(3, scores.add_source("Aggregates")),
        Text(
            f"By rliable over seeds × tasks, in scores divided by 100, so that 1 is D4RL's reference maximum and "
            f"the optimality gap is the mean shortfall from 1 (lower is better). {note}"
        ),
        tabulate_aggregates(analysis),
        draw_aggregates(analysis),
    ]
    if analysis.improvements:
        blocks += [
            Heading(3, scores.add_source(f"Probability of improvement over {analysis.baseline}")),
            Text(
                f"The probability that a random run scores above a random run of `{analysis.baseline}` on a "
                f"random task; ties count one half. {note}"
            ),
            tabulate_improvements(analysis),
        ]
    return [*blocks, Heading(3, scores.add_source("Performance profile")), draw_profile(analysis)]


def _make_success_blocks(scores: SuiteScores) -> list[Block]:
    """The success rates, where every task of the suite defines a success."""
    table = tabulate_success(scores)
    if table is None:
        return []
    note = "The share of the episodes of all seeds that the task's own measure counts as a success."
    return [Heading(3, "Success rate"), Text(note), *split_table(table)]


def _make_density_blocks(analysis: DensityAnalysis) -> list[Block]:
    scores = analysis.scores
    figures = [found for task in scores.tasks if (found := draw_samples(analysis, task)) is not None]
    note = describe_multiples(analysis)
    return [
        Heading(3, "Exactness"),
        Text(note[0].upper() + note[1:]),
        tabulate_multiples(analysis),
        draw_multiples(analysis),
        Details("The distances themselves, each set's noise floor first", (tabulate_distances(analysis),)),
        Details(f"The distances as a share of {analysis.baseline}'s", (tabulate_shares(analysis),)),
        Heading(3, "Samples"),
        *(figures or [Text("No samples were stored with these results.")]),
    ]


def _make_cost_blocks(analysis: Analysis, timed: Sequence[TimingRow], machine: Machine | None) -> list[Block]:
    """The cost table and, for a control suite, score against cost."""
    scores = analysis.scores
    if not timed or machine is None:
        return []
    blocks = make_cost_section(timed, machine, tuple(dict.fromkeys(map(scores.method, scores.variants))))
    if not isinstance(analysis, ControlAnalysis):
        return blocks
    costs, unit = average_costs(timed)
    # A variant whose tasks have different terms has no one cost.
    stands_on = {v: {(r.method, r.terms) for t in scores.tasks for r in scores.of(t, v)} for v in scores.variants}
    known = {v: costs[key] for v, keys in stands_on.items() for key in keys if len(keys) == 1 and key in costs}
    return [*blocks, *([draw_costs(analysis, known, unit)] if known else [])]


def make_suite_section(
    analysis: Analysis, timed: Sequence[TimingRow], machine: Machine | None, choices: Sequence[Choice]
) -> list[Block]:
    """One suite's section.

    Args:
        analysis: the suite's numbers.
        timed: its timing rows, possibly none.
        machine: what they were measured on, None where nothing was.
        choices: how ρ was tuned, of all suites.

    Raises:
        ReportError: a samples file that cannot be read, or controlled results that are not on equal terms.
    """
    scores = analysis.scores
    control = isinstance(analysis, ControlAnalysis)
    return [
        Heading(2, scores.add_source(scores.suite)),
        *make_terms_section(scores),
        *(_make_control_blocks(analysis) if control else _make_density_blocks(analysis)),
        *_make_cost_blocks(analysis, timed, machine),
        *(make_published_section(scores) if control else []),
        *make_tuning_section(scores, choices),
        *make_settings_section(scores),
    ]
