"""The tables of pairs, groups and variance parts."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from reports.analysis.intervals import Estimate
from reports.analysis.pairs import MOST_SEEDS, Pair, SuitePairs, group_by_letters
from reports.analysis.suite import Analysis, ControlAnalysis
from reports.render.document import Table
from reports.render.numbers import format_difference, format_estimate, format_p


def format_pair_difference(pair: Pair, is_ratio: bool) -> str:
    """`+1.2 [-0.3, +2.6]` points, or the ratio `0.31 [0.25, 0.40]` of two distances."""
    found = pair.difference
    if not is_ratio:
        return format_difference(found, 1)
    if found.lower is None or found.upper is None:
        return f"{np.exp(found.value):.2f}"
    return format_estimate(Estimate(*map(float, np.exp([found.value, found.lower, found.upper]))), 2)


def format_more_seeds(pair: Pair, seeds: int) -> str:
    """`12 to 84`, `more than 995`, or a dash."""
    if pair.more_seeds is None:
        return "–"
    low, high = pair.more_seeds
    most = MOST_SEEDS - seeds
    if low >= most:
        return f"more than {most:,}"
    return f"{low:,} to {'more than ' if high >= most else ''}{high:,}"


def name_outcome(pair: Pair) -> str:
    """What the tests say of a pair."""
    if pair.adjusted is None:
        return "no test"
    words = [*(["primary"] if pair.is_primary else []), "separated" if pair.is_separated else "not separated"]
    return ", ".join([*words, *(["equivalent"] if pair.is_equivalent else [])])


def tabulate_pairs(pairs: Sequence[Pair], suite: SuitePairs, task: str | None = None) -> Table:
    """A row for each pair; with the task in front where it is of one task."""
    unit = "ratio of distances" if suite.is_ratio else "difference"
    margin = () if suite.margin is None else (f"p within ± {suite.margin:g}, Holm",)
    place = () if task is None else ("task",)
    header = (*place, "pair", "outcome", unit, "p", "p, Holm", "p, sign flips", "P(first better)", *margin)
    planned = any(pair.more_seeds is not None for pair in suite.overall) and task is None
    rows = tuple(
        (
            *(() if task is None else (task,)),
            f"{pair.first} {'/' if suite.is_ratio else '−'} {pair.second}",
            name_outcome(pair),
            format_pair_difference(pair, suite.is_ratio),
            *map(format_p, (pair.p, pair.adjusted, pair.flip)),
            format_estimate(pair.improvement, 2),
            *(() if suite.margin is None else (format_p(pair.equivalence),)),
            *((format_more_seeds(pair, suite.seeds),) if planned else ()),
        )
        for pair in pairs
    )
    return Table((*header, *(("seeds to add",) if planned else ())), rows, words=2 if task is None else 3)


def tabulate_overall_pairs(analysis: Analysis, suite: SuitePairs) -> Table:
    """The pairs over all tasks, which a conclusion rests on."""
    return replace(tabulate_pairs(suite.overall, suite), name=f"{analysis.scores.suite}-pairs-table")


def tabulate_tasks(suite: SuitePairs) -> Table:
    """The pairs of every single task."""
    tables = [tabulate_pairs(pairs, suite, task) for task, pairs in suite.by_task.items()]
    return Table(tables[0].header, tuple(row for table in tables for row in table.rows), tables[0].words)


def tabulate_groups(analysis: Analysis, suite: SuitePairs) -> Table:
    """The variants by mean over tasks, best first, with the letters of their groups."""
    letters = group_by_letters(suite.order, suite.overall)
    if not isinstance(analysis, ControlAnalysis):
        return Table(("variant", "group"), tuple((v, letters[v]) for v in suite.order), words=2)
    means = {v: f"{analysis.scores.matrix(v).mean():.1f}" for v in suite.order}
    rows = tuple((v, letters[v], means[v]) for v in suite.order)
    return Table(("variant", "group", "mean over tasks and seeds"), rows, words=2)


def tabulate_variance(analysis: ControlAnalysis) -> Table:
    """A row for each cell: two standard deviations, the intraclass correlation, the seeds' share of a score."""
    header = (
        "task", "variant", "seeds", "episodes", "sd between seeds", "sd between episodes",
        "intraclass correlation", "seeds' share",
    )  # fmt: skip
    rows = tuple(
        (
            task,
            variant,
            str(parts.seeds),
            str(parts.episodes),
            f"{np.sqrt(parts.between):.1f}",
            f"{np.sqrt(parts.within):.1f}",
            format_estimate(parts.correlation, 2),
            f"{100 * parts.share:.0f} %",
        )
        for (task, variant), parts in analysis.variances.items()
    )
    return Table(header, rows, words=2)
