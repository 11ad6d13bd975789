"""The learning curves of the components that a suite's results stand on."""

import math
from collections.abc import Sequence

from reports.analysis.components import Part, group_parts
from reports.figures.curves import list_quantities, make_curves_figure
from reports.load.component_schema import MOST_POINTS, LearningCurve
from reports.load.scores import SuiteScores
from reports.render.document import Block, Details, Heading, Table, Text, name_table
from reports.render.numbers import count_noun

_ABOUT = (
    "What was recorded in training, of the components that the results stand on. A results folder keeps at most "
    f"{MOST_POINTS} bins of a curve, each the mean over equally many recorded steps. The table has the first and "
    "the last bin, as mean over seeds [least, greatest]; one that is not finite is marked, and not averaged over."
)


def make_curves_section(scores: SuiteScores, parts: Sequence[Part]) -> list[Block]:
    """A table of where the curves begin and end, and a folded figure for each kind; nothing without a curve.

    Args:
        scores: the suite.
        parts: the components that it stands on.
    """
    curved = [part for part in parts if _has_quantity(part)]
    if not curved:
        return []
    table = name_table(tabulate_ends(scores, curved), scores.suite, "curves", splits=True)
    ends = Details(f"Where each curve begins and ends ({len(table.rows)})", (table,))
    blocks: list[Block] = [Heading(3, scores.add_source("Learning curves")), Text(_ABOUT), ends]
    for kind in dict.fromkeys(part.kind for part in curved):
        own = [part for part in curved if part.kind == kind]
        tasks, seeds = len({part.task for part in own}), len({part.seed for part in own})
        summary = f"Learning curves of {kind}: {count_noun(tasks, 'task')}, {count_noun(seeds, 'seed')}"
        blocks.append(Details(summary, (make_curves_figure(scores.suite, kind, own),)))
    return blocks


def _has_quantity(part: Part) -> bool:
    """Whether its curve has something to draw, which one of learning rates alone has not."""
    return part.record is not None and part.record.curve is not None and bool(list_quantities([part.record.curve]))


def tabulate_ends(scores: SuiteScores, parts: Sequence[Part]) -> Table:
    """A row for each component and quantity of a task: its first and its last recorded bin."""
    rows: list[tuple[str, ...]] = []
    for kind in dict.fromkeys(part.kind for part in parts):
        for task in dict.fromkeys(part.task for part in parts if part.kind == kind):
            own = [part for part in parts if (part.kind, part.task) == (kind, task)]
            for users, of_group in group_parts(own).items():
                curves = [part.record.curve for part in of_group if part.record and part.record.curve]
                rows += [
                    (kind, scores.label_task(task), users, quantity, *_describe_ends(curves, quantity))
                    for quantity in list_quantities(curves)
                ]
    header = ("component", "task", "used by", "quantity", "seeds", "steps", "first", "last")
    return Table(header, tuple(rows), words=4)


def _describe_ends(curves: Sequence[LearningCurve], quantity: str) -> tuple[str, ...]:
    there = [curve for curve in curves if quantity in curve.values]
    steps = sorted({curve.steps[-1] for curve in there})
    reached = f"{steps[0]:,}" if len(steps) == 1 else f"{steps[0]:,} to {steps[-1]:,}"
    first, last = ([curve.values[quantity][end] for curve in there] for end in (0, -1))
    return str(len(there)), reached, _format_seeds(first), _format_seeds(last)


def _format_seeds(values: Sequence[float]) -> str:
    """`0.52 [0.5, 0.55]`: mean, least and greatest; how many are not finite where some are not."""
    lost = sum(not math.isfinite(value) for value in values)
    if lost:
        return f"not finite in {lost} of {len(values)}"
    mean = f"{math.fsum(values) / len(values):.3g}"
    return mean if len(values) == 1 else f"{mean} [{min(values):.3g}, {max(values):.3g}]"
