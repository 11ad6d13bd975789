"""Run a comparison: plan every task, show the plan, then make what is missing and evaluate what is open.

A cell whose result file is there is finished; running again does the rest.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.choose_rho import choose, find_tuned, refuse_tuned_seeds
from bench.data import load_transitions, shared_on, to_device
from bench.errors import UserError
from bench.evaluate import densities, rollouts
from bench.plan import Node, PlannedCell, ordered, planned
from bench.rehearse import seconds_to_evaluate, seconds_to_make, slice_of
from bench.request import Job, Request, episodes_of
from bench.result import Outcome, describe, write_result
from bench.screen import Screen
from bench.spec import Cell
from bench.store import FORMAT, ComponentStore, ResultStore, check_space, write_json
from bench.workshop import Workshop
from critics.component import Component
from methods.method import Shared
from suites.sources.transitions import Transitions, action_bounds
from suites.task import ControlTask, DensityTask, Task


@dataclass(frozen=True)
class TaskPlan:
    """A task's cells and components.

    Attributes:
        job: the task with its settings.
        shared: what the methods share on it.
        cells: all of them.
        open: those without a result.
        missing: components still to be made, upstream first, with the seeds that miss them.
        ready: number of components that are there.
        seconds: how long the rest is expected to take, or 0.
    """

    job: Job
    shared: Shared
    cells: list[PlannedCell]
    open: list[PlannedCell]
    missing: list[tuple[Node, tuple[int, ...]]]
    ready: int
    seconds: float


def run(request: Request, screen: Screen) -> None:
    """Plan, show the plan, execute it."""
    results = ResultStore(request.results)
    check_space(request.results)
    check_space(request.artifacts)
    results.prepare()
    for job in request.jobs:
        refuse_tuned_seeds(request.results, job.task.name, job.methods, request.preset, request.seeds)
    plans = [plan_task(request, job, results, screen) for job in request.jobs]
    show(plans, request, screen)
    remember(plans, results)
    for plan in plans:
        if plan.open:
            execute(request, plan, results, screen)
    total = sum(len(plan.cells) for plan in plans)
    where = "" if request.results == Path("results") else f" --results {request.results}"
    screen.say(f"Done: {total} results in {request.results}. Next: python -m bench report{where}")


def plan_task(request: Request, job: Job, results: ResultStore, screen: Screen) -> TaskPlan:
    """Load the data, name the components, look up what is there and measure what is not."""
    transitions = open_transitions(request, job, screen)
    shared = shared_on(job.task, job.config, action_bounds(job.task, transitions))
    known: dict[Component, Node] = {}
    cells = [planned(cell, shared, transitions.key, transitions.source, known) for cell in cells_of(request, job)]
    still_open = [p for p in cells if not results.file(job.task.name, p.label, p.cell.seed).is_file()]
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
    for name, method, rho in {(p.cell.name, p.cell.method, p.cell.rho) for p in still_open}:
        seeds = [p.cell.seed for p in still_open if (p.cell.name, p.cell.rho) == (name, rho)]
        seconds += seconds_to_evaluate(
            method, job.task, shared, rho or 0.0, seeds, episodes_of(job.task, job.config), data
        )
    return TaskPlan(job, shared, cells, still_open, missing, len(nodes) - len(missing), seconds)


def open_transitions(request: Request, job: Job, screen: Screen) -> Transitions:
    """The task's data, generated with a progress bar if it has to be."""
    with screen.bar(f"{job.task.name} data") as progress:
        return load_transitions(job.task, job.config, request.source, request.artifacts, progress)


def cells_of(request: Request, job: Job) -> list[Cell]:
    """Every (method, ρ, seed) of one task."""
    cells: list[Cell] = []
    for name, method in job.methods.items():
        choices = choose(method, name, job.task, request.preset, request.rhos, request.results)
        for rho, rho_source in choices:
            for seed in request.seeds:
                cell = Cell(
                    job.task, name, method, job.config, rho, rho_source, seed, request.preset, request.source
                )
                cells.append(cell)
    return cells


