"""A plan falls into units of work, one component or one evaluation each, which meet only on disk.

A unit can start once the components it needs are made; so units of one task or of many run in one process, or
in several at once, with the same results.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bench.config.request import Request, betas_of, episodes_of
from bench.config.spec import Cell
from bench.progress import Screen
from bench.runner.choose_rho import Purpose, find_tuned
from bench.runner.component_builder import Workshop
from bench.runner.data import load_transitions, to_device
from bench.runner.evaluate import densities, rollouts
from bench.runner.plan import Node, PlannedCell, TaskPlan, ordered
from bench.storage.components import ComponentStore
from bench.storage.results import Outcome, ResultStore, describe_data
from foundation.errors import UserError
from reports.load.schema import Data, Seconds, Tuning
from suites.task import ControlTask, DensityTask, Task


@dataclass(frozen=True)
class Unit:
    """One component to make, or one method at one ρ to evaluate.

    Attributes:
        name: the label of the component or of the results.
        plan: the task it belongs to.
        needs: names of the units that must be done before.
        make: the component and the seeds that miss it, or None.
        group: the cells to evaluate together, if it makes nothing.
    """

    name: str
    plan: TaskPlan
    needs: frozenset[str]
    make: tuple[Node, tuple[int, ...]] | None = None
    group: tuple[PlannedCell, ...] = ()


def units_of(plan: TaskPlan) -> list[Unit]:
    """The units of a task in an order in which they can be done one after the other."""
    missing = {node.label for node, _ in plan.missing}

    def needed(nodes: Sequence[Node]) -> frozenset[str]:
        return frozenset(node.label for node in nodes) & missing

    units = [
        Unit(node.label, plan, needed(ordered(node.upstream.values())), make=(node, seeds))
        for node, seeds in plan.missing
    ]
    groups: dict[str, list[PlannedCell]] = {}
    for cell in plan.open:
        groups.setdefault(cell.label, []).append(cell)
    for label, group in groups.items():
        units.append(Unit(label, plan, needed(ordered(group[0].parts.values())), group=tuple(group)))
    return units


@dataclass
class Worker:
    """Does units; keeps the data and the loaded components of the task it did last.

    Attributes:
        request: where things lie and what computes.
        screen: shows progress.
    """

    request: Request
    screen: Screen
    _task: Task | None = None
    _workshop: Workshop | None = None
    _about_data: Data | None = None

    def do(self, unit: Unit) -> None:
        """Make the unit's component or evaluate its group; what is finished already is left alone."""
        workshop, about_data = self._open(unit.plan)
        if unit.make is not None:
            workshop.make(*unit.make)
        else:
            evaluate_group(self.request, unit.group, workshop, about_data, self.screen)

    def _open(self, plan: TaskPlan) -> tuple[Workshop, Data]:
        task, config = plan.task, plan.config
        if self._task != task or self._workshop is None or self._about_data is None:
            transitions = load_transitions(task, config, plan.source, self.request.artifacts)
            data = to_device(transitions, self.request.device)
            store = ComponentStore(self.request.artifacts)
            self._task = task
            self._workshop = Workshop(store, data, task.name, self.screen)
            self._about_data = describe_data(transitions)
        return self._workshop, self._about_data


def evaluate_group(
    request: Request,
    group: Sequence[PlannedCell],
    workshop: Workshop,
    about_data: Data,
    screen: Screen,
) -> None:
    """Evaluate one method at one ρ for all its open seeds together, and write a result for each."""
    first = group[0].cell
    results = ResultStore(request.results)
    seeds = [p.cell.seed for p in group]
    policy = first.method.policy(workshop.parts(group[0].parts, seeds), group[0].shared, first.rho or 0.0)
    rho = "" if first.rho is None else f" ρ={first.rho:g}"
    started = time.monotonic()
    with screen.bar(f"{first.task.name} {first.name}{rho}", len(seeds)) as progress:
        outcomes = outcomes_of(policy, first, seeds, request, progress)
    seconds = (time.monotonic() - started) / len(seeds)
    nodes = ordered(group[0].parts.values())
    purpose = Purpose(first.task.name, first.name, first.preset, first.terms, about_data.identity)
    tuned = find_tuned(request.results, purpose)
    spent = Tuning(episodes=tuned.episodes, trials=tuned.trials) if tuned else None
    for row, (planned_cell, outcome) in enumerate(zip(group, outcomes, strict=True)):
        totals = dict(policy.repairs.counts(row))
        guided = {"function": 0, "gradient": 0, "guided_rows": totals.pop("guided_rows")}
        results.write(
            planned_cell,
            outcome,
            about_data,
            tuning=spent if first.rho_source == "tuned" else None,
            counts={"interventions": {name: [n] for name, n in totals.items()}, "evaluations": guided},
            seconds=Seconds(train=workshop.seconds(nodes, planned_cell.cell.seed), evaluate=seconds),
            device=request.device,
        )


def outcomes_of(policy: Any, cell: Cell, seeds: Sequence[int], request: Request, progress: Any) -> list[Outcome]:
    """Evaluate on the task's own terms, one outcome per seed."""
    task, count = cell.task, episodes_of(cell.task, cell.config)
    match task:
        case ControlTask():
            rolled = rollouts(policy, task, seeds, range(count), request.device, progress)
            return [Outcome(episodes=row) for row in rolled]
        case DensityTask():
            betas = betas_of(task, cell.config)
            scored = densities(policy, task, seeds, count, betas, request.device, progress)
            return [Outcome(densities=row) for row in scored]
    raise UserError(f"task {task.name!r} has no way to be evaluated; it is neither control nor density.")
