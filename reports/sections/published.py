"""Published numbers stand beside ours only where both were learned from D4RL's own data set.

The CSV files in `published/` hold the papers' tables: SWG (arXiv 2505.18345), AEPO (arXiv 2505.01822) and
policy-guided diffusion (arXiv 2404.06356).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

import pandas as pd

from reports.load.scores import SuiteScores
from reports.render.document import Block, Heading, Table, Text, in_pieces

SOURCE = "d4rl"
_COLUMNS = 8


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
def published_scores() -> tuple[Published, ...]:
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
def published_averages() -> dict[tuple[str, str, str], float]:
    """The averages of SWG's ablations over a suite's tasks, by (table, suite, `setting=value`)."""
    with (resources.files("reports") / "published" / "published_swg_ablations.csv").open(encoding="utf-8") as file:
        table = pd.read_csv(file)
    names = ["source", "suite", "setting", "value", "average_normalized_score"]
    return {
        (source, suite, f"{setting}={value}"): float(average)
        for source, suite, setting, value, average in table[names].itertuples(index=False)
    }


def swg_data_set(task: str) -> str:
    """D4RL's name of the data set behind a task of SWG's tables."""
    return task if re.search(r"-v\d+$", task) else f"{task}-v0"


def same_data(task: str, source: str, data_set: str) -> bool:
    """Whether a published number was learned from this D4RL data set, by its full name with the version.

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
        return swg_data_set(task) == data_set
    return task == re.sub(r"-v\d+$", "", data_set)


def _tables(scores: SuiteScores, data_sets: Mapping[str, str], source: str) -> list[Block]:
    """One paper's table beside ours, in pieces narrow enough to read."""
    there = [row for row in published_scores() if row.source == source]
    cells = {
        (task, row.method): f"{row.mean:g}" + (f" ± {row.spread:g}" if row.spread is not None else "")
        for task, data_set in data_sets.items()
        for row in there
        if same_data(row.task, row.source, data_set)
    }
    methods = list(dict.fromkeys(method for _, method in cells))
    ours = {v: scores.matrix(v).mean(axis=0) for v in scores.variants}
    place = {task: i for i, task in enumerate(scores.tasks)}
    blocks: list[Block] = []
    for start in range(0, len(methods), _COLUMNS):
        chunk = methods[start : start + _COLUMNS]
        rows = tuple(
            (
                task,
                *(f"{ours[v][place[task]]:.1f}" for v in scores.variants),
                *(cells.get((task, method), "–") for method in chunk),
            )
            for task in data_sets
        )
        blocks += in_pieces(Table(("task", *(f"ours: {v}" for v in scores.variants), *chunk), rows))
    return [Heading(4, source), *blocks] if blocks else []


def published_blocks(scores: SuiteScores) -> list[Block]:
    """The papers' numbers beside ours, or one line that says why there are none."""
    sources = sorted({r.data.source for r in scores.results()})
    data = {task: scores.of(task, scores.variants[0])[0].data for task in scores.tasks}
    data_sets = {task: known.name for task, known in data.items() if known.source == SOURCE}
    heading = Heading(3, "Published numbers")
    if not data_sets:
        return [
            heading,
            Text(
                f"None stand here: these results were learned from data of the source `{', '.join(sources)}`, the "
                f"papers' from `{SOURCE}`, and scores on different data sets do not compare."
            ),
        ]
    found = [b for s in dict.fromkeys(r.source for r in published_scores()) for b in _tables(scores, data_sets, s)]
    note = Text(
        "Means as printed in the papers, with the spread where one is given (a standard deviation; for PGD a "
        "standard error over 4 seeds). A table that names no version of its data is taken for the version used "
        "here, but SWG's for v0, which its code takes. Budgets, backbones and numbers of seeds differ from ours."
    )
    return (
        [heading, note, *found] if found else [heading, Text("The papers' tables have none of these data sets.")]
    )