def show(plans: Sequence[TaskPlan], request: Request, screen: Screen) -> None:
    """Print which components will be made, which are there, and how long it should take."""
    seeds = ", ".join(map(str, request.seeds))
    screen.say(f"Plan: preset {request.preset}, seeds {seeds}, device {request.device}")
    for plan in plans:
        finished = len(plan.cells) - len(plan.open)
        names = ", ".join(plan.job.methods)
        screen.say(f"  {plan.job.task.name}: {len(plan.cells)} results ({names}); {finished} finished")
        for node, missing in plan.missing:
            screen.say(f"    to make: {node.label} for seed {', '.join(map(str, missing))}")
        if plan.ready:
            screen.say(f"    already there: {plan.ready} component{'s' if plan.ready > 1 else ''}")
    seconds = sum(plan.seconds for plan in plans)
    if not any(plan.open for plan in plans):
        screen.say("  nothing is left to do: every result is there")
    if seconds:
        screen.say(f"  expected time: {spoken(seconds)} (measured on a few steps of each)")


def spoken(seconds: float) -> str:
    """A duration in the unit that a reader would use."""
    if seconds < 5:
        return "a few seconds"
    if seconds < 90:
        return f"about {seconds:.0f} seconds"
    if seconds < 5400:
        return f"about {seconds / 60:.0f} minutes"
    return f"about {seconds / 3600:.1f} hours"


def remember(plans: Sequence[TaskPlan], results: ResultStore) -> None:
    """Write down the cells of this comparison, so that a report can tell what is missing."""
    cells = [
        {
            "suite": p.cell.task.suite,
            "task": p.cell.task.name,
            "method": p.cell.name,
            "rho": p.cell.rho,
            "seed": p.cell.seed,
            "path": str(results.file(p.cell.task.name, p.label, p.cell.seed).relative_to(results.root)),
        }
        for plan in plans
        for p in plan.cells
    ]
    write_json(results.root / "plan.json", {"format": FORMAT, "cells": cells})


def execute(request: Request, plan: TaskPlan, results: ResultStore, screen: Screen) -> None:
    """Make the missing components of a task, then evaluate its open cells."""
    transitions = open_transitions(request, plan.job, Screen(quiet=True))
    data = to_device(transitions, request.device)
    workshop = Workshop(ComponentStore(request.artifacts), data, plan.job.task.name, screen)
    for node, seeds in plan.missing:
        workshop.make(node, seeds)
    groups: dict[str, list[PlannedCell]] = {}
    for cell in plan.open:
        groups.setdefault(cell.label, []).append(cell)
    for group in groups.values():
        evaluate_group(request, plan, group, workshop, describe(transitions), results, screen)


def evaluate_group(
    request: Request,
    plan: TaskPlan,
    group: Sequence[PlannedCell],
    workshop: Workshop,
    about_data: dict[str, Any],
    results: ResultStore,
    screen: Screen,
) -> None:
    """Evaluate one method at one ρ for all its open seeds together, and write a result for each."""
    first = group[0].cell
    seeds = [p.cell.seed for p in group]
    policy = first.method.policy(workshop.parts(group[0].parts, seeds), plan.shared, first.rho or 0.0)
    rho = "" if first.rho is None else f" ρ={first.rho:g}"
    started = time.monotonic()
    with screen.bar(f"{first.task.name} {first.name}{rho}", len(seeds)) as progress:
        outcomes = outcomes_of(
            policy, first.task, seeds, range(episodes_of(first.task, first.config)), request, progress
        )
    seconds = (time.monotonic() - started) / len(seeds)
    nodes = ordered(group[0].parts.values())
    tuned = find_tuned(request.results, first.task.name, first.name, first.preset)
    spent = {"episodes": tuned["episodes"], "trials": tuned["trials"]} if tuned else None
    for row, (planned_cell, outcome) in enumerate(zip(group, outcomes, strict=True)):
        write_result(
            results.file(first.task.name, planned_cell.label, planned_cell.cell.seed),
            planned_cell,
            outcome,
            about_data,
            tuning=spent if first.rho_source == "tuned" else None,
            repairs=policy.repairs.counts(row),
            seconds={"train": workshop.seconds(nodes, planned_cell.cell.seed), "evaluate": seconds},
            device=request.device,
        )


def outcomes_of(
    policy: Any, task: Task, seeds: Sequence[int], episodes: range, request: Request, progress: Any
) -> list[Outcome]:
    """Evaluate on the task's own terms, one outcome per seed."""
    match task:
        case ControlTask():
            rolled = rollouts(policy, task, seeds, episodes, request.device, progress)
            return [Outcome(episodes=row) for row in rolled]
        case DensityTask():
            scored = densities(policy, task, seeds, len(episodes), request.device, progress)
            return [Outcome(densities=row) for row in scored]
    raise UserError(f"task {task.name!r} has no way to be evaluated; it is neither control nor density.")
