"""Contributed runs as they are read for the index of their site: each checked again, then all their rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reports.analysis.equal_terms import check_terms
from reports.analysis.leaderboard import Absent, Row, make_rows
from reports.analysis.leaderboard_groups import label_rows
from reports.analysis.recorded import (
    find_unrecorded,
    refuse_copied_seeds,
    refuse_tuned_results,
    refuse_unlike_records,
)
from reports.load.contribution_schema import Contribution
from reports.load.contributions import read_results
from reports.load.frozen_plan import FROZEN, FrozenPlan, read_frozen_plan
from reports.load.ledger import TuningRecords, read_tuning_records
from reports.load.plans import read_plans
from reports.load.schema import FailedResult, PlanEntry, Result
from reports.load.scores import SuiteScores, find_unfinished, load_scores


@dataclass(frozen=True)
class ContributedRun:
    """A run with what the index says of it.

    Attributes:
        said: the contributor's words and the hashes of the files.
        suites: its scores.
        results: finished ones, those of variants with a failed cell too.
        failed: cells.
        unfinished: cells of plans before the last that are not there.
        has_plan: whether it has a record of plans; the cells of its last are all there.
        unrecorded: how many results its ledger does not have.
        frozen: its frozen plan, if it has one.
        records: how ρ was tuned.
    """

    said: Contribution
    suites: tuple[SuiteScores, ...]
    results: tuple[Result, ...]
    failed: tuple[FailedResult, ...]
    unfinished: tuple[PlanEntry, ...]
    has_plan: bool
    unrecorded: int
    frozen: FrozenPlan | None
    records: TuningRecords


def read_contributed(folder: Path, said: Contribution) -> ContributedRun:
    """A run with its results, checked as for a report, and that none of its seeds was tuned on.

    Args:
        folder: of its results.
        said: its `run.json`.

    Raises:
        ReportError: a damaged file, a missing cell of its last plan, results that do not stand in one table, are
            not on equal terms or copies, or that the ledger contradicts.
    """
    suites = load_scores(folder)
    every, records = read_results(folder), read_tuning_records(folder)
    finished = tuple(result for result in every if isinstance(result, Result))
    for scores in suites:
        check_terms(scores)
    refuse_copied_seeds(finished)
    refuse_unlike_records(finished, records.ledger)
    refuse_tuned_results(every, records)
    return ContributedRun(
        said=said,
        suites=suites,
        results=finished,
        failed=tuple(result for result in every if isinstance(result, FailedResult)),
        unfinished=tuple(find_unfinished(folder)),
        has_plan=bool(read_plans(folder).plans),
        unrecorded=len(find_unrecorded(finished, records.ledger)),
        frozen=read_frozen_plan(folder / FROZEN),
        records=records,
    )


def collect_rows(runs: Sequence[ContributedRun]) -> tuple[list[Row], list[Absent]]:
    """The rows of all runs, those of a group together with the best score first, and what has no row."""
    labels = label_rows([cell for run in runs for cell in (*run.results, *run.failed)])
    rows: list[Row] = []
    absent: list[Absent] = []
    for run in runs:
        for scores in run.suites:
            found, lacking = make_rows(run.said.id, scores, labels, run.records)
            rows += found
            absent += lacking
    return sorted(rows, key=_order_row), absent


def _order_row(row: Row) -> tuple[Any, ...]:
    group = row.group
    rising = -row.score.value if group.is_points else row.score.value
    return (group.suite, len(group.tasks) == 1, group, rising, row.variant, row.run)
