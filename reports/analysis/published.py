"""Published results, and ours compared with them: each difference with an interval.

The CSV files in `published/` hold the papers' tables: SWG (arXiv 2505.18345), AEPO (arXiv 2505.01822) and
policy-guided diffusion (arXiv 2404.06356). A difference is ours minus published, with our t interval over seeds;
the published mean is taken as a constant. A number is compared only with results on the same D4RL data set.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd

from reports.analysis.intervals import Estimate, compute_mean, estimate, estimate_mean
from reports.load.schema import ExperimentEntry, Result
from reports.load.variants import name_terms

SOURCE = "d4rl"
_TASKS_OF_AVERAGES = "SWG Table 2"  # the table that names the tasks which the ablations average over
_NAMED = 3  # tasks that a sentence names before it counts the rest

Seeded = Mapping[int, Result]  # by seed


@dataclass(frozen=True)
class Published:
    """One published number.

    Attributes:
        source: the paper's table.
        suite: as the table names it, empty where it names none.
        task: the task as the table names it, with or without a version.
        method: the table's name of the method.
        mean: normalised score in percent.
        spread: what the paper gives with it (± sd or standard error), or None.
    """

    source: str
    suite: str
    task: str
    method: str
    mean: float
    spread: float | None


@cache
def read_published_scores() -> tuple[Published, ...]:
    """Every published score, in the order of the papers' tables."""
    folder = resources.files("reports") / "published"
    rows: list[Published] = []
    for name in ("published_swg_table2.csv", "published_aepo.csv", "published_pgd_table2.csv"):
        with (folder / name).open(encoding="utf-8") as file:
            table = pd.read_csv(file)
        if "agent" in table:
            table["method"] = table["agent"] + " on " + table["data"]
        if "suite" not in table:
            table["suite"] = ""
        spread = "std" if "std" in table else "standard_error_4_seeds"
        names = ["source", "suite", "task", "method", "mean", spread]
        rows += [
            Published(source, suite, task, method, float(mean), None if pd.isna(s) else float(s))
            for source, suite, task, method, mean, s in table[names].itertuples(index=False)
            if not pd.isna(mean)
        ]
    return tuple(rows)


@cache
def read_published_averages() -> dict[tuple[str, str, str], float]:
    """The averages of SWG's ablations over a suite's tasks, by (table, suite, `setting=value`)."""
    with (resources.files("reports") / "published" / "published_swg_ablations.csv").open(encoding="utf-8") as file:
        table = pd.read_csv(file)
    names = ["source", "suite", "setting", "value", "average_normalized_score"]
    return {
        (source, suite, f"{setting}={value}"): float(average)
        for source, suite, setting, value, average in table[names].itertuples(index=False)
    }


@cache
def read_published_scales() -> dict[str, float]:
    """SWG's ρ for each task (Tables 4-7), by D4RL's name of the task without a version."""
    with (resources.files("reports") / "published" / "published_swg_rho.csv").open(encoding="utf-8") as file:
        table = pd.read_csv(file)
    return {
        re.sub(r"-v\d+$", "", task): float(rho) for task, rho in table[["task", "rho"]].itertuples(index=False)
    }


def name_swg_data_set(task: str) -> str:
    """D4RL's name of the data set behind a task of SWG's tables."""
    return task if re.search(r"-v\d+$", task) else f"{task}-v0"


def is_same_data(task: str, source: str, data_set: str) -> bool:
    """Whether a published number is of training on this D4RL data set, by its full name with the version.

    Args:
        task: as the paper's table names it.
        source: the table.
        data_set: D4RL's name of ours.

    SWG's tables name versions only for locomotion; its authors' code takes v0 of everything else. The other
    papers' names without a version are taken for every version, which a note in the report says.
    """
    if re.search(r"-v\d+$", task):
        return task == data_set
    if source.startswith("SWG"):
        return name_swg_data_set(task) == data_set
    return task == re.sub(r"-v\d+$", "", data_set)


