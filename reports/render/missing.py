"""Marks in tables for cells that are left out, since results are missing."""

from collections.abc import Sequence
from dataclasses import replace

from reports.load.partial import Partial
from reports.load.scores import SuiteScores
from reports.render.document import Table

NOTHING = "–"


def format_mark(partial: Partial, task: str, variant: str) -> str:
    """`– (1 of 3)`: left out, and how many of how many seeds are there."""
    return f"{NOTHING} ({partial.count_seeds(task, variant)} of {len(partial.whole.seeds)})"


def mark_scores(table: Table, scores: SuiteScores) -> Table:
    """A table of task × variant with rows and columns for the tasks and variants that are left out.

    Args:
        table: a row for each task and then, if need be, one for their mean; a column for each variant.
        scores: with what is left out, or nothing, where the table stays as it is.
    """
    partial = scores.partial
    if partial is None:
        return table
    compared = len(scores.tasks)
    variants = [v for v in partial.whole.variants if v not in scores.variants]
    tasks = [t for t in partial.whole.tasks if t not in scores.tasks]
    every = (*scores.variants, *variants)
    rows = [
        (*row, *(format_mark(partial, task, v) for v in variants))
        for task, row in zip(scores.tasks, table.rows, strict=False)
    ]
    label = scores.label_task if table.rows[0][0] == scores.label_task(scores.tasks[0]) else str
    rows += [(label(task), *(format_mark(partial, task, v) for v in every)) for task in tasks]
    rows += [(*row, *[NOTHING for _ in variants]) for row in table.rows[compared:]]
    notes = {(r if r < compared else r + len(tasks), c): note for (r, c), note in table.notes.items()}
    # `unfolded` is of tasks alone, whose rows stay where they are.
    marked = note_seeds(partial, (*scores.tasks, *tasks), every)
    return replace(table, header=(table.header[0], *every), rows=tuple(rows), notes=marked | notes)


def mark_sets(table: Table, scores: SuiteScores) -> Table:
    """A table with a row for each set and variant and a column for each β, with rows for those that are left out.

    Args:
        table: whose first two columns are set and variant.
        scores: as of `mark_scores`.
    """
    partial, width = scores.partial, len(table.header) - 2
    if partial is None:
        return table
    rows = [
        (task, variant, *[format_mark(partial, task, variant)] * width)
        for task in partial.whole.tasks
        for variant in partial.whole.variants
        if task not in scores.tasks or variant not in scores.variants
    ]
    return replace(table, rows=(*table.rows, *rows))


def tabulate_presence(partial: Partial) -> Table:
    """Task × variant, `2 of 3`: how many seeds are there, with the scores of each as a note."""
    whole = partial.whole
    rows = [
        (task, *(f"{partial.count_seeds(task, v)} of {len(whole.seeds)}" for v in whole.variants))
        for task in whole.tasks
    ]
    return Table(("task", *whole.variants), tuple(rows), notes=note_seeds(partial, whole.tasks, whole.variants))


def note_seeds(partial: Partial, tasks: Sequence[str], variants: Sequence[str]) -> dict[tuple[int, int], str]:
    """Row and column of each cell of a table to the scores of its seeds, where some are there."""
    return {
        (row, column): ", ".join(f"seed {seed}: {score:.4g}" for seed, score in found.items())
        for row, task in enumerate(tasks)
        for column, variant in enumerate(variants, 1)
        if (found := partial.scores_of(task, variant))
    }
