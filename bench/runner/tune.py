"""Choose ρ per task and method with Optuna, on training seeds and episodes that no report uses.

The study lives in an Optuna journal file: a second run resumes it and several processes can share it.
"""

import itertools
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import optuna
import torch
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

from bench.config.request import Job, betas_of, episodes_of
from bench.config.spec import flatten, joined
from bench.progress import Screen
from bench.runner.choose_rho import Purpose, keep_tuned
from bench.runner.component_builder import Workshop
from bench.runner.data import load_transitions, shared_on, to_device
from bench.runner.evaluate import TUNING, densities, rollouts
from bench.runner.plan import KEY_LENGTH, node_of, ordered
from bench.storage.components import ComponentStore, digest
from bench.storage.results import ResultStore, check_space, describe_data
from foundation.errors import UserError
from methods.core.method import Method, Policy, Rho, Shared
from reports.load.schema import Choice, Trial
from suites.sources.transitions import Transitions, action_bounds
from suites.task import ControlTask, DensityTask
from training.component import Component

RUNGS = 3  # a trial is scored after each third of its episodes, where the pruner may stop it


@dataclass(frozen=True)
class TuneRequest:
    """What `tune-rho` was asked to do."""

    jobs: tuple[Job, ...]
    seeds: tuple[int, ...]
    search: Literal["grid", "tpe"]
    trials: int
    grid: tuple[float, ...]
    preset: str
    source: str
    device: torch.device
    results: Path
    artifacts: Path


def tune(request: TuneRequest, screen: Screen) -> None:
    """Tune every method that has a ρ on every task, and keep the choices where `run` finds them."""
    check_space(request.results)
    check_space(request.artifacts)
    ResultStore(request.results).prepare()
    refuse_reported_seeds(request)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    methods = {name: method for job in request.jobs for name, method in job.methods.items()}
    if all(method.rho is None for method in methods.values()):
        raise UserError(f"none of {joined(methods)} has a guidance scale ρ; nothing is to be tuned.")
    for job in request.jobs:
        tunable = {name: method for name, method in job.methods.items() if method.rho is not None}
        if not tunable:
            continue
        with screen.bar(f"{job.task.name} data") as progress:
            transitions = load_transitions(job.task, job.config, request.source, request.artifacts, progress)
        shared = shared_on(job.task, job.config, action_bounds(job.task, transitions))
        data = to_device(transitions, request.device)
        workshop = Workshop(ComponentStore(request.artifacts), data, job.task.name, screen)
        for name, method in tunable.items():
            tune_one(request, job, name, method, shared, workshop, transitions, screen)


def refuse_reported_seeds(request: TuneRequest) -> None:
    """Seeds that already have a reported result must not be tuned on."""
    store = ResultStore(request.results)
    reported = set().union(*(store.seeds(job.task.name) for job in request.jobs)) & set(request.seeds)
    if reported:
        raise UserError(
            f"seeds {joined(sorted(reported))} have reported results in {str(request.results)!r}; "
            "tune on others, as in --seeds 100,101."
        )


def tune_one(
    request: TuneRequest,
    job: Job,
    name: str,
    method: Method,
    shared: Shared,
    workshop: Workshop,
    transitions: Transitions,
    screen: Screen,
) -> None:
    """Run what is left of one study and keep its best ρ."""
    known: dict[Component, Any] = {}
    nodes = {part: node_of(c, transitions.key, known) for part, c in method.components(shared).items()}
    for node in ordered(nodes.values()):
        workshop.make(node, request.seeds)
    parts = workshop.parts(nodes, request.seeds)
    rho_range = method.rho
    if rho_range is None:
        raise UserError(f"method {name!r} has no guidance scale to tune.")
    about = describe_data(transitions)
    purpose = Purpose(job.task.name, name, request.preset, job.terms, about.identity)
    grid = request.grid or rho_range.grid
    storage = open_journal(request, job, name)
    study = open_study(storage, request, job, purpose, {part: node.label for part, node in nodes.items()}, grid)
    wanted = len(grid) if request.search == "grid" else request.trials
    with screen.bar(f"{job.task.name} {name} tuning ρ", len(request.seeds)) as progress:

        def objective(trial: optuna.Trial) -> float:
            rho = trial.suggest_float("rho", *bounds(request.search, grid, rho_range), log=request.search == "tpe")
            policy = method.policy(parts, shared, rho)
            score = score_in_rungs(trial, policy, job, request)
            progress(len(study.trials), wanted)
            return score

        left = wanted - len(finished(study))
        if left > 0:
            callback = optuna.study.MaxTrialsCallback(wanted, states=FINISHED)
            study.optimize(objective, n_trials=left, callbacks=[callback])
        progress(wanted, wanted)
    complete = [t for t in study.trials if t.state == optuna.trial.TrialState.COMPLETE]
    if not complete:
        raise UserError(
            f"no trial of {name} on {job.task.name} has a finite score; check the settings it trains with."
        )
    best, tried = study.best_trial, all_trials(storage, purpose)
    choice = Choice(
        suite=job.task.suite,
        task=job.task.name,
        method=name,
        preset=request.preset,
        terms=job.terms,
        data=about,
        rho=best.params["rho"],
        score=study.best_value,
        trials=sum(trial.state in FINISHED for trial in tried),
        episodes=sum(trial.user_attrs.get("episodes", 0) for trial in tried),
        seeds=tuple(request.seeds),
        sampler=request.search,
        range=tuple(grid) if request.search == "grid" else (rho_range.low, rho_range.high),
        tried=tuple(Trial(rho=t.params["rho"], score=t.value) for t in complete if t.value is not None),
    )
    keep_tuned(request.results, choice)
    screen.say(
        f"  {job.task.name} {name}: ρ = {choice.rho:g} (score {choice.score:.3g}; {choice.trials} trials "
        f"and {choice.episodes} episodes on seeds {joined(request.seeds)})"
    )


