"""Choose ρ per task and method with Optuna, on training seeds and episodes that no report uses."""

import dataclasses
import itertools
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import optuna

from bench.config.request import Job, Request, TuningDetails, resolve_betas, resolve_episodes
from bench.config.sources import describe_sources
from bench.config.spec import PER_SEED, Cell, join_items
from bench.progress import ProgressConsole, describe_expected
from bench.runner.blocks import TUNING, Evaluation
from bench.runner.choose_rho import keep_tuned
from bench.runner.component_builder import ComponentBuilder
from bench.runner.data import LoadedData, make_setup, open_data, refuse_other_sources
from bench.runner.estimate import SLICE, estimate_evaluation, estimate_making
from bench.runner.evaluate import evaluate
from bench.runner.loggers import make_logger
from bench.runner.plan import Node, PlannedCell, find_missing, make_node
from bench.runner.record import Evaluated, record_evaluation
from bench.runner.study import (
    FINISHED,
    MethodTuning,
    all_trials,
    describe_choice,
    find_finished,
    find_range,
    open_journal,
    open_study,
)
from bench.storage.components import ComponentStore
from bench.storage.ledger import Ledger, Subject, refuse_seeds
from bench.storage.results import ResultStore, check_space
from foundation.errors import UserError
from methods.core.policy import Policy
from reports.load.tuning_schema import Choice
from suites.task import ControlTask, DensityTask, Task
from training import Component

RUNGS = 3  # a trial is scored after each third of its episodes, where the pruner may stop it


@dataclass(frozen=True)
class TuningPlan:
    """What is tuned on one task.

    Attributes:
        task: where.
        loaded: its data.
        tunings: one for each method that has a ρ.
        trials: that are left of each.
        missing: components still to be made, upstream first, with the seeds that miss them.
        ready: number of components that are there.
    """

    task: Task
    loaded: LoadedData
    tunings: tuple[MethodTuning, ...]
    trials: tuple[int, ...]
    missing: list[tuple[Node, tuple[int, ...]]]
    ready: int


def tune(request: Request[TuningDetails], console: ProgressConsole) -> tuple[Choice, ...]:
    """Tune every method that has a ρ on every task, and keep the choices where `run` finds them."""
    check_space(request.results)
    check_space(request.artifacts)
    ResultStore(request.results).prepare()
    refuse_other_sources(request)
    refuse_exact_tasks(request)
    refuse_data_per_seed(request)
    refuse_reported_seeds(request)
    optuna.logging.set_verbosity(optuna.logging.ERROR)  # its warnings are tracebacks of what is raised here anyway
    methods = {name: method for job in request.jobs for name, method in job.methods.items()}
    if all(method.rho is None for method in methods.values()):
        raise UserError(f"none of {join_items(methods)} has a guidance scale ρ; nothing is to be tuned.")
    plans: list[TuningPlan] = []
    for _, group in itertools.groupby(request.jobs, key=lambda job: job.task.name):
        jobs = [job for job in group if any(method.rho is not None for method in job.methods.values())]
        if jobs:
            plans.append(plan_task(request, jobs, console))
    print_plan(plans, request, console)
    return tuple(choice for plan in plans for choice in tune_task(request, plan, console))


def refuse_exact_tasks(request: Request[TuningDetails]) -> None:
    """A UserError if the scale is known on a task, so that `run` would not use a tuned one."""
    known = {job.task.name: job.task.rho for job in request.jobs if job.task.rho is not None}
    if known:
        rho = join_items(sorted({f"{rho:g}" for rho in known.values()}))
        raise UserError(
            f"nothing is to be tuned on {join_items(known)}: the exact target is known, which ρ = {rho} gives, "
            "and `run` uses that; compare scales with `run --rho`, as in --rho 0.5,1,2."
        )


def refuse_data_per_seed(request: Request[TuningDetails]) -> None:
    """A UserError if each seed is to have a data set of its own: a chosen ρ is for one set, that of its seeds."""
    if any(job.config.data.is_per_seed for job in request.jobs):
        raise UserError(
            f"tune-rho chooses ρ on one data set, and --data-set.seed {PER_SEED} gives each seed its own; name "
            "the seed of one, as in --data-set.seed 100, and give `run` the choice with --rho."
        )


