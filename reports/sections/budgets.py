"""The section on score against tuning budget: searches in their order, and reported scores."""

from collections.abc import Sequence

import numpy as np

from reports.analysis.budgets import BudgetAnalysis, SearchCurve, analyse_budgets
from reports.figures.budgets import make_budgets_figure
from reports.load.scores import SuiteScores
from reports.load.tuning_schema import LedgerEntry
from reports.load.variants import quote_variants
from reports.render.document import Block, Heading, Table, Text, name_table
from reports.render.numbers import format_estimate

_SHARES = {"after a quarter": 0.25, "after a half": 0.5, "at the end": 1.0}


def make_budgets_section(scores: SuiteScores, ledger: Sequence[LedgerEntry]) -> list[Block]:
    """The picture and its numbers; nothing for densities and where no search can be followed."""
    budgets = analyse_budgets(scores, ledger)
    if budgets is None:
        return []
    return [
        Heading(3, scores.add_source("Score against tuning budget")),
        Text(_describe(budgets)),
        make_budgets_figure(budgets),
        name_table(_tabulate(budgets), scores.suite, "budget"),
    ]


def _describe(budgets: BudgetAnalysis) -> str:
    """What the numbers are, over which tasks, and who is not among them."""
    scores = budgets.scores
    left_out = [scores.label_task(task) for task in scores.tasks if task not in budgets.tasks]
    said = (
        "What each search had found after so many tuning episodes of a task, in the order in which the ledger has "
        "them: the policy with the best mean of those that had the most episodes by then, chosen by one half of "
        "its episodes and scored by the other, both ways round. Luck with the tuning seeds flatters it; trials in "
        "another order would give another curve."
    )
    if left_out:
        said += f" Without {', '.join(left_out)}, where some method here has no search that can be followed."
    if budgets.given:
        names = ", ".join(quote_variants(budgets.given))
        said += f" No reported mark for {names}: ρ was given, and what its choice spent is not known."
    return said


def _tabulate(budgets: BudgetAnalysis) -> Table:
    """A row for each reported variant: its search's progress, and its reported score over the same tasks."""
    header = ("variant", "ρ from", "tuning episodes of a task", *(f"found {when}" for when in _SHARES), "reported")
    curves = {curve.label: curve for curve in budgets.curves}
    rows = tuple(
        (
            point.variant,
            point.source,
            f"{point.episodes:,.0f}",
            *(_format_progress(curves.get(point.label) if point.episodes else None)),
            format_estimate(point.score, 1),
        )
        for point in budgets.reported
    )
    return Table(header, rows, words=2)


def _format_progress(curve: SearchCurve | None) -> list[str]:
    """The score at each share of the whole budget; a dash before the search had found anything."""
    if curve is None:
        return ["–"] * len(_SHARES)
    episodes = curve.trace.episodes
    budgets = [share * episodes[-1] for share in _SHARES.values()]
    return [f"{curve.trace.at(np.array([b]))[0]:.1f}" if b >= episodes[0] else "–" for b in budgets]
