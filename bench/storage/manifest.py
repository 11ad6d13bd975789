"""The manifest of a results folder: what was planned, so that a report can say what is missing.

`plan.json` holds the cells of the last run; `experiments.json` those of every experiment, each with its row of the
published table, the newest run's where two runs made the same one.
"""

from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock

from reports.load.files import EXPERIMENTS, PLAN, read_optional, write_file
from reports.load.schema import FORMAT, ExperimentEntry, Experiments, Plan, PlanEntry


def record_plan(cells: Sequence[PlanEntry], results: Path) -> None:
    """Write down the cells of this comparison."""
    write_file(results / PLAN, Plan(format=FORMAT, cells=tuple(cells)))


def record_experiment(cells: Sequence[ExperimentEntry], results: Path) -> None:
    """Add this run's cells to the experiment's; one of the same row, task, method and seed is replaced."""
    with FileLock(results / ".experiments.lock"):  # several processes may run into one folder
        before = read_optional(results / EXPERIMENTS, Experiments)
        both = [*(before.cells if before is not None else ()), *cells]
        merged = {(c.experiment, c.row, c.task, c.method, c.seed): c for c in both}
        write_file(results / EXPERIMENTS, Experiments(format=FORMAT, cells=tuple(merged.values())))
