"""The Optuna studies of `tune-rho` and `tune`: what is tuned, its journal file, its trials and their choice.

A study lives in a journal file of the results folder: a second run resumes it and several processes can share it.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.storages import JournalStorage
from optuna.trial import FrozenTrial

from bench.config.code import describe_task, hash_method
from bench.config.request import Job, Request, TuningDetails, resolve_episodes
from bench.config.spec import record_settings
from bench.runner.blocks import EVALUATION
from bench.runner.choose_rho import Purpose, make_purpose
from bench.runner.data import LoadedData
from bench.runner.journal import open_storage
from bench.runner.knobs import narrow_rho, set_knobs
from bench.runner.nodes import KEY_LENGTH, Node, make_node
from bench.storage.components import hash_json
from foundation.errors import UserError
from methods.core.method import Knob, KnobValue, Method, Rho
from methods.core.setup import Setup
from reports.load.schema import Data
from reports.load.tuning_schema import Choice, Trial
from suites.task import ControlTask
from training import Component
from training.seeds import stream_number


@dataclass(frozen=True)
class MethodTuning:
    """What is tuned: one method on one task.

    Attributes:
        request, job: what was asked for.
        name, method: the method with its settings before tuning, in a trial with the trial's.
        rho: its guidance scale with the range that is searched, None where it has none.
        knobs: those of its settings that are tuned, with what is searched.
        setup: of the task.
        about, data_key: the task's data, and their key.
        nodes: the method's components by its names for them.
        purpose: what the choice is for.
    """

    request: Request[TuningDetails]
    job: Job
    name: str
    method: Method
    rho: Rho | None
    knobs: Mapping[str, Knob]
    setup: Setup
    about: Data
    data_key: str
    nodes: Mapping[str, Node]
    purpose: Purpose

    @property
    def names(self) -> tuple[str, ...]:
        """What is tuned."""
        return (*(["rho"] if self.rho is not None else []), *self.knobs)

    @property
    def grid(self) -> tuple[float, ...]:
        """The scales of a grid; none for a method without a scale."""
        scales = () if self.rho is None else self.request.details.grid or self.rho.grid
        return tuple(dict.fromkeys(scales))

    @property
    def range(self) -> tuple[float, ...]:
        """The scales of the grid, or the ends of the range that is searched."""
        if self.rho is None or self.request.details.sampler == "grid":
            return self.grid
        return self.rho.low, self.rho.high

    def at(self, values: Mapping[str, KnobValue]) -> "MethodTuning":
        """The same with these of the method's settings."""
        if not values:
            return self
        method = set_knobs(self.method, values)
        return replace(self, method=method, nodes=make_nodes(method, self.setup, self.data_key))


def make_nodes(method: Method, setup: Setup, data_key: str) -> dict[str, Node]:
    """A method's components as nodes, by its names for them."""
    known: dict[Component, Node] = {}
    return {name: make_node(each, data_key, known) for name, each in method.components(setup).items()}


def plan_tuning(
    request: Request[TuningDetails], job: Job, name: str, knobs: Mapping[str, Knob], setup: Setup, data: LoadedData
) -> MethodTuning:
    """The tuning of ρ and these knobs of one method of a job."""
    method = job.methods[name]
    nodes = make_nodes(method, setup, data.key)
    labels = {part: node.label for part, node in nodes.items()}
    purpose = make_purpose(job, request.preset, name, labels, data.about)
    return MethodTuning(
        replace(request, jobs=()),  # it goes to other processes with each method
        job,
        name,
        method,
        narrow_rho(method.rho, request.details.ranges.get("rho")),
        knobs,
        setup,
        data.about,
        data.key,
        nodes,
        purpose,
    )


def describe_choice(tuning: MethodTuning, study: optuna.Study, tried: Sequence[FrozenTrial]) -> Choice:
    """What was chosen, what it scored, and what all studies for this purpose spent.

    Raises:
        UserError: no trial has a finite score.
    """
    request, task, purpose = tuning.request, tuning.job.task, tuning.purpose
    complete = [t for t in study.trials if t.state == optuna.trial.TrialState.COMPLETE]
    if not complete:
        raise UserError(
            f"no trial of {tuning.name} on {task.name} has a finite score; check the settings it trains with."
        )
    return Choice(
        suite=task.suite,
        task=task.name,
        method=tuning.name,
        preset=request.preset,
        terms=tuning.job.terms,
        data=tuning.about,
        policy=purpose.policy,
        settings=purpose.settings,
        rho=study.best_trial.params.get("rho"),
        knobs=read_knobs(tuning, study.best_trial),
        score=study.best_value,
        trials=sum(trial.state in FINISHED for trial in tried),
        episodes=sum(trial.user_attrs.get("episodes", 0) for trial in tried),
        training_steps=sum(trial.user_attrs.get("training_steps", 0) for trial in tried),
        seconds=sum(trial.user_attrs.get("seconds", 0.0) for trial in tried),
        trial_episodes=resolve_episodes(task, tuning.job.config),
        seeds=tuple(request.seeds),
        sampler=request.details.sampler,
        range=tuning.range,
        ranges={name: knob.ends for name, knob in tuning.knobs.items()},
        tried=tuple(describe_trial(tuning, trial, trial.value) for trial in complete if trial.value is not None),
    )


