"""Run a comparison: plan every task, show the plan, then make what is missing and evaluate what is open.

A cell whose result file is there is finished; running again does the rest.
"""

import itertools
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.config.precedence import SHARED
from bench.config.request import Job, Request, RunDetails, resolve_episodes
from bench.config.spec import Cell, flatten
from bench.progress import ProgressConsole
from bench.runner.choose_rho import DataId, Purpose, choose, refuse_tuned_seeds
from bench.runner.data import LoadedData, load_data, setup_on
from bench.runner.estimate import SLICE, estimate_evaluation, estimate_making
from bench.runner.executors import do_together
from bench.runner.plan import Node, PlannedCell, TaskPlan, group_cells, ordered, plan_cell
from bench.runner.units import Worker, units_of
from bench.storage.components import ComponentStore
from bench.storage.manifest import record_experiment, record_plan
from bench.storage.results import ResultStore, check_space
from suites.data import parse_source
from training import Component, Data

SECONDS_WORTH_PROCESSES = 20.0  # each takes some seconds to start


def run(request: Request[RunDetails], console: ProgressConsole) -> None:
    """Plan, show the plan, execute it."""
    results = ResultStore(request.results)
    check_space(request.results)
    check_space(request.artifacts)
    results.prepare()
    for job in request.jobs:
        parse_source(job.task, job.part.source(request.source, job.task))  # before any other task's data are made
    by_task = itertools.groupby(request.jobs, key=lambda job: job.task.name)
    plans = [plan_task(request, tuple(jobs), results, console) for _, jobs in by_task]
    processes = processes_for(plans, request)
    show(plans, request, processes, console)
    record_plan(plans, results)
    if request.experiment is not None:
        record_experiment(request.experiment, plans, results)
    units = [unit for plan in plans for unit in units_of(plan)]
    if processes > 1 and len(units) > 1:
        do_together(units, request, processes, console)
    else:
        worker = Worker(request, console)
        for unit in units:
            worker.do(unit)
    total = sum(len(plan.cells) for plan in plans)
    where = "" if request.results == Path("results") else f" --results {request.results}"
    console.say(f"Done: {total} results in {request.results}. Next: python -m bench report{where}")


def plan_task(
    request: Request[RunDetails], jobs: Sequence[Job], results: ResultStore, console: ProgressConsole
) -> TaskPlan:
    """Load the data of one task's jobs, name the components, look up what is there and measure what is not."""
    task = jobs[0].task
    loaded = open_data(request, jobs[0], console)
    known: dict[Component, Node] = {}
    cells = [
        plan_cell(cell, setup, loaded.key, loaded.about.source, known)
        for job in jobs
        for setup in [setup_on(task, job.config, loaded.action_low, loaded.action_high)]
        for cell in cells_of(request, job, loaded.about.identity)
    ]
    # Two settings of an experiment are one where a flag sets what would tell them apart; its row, if any, stays.
    by_row = sorted(cells, key=lambda p: p.cell.row is not None)
    cells = list({(p.label, p.cell.seed): p for p in by_row}.values())
    still_open = [p for p in cells if not results.file(task.name, p.label, p.cell.seed).is_file()]
    missing, ready = find_missing(still_open, ComponentStore(request.artifacts))
    seconds = estimate_plan(missing, still_open, loaded.data.first(SLICE))
    return TaskPlan(task, loaded, cells, still_open, missing, ready, seconds)


def open_data(request: Request[Any], job: Job, console: ProgressConsole) -> LoadedData:
    """The task's data, made with a progress bar if they have to be."""
    source = job.part.source(request.source, job.task)
    with console.show_bar(f"{job.task.name} data") as progress:
        return load_data(job.task, job.config, source, request.artifacts, request.device, progress)


