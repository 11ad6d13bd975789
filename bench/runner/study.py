"""The Optuna studies of `tune-rho`: what is tuned, its journal file, its trials and the choice they lead to.

A study lives in a journal file of the results folder: a second run resumes it and several processes can share it.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.trial import FrozenTrial

from bench.config.code import describe_task, hash_method
from bench.config.request import Job, Request, TuningDetails
from bench.config.spec import flatten
from bench.runner.choose_rho import Purpose, make_purpose
from bench.runner.data import LoadedData
from bench.runner.plan import KEY_LENGTH, Node
from bench.storage.components import hash_json
from foundation.errors import UserError
from methods.core.method import Method, Rho
from methods.core.setup import Setup
from reports.load.tuning_schema import Choice, Trial
from suites.task import ControlTask
from training.seeds import stream_number


@dataclass(frozen=True)
class MethodTuning:
    """What is tuned: one method on one task.

    Attributes:
        request, job: what was asked for.
        name, method, rho: the method and its guidance scale.
        setup, loaded: of the task.
        nodes: the method's components by its names for them.
    """

    request: Request[TuningDetails]
    job: Job
    name: str
    method: Method
    rho: Rho
    setup: Setup
    loaded: LoadedData
    nodes: Mapping[str, Node]

    @property
    def purpose(self) -> Purpose:
        labels = {name: node.label for name, node in self.nodes.items()}
        return make_purpose(self.job, self.request.preset, self.name, labels, self.loaded.about)

    @property
    def grid(self) -> tuple[float, ...]:
        return self.request.details.grid or self.rho.grid

    @property
    def wanted(self) -> int:
        is_grid = self.request.details.sampler == "grid"
        return len(self.grid) if is_grid else self.request.details.trials


def describe_choice(tuning: MethodTuning, study: optuna.Study, tried: Sequence[Any]) -> Choice:
    """The chosen ρ, what it scored, and what all studies for this purpose spent.

    Raises:
        UserError: no trial has a finite score.
    """
    request, task, purpose = tuning.request, tuning.job.task, tuning.purpose
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
        policy=purpose.policy,
        settings=purpose.settings,
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


RANDOM_TRIALS = 4  # before TPE has enough to go by, and before a trial is pruned


class NumberedSampler(optuna.samplers.BaseSampler):
    """TPE whose random numbers follow the trial's number.

    A study that is resumed goes on with other numbers than its first trials had, and processes that share a study
    draw different scales.
    """

    def _sampler_of(self, trial: FrozenTrial) -> optuna.samplers.TPESampler:
        seed = stream_number(trial.number, "tpe") % 2**32
        return optuna.samplers.TPESampler(seed=seed, n_startup_trials=RANDOM_TRIALS)

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self._sampler_of(trial).infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return self._sampler_of(trial).sample_relative(study, trial, search_space)

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        return self._sampler_of(trial).sample_independent(study, trial, param_name, param_distribution)


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
    parts = (purpose.task, purpose.method, purpose.preset, purpose.terms, *purpose.data.identity, purpose.policy)
    return "/".join(parts)


def open_study(storage: JournalStorage, tuning: MethodTuning) -> optuna.Study:
    """The study of a (purpose, components, settings, seeds, search), made or resumed from the journal."""
    request, job, grid = tuning.request, tuning.job, tuning.grid
    labels = {name: node.label for name, node in tuning.nodes.items()}
    settings = flatten(job.config) | flatten(tuning.method, tuning.name)
    key = hash_json(
        [
            labels,
            describe_task(job.task),
            hash_method(tuning.method),
            settings,
            request.seeds,
            request.details.sampler,
            list(grid),
        ]
    )[:KEY_LENGTH]
    sampler: optuna.samplers.BaseSampler = (
        optuna.samplers.GridSampler({"rho": list(grid)}, seed=0)
        if request.details.sampler == "grid"
        else NumberedSampler()
    )
    pruner = (
        optuna.pruners.NopPruner()
        if request.details.sampler == "grid"
        else optuna.pruners.MedianPruner(n_startup_trials=RANDOM_TRIALS)
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