def refuse_reported_seeds(request: Request[TuningDetails]) -> None:
    """Seeds that have a result in this folder must not be tuned on; those of other folders are in the ledger."""
    store = ResultStore(request.results)
    for job in request.jobs:
        for name in job.methods:
            known, subject = store.seeds(job.task.name, name), Subject(job.task.name, name, ("", ""))
            refuse_seeds("tuning", subject, request.seeds, known, request.results)


def plan_task(request: Request[TuningDetails], jobs: Sequence[Job], console: ProgressConsole) -> TuningPlan:
    """What is to be tuned on the task of these jobs, and what of it is there already."""
    task, known = jobs[0].task, dict[Component, Node]()
    loaded = open_data(request, jobs[0], console)[request.seeds[0]]  # one set, which all seeds have
    tunings: list[MethodTuning] = []
    for job in jobs:
        setup = make_setup(task, job.config, loaded.about.action_low, loaded.about.action_high)
        for name, method in job.methods.items():
            if method.rho is not None:
                components = method.components(setup).items()
                nodes = {name: make_node(component, loaded.key, known) for name, component in components}
                tunings.append(MethodTuning(request, job, name, method, method.rho, setup, loaded, nodes))
    ledger = Ledger(request.artifacts, request.results)
    for tuning in tunings:
        ledger.refuse("tuning", tuning.purpose.subject, request.seeds)
    trials = tuple(count_left(tuning) for tuning in tunings)
    cells = [cell for tuning in tunings for cell in make_cells(tuning)]
    missing, ready = find_missing(cells, ComponentStore(request.artifacts))
    return TuningPlan(task, loaded, tuple(tunings), trials, missing, ready)


def count_left(tuning: MethodTuning) -> int:
    """The trials that are left of a study."""
    study = open_study(open_journal(tuning.request, tuning.job, tuning.name), tuning)
    return max(tuning.wanted - len(find_finished(study)), 0)


def make_cells(tuning: MethodTuning, episodes: int | None = None) -> list[PlannedCell]:
    """A cell for each seed at the middle of the scales, to estimate and to find the components by."""
    request, job, config = tuning.request, tuning.job, tuning.job.config
    if episodes is not None:
        config = dataclasses.replace(config, evaluation=dataclasses.replace(config.evaluation, episodes=episodes))
    rho = float(np.median(tuning.grid))
    return [
        PlannedCell(
            Cell(job.task, tuning.name, tuning.method, config, rho, None, seed, request.preset, job.terms),
            tuning.setup,
            tuning.nodes,
            tuning.name,
        )
        for seed in request.seeds
    ]


def estimate_plan(plan: TuningPlan) -> float:
    """Expected seconds of one process, if no trial is pruned."""
    data = plan.loaded.data.first(SLICE).to(plan.tunings[0].request.device)
    seconds = sum(estimate_making(node, seeds, data) for node, seeds in plan.missing)
    for tuning, left in zip(plan.tunings, plan.trials, strict=True):
        if left:
            count = resolve_episodes(plan.task, tuning.job.config)
            rungs = min(RUNGS, count)
            cells = make_cells(tuning, math.ceil(count / rungs))
            seconds += left * rungs * estimate_evaluation(cells, data)
    return seconds


def print_plan(plans: Sequence[TuningPlan], request: Request[TuningDetails], console: ProgressConsole) -> None:
    """Print what will be trained and tried, and how long it should take."""
    details, seeds = request.details, join_items(request.seeds)
    data = describe_sources(request)
    where = f"preset {request.preset}, seeds {seeds}, device {request.device}"
    console.say(f"Plan: tune ρ by {details.sampler}, {where}" + (f"; {data}" if data else ""))
    for plan in plans:
        console.say(f"  {plan.task.name}:")
        for node, missing in plan.missing:
            console.say(f"    to train: {node.label}, seeds {join_items(missing)}")
        if plan.ready:
            console.say(f"    reused: {plan.ready} trained component{'s' if plan.ready > 1 else ''}")
        for tuning, left in zip(plan.tunings, plan.trials, strict=True):
            low, high = find_range(details.sampler, tuning.grid, tuning.rho)
            scales = f"ρ = {join_items(f'{rho:g}' for rho in tuning.grid)}"
            tried = scales if details.sampler == "grid" else f"ρ from {low:g} to {high:g}"
            episodes = resolve_episodes(plan.task, tuning.job.config) * len(request.seeds)
            console.say(
                f"    {tuning.name}: {left} of {tuning.wanted} trials left, {tried}, {episodes} episodes each"
            )
    seconds = sum(map(estimate_plan, plans))
    if seconds:
        console.say(describe_expected(seconds, any(isinstance(plan.task, ControlTask) for plan in plans)))


