"""The papers' numbers next to ours in a suite's section, and an experiment's results compared with its table."""

import re
from collections.abc import Mapping, Sequence

from foundation.program import program_name
from reports.analysis.published import SOURCE, ComparedScore, Comparison, is_same_data, read_published_scores
from reports.load.scores import SuiteScores
from reports.render.document import Block, Heading, Table, Text, format_markdown_tables, name_table
from reports.render.numbers import describe_few_seeds, format_difference, format_estimate

_NAMED = 3  # tasks that a command names; for more it names the suite


def _tabulate_paper(scores: SuiteScores, data_sets: Mapping[str, str], source: str) -> list[Block]:
    """One paper's table with ours, under its name; nothing where it has none of the tasks."""
    there = [row for row in read_published_scores() if row.source == source]
    cells = {
        (task, row.method): f"{row.mean:g}" + (f" ± {row.spread:g}" if row.spread is not None else "")
        for task, data_set in data_sets.items()
        for row in there
        if is_same_data(row.task, row.source, data_set)
    }
    methods = list(dict.fromkeys(method for _, method in cells))
    ours = {v: scores.matrix(v).mean(axis=0) for v in scores.variants}
    place = {task: i for i, task in enumerate(scores.tasks)}
    if not methods:
        return []
    rows = tuple(
        (
            scores.label_task(task),
            *(f"{ours[v][place[task]]:.1f}" for v in scores.variants),
            *(cells.get((task, method), "–") for method in methods),
        )
        for task in data_sets
    )
    name = re.sub(r"\W+", "-", source.lower())
    header = ("task", *(f"ours: {v}" for v in scores.variants), *methods)
    return [Heading(4, source), name_table(Table(header, rows), scores.suite, f"published-{name}", splits=True)]


def make_published_section(scores: SuiteScores) -> list[Block]:
    """The papers' numbers next to ours, or one line that says why there are none."""
    data = {task: scores.of(task, scores.variants[0])[0].data for task in scores.tasks}
    data_sets = {task: known.name for task, known in data.items() if known.source == SOURCE}
    heading = Heading(3, scores.add_source("Published numbers"))
    if not data_sets:
        return [
            heading,
            Text(
                f"None: these results were trained on data of the source `{scores.source}`, the papers' from "
                f"`{SOURCE}`, and scores on different data sets do not compare.{_name_fetch(scores)}"
            ),
        ]
    found = [
        b
        for s in dict.fromkeys(r.source for r in read_published_scores())
        for b in _tabulate_paper(scores, data_sets, s)
    ]
    note = Text(
        "Means as printed in the papers, with the spread where one is given (a standard deviation; for PGD a "
        "standard error over 4 seeds). A table that names no version of its data is taken for the version used "
        "here, but SWG's for v0, which its code takes. Budgets, backbones and numbers of seeds differ from ours."
    )
    return (
        [heading, note, *found] if found else [heading, Text("The papers' tables have none of these data sets.")]
    )


def _name_fetch(scores: SuiteScores) -> str:
    """What downloads D4RL's data, with a space before it, where every task has such; else nothing."""
    canonical = [scores.of(task, scores.variants[0])[0].data.canonical for task in scores.tasks]
    if not all(known is not None and known.source == SOURCE for known in canonical):
        return ""
    names = scores.suite if len(scores.tasks) > _NAMED else " ".join(scores.tasks)
    return f" `{program_name()} data fetch {names}` gets D4RL's."


def _describe_comparison(comparison: Comparison) -> str:
    """What the columns are, and how the intervals came about."""
    seeds = sorted({score.seeds for score in comparison.scores})
    said = (
        f"Ours ({comparison.terms}) compared with {comparison.table}: the difference is ours − published. The "
        f"published mean is taken as a constant; its ± is the paper's own spread."
    )
    if few := describe_few_seeds(seeds[-1]):
        return f"{said} {few}"
    counted = " or ".join(map(str, seeds))
    return f"{said} In brackets: 95 % intervals by Student's t over our {counted} seeds."


def _format_published(score: ComparedScore) -> str:
    return f"{score.published:.1f}" + (f" ± {score.spread:.1f}" if score.spread is not None else "")


def _tabulate_comparison(comparison: Comparison) -> list[Table]:
    """One table for each suite, so that none is long."""
    tables = []
    for suite in dict.fromkeys(score.suite for score in comparison.scores):
        rows = tuple(
            (
                score.task or f"{suite}, mean over tasks",
                score.method,
                score.row,
                format_estimate(score.ours, 1),
                _format_published(score),
                format_difference(score.difference, 1),
            )
            for score in comparison.scores
            if score.suite == suite
        )
        tables.append(
            name_table(
                Table(("task", "method", "table's row", "ours", "published", "ours − published"), rows, words=3),
                comparison.experiment,
                suite,
            )
        )
    return tables


def make_comparison_section(comparisons: Sequence[Comparison]) -> list[Block]:
    """The section of the page, or nothing where no experiment was run."""
    blocks: list[Block] = [Heading(2, "Compared with published results")] if comparisons else []
    for comparison in comparisons:
        blocks.append(Heading(3, f"{comparison.experiment}: {comparison.table}"))
        if comparison.scores:
            blocks += [Text(_describe_comparison(comparison)), *_tabulate_comparison(comparison)]
        blocks += [Text(remark) for remark in comparison.remarks]
    return blocks


def format_comparisons(comparisons: Sequence[Comparison]) -> str:
    """The same for a terminal, empty where no experiment was run."""
    parts: list[str] = []
    for comparison in comparisons:
        if comparison.scores:
            parts += [
                f"{comparison.experiment}: {_describe_comparison(comparison)}",
                *map(format_markdown_tables, _tabulate_comparison(comparison)),
            ]
        parts += [f"{comparison.experiment}: {remark}" for remark in comparison.remarks]
    return "".join(f"\n{part}\n" for part in parts)
