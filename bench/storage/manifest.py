"""The manifest of a results folder: what was planned, so that a report can say what is missing.

`plan.json` holds the cells of the last run; `experiments.json` those of every experiment, each with its row of the
published table, the newest run's where two runs made the same one.
"""

from collections.abc import Sequence

from filelock import FileLock

from bench.config.experiments import find_experiment
from bench.runner.plan import PlannedCell, TaskPlan
from bench.storage.results import ResultStore
from reports.load.files import EXPERIMENTS, PLAN, read_optional, write_file
from reports.load.schema import FORMAT, ExperimentEntry, Experiments, Plan, PlanEntry


def record_plan(plans: Sequence[TaskPlan], results: ResultStore) -> None:
    """Write down the cells of this comparison."""
    cells = tuple(_enter(planned, results) for plan in plans for planned in plan.cells)
    write_file(results.root / PLAN, Plan(format=FORMAT, cells=cells))


def record_experiment(name: str, plans: Sequence[TaskPlan], results: ResultStore) -> None:
    """Add this run's cells with a row to the experiment's; one of the same row, task, method, seed is replaced."""
    table = find_experiment(name).table
    if table is None:
        return
    new = [
        ExperimentEntry(experiment=name, table=table, row=planned.cell.row, **dict(_enter(planned, results)))
        for plan in plans
        for planned in plan.cells
        if planned.cell.row is not None
    ]
    with FileLock(results.root / ".experiments.lock"):  # several processes may run into one folder
        before = read_optional(results.root / EXPERIMENTS, Experiments)
        cells = [*(before.cells if before else ()), *new]
        merged = {(c.experiment, c.row, c.task, c.method, c.seed): c for c in cells}
        write_file(results.root / EXPERIMENTS, Experiments(format=FORMAT, cells=tuple(merged.values())))


def _enter(planned: PlannedCell, results: ResultStore) -> PlanEntry:
    """One cell and the path of its result in the folder."""
    cell = planned.cell
    return PlanEntry(
        suite=cell.task.suite,
        task=cell.task.name,
        method=cell.name,
        rho=cell.rho,
        seed=cell.seed,
        path=str(results.file(cell.task.name, planned.label, cell.seed).relative_to(results.root)),
    )