FINISHED = (optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED)


def finished(study: optuna.Study) -> list[Any]:
    """Trials that were completed or pruned."""
    return [trial for trial in study.trials if trial.state in FINISHED]


def bounds(search: str, grid: Sequence[float], rho: Rho) -> tuple[float, float]:
    """The interval a trial's ρ comes from; the grid sampler only takes the grid's values in it."""
    return (min(grid), max(grid)) if search == "grid" else (rho.low, rho.high)


def open_journal(request: TuneRequest, job: Job, name: str) -> JournalStorage:
    """The file that holds every study of a task and method in this results folder."""
    file = request.results / "tuning" / f"{job.task.name}-{name}.log"
    file.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return JournalStorage(JournalFileBackend(str(file), lock_obj=JournalFileOpenLock(str(file))))


def all_trials(storage: JournalStorage, purpose: Purpose) -> list[Any]:
    """The trials of all studies for this purpose: what an earlier search or grid spent counts too."""
    prefix = f"{study_kind(purpose)}/"
    names = [study for study in optuna.get_all_study_names(storage) if study.startswith(prefix)]
    return [trial for study in names for trial in optuna.load_study(study_name=study, storage=storage).trials]


def study_kind(purpose: Purpose) -> str:
    """The first part of the names of all studies for one purpose."""
    return "/".join((purpose.task, purpose.method, purpose.preset, purpose.terms, *purpose.data))


def open_study(
    storage: JournalStorage,
    request: TuneRequest,
    job: Job,
    purpose: Purpose,
    labels: dict[str, str],
    grid: Sequence[float],
) -> optuna.Study:
    """The study of a (purpose, components, settings, seeds, search), made or resumed from the journal."""
    settings = flatten(job.config) | flatten(job.methods[purpose.method], purpose.method)
    key = digest([labels, settings, request.seeds, request.search, list(grid)])[:KEY_LENGTH]
    sampler: optuna.samplers.BaseSampler = (
        optuna.samplers.GridSampler({"rho": list(grid)}, seed=0)
        if request.search == "grid"
        else optuna.samplers.TPESampler(seed=0, n_startup_trials=4)
    )
    pruner = (
        optuna.pruners.NopPruner() if request.search == "grid" else optuna.pruners.MedianPruner(n_startup_trials=4)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return optuna.create_study(
            study_name=f"{study_kind(purpose)}/{key}",
            storage=storage,
            sampler=sampler,
            pruner=pruner,
            direction="maximize" if isinstance(job.task, ControlTask) else "minimize",
            load_if_exists=True,
        )


def score_in_rungs(trial: optuna.Trial, policy: Policy, job: Job, request: TuneRequest) -> float:
    """Mean score over the tuning episodes of all tuning seeds, reported to the pruner after each third."""
    count = episodes_of(job.task, job.config)
    edges = np.linspace(0, count, min(RUNGS, count) + 1).round().astype(int)
    scores: list[float] = []
    for rung, (start, end) in enumerate(itertools.pairwise(edges)):
        scores += scores_of(policy, job, request, range(start, end))
        trial.set_user_attr("episodes", int(end) * len(request.seeds))
        trial.report(float(np.mean(scores)), rung)
        if trial.should_prune() and end < count:
            raise optuna.TrialPruned
    return float(np.mean(scores))


def scores_of(policy: Policy, job: Job, request: TuneRequest, episodes: range) -> list[float]:
    """Scores of these tuning episodes, all seeds together; every rung draws numbers of its own."""
    task, purpose = job.task, f"{TUNING}/{episodes.start}"

    def silent(done: int, total: int) -> None:
        return

    match task:
        case ControlTask():
            rolled = rollouts(policy, task, request.seeds, episodes, request.device, silent, purpose)
            return [episode.normalized for row in rolled for episode in row]
        case DensityTask():
            count, betas = len(episodes), betas_of(task, job.config)
            scored = densities(policy, task, request.seeds, count, betas, request.device, silent, purpose)
            return [score.distance for row in scored for score in row]
    raise UserError(f"task {task.name!r} has no way to be evaluated.")
