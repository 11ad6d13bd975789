"""Run a comparison: plan every task, show the plan, then make what is missing and evaluate what is open.

A cell whose result file is there is finished; running again does the rest.
"""

import itertools
import os
from collections.abc import Sequence
from pathlib import Path

from bench.config.precedence import SHARED
from bench.config.request import Job, Request, episodes_of
from bench.config.spec import Cell, flatten
from bench.progress import Screen
from bench.runner.choose_rho import DataId, Purpose, choose, refuse_tuned_seeds
from bench.runner.data import load_transitions, shared_on, to_device
from bench.runner.estimate import seconds_to_evaluate, seconds_to_make, slice_of
from bench.runner.execute import Worker, units_of
from bench.runner.executors import do_together
from bench.runner.plan import Node, TaskPlan, ordered, planned
from bench.storage.components import ComponentStore
from bench.storage.manifest import record_experiment, record_plan
from bench.storage.results import ResultStore, check_space
from suites.sources.transitions import Transitions, action_bounds
from suites.sources.wanted import wanted
from training.component import Component

SECONDS_WORTH_PROCESSES = 20.0  # each takes some seconds to start


def run(request: Request, screen: Screen) -> None:
    """Plan, show the plan, execute it."""
    results = ResultStore(request.results)
    check_space(request.results)
    check_space(request.artifacts)
    results.prepare()
    for job in request.jobs:
        wanted(job.task, job.part.source(request.source, job.task))  # before any other task's data are made
    by_task = itertools.groupby(request.jobs, key=lambda job: job.task.name)
    plans = [plan_task(request, tuple(jobs), results, screen) for _, jobs in by_task]
    processes = processes_for(plans, request)
    show(plans, request, processes, screen)
    record_plan(plans, results)
    if request.experiment is not None:
        record_experiment(request.experiment, plans, results)
    units = [unit for plan in plans for unit in units_of(plan)]
    if processes > 1 and len(units) > 1:
        do_together(units, request, processes, screen)
    else:
        worker = Worker(request, screen)
        for unit in units:
            worker.do(unit)
    total = sum(len(plan.cells) for plan in plans)
    where = "" if request.results == Path("results") else f" --results {request.results}"
    screen.say(f"Done: {total} results in {request.results}. Next: python -m bench report{where}")


def plan_task(request: Request, jobs: Sequence[Job], results: ResultStore, screen: Screen) -> TaskPlan:
    """Load the data of one task's jobs, name the components, look up what is there and measure what is not."""
    task, config = jobs[0].task, jobs[0].config
    source = jobs[0].part.source(request.source, task)
    transitions = open_transitions(request, jobs[0], source, screen)
    bounds = action_bounds(task, transitions)
    known: dict[Component, Node] = {}
    cells = [
        planned(cell, shared, transitions.key, transitions.source, known)
        for job in jobs
        for shared in [shared_on(task, job.config, bounds)]
        for cell in cells_of(request, job, (transitions.source, transitions.fingerprint))
    ]
    # Two settings of an experiment are one where a flag sets what would tell them apart; its row, if any, stays.
    by_row = sorted(cells, key=lambda p: p.cell.row is not None)
    cells = list({(p.label, p.cell.seed): p for p in by_row}.values())
    still_open = [p for p in cells if not results.file(task.name, p.label, p.cell.seed).is_file()]
    store = ComponentStore(request.artifacts)
    needed: dict[str, list[int]] = {}
    nodes = ordered(node for p in still_open for node in p.parts.values())
    for p in still_open:
        for node in ordered(p.parts.values()):
            needed.setdefault(node.label, []).append(p.cell.seed)
    missing = [(node, store.missing(node.label, sorted(set(needed[node.label])))) for node in nodes]
    missing = [(node, seeds) for node, seeds in missing if seeds]
    data = slice_of(to_device(transitions, request.device))
    seconds = sum(seconds_to_make(node, seeds, data) for node, seeds in missing)
    for label in dict.fromkeys(p.label for p in still_open):
        group = [p for p in still_open if p.label == label]
        cell, seeds = group[0].cell, [p.cell.seed for p in group]
        seconds += seconds_to_evaluate(
            cell.method, task, group[0].shared, cell.rho or 0.0, seeds, episodes_of(task, cell.config), data
        )
    return TaskPlan(task, config, source, cells, still_open, missing, len(nodes) - len(missing), seconds)


