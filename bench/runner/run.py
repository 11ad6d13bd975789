"""Run a comparison: plan every task, show the plan, then make what is missing and evaluate what is open.

A cell whose result is there, parses and checks is finished, also one that says that it failed; running again does
the rest, and with `--retry-failed` what failed.
"""

import io
import itertools
import pickle
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FunctionType
from typing import Any

from bench.config.experiments import find_experiment
from bench.config.precedence import SHARED
from bench.config.request import Job, Request, RunDetails
from bench.config.sources import describe_sources
from bench.progress import ProgressConsole, describe_expected
from bench.runner.component_records import list_components, record_components
from bench.runner.data import open_data, refuse_other_sources
from bench.runner.estimate import Estimated, estimate_plan
from bench.runner.executors.execute import execute_units
from bench.runner.finished import is_failed, set_aside
from bench.runner.memory import warn_of_memory
from bench.runner.method_records import record_methods
from bench.runner.plan import TaskPlan, enter_experiment, plan_task
from bench.runner.precision import explain_slow_bf16
from bench.runner.protocol import refuse_untuned
from bench.runner.sharing import estimate_sharing
from bench.runner.units import split_into_units
from bench.storage.components import ComponentStore
from bench.storage.leftovers import sweep_leftovers
from bench.storage.manifest import record_command, record_experiment, record_plan
from bench.storage.results import ResultStore, check_space
from foundation.errors import UserError
from foundation.program import program_name
from foundation.resources import count_cores
from methods.core.method import Method
from reports.load.schema import PlanEntry
from suites.task import ControlTask

SECONDS_WORTH_PROCESSES = 20.0  # each takes some seconds to start


def run(request: Request[RunDetails], console: ProgressConsole) -> tuple[PlanEntry, ...]:
    """Plan, show the plan, execute it; returns the plan's cells with the paths of their results."""
    results = ResultStore(request.results)
    check_folders(request)
    results.prepare()
    sweep_leftovers(request.results, request.artifacts, console.say)
    plans = plan_tasks(request, console)
    refuse_untuned(request, [each for plan in plans for each in plan.tuned])
    estimates = [estimate_plan(plan, request.device) for plan in plans]
    processes = choose_processes(sum(each.seconds for each in estimates), request)
    print_plan(plans, request, processes, estimates, console)
    entries = tuple(planned.entry(results) for plan in plans for planned in plan.cells)
    record_plan(entries, results.root)
    set_aside([each for plan in plans for each in plan.damaged], console)
    table = find_experiment(request.experiment).table if request.experiment is not None else None
    if request.experiment is not None and table is not None:
        record_experiment(enter_experiment(request.experiment, table, plans, results), results.root)
    record_origins(plans, request, console)
    units = [unit for plan in plans for unit in split_into_units(plan)]
    del plans
    execute_units(units, request, processes, console)
    where = "" if request.results == Path("results") else f" --results {request.results}"
    failed = [path for entry in entries if is_failed(path := request.results / entry.path)]
    done = f"{len(entries) - len(failed)} results" + (f" and {len(failed)} failed" if failed else "")
    console.say(f"Done: {done} in {request.results}. Next: {program_name()} report{where}")
    for path in failed:
        console.say(f"  failed: {path}; it says why, and --retry-failed tries it again")
    return entries


def record_origins(plans: Sequence[TaskPlan], request: Request[RunDetails], console: ProgressConsole) -> None:
    """Record the command, the methods and the components of finished cells, where they are not yet."""
    record_command(request.command, request.results, console.say)
    record_methods({name: method for job in request.jobs for name, method in job.methods.items()}, request.results)
    store = ComponentStore(request.artifacts)
    for plan in plans:
        left = {(planned.label, planned.cell.seed) for planned in plan.open}
        finished = [each for each in plan.cells if (each.label, each.cell.seed) not in left]
        record_components(list_components(finished), store, request.results, console.say)


def check_folders(request: Request[Any]) -> None:
    """A UserError if the folders of results and artifacts cannot be, or have no space left."""
    check_space(request.results)
    check_space(request.artifacts)


def plan_tasks(request: Request[RunDetails], console: ProgressConsole) -> list[TaskPlan]:
    """The plan of every task; data that are made here are made first."""
    refuse_other_sources(request)
    plans: list[TaskPlan] = []
    for _, jobs in itertools.groupby(request.jobs, key=lambda job: job.task.name):
        group = tuple(jobs)
        loaded = open_data(request, group[0], console)
        plans.append(plan_task(request, group, loaded, ResultStore(request.results)))
    return plans