def find_missing(
    still_open: Sequence[PlannedCell], store: ComponentStore
) -> tuple[list[tuple[Node, tuple[int, ...]]], int]:
    """The components to be made, upstream first, with the seeds that miss them, and how many are there already."""
    needed: dict[str, list[int]] = {}
    nodes = ordered(node for p in still_open for node in p.models.values())
    for p in still_open:
        for node in ordered(p.models.values()):
            needed.setdefault(node.label, []).append(p.cell.seed)
    missing = [(node, store.missing(node.label, sorted(set(needed[node.label])))) for node in nodes]
    missing = [(node, seeds) for node, seeds in missing if seeds]
    return missing, len(nodes) - len(missing)


def estimate_plan(
    missing: Sequence[tuple[Node, tuple[int, ...]]], still_open: Sequence[PlannedCell], data: Data
) -> float:
    """Expected seconds of one process for what is missing; `data` is a slice of the data set."""
    seconds = sum(estimate_making(node, seeds, data) for node, seeds in missing)
    for group in group_cells(still_open):
        seconds += estimate_evaluation(group, resolve_episodes(group[0].cell.task, group[0].cell.config), data)
    return seconds


def cells_of(request: Request[RunDetails], job: Job, data: DataId) -> list[Cell]:
    """Every (method, ρ, seed) of one job; a UserError where a ρ was tuned on one of these seeds and data."""
    cells: list[Cell] = []
    for name, method in job.methods.items():
        is_of_table = job.part.holds(flatten(job.config) | flatten(method, name))
        scales = () if request.details.rhos else job.part.scales(method, job.task)
        purpose = Purpose(job.task.name, name, request.preset, job.terms, data)
        refuse_tuned_seeds(request.results, purpose, request.seeds)
        choices = scales or choose(method, job.task, purpose, request.details.rhos, request.results)
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
                terms=job.terms,
                row=job.part.row(name, rho, bool(request.details.rhos)) if is_of_table else None,
            )
            for rho, rho_source in choices
            for seed in request.seeds
        ]
    return cells


def processes_for(plans: Sequence[TaskPlan], request: Request[RunDetails]) -> int:
    """As many as were asked for; else one per core on a CPU, where it is worth their start."""
    if request.processes is not None:
        return request.processes
    worth_it = sum(plan.seconds for plan in plans) > SECONDS_WORTH_PROCESSES
    return cores() if worth_it and request.device.type == "cpu" else 1


def cores() -> int:
    """The CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def show(
    plans: Sequence[TaskPlan], request: Request[RunDetails], processes: int, console: ProgressConsole
) -> None:
    """Print which components will be made, which are there, and how long it should take."""
    seeds = ", ".join(map(str, request.seeds))
    terms = "" if request.jobs[0].terms == SHARED else f", {request.jobs[0].terms} terms"
    console.say(
        f"Plan: preset {request.preset}{terms}, seeds {seeds}, device {request.device}, {counted(processes)}"
    )
    for plan in plans:
        finished = len(plan.cells) - len(plan.open)
        names = ", ".join(dict.fromkeys(p.cell.name for p in plan.cells))
        console.say(f"  {plan.task.name}: {len(plan.cells)} results ({names}); {finished} finished")
        for node, missing in plan.missing:
            console.say(f"    to make: {node.label} for seed {', '.join(map(str, missing))}")
        if plan.ready:
            console.say(f"    already there: {plan.ready} component{'s' if plan.ready > 1 else ''}")
    seconds = sum(plan.seconds for plan in plans) / processes
    if not any(plan.open for plan in plans):
        console.say("  nothing is left to do: every result is there")
    if seconds:
        console.say(f"  expected time: {format_duration(seconds)} (measured on a few steps of each)")


def counted(processes: int) -> str:
    """The number of processes in words."""
    return "1 process" if processes == 1 else f"{processes} processes"


def format_duration(seconds: float) -> str:
    """A duration in the unit that a reader would use."""
    if seconds < 5:
        return "a few seconds"
    if seconds < 90:
        return f"about {seconds:.0f} seconds"
    if seconds < 5400:
        return f"about {seconds / 60:.0f} minutes"
    return f"about {seconds / 3600:.1f} hours"
