"""The results folder knows what was planned: a report tells what is missing and what stands beside what.

`plan.json` holds the cells of the last run; `experiments.json` those of every experiment, each with its row of the
published table, the newest run's where two runs made the same one.
"""

from collections.abc import Sequence
from typing import Any

from filelock import FileLock

from bench.config.experiments import find_experiment
from bench.runner.plan import PlannedCell, TaskPlan
from bench.storage.store import FORMAT, ResultStore, read_json, write_json

SAME = ("experiment", "row", "task", "method", "seed")


def entry(planned: PlannedCell, results: ResultStore) -> dict[str, Any]:
    """One cell and the path of its result in the folder."""
    cell = planned.cell
    return {
        "suite": cell.task.suite,
        "task": cell.task.name,
        "method": cell.name,
        "rho": cell.rho,
        "seed": cell.seed,
        "path": str(results.file(cell.task.name, planned.label, cell.seed).relative_to(results.root)),
    }


def remember(plans: Sequence[TaskPlan], results: ResultStore) -> None:
    """Write down the cells of this comparison."""
    cells = [entry(planned, results) for plan in plans for planned in plan.cells]
    write_json(results.root / "plan.json", {"format": FORMAT, "cells": cells})


def remember_experiment(name: str, plans: Sequence[TaskPlan], results: ResultStore) -> None:
    """Add this run's cells with a row to the experiment's; one of the same row, task, method, seed gives way."""
    table = find_experiment(name).table
    if table is None:
        return
    new = [
        {"experiment": name, "table": table, "row": planned.cell.row, **entry(planned, results)}
        for plan in plans
        for planned in plan.cells
        if planned.cell.row is not None
    ]
    file = results.root / "experiments.json"
    with FileLock(results.root / ".experiments.lock"):  # several processes may run into one folder
        old = read_json(file)["cells"] if file.is_file() else []
        merged = {tuple(cell[key] for key in SAME): cell for cell in [*old, *new]}
        write_json(file, {"format": FORMAT, "cells": list(merged.values())})