def choose_processes(seconds: float, request: Request[Any]) -> int:
    """As many as were asked for; else one per core on a CPU, where the expected seconds are worth their start.

    Raises:
        UserError: several are asked for, and a method or a task is defined in a script or a notebook.
    """
    alone = find_unshared(request)
    if request.processes is not None:
        if request.processes > 1 and alone is not None:
            raise UserError(
                f"{alone} stands on code that other processes do not import, as that of a script or notebook; "
                "put it into a file of its own and name it with plugin=..., or use processes=1."
            )
        return request.processes
    if alone is not None:
        return 1
    return count_cores() if seconds > SECONDS_WORTH_PROCESSES and request.device.type == "cpu" else 1


def find_unshared(request: Request[Any]) -> str | None:
    """The first task or method that other processes cannot import, in words."""
    for job in request.jobs:
        for what, thing in ((f"task {job.task.name!r}", job.task), *_name_methods(job)):
            if needs_main(thing):
                return what
    return None


def _name_methods(job: Job) -> Iterator[tuple[str, Method]]:
    return ((f"method {name!r}", method) for name, method in job.methods.items())


class ModuleFinder(pickle.Pickler):
    """Pickles to nowhere and keeps the modules of the classes and functions that it meets."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO())
        self.modules: set[str] = set()

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, (type, FunctionType)):
            self.modules.add(value.__module__)
        return NotImplemented


def needs_main(thing: object) -> bool:
    """Whether another process would have to import the main module to get this object, or cannot get it at all."""
    finder = ModuleFinder()
    try:
        finder.dump(thing)
    except (pickle.PicklingError, AttributeError, TypeError):
        return True
    return "__main__" in finder.modules


def print_plan(
    plans: Sequence[TaskPlan],
    request: Request[RunDetails],
    processes: int,
    estimates: Sequence[Estimated],
    console: ProgressConsole,
) -> None:
    """Print which components will be trained or reused, how long it should take, and what sharing saves."""
    own = ", each with its data" if any(job.config.data.is_per_seed for job in request.jobs) else ""
    seeds = ", ".join(map(str, request.seeds)) + own
    terms = "" if request.jobs[0].terms == SHARED else ", as published"
    protocol = f"protocol {request.protocol.name}, " if request.protocol is not None else ""
    many = "1 process" if processes == 1 else f"{processes} processes"
    data = describe_sources(request)
    console.say(
        f"Plan: {protocol}preset {request.preset}{terms}, seeds {seeds}, device {request.device}, {many}"
        f"{f'; {data}' if data else ''}"
    )
    for plan in plans:
        finished = len(plan.cells) - len(plan.open)
        names = ", ".join(dict.fromkeys(p.cell.name for p in plan.cells))
        console.say(f"  {plan.task.name}: {len(plan.cells)} results ({names}); {finished} finished")
        for node, missing in plan.missing:
            console.say(f"    to train: {node.label}, seeds {', '.join(map(str, missing))}")
        if plan.ready:
            console.say(f"    reused: {plan.ready} trained component{'s' if plan.ready > 1 else ''}")
        for damaged in plan.damaged:
            console.say(f"    to make again: {damaged.fault}")
        for note in plan.notes:
            console.say(f"    {note}")
    if not any(plan.open for plan in plans):
        console.say("  nothing to do: all results exist")
    warned = warn_of_memory(
        [each for plan in plans for each in plan.missing],
        [each.data for plan in plans for each in plan.data.values()],
        processes,
        request.device,
    )
    if warned is not None:
        console.say(warned)
    missing = [node.component for plan in plans for node, _ in plan.missing]
    acting = [planned.cell.config for plan in plans for planned in plan.open]
    slow = explain_slow_bf16(missing, acting, request.device)
    if slow is not None:
        console.say(slow)
    seconds = sum(each.seconds for each in estimates)
    if seconds:
        has_episodes = any(isinstance(plan.task, ControlTask) and plan.open for plan in plans)
        console.say(describe_expected(seconds / processes, has_episodes))
    sharing = estimate_sharing(plans, estimates)
    if sharing is not None:
        console.say(f"  {sharing.describe()}")
