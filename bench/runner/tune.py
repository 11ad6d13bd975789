"""Tune methods with Optuna, on training seeds and episodes that no report uses: ρ alone, or a method's knobs too.

By `tune` every method with something to tune gets equally many trials on each task. Where there are several
processes, each tunes another method or task.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bench.config.request import Job, Request, TuningDetails, resolve_episodes
from bench.config.sources import describe_sources
from bench.config.spec import PER_SEED, join_items
from bench.progress import ProgressConsole, describe_expected
from bench.runner.choose_rho import find_choice
from bench.runner.data import LoadedData, make_setup, open_data, refuse_other_sources
from bench.runner.estimate import SLICE, estimate_in_groups, estimate_in_parts
from bench.runner.executors.execute import execute_units
from bench.runner.imports import refuse_idle_imports
from bench.runner.knobs import find_knobs, list_tunable
from bench.runner.memory import warn_of_memory
from bench.runner.nodes import Node, sort_upstream_first
from bench.runner.plan import PlannedCell, find_missing
from bench.runner.precision import explain_slow_bf16
from bench.runner.ranges import refuse_ranges
from bench.runner.run import check_folders, choose_processes
from bench.runner.study import MethodTuning, count_finished, count_wanted, open_journal, open_study, plan_tuning
from bench.runner.trials import plan_trial
from bench.runner.units import Unit
from bench.storage.components import ComponentStore
from bench.storage.ledger import Ledger, Subject, refuse_seeds
from bench.storage.leftovers import sweep_leftovers
from bench.storage.manifest import record_command
from bench.storage.results import ResultStore
from foundation.errors import UserError
from foundation.program import program_name
from reports.load.tuning_schema import Choice
from suites.task import ControlTask, Task


@dataclass(frozen=True)
class TuningPlan:
    """What is tuned on one task.

    Attributes:
        task: where.
        job: one of its jobs.
        loaded: its data.
        tunings: one for each method that has something to tune.
        trials: that are left of each, and that it is to have in all.
        idle: the methods that have nothing that the command tunes.
        left: method's name to its knobs that are tuned with `--training` alone, where that is not asked for.
        missing: components still to be made, upstream first, with the seeds that miss them.
        ready: number of components that are there.
    """

    task: Task
    job: Job
    loaded: LoadedData
    tunings: tuple[MethodTuning, ...]
    trials: tuple[tuple[int, int], ...]
    idle: tuple[str, ...]
    left: Mapping[str, tuple[str, ...]]
    missing: list[tuple[Node, tuple[int, ...]]]
    ready: int


def tune(request: Request[TuningDetails], console: ProgressConsole) -> tuple[Choice, ...]:
    """Tune every method that has something to tune on every task, and keep the choices where `run` finds them."""
    check_folders(request)
    ResultStore(request.results).prepare()
    sweep_leftovers(request.results, request.artifacts, console.say)
    refuse_other_sources(request)
    refuse_exact_tasks(request)
    refuse_data_per_seed(request)
    refuse_reported_seeds(request)
    refuse_untunable(request)
    refuse_ranges(request)
    refuse_partial_tuning(request)
    by_task = itertools.groupby(request.jobs, key=lambda job: job.task.name)
    plans = [plan_task(request, tuple(jobs), console) for _, jobs in by_task]
    tunings = [tuning for plan in plans for tuning in plan.tunings]
    if not tunings:
        raise UserError(
            "nothing is to be tuned: every knob of these methods is given, or needs training; leave the settings "
            "out, or add --training."
        )
    seconds = sum(map(estimate_plan, plans))
    processes = choose_processes(seconds, request)
    print_plan(plans, request, processes, seconds, console)
    record_command(request.command, request.results, console.say)
    units = [unit for plan in plans for unit in split_into_units(plan)]
    del plans
    execute_units(units, request, processes, console)
    found = [find_choice(request.results, tuning.purpose) for tuning in tunings]
    return tuple(choice for choice in found if choice is not None)


def refuse_exact_tasks(request: Request[TuningDetails]) -> None:
    """A UserError if the scale is known on a task, so that `run` would not use tuned values."""
    known = {job.task.name: job.task.rho for job in request.jobs if job.task.rho is not None}
    if known:
        rho = join_items(sorted({f"{rho:g}" for rho in known.values()}))
        raise UserError(
            f"nothing is to be tuned on {join_items(known)}: the exact target is known, which ρ = {rho} gives, "
            "and `run` uses that; compare scales with `run --rho`, as in --rho 0.5,1,2."
        )


def refuse_data_per_seed(request: Request[TuningDetails]) -> None:
    """A UserError if each seed is to have a data set of its own: a choice is for one set, that of its seeds."""
    if any(job.config.data.is_per_seed for job in request.jobs):
        raise UserError(
            f"tuning chooses on one data set, and --data-set.seed {PER_SEED} gives each seed its own; name the "
            "seed of one, as in --data-set.seed 100, and give `run` what was chosen, ρ with --rho."
        )


def refuse_reported_seeds(request: Request[TuningDetails]) -> None:
    """Seeds that have a result in this folder must not be tuned on; those of other folders are in the ledger."""
    store = ResultStore(request.results)
    for job in request.jobs:
        for name in job.methods:
            known, subject = store.seeds(job.task.name, name), Subject(job.task.name, name, ("", ""))
            refuse_seeds("tuning", subject, request.seeds, known, request.results)


def refuse_untunable(request: Request[TuningDetails]) -> None:
    """A UserError if no method has anything that the command tunes."""
    methods = {name: method for job in request.jobs for name, method in job.methods.items()}
    if any(method.rho is not None or (request.details.knobs and method.knobs) for method in methods.values()):
        return
    others = [name for name, method in methods.items() if method.knobs]
    further = f"; `tune` tunes the knobs of {join_items(others)}" if others else ""
    what = "guidance scale ρ or a knob" if request.details.knobs else "guidance scale ρ"
    raise UserError(f"none of {join_items(methods)} has a {what}; nothing is to be tuned{further}.")


def refuse_partial_tuning(request: Request[TuningDetails]) -> None:
    """A UserError if a protocol is asked for of ρ alone, and a method has more that `tune` tunes."""
    if request.protocol is None or request.details.knobs:
        return
    for job in request.jobs:
        unknown = (0.0,) * job.task.action_dim  # the range of the actions changes no name of a knob
        setup = make_setup(job.task, job.config, unknown, unknown)
        for name in job.methods:
            further = [each for each in list_tunable(job, name, setup) if each != "rho"]
            if further:
                protocol, program = request.protocol.name, program_name()
                raise UserError(
                    f"protocol {protocol} tunes all of a method that needs no training, of {name} also "
                    f"{' and '.join(further)}; type `{program} tune --protocol {protocol} {request.typed}`."
                )


def plan_task(request: Request[TuningDetails], jobs: Sequence[Job], console: ProgressConsole) -> TuningPlan:
    """What is to be tuned on the task of these jobs, and what of it is there already."""
    task, details = jobs[0].task, request.details
    loaded = open_data(request, jobs[0], console)[request.seeds[0]]  # one set, which all seeds have
    tunings: list[MethodTuning] = []
    idle: list[str] = []
    left: dict[str, tuple[str, ...]] = {}
    for job in jobs:
        setup = make_setup(task, job.config, loaded.about.action_low, loaded.about.action_high)
        for name, method in job.methods.items():
            knobs = find_knobs(job, name, setup, details.training, details.ranges) if details.knobs else {}
            if method.rho is not None or knobs:
                tunings.append(plan_tuning(request, job, name, knobs, setup, loaded))
            else:
                idle.append(name)
            every = find_knobs(job, name, setup, True, details.ranges) if details.knobs else {}
            left |= {name: tuple(each for each in every if each not in knobs)} if every.keys() - knobs else {}
    ledger = Ledger(request.artifacts, request.results)
    for tuning in tunings:
        ledger.refuse("tuning", tuning.purpose.subject, request.seeds)
    trials = tuple(map(count_trials, tunings))
    cells = [cell for tuning in tunings for cell in make_cells(tuning)]
    for each in cells:
        refuse_idle_imports(each.cell.name, each.models.values(), each.cell.config)
    missing, ready = find_missing(cells, ComponentStore(request.artifacts))
    return TuningPlan(task, jobs[0], loaded, tuple(tunings), trials, tuple(idle), left, missing, ready)


def count_trials(tuning: MethodTuning) -> tuple[int, int]:
    """The trials that are left of a study, and those that it is to have."""
    storage = open_journal(tuning.request, tuning.job, tuning.name)
    study = open_study(storage, tuning)
    wanted = count_wanted(tuning, storage, study)
    return max(wanted - count_finished(study.trials), 0), wanted


def make_grid_cells(tuning: MethodTuning) -> list[PlannedCell]:
    """A cell for each seed at each scale of a grid, which share a rollout."""
    return [plan_trial(tuning, seed, rho) for seed in tuning.request.seeds for rho in tuning.grid]


def make_cells(tuning: MethodTuning) -> list[PlannedCell]:
    """A cell for each seed at the middle of the scales, to estimate and to find the components by."""
    rho = float(np.median(tuning.grid)) if tuning.grid else None
    return [plan_trial(tuning, seed, rho) for seed in tuning.request.seeds]


def estimate_plan(plan: TuningPlan) -> float:
    """Expected seconds of one process, if no trial is pruned and every one trains what its knobs change."""
    if not plan.tunings:
        return 0.0
    request = plan.tunings[0].request
    data = plan.loaded.data.first(SLICE).to(request.device)
    seconds = sum(estimate_in_groups(node, seeds, data) for node, seeds in plan.missing)
    for tuning, (left, _) in zip(plan.tunings, plan.trials, strict=True):
        if left and tuning.request.details.sampler == "grid":
            seconds += estimate_in_parts(make_grid_cells(tuning), data)
        elif left:
            middle = tuning.at({name: knob.mean for name, knob in tuning.knobs.items()})
            seconds += left * estimate_in_parts(make_cells(middle), data)
            seconds += left * sum(estimate_in_groups(node, request.seeds, data) for node in find_trained(tuning))
    return seconds


def find_trained(tuning: MethodTuning) -> list[Node]:
    """The components that a trial trains by itself, as at the first or the last values of the knobs."""
    shared = {node.label for node in sort_upstream_first(tuning.nodes.values())}
    ends = [tuning.at({name: knob.ends[end] for name, knob in tuning.knobs.items()}) for end in (0, -1)]
    own = [[n for n in sort_upstream_first(each.nodes.values()) if n.label not in shared] for each in ends]
    return max(own, key=len)


def print_plan(
    plans: Sequence[TuningPlan],
    request: Request[TuningDetails],
    processes: int,
    seconds: float,
    console: ProgressConsole,
) -> None:
    """Print what will be trained and tried, and how long it should take."""
    details, data = request.details, describe_sources(request)
    many = "1 process" if processes == 1 else f"{processes} processes"
    where = f"preset {request.preset}, seeds {join_items(request.seeds)}, device {request.device}, {many}"
    what = "ρ and knobs" if details.knobs else "ρ"
    console.say(f"Plan: tune {what} by {details.sampler}, {where}" + (f"; {data}" if data else ""))
    for plan in plans:
        console.say(f"  {plan.task.name}:")
        for node, missing in plan.missing:
            console.say(f"    to train: {node.label}, seeds {join_items(missing)}")
        if plan.ready:
            console.say(f"    reused: {plan.ready} trained component{'s' if plan.ready > 1 else ''}")
        for tuning, (left, wanted) in zip(plan.tunings, plan.trials, strict=True):
            console.say(f"    {tuning.name}: {left} of {wanted} trials left, {describe_search(tuning, plan.task)}")
        if plan.idle:
            console.say(f"    {join_items(plan.idle)}: {'nothing to tune' if details.knobs else 'no ρ'}, 0 trials")
        for name, knobs in plan.left.items():
            console.say(f"    {name}: {join_items(knobs)} only with --training")
    missing = [each for plan in plans for each in plan.missing]
    warned = warn_of_memory(missing, [plan.loaded.data for plan in plans], processes, request.device)
    if warned is not None:
        console.say(warned)
    acting = [tuning.job.config for plan in plans for tuning in plan.tunings]
    slow = explain_slow_bf16([node.component for node, _ in missing], acting, request.device)
    if slow is not None:
        console.say(slow)
    if seconds:
        episodes = any(isinstance(plan.task, ControlTask) for plan in plans)
        console.say(describe_expected(seconds / processes, episodes))


def describe_search(tuning: MethodTuning, task: Task) -> str:
    """What a trial of a method tries, trains and rolls."""
    is_grid = tuning.request.details.sampler == "grid"
    scales = [f"{rho:g}" for rho in tuning.range]
    parts = [f"ρ = {join_items(scales)}" if is_grid else f"ρ from {' to '.join(scales)}"] if scales else []
    parts += [f"{name} from {knob.describe()}" for name, knob in tuning.knobs.items()]
    trained = [node.component.kind for node in find_trained(tuning)]
    parts += [f"{join_items(trained)} trained for each trial"] if trained else []
    episodes = resolve_episodes(task, tuning.job.config) * len(tuning.request.seeds)
    return f"{'; '.join(parts)}; {episodes} episodes each"


def split_into_units(plan: TuningPlan) -> list[Unit]:
    """The components that all trials need, then one unit for each method, in an order that works."""
    missing = {node.label for node, _ in plan.missing}
    of_task = (plan.task, plan.job, plan.loaded.data, plan.loaded.about)

    def needed(nodes: Iterable[Node]) -> frozenset[str]:
        return frozenset(node.label for node in sort_upstream_first(nodes)) & missing

    making = [
        Unit(node.label, *of_task, needed(node.upstream.values()), make=(node, seeds))
        for node, seeds in plan.missing
    ]
    tuning = [
        Unit(f"{plan.task.name} {each.name} tuning", *of_task, needed(each.nodes.values()), tuning=each)
        for each in plan.tunings
    ]
    return making + tuning
