"""An experiment's results stand beside the numbers of its table, each difference with an interval.

A difference is ours minus published. Our seeds are resampled; the published mean is taken as a constant, whose own
spread is printed beside it. A number stands only beside results on the same data set.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from reports.analysis.statistics import Estimate, over_seeds, over_seeds_and_tasks
from reports.load.records import read_record
from reports.load.results import Result
from reports.sections.published import SOURCE, published_averages, published_scores, same_data, swg_data_set

_TASKS_OF_AVERAGES = "SWG Table 2"  # the table that names the tasks which the ablations average over
_NAMED = 3  # tasks that a sentence names before it counts the rest

Seeded = Mapping[int, Result]  # by seed


@dataclass(frozen=True)
class ExperimentCell:
    """One cell of a paper's table, and where its result lies."""

    experiment: str
    table: str
    row: str
    suite: str
    task: str
    method: str
    seed: int
    path: Path


@dataclass(frozen=True)
class Line:
    """One published number beside ours.

    Attributes:
        suite, task: where; no task for an average over the suite's tasks.
        method, row: our name of the method, and the table's of the method or setting.
        seeds: how many of ours.
        ours, difference: means over seeds, in percent of D4RL's reference.
        published, spread: as printed; None where the paper gives no spread.
    """

    suite: str
    task: str | None
    method: str
    row: str
    seeds: int
    ours: Estimate
    published: float
    spread: float | None
    difference: Estimate


@dataclass(frozen=True)
class Comparison:
    """One experiment beside its table.

    Attributes:
        terms: what ours ran with, such as `preset quick, shared terms`.
        lines: numbers that stand on the same data, in the order of the experiment.
        remarks: why others do not, a sentence each.
        replicates: bootstrap replicates behind every interval.
    """

    experiment: str
    table: str
    terms: str
    lines: tuple[Line, ...]
    remarks: tuple[str, ...]
    replicates: int


def read_experiments(results: Path) -> tuple[ExperimentCell, ...]:
    """The cells of `experiments.json`, none where there is no such file.

    Raises:
        ReportError: the file is damaged.
    """
    path = results / "experiments.json"
    if not path.is_file():
        return ()
    return tuple(
        ExperimentCell(
            cell.text("experiment"),
            cell.text("table"),
            cell.text("row"),
            cell.text("suite"),
            cell.text("task"),
            cell.text("method"),
            cell.integer("seed"),
            results / cell.text("path"),
        )
        for cell in read_record(path).each("cells")
    )


def compare(cells: Sequence[ExperimentCell], results: Sequence[Result], replicates: int) -> tuple[Comparison, ...]:
    """Every experiment that some of these results belong to, beside its table.

    Args:
        cells: of all experiments in the folder.
        results: what is reported on.
        replicates: bootstrap replicates of every interval.
    """
    known = {result.path: result for result in results}
    groups: dict[tuple[str, str], dict[tuple[str, str, str], dict[int, Result]]] = {}
    for cell in cells:
        if cell.path in known:
            rows = groups.setdefault((cell.experiment, cell.table), defaultdict(dict))
            rows[cell.suite, cell.row, cell.task][cell.seed] = known[cell.path]
    return tuple(_comparison(*names, rows, replicates) for names, rows in groups.items())


def _comparison(
    experiment: str, table: str, rows: Mapping[tuple[str, str, str], Seeded], replicates: int
) -> Comparison:
    every = [result for seeded in rows.values() for result in seeded.values()]
    by_task = any(row.source == table for row in published_scores())
    work = _by_task if by_task else _by_suite
    lines, remarks = work(table, rows, replicates)
    said = " or ".join(dict.fromkeys(f"preset {r.preset}, {r.terms} terms" for r in every))
    return Comparison(experiment, table, said, tuple(lines), (*_other_data(table, every), *remarks), replicates)


def _by_task(
    table: str, rows: Mapping[tuple[str, str, str], Seeded], replicates: int
) -> tuple[list[Line], list[str]]:
    """A line for each task and method on the table's data."""
    lines = []
    for (suite, row, task), seeded in rows.items():
        results = list(seeded.values())
        for p in published_scores():
            if (p.source, p.method) == (table, row) and _on_data_of(p.task, table, results):
                ours = over_seeds(np.array([r.score for r in results]), replicates)
                difference = _less(ours, p.mean)
                lines.append(
                    Line(suite, task, results[0].method, row, len(results), ours, p.mean, p.spread, difference)
                )
    return lines, []


def _by_suite(
    table: str, rows: Mapping[tuple[str, str, str], Seeded], replicates: int
) -> tuple[list[Line], list[str]]:
    """A line for each row whose average is over all of its suite's tasks here too, and why for the others not."""
    lines, short = [], []
    for suite, row in dict.fromkeys((suite, row) for suite, row, _ in rows):
        published = published_averages().get((table, suite, row))
        there = [
            list(s.values()) for (in_suite, in_row, _), s in rows.items() if (in_suite, in_row) == (suite, row)
        ]
        wanted = [p.task for p in published_scores() if (p.source, p.suite) == (_TASKS_OF_AVERAGES, suite)]
        wanted = list(dict.fromkeys(wanted))
        found = [results for task in wanted for results in there if _on_data_of(task, table, results)]
        if published is None or not found:
            continue
        if len(found) < len(wanted) or len({tuple(sorted(r.seed for r in results)) for results in found}) > 1:
            short.append(f"{row} has {len(found)} of {len(wanted)} tasks of {suite}")
            continue
        matrix = np.array([[r.score for r in sorted(results, key=lambda r: r.seed)] for results in found]).T
        ours = over_seeds_and_tasks(matrix, lambda means: means.mean(axis=-1), replicates)
        lines.append(
            Line(suite, None, found[0][0].method, row, len(matrix), ours, published, None, _less(ours, published))
        )
    if not short:
        return lines, []
    said = f"{table} holds averages over a suite, which stand only beside all of its tasks with the same seeds"
    return lines, [f"{said}: {'; '.join(short)}."]


def _on_data_of(task: str, table: str, results: Sequence[Result]) -> bool:
    """Whether these results were learned from the data set on which a table's task stands."""
    return all(r.data.source == SOURCE and same_data(task, table, r.data.name) for r in results)


def _less(estimate: Estimate, constant: float) -> Estimate:
    """An estimate shifted down by a constant, with its interval."""
    if estimate.lower is None or estimate.upper is None:
        return Estimate(estimate.value - constant)
    return replace(
        estimate,
        value=estimate.value - constant,
        lower=estimate.lower - constant,
        upper=estimate.upper - constant,
    )


def _other_data(table: str, results: Sequence[Result]) -> list[str]:
    """One sentence about the results that stand on other data than the table, or nothing."""
    tasks = {p.task for p in published_scores() if p.source in (table, _TASKS_OF_AVERAGES)}
    strange = [r for r in results if not any(_on_data_of(task, table, [r]) for task in tasks)]
    if not strange:
        return []
    ours = _few(f"`{r.data.name}` ({r.data.source})" for r in strange)
    theirs = _few(f"`{swg_data_set(r.task)}`" for r in strange)
    return [
        f"No number of {table} stands beside results on {ours}: the table's were learned from D4RL's {theirs}, "
        f"and scores on different data sets do not compare."
    ]


def _few(names: Iterable[str]) -> str:
    """The first of the names, each once, and how many more there are."""
    every = list(dict.fromkeys(names))
    return ", ".join(every[:_NAMED]) + (f" and {len(every) - _NAMED} more" if len(every) > _NAMED else "")
