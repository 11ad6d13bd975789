"""The manifest of a results folder: what was planned, so that a report can say what is missing.

`plans.jsonl` has a line for each run's cells, and lines are only added; `experiments.json` holds the cells of
every experiment, each with its row of the published table, the newest run's where two runs made the same one.
"""

import datetime
from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock

from bench.storage.ledger_file import append_lines
from reports.load.files import EXPERIMENTS, read_optional, write_file
from reports.load.plans import PLANS, read_plans
from reports.load.schema import FORMAT, ExperimentEntry, Experiments, Plan, PlanEntry
from reports.load.seals import seal_line


def record_plan(cells: Sequence[PlanEntry], results: Path) -> None:
    """Add the cells of this comparison to the record of plans, unless it is the last plan once more.

    Raises:
        UserError: the disk is full or the folder cannot be written.
        ReportError: a damaged record.
    """
    with FileLock(results / ".plans.lock"):  # several processes may run into one folder
        known = read_plans(results)
        if known.plans and known.newest == tuple(cells):
            return
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        plan = Plan(previous=known.last, created=now, cells=tuple(cells))
        append_lines(results / PLANS, [seal_line(plan.model_dump_json())], known.length)


def record_experiment(cells: Sequence[ExperimentEntry], results: Path) -> None:
    """Add this run's cells to the experiment's; one of the same row, task, method and seed is replaced."""
    with FileLock(results / ".experiments.lock"):  # several processes may run into one folder
        before = read_optional(results / EXPERIMENTS, Experiments)
        both = [*(before.cells if before is not None else ()), *cells]
        merged = {(c.experiment, c.row, c.task, c.method, c.seed): c for c in both}
        write_file(results / EXPERIMENTS, Experiments(format=FORMAT, cells=tuple(merged.values())))