def open_transitions(request: Request, job: Job, source: str, screen: Screen) -> Transitions:
    """The task's data, generated with a progress bar if it has to be."""
    with screen.bar(f"{job.task.name} data") as progress:
        return load_transitions(job.task, job.config, source, request.artifacts, progress)


def cells_of(request: Request, job: Job, data: DataId) -> list[Cell]:
    """Every (method, ρ, seed) of one job; a UserError where a ρ was tuned on one of these seeds and data."""
    cells: list[Cell] = []
    for name, method in job.methods.items():
        is_of_table = job.part.holds(flatten(job.config) | flatten(method, name))
        scales = () if request.rhos else job.part.scales(method, job.task)
        purpose = Purpose(job.task.name, name, request.preset, job.terms, data)
        refuse_tuned_seeds(request.results, purpose, request.seeds)
        choices = scales or choose(method, job.task, purpose, request.rhos, request.results)
        cells += [
            Cell(
                task=job.task,
                name=name,
                method=method,
                config=job.config,
                rho=rho,
                rho_source=rho_source,
                seed=seed,
                preset=request.preset,
                source=job.part.source(request.source, job.task),
                terms=job.terms,
                row=job.part.row(name, rho, bool(request.rhos)) if is_of_table else None,
            )
            for rho, rho_source in choices
            for seed in request.seeds
        ]
    return cells


def processes_for(plans: Sequence[TaskPlan], request: Request) -> int:
    """As many as were asked for; else one per core on a CPU, where it is worth their start."""
    if request.processes is not None:
        return request.processes
    worth_it = sum(plan.seconds for plan in plans) > SECONDS_WORTH_PROCESSES
    return cores() if worth_it and request.device.type == "cpu" else 1


def cores() -> int:
    """The CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def show(plans: Sequence[TaskPlan], request: Request, processes: int, screen: Screen) -> None:
    """Print which components will be made, which are there, and how long it should take."""
    seeds = ", ".join(map(str, request.seeds))
    terms = "" if request.jobs[0].terms == SHARED else f", {request.jobs[0].terms} terms"
    screen.say(
        f"Plan: preset {request.preset}{terms}, seeds {seeds}, device {request.device}, {counted(processes)}"
    )
    for plan in plans:
        finished = len(plan.cells) - len(plan.open)
        names = ", ".join(dict.fromkeys(p.cell.name for p in plan.cells))
        screen.say(f"  {plan.task.name}: {len(plan.cells)} results ({names}); {finished} finished")
        for node, missing in plan.missing:
            screen.say(f"    to make: {node.label} for seed {', '.join(map(str, missing))}")
        if plan.ready:
            screen.say(f"    already there: {plan.ready} component{'s' if plan.ready > 1 else ''}")
    seconds = sum(plan.seconds for plan in plans) / processes
    if not any(plan.open for plan in plans):
        screen.say("  nothing is left to do: every result is there")
    if seconds:
        screen.say(f"  expected time: {spoken(seconds)} (measured on a few steps of each)")


def counted(processes: int) -> str:
    """The number of processes in words."""
    return "1 process" if processes == 1 else f"{processes} processes"


def spoken(seconds: float) -> str:
    """A duration in the unit that a reader would use."""
    if seconds < 5:
        return "a few seconds"
    if seconds < 90:
        return f"about {seconds:.0f} seconds"
    if seconds < 5400:
        return f"about {seconds / 60:.0f} minutes"
    return f"about {seconds / 3600:.1f} hours"
