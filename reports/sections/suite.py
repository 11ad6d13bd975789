"""A suite's section goes from the result to its grounds: scores, intervals, cost, published, tuning, settings."""

from collections.abc import Mapping, Sequence
from typing import Any

from reports.analysis.suite import Analysis, ControlAnalysis, DensityAnalysis
from reports.render.document import Block, Details, Heading, Text, in_pieces
from reports.render.figures import aggregate_figure, cost_figure, profile_figure, score_figure
from reports.render.scatter import scatter_figure
from reports.render.tables import (
    aggregate_table,
    improvement_table,
    interval_note,
    score_note,
    score_table,
)
from reports.sections.cost import TimingRow, cost_blocks, smallest_batch_cost
from reports.sections.exactness import distance_table, multiple_figure, multiple_note, multiple_table, share_table
from reports.sections.provenance import settings_blocks
from reports.sections.published import published_blocks
from reports.sections.terms import terms_text
from reports.sections.tuning import Choice, tuning_blocks


def _control_blocks(analysis: ControlAnalysis) -> list[Block]:
    scores, note = analysis.scores, interval_note(len(analysis.scores.seeds), analysis.replicates)
    blocks: list[Block] = [
        Heading(3, "Scores"),
        Text(score_note(scores)),
        *in_pieces(score_table(scores)),
        score_figure(analysis),
        Heading(3, "Aggregates"),
        Text(
            f"By rliable over seeds × tasks, in scores divided by 100, so that 1 is D4RL's reference maximum and "
            f"the optimality gap is the mean shortfall from 1 (lower is better). {note}"
        ),
        aggregate_table(analysis),
        aggregate_figure(analysis),
    ]
    if analysis.improvements:
        blocks += [
            Heading(3, f"Probability of improvement over {analysis.baseline}"),
            Text(
                f"The probability that a random run scores above a random run of `{analysis.baseline}` on a "
                f"random task; ties count one half. {note}"
            ),
            improvement_table(analysis),
        ]
    return [*blocks, Heading(3, "Performance profile"), profile_figure(analysis)]


def _density_blocks(analysis: DensityAnalysis) -> list[Block]:
    scores = analysis.scores
    figures = [found for task in scores.tasks if (found := scatter_figure(analysis, task)) is not None]
    note = multiple_note(analysis)
    return [
        Heading(3, "Exactness"),
        Text(note[0].upper() + note[1:]),
        multiple_table(analysis),
        multiple_figure(analysis),
        Details("The distances themselves, each set's noise floor first", (distance_table(analysis),)),
        Details(f"The distances as a share of {analysis.baseline}'s", (share_table(analysis),)),
        Heading(3, "Samples"),
        *(figures or [Text("These results kept no samples.")]),
    ]


def _cost(analysis: Analysis, timed: Sequence[TimingRow], machine: Mapping[str, Any]) -> list[Block]:
    """The cost table and, for a control suite, score against cost."""
    scores = analysis.scores
    blocks = cost_blocks(timed, machine, tuple(dict.fromkeys(map(scores.method, scores.variants))))
    if not timed or not isinstance(analysis, ControlAnalysis):
        return blocks
    costs, unit = smallest_batch_cost(timed)
    # A variant whose tasks stand on different terms has no one cost.
    stands_on = {v: {(r.method, r.terms) for t in scores.tasks for r in scores.of(t, v)} for v in scores.variants}
    known = {v: costs[key] for v, keys in stands_on.items() for key in keys if len(keys) == 1 and key in costs}
    return [*blocks, *([cost_figure(analysis, known, unit)] if known else [])]


def suite_blocks(
    analysis: Analysis, timed: Sequence[TimingRow], machine: Mapping[str, Any], choices: Sequence[Choice]
) -> list[Block]:
    """One suite's section.

    Args:
        analysis: the suite's numbers.
        timed: its timing rows, possibly none.
        machine: what they were measured on.
        choices: how ρ was tuned, of all suites.

    Raises:
        ReportError: a samples file that cannot be read.
    """
    scores = analysis.scores
    control = isinstance(analysis, ControlAnalysis)
    return [
        Heading(2, scores.suite),
        terms_text(scores),
        *(_control_blocks(analysis) if control else _density_blocks(analysis)),
        *_cost(analysis, timed, machine),
        *(published_blocks(scores) if control else []),
        *tuning_blocks(scores, choices),
        *settings_blocks(scores),
    ]
