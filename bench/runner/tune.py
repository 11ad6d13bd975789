"""Choose ρ per task and method with Optuna, on training seeds and episodes that no report uses.

The study lives in an Optuna journal file: a second run resumes it and several processes can share it.
"""

import itertools
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

from bench.config.request import Job, Request, TuningDetails, resolve_betas, resolve_episodes
from bench.config.spec import flatten, join_items
from bench.progress import ProgressConsole
from bench.runner.choose_rho import Purpose, keep_tuned
from bench.runner.component_builder import ComponentBuilder
from bench.runner.data import LoadedData, make_setup, open_data, refuse_other_sources
from bench.runner.evaluate import TUNING, Evaluation, evaluate
from bench.runner.loggers import make_logger
from bench.runner.plan import KEY_LENGTH, make_node, sort_upstream_first
from bench.storage.components import ComponentStore, hash_json
from bench.storage.results import ResultStore, check_space
from foundation.errors import UserError
from methods.core.method import Method, Rho
from methods.core.policy import Policy
from methods.core.setup import Setup
from reports.load.schema import Choice, Trial
from suites.task import ControlTask, DensityTask
from training import Component

RUNGS = 3  # a trial is scored after each third of its episodes, where the pruner may stop it


def tune(request: Request[TuningDetails], console: ProgressConsole) -> None:
    """Tune every method that has a ρ on every task, and keep the choices where `run` finds them."""
    check_space(request.results)
    check_space(request.artifacts)
    ResultStore(request.results).prepare()
    refuse_other_sources(request)
    refuse_reported_seeds(request)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    methods = {name: method for job in request.jobs for name, method in job.methods.items()}
    if all(method.rho is None for method in methods.values()):
        raise UserError(f"none of {join_items(methods)} has a guidance scale ρ; nothing is to be tuned.")
    for _, group in itertools.groupby(request.jobs, key=lambda job: job.task.name):
        jobs = [job for job in group if any(method.rho is not None for method in job.methods.values())]
        if jobs:
            tune_task(request, jobs, console)


def tune_task(request: Request[TuningDetails], jobs: Sequence[Job], console: ProgressConsole) -> None:
    """Tune the methods of one task's jobs, its data loaded once."""
    task = jobs[0].task
    loaded = open_data(request, jobs[0], console)
    builder = ComponentBuilder(
        ComponentStore(request.artifacts),
        loaded.data.to(request.device),
        task.name,
        console,
        make_logger(request.logger, request.results),
    )
    for job in jobs:
        setup = make_setup(task, job.config, loaded.action_low, loaded.action_high)
        for name, method in job.methods.items():
            if method.rho is not None:
                tune_method(MethodTuning(request, job, name, method, method.rho, setup, loaded), builder, console)


@dataclass(frozen=True)
class MethodTuning:
    """What is tuned: one method on one task.

    Attributes:
        request, job: what was asked for.
        name, method, rho: the method and its guidance scale.
        setup, loaded: of the task.
    """

    request: Request[TuningDetails]
    job: Job
    name: str
    method: Method
    rho: Rho
    setup: Setup
    loaded: LoadedData

    @property
    def purpose(self) -> Purpose:
        identity = self.loaded.about.identity
        return Purpose(self.job.task.name, self.name, self.request.preset, self.job.terms, identity)

    @property
    def grid(self) -> tuple[float, ...]:
        return self.request.details.grid or self.rho.grid

    @property
    def wanted(self) -> int:
        is_grid = self.request.details.sampler == "grid"
        return len(self.grid) if is_grid else self.request.details.trials


def refuse_reported_seeds(request: Request[TuningDetails]) -> None:
    """Seeds that already have a reported result must not be tuned on."""
    store = ResultStore(request.results)
    reported = set().union(*(store.seeds(job.task.name) for job in request.jobs)) & set(request.seeds)
    if reported:
        raise UserError(
            f"seeds {join_items(sorted(reported))} have reported results in {str(request.results)!r}; "
            "tune on others, as in --seeds 100,101."
        )


def tune_method(tuning: MethodTuning, builder: ComponentBuilder, console: ProgressConsole) -> None:
    """Run what is left of one study and keep its best ρ."""
    request, task = tuning.request, tuning.job.task
    known: dict[Component, Any] = {}
    components = tuning.method.components(tuning.setup)
    nodes = {name: make_node(component, tuning.loaded.key, known) for name, component in components.items()}
    for node in sort_upstream_first(nodes.values()):
        builder.make(node, request.seeds)
    policy = tuning.method.policy(builder.models(nodes, request.seeds), tuning.setup)
    storage = open_journal(request, tuning.job, tuning.name)
    study = open_study(storage, tuning, {name: node.label for name, node in nodes.items()})
    with console.show_bar(f"{task.name} {tuning.name} tuning ρ", len(request.seeds)) as progress:

        def objective(trial: optuna.Trial) -> float:
            low, high = find_range(request.details.sampler, tuning.grid, tuning.rho)
            rho = trial.suggest_float("rho", low, high, log=request.details.sampler == "tpe")
            score = score_in_rungs(trial, policy, rho, tuning)
            builder.logger.log(f"{task.name}/{tuning.name}/tuning", trial.number, {"rho": rho, "score": score})
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