@dataclass(frozen=True)
class ComparedScore:
    """One published number and ours.

    Attributes:
        suite, task: where; no task for an average over the suite's tasks.
        method, row: our name of the method, and the table's of the method or setting.
        seeds: how many of ours.
        ours: mean over seeds, in percent of D4RL's reference.
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

    @property
    def difference(self) -> Estimate:
        """Ours minus published; the published mean is taken as a constant."""
        return _subtract(self.ours, self.published)


@dataclass(frozen=True)
class Comparison:
    """One experiment compared with its table.

    Attributes:
        terms: what ours ran with, such as `preset quick, controlled`.
        scores: numbers on the same data, in the order of the experiment.
        remarks: why others do not, a sentence each.
    """

    experiment: str
    table: str
    terms: str
    scores: tuple[ComparedScore, ...]
    remarks: tuple[str, ...]


def compare(folder: Path, cells: Sequence[ExperimentEntry], results: Sequence[Result]) -> tuple[Comparison, ...]:
    """Every experiment that some of these results belong to, compared with its table.

    Args:
        folder: the results folder.
        cells: of all experiments in the folder.
        results: what is reported on.
    """
    known = {result.path: result for result in results}
    groups: dict[tuple[str, str], dict[tuple[str, str, str], dict[int, Result]]] = {}
    for cell in cells:
        path = folder / cell.path
        if path in known:
            rows = groups.setdefault((cell.experiment, cell.table), defaultdict(dict))
            rows[cell.suite, cell.row, cell.task][cell.seed] = known[path]
    return tuple(_compare_experiment(*names, rows) for names, rows in groups.items())


def _compare_experiment(experiment: str, table: str, rows: Mapping[tuple[str, str, str], Seeded]) -> Comparison:
    every = [result for seeded in rows.values() for result in seeded.values()]
    by_task = any(row.source == table for row in read_published_scores())
    work = _compare_tasks if by_task else _compare_suites
    scores, remarks = work(table, rows)
    said = " or ".join(dict.fromkeys(f"preset {r.preset}, {name_terms(r.terms)}" for r in every))
    return Comparison(experiment, table, said, tuple(scores), (*_describe_other_data(table, every), *remarks))


def _compare_tasks(
    table: str, rows: Mapping[tuple[str, str, str], Seeded]
) -> tuple[list[ComparedScore], list[str]]:
    """A score for each task and method on the table's data."""
    scores = []
    for (suite, row, task), seeded in rows.items():
        results = list(seeded.values())
        for p in read_published_scores():
            if (p.source, p.method) == (table, row) and _is_on_data_of(p.task, table, results):
                ours = estimate_mean(np.array([r.score for r in results]))
                method = results[0].method
                scores.append(ComparedScore(suite, task, method, row, len(results), ours, p.mean, p.spread))
    return scores, []


def _compare_suites(
    table: str, rows: Mapping[tuple[str, str, str], Seeded]
) -> tuple[list[ComparedScore], list[str]]:
    """A score for each row whose average is over all of its suite's tasks here too, and why for the others not."""
    scores, short = [], []
    for suite, row in dict.fromkeys((suite, row) for suite, row, _ in rows):
        published = read_published_averages().get((table, suite, row))
        there = [
            list(s.values()) for (in_suite, in_row, _), s in rows.items() if (in_suite, in_row) == (suite, row)
        ]
        wanted = [p.task for p in read_published_scores() if (p.source, p.suite) == (_TASKS_OF_AVERAGES, suite)]
        wanted = list(dict.fromkeys(wanted))
        found = [results for task in wanted for results in there if _is_on_data_of(task, table, results)]
        if published is None or not found:
            continue
        if len(found) < len(wanted) or len({tuple(sorted(r.seed for r in results)) for results in found}) > 1:
            short.append(f"{row} has {len(found)} of {len(wanted)} tasks of {suite}")
            continue
        matrix = np.array([[r.score for r in sorted(results, key=lambda r: r.seed)] for results in found]).T
        ours = estimate(compute_mean, matrix)
        method = found[0][0].method
        scores.append(ComparedScore(suite, None, method, row, len(matrix), ours, published, None))
    if not short:
        return scores, []
    said = f"{table} holds averages over a suite, which are compared only with all of its tasks on the same seeds"
    return scores, [f"{said}: {'; '.join(short)}."]


def _is_on_data_of(task: str, table: str, results: Sequence[Result]) -> bool:
    """Whether these results were trained on the data set of a table's task."""
    return all(r.data.source == SOURCE and is_same_data(task, table, r.data.name) for r in results)


def _subtract(estimate: Estimate, constant: float) -> Estimate:
    """An estimate shifted down by a constant, with its interval."""
    if estimate.lower is None or estimate.upper is None:
        return Estimate(estimate.value - constant)
    return replace(
        estimate, value=estimate.value - constant, lower=estimate.lower - constant, upper=estimate.upper - constant
    )


def _describe_other_data(table: str, results: Sequence[Result]) -> list[str]:
    """One sentence about the results on other data than the table's, or nothing."""
    tasks = {p.task for p in read_published_scores() if p.source in (table, _TASKS_OF_AVERAGES)}
    strange = [r for r in results if not any(_is_on_data_of(task, table, [r]) for task in tasks)]
    if not strange:
        return []
    ours = _join_few(f"`{r.data.name}` ({r.data.source})" for r in strange)
    theirs = _join_few(f"`{name_swg_data_set(r.task)}`" for r in strange)
    return [
        f"No number of {table} is compared with results on {ours}: the table's were trained on D4RL's {theirs}, "
        f"and scores on different data sets do not compare."
    ]


def _join_few(names: Iterable[str]) -> str:
    """The first of the names, each once, and how many more there are."""
    every = list(dict.fromkeys(names))
    return ", ".join(every[:_NAMED]) + (f" and {len(every) - _NAMED} more" if len(every) > _NAMED else "")