def describe_trial(tuning: MethodTuning, trial: FrozenTrial, score: float) -> Trial:
    """What a complete trial tried, and what it cost."""
    return Trial(
        rho=trial.params.get("rho"),
        knobs=read_knobs(tuning, trial),
        score=score,
        training_steps=trial.user_attrs.get("training_steps"),
        seconds=trial.user_attrs.get("seconds"),
    )


def read_knobs(tuning: MethodTuning, trial: FrozenTrial) -> dict[str, KnobValue]:
    """The values of the knobs in a trial."""
    return {name: trial.params[name] for name in tuning.knobs}


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


def count_finished(trials: Sequence[FrozenTrial]) -> int:
    """How many trials were completed or pruned."""
    return sum(trial.state in FINISHED for trial in trials)


def count_wanted(tuning: MethodTuning, storage: JournalStorage, study: optuna.Study) -> int:
    """How many trials the study is to have.

    Under a protocol methods are to have equally many in all, so that those of other studies for the same purpose,
    such as an earlier search of ρ alone, are counted, down to the protocol's own number.
    """
    request = tuning.request
    if request.details.sampler == "grid":
        return len(tuning.grid)
    if request.protocol is None:
        return request.details.trials
    others = count_finished(all_trials(storage, tuning.purpose)) - count_finished(study.trials)
    return max(request.details.trials - others, request.protocol.trials)


def open_journal(request: Request[TuningDetails], job: Job, name: str) -> JournalStorage:
    """The file that holds every study of a task and method in this results folder.

    Raises:
        UserError: a damaged file.
    """
    return open_storage(tuning_folder(request) / f"{job.task.name}-{name}.log")


def tuning_folder(request: Request[TuningDetails]) -> Path:
    """Where the journals and their locks lie."""
    return request.results / "tuning"


def all_trials(storage: JournalStorage, purpose: Purpose) -> list[FrozenTrial]:
    """The trials of all studies for this purpose: what an earlier search or grid spent counts too."""
    prefix = f"{study_kind(purpose)}/"
    names = [study for study in optuna.get_all_study_names(storage) if study.startswith(prefix)]
    return [trial for study in names for trial in optuna.load_study(study_name=study, storage=storage).trials]


def study_kind(purpose: Purpose) -> str:
    """The first part of the names of all studies for one purpose."""
    parts = (purpose.task, purpose.method, purpose.preset, purpose.terms, *purpose.data.identity, purpose.policy)
    return "/".join(parts)


def describe_knobs(knobs: Mapping[str, Knob]) -> dict[str, list[Any]]:
    """What is searched, for a study's name."""
    return {name: [*knob.ends, knob.log] for name, knob in knobs.items()}


def open_study(storage: JournalStorage, tuning: MethodTuning) -> optuna.Study:
    """The study of a (purpose, components, settings, seeds, search, ranges), made or resumed from the journal."""
    request, job, grid = tuning.request, tuning.job, tuning.grid
    labels = {name: node.label for name, node in tuning.nodes.items()}
    settings = record_settings(job.config) | record_settings(tuning.method, tuning.name)
    key = hash_json(
        [
            labels,
            EVALUATION,
            describe_task(job.task),
            hash_method(tuning.method),
            settings,
            request.seeds,
            request.details.sampler,
            list(grid),
            *([describe_knobs(tuning.knobs)] if tuning.knobs else []),
            *([tuning.range] if tuning.rho != tuning.method.rho else []),
        ]
    )[:KEY_LENGTH]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return optuna.create_study(
            study_name=f"{study_kind(tuning.purpose)}/{key}",
            storage=storage,
            sampler=NumberedSampler(),
            pruner=optuna.pruners.MedianPruner(n_startup_trials=RANDOM_TRIALS),
            direction="maximize" if isinstance(job.task, ControlTask) else "minimize",
            load_if_exists=True,
        )