def tune_task(request: Request[TuningDetails], plan: TuningPlan, console: ProgressConsole) -> list[Choice]:
    """Tune the methods of one task, its data loaded once."""
    builder = ComponentBuilder(
        ComponentStore(request.artifacts),
        plan.loaded.data.to(request.device),
        plan.task.name,
        console,
        make_logger(request.logger, request.results),
    )
    for node, _ in plan.missing:
        builder.make(node, request.seeds)
    return [tune_method(tuning, builder, console) for tuning in plan.tunings]


def tune_method(tuning: MethodTuning, builder: ComponentBuilder, console: ProgressConsole) -> Choice:
    """Run what is left of one study and keep its best ρ."""
    request, task = tuning.request, tuning.job.task
    policies = {
        seed: tuning.method.policy(builder.models(tuning.nodes, [seed]), tuning.setup) for seed in request.seeds
    }
    storage = open_journal(request, tuning.job, tuning.name)
    study = open_study(storage, tuning)
    with console.show_bar(f"{task.name} {tuning.name} tuning ρ", len(request.seeds)) as progress:

        def objective(trial: optuna.Trial) -> float:
            started = time.monotonic()
            low, high = find_range(request.details.sampler, tuning.grid, tuning.rho)
            rho = trial.suggest_float("rho", low, high, log=request.details.sampler == "tpe")
            score = score_in_rungs(trial, policies, rho, tuning)
            builder.logger.log(f"{task.name}/{tuning.name}/tuning", trial.number, {"rho": rho, "score": score})
            spent = time.monotonic() - started
            console.say(f"  {task.name} {tuning.name}: tried ρ = {rho:.3g}, score {score:.3g}, {spent:.1f} s")
            progress(len(study.trials), tuning.wanted)
            return score

        left = tuning.wanted - len(find_finished(study))
        if left > 0:
            callback = optuna.study.MaxTrialsCallback(tuning.wanted, states=FINISHED)
            study.optimize(objective, n_trials=left, callbacks=[callback])
        progress(tuning.wanted, tuning.wanted)
    builder.logger.finish(f"{task.name}/{tuning.name}/tuning")
    choice = describe_choice(tuning, study, all_trials(storage, tuning.purpose))
    keep_tuned(request.results, choice)
    console.say(
        f"  {task.name} {tuning.name}: ρ = {choice.rho:g} (score {choice.score:.3g}; {choice.trials} "
        f"trials and {choice.episodes} episodes on seeds {join_items(request.seeds)})"
    )
    return choice


def score_in_rungs(trial: optuna.Trial, policies: Mapping[int, Policy], rho: float, tuning: MethodTuning) -> float:
    """Mean score over the tuning episodes of all tuning seeds, reported to the pruner after each third."""
    task, config, request = tuning.job.task, tuning.job.config, tuning.request
    count = resolve_episodes(task, config)
    edges = np.linspace(0, count, min(RUNGS, count) + 1).round().astype(int).tolist()
    scores: list[float] = []
    planned = make_cells(tuning)[0]
    for rung, (start, end) in enumerate(itertools.pairwise(edges)):
        evaluations = [
            Evaluation(
                seed=seed,
                rho=rho,
                episodes=range(start, end),
                betas=resolve_betas(task, config) if isinstance(task, DensityTask) else (),
                device=request.device,
                purpose=f"{TUNING}/{start}",  # every rung draws numbers of its own
            )
            for seed in policies
        ]
        evaluated = [evaluate_timed(policies[each.seed], task, each) for each in evaluations]
        name = trial.study.study_name
        record_evaluation(request, planned, tuning.loaded.about, evaluated, (name, trial.number))
        scores += [score for each in evaluated for score in each.outcome.scores]
        trial.set_user_attr("episodes", end * len(request.seeds))
        trial.report(float(np.mean(scores)), rung)
        if trial.should_prune() and end < count:
            raise optuna.TrialPruned
    return float(np.mean(scores))


def evaluate_timed(policy: Policy, task: Task, evaluation: Evaluation) -> Evaluated:
    """The outcome of an evaluation and the seconds that it took."""
    started = time.monotonic()
    outcome = evaluate(policy, task, evaluation, lambda done, total: None)
    return Evaluated(evaluation, outcome, time.monotonic() - started)