def describe_choice(tuning: MethodTuning, study: optuna.Study, tried: Sequence[Any]) -> Choice:
    """The chosen ρ, what it scored, and what all studies for this purpose spent.

    Raises:
        UserError: no trial has a finite score.
    """
    request, task = tuning.request, tuning.job.task
    complete = [t for t in study.trials if t.state == optuna.trial.TrialState.COMPLETE]
    if not complete:
        raise UserError(
            f"no trial of {tuning.name} on {task.name} has a finite score; check the settings it trains with."
        )
    is_grid = request.details.sampler == "grid"
    return Choice(
        suite=task.suite,
        task=task.name,
        method=tuning.name,
        preset=request.preset,
        terms=tuning.job.terms,
        data=tuning.loaded.about,
        rho=study.best_trial.params["rho"],
        score=study.best_value,
        trials=sum(trial.state in FINISHED for trial in tried),
        episodes=sum(trial.user_attrs.get("episodes", 0) for trial in tried),
        seeds=tuple(request.seeds),
        sampler=request.details.sampler,
        range=tuning.grid if is_grid else (tuning.rho.low, tuning.rho.high),
        tried=tuple(Trial(rho=t.params["rho"], score=t.value) for t in complete if t.value is not None),
    )


FINISHED = (optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED)


def find_finished(study: optuna.Study) -> list[Any]:
    """Trials that were completed or pruned."""
    return [trial for trial in study.trials if trial.state in FINISHED]


def find_range(search: str, grid: Sequence[float], rho: Rho) -> tuple[float, float]:
    """The interval a trial's ρ comes from; the grid sampler only takes the grid's values in it."""
    return (min(grid), max(grid)) if search == "grid" else (rho.low, rho.high)


def open_journal(request: Request[TuningDetails], job: Job, name: str) -> JournalStorage:
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


def open_study(storage: JournalStorage, tuning: MethodTuning, labels: dict[str, str]) -> optuna.Study:
    """The study of a (purpose, components, settings, seeds, search), made or resumed from the journal."""
    request, job, grid = tuning.request, tuning.job, tuning.grid
    settings = flatten(job.config) | flatten(tuning.method, tuning.name)
    key = hash_json([labels, settings, request.seeds, request.details.sampler, list(grid)])[:KEY_LENGTH]
    sampler: optuna.samplers.BaseSampler = (
        optuna.samplers.GridSampler({"rho": list(grid)}, seed=0)
        if request.details.sampler == "grid"
        else optuna.samplers.TPESampler(seed=0, n_startup_trials=4)
    )
    pruner = (
        optuna.pruners.NopPruner()
        if request.details.sampler == "grid"
        else optuna.pruners.MedianPruner(n_startup_trials=4)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return optuna.create_study(
            study_name=f"{study_kind(tuning.purpose)}/{key}",
            storage=storage,
            sampler=sampler,
            pruner=pruner,
            direction="maximize" if isinstance(job.task, ControlTask) else "minimize",
            load_if_exists=True,
        )


def score_in_rungs(trial: optuna.Trial, policy: Policy, rho: float, tuning: MethodTuning) -> float:
    """Mean score over the tuning episodes of all tuning seeds, reported to the pruner after each third."""
    task, config, request = tuning.job.task, tuning.job.config, tuning.request
    count = resolve_episodes(task, config)
    edges = np.linspace(0, count, min(RUNGS, count) + 1).round().astype(int).tolist()
    scores: list[float] = []
    for rung, (start, end) in enumerate(itertools.pairwise(edges)):
        evaluation = Evaluation(
            seeds=request.seeds,
            rho=rho,
            episodes=range(start, end),
            betas=resolve_betas(task, config) if isinstance(task, DensityTask) else (),
            device=request.device,
            purpose=f"{TUNING}/{start}",  # every rung draws numbers of its own
        )
        outcomes = evaluate(policy, task, evaluation, lambda done, total: None)
        scores += [score for outcome in outcomes for score in outcome.scores]
        trial.set_user_attr("episodes", end * len(request.seeds))
        trial.report(float(np.mean(scores)), rung)
        if trial.should_prune() and end < count:
            raise optuna.TrialPruned
    return float(np.mean(scores))
