"""What a command was asked to do: its jobs, one for each task, and where, on what and with which seeds."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, TypeVar

import torch
from annotated_types import Ge

from bench.config.check_critic import refuse_idle_kind, refuse_known_critic
from bench.config.check_settings import check_settings
from bench.config.check_suite_settings import check_suite_settings
from bench.config.experiments import Part
from bench.config.precedence import OWN, Case, declare_settings, resolve_settings
from bench.config.spec import Config, SettingChoice
from foundation.bounds import Count, NonNegative
from foundation.errors import UserError
from methods.core.method import Method, SlotMethod
from methods.core.registry import get_method, method_names
from methods.core.slots import ThroughDenoiser
from reports.analysis.protocol import Protocol
from suites.registry import get_suite
from suites.task import DensityTask, Task


@dataclass(frozen=True)
class Job:
    """One task of a comparison with its settings; as published, one method on it.

    Attributes:
        task: where.
        config: the settings that the methods share.
        methods: by name, each with its own settings.
        terms: `shared` or `own`.
        part: of an experiment, or of a suite, whose scales and rows its cells have.
        given: names of the settings that the user or the experiment gives, which tuning leaves as they are.
        declared: of each of them the value that is taken where it is not given, and where that comes from.
    """

    task: Task
    config: Config
    methods: dict[str, Method]
    terms: str
    part: Part
    given: frozenset[str] = frozenset()
    declared: Mapping[str, SettingChoice] = field(default_factory=dict)


@dataclass(frozen=True)
class RunDetails:
    """What is particular to `run`.

    Attributes:
        rhos: guidance scales given, or none.
        retry_failed: whether cells that failed are tried again.
    """

    rhos: tuple[NonNegative, ...] = ()
    retry_failed: bool = False


@dataclass(frozen=True)
class TuningDetails:
    """What is particular to `tune-rho` and `tune`.

    Attributes:
        sampler: how scales are proposed; of `tune` always `tpe`.
        trials: of `tpe`; the grid tries each of its scales once.
        grid: scales given, or none.
        knobs: whether knobs are tuned beside ρ, as by `tune`.
        training: whether knobs that need training are among them.
        ranges: name of a knob, or `rho`, to the ends that replace those of every method that has it.
    """

    sampler: Literal["grid", "tpe"]
    trials: Count
    grid: tuple[NonNegative, ...] = ()
    knobs: bool = False
    training: bool = False
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    @property
    def command(self) -> str:
        """The name of the command."""
        return "tune" if self.knobs else "tune-rho"


@dataclass(frozen=True)
class TimingDetails:
    """What is particular to `time`.

    Attributes:
        batches: observations per call.
        calls: timed calls of each kind.
        sweep: name of a sweep in `bench.config.sweeps`, or None.
    """

    batches: tuple[Count, ...]
    calls: Annotated[int, Ge(2)]
    sweep: str | None = None


DetailsT = TypeVar("DetailsT", RunDetails, TuningDetails, TimingDetails)


@dataclass(frozen=True)
class Request(Generic[DetailsT]):
    """What `run`, `tune-rho` or `time` was asked to do.

    Attributes:
        jobs: the tasks with their settings, those of one task one after the other.
        seeds: training seeds.
        preset: the preset's name.
        sources: task's name to the source of its data, as `suites.load` takes it, never `auto`; empty for `time`,
            which loads none.
        device: what computes.
        results, artifacts: the folders.
        details: what is particular to the command.
        processes: how many units of work are done at once; None leaves it to the plan.
        threads: CPU threads of each process.
        plugins: files that register methods or suites, for other processes to load too.
        experiment: name of the experiment that the jobs are of, or None.
        protocol: that the comparison is held to, or None.
        typed: the options that say what is compared and where it is kept, for sentences that name a command.
        command: the whole command as it is typed, without the program's name.
        logger: where learning curves and evaluations are streamed to, a name in `bench.runner.loggers`.
    """

    jobs: tuple[Job, ...]
    seeds: tuple[int, ...]
    preset: str
    sources: Mapping[str, str]
    device: torch.device
    results: Path
    artifacts: Path
    details: DetailsT
    processes: int | None = None
    threads: int = 1
    plugins: tuple[Path, ...] = ()
    experiment: str | None = None
    protocol: Protocol | None = None
    typed: str = ""
    command: str = ""
    logger: str = "none"


def make_jobs(parts: Iterable[Part], preset: str, terms: str, given: Mapping[str, Any]) -> tuple[Job, ...]:
    """The checked jobs, those of a task one after the other.

    Args:
        parts: of an experiment or of a suite.
        preset: a name in `PRESETS`.
        terms: `shared` makes one job for each task and part, `own` one for each method of those.
        given: settings by dotted name, which override all others.

    Raises:
        UserError: a setting that does not exist or cannot work.
    """
    jobs: list[Job] = []
    for part in parts:
        check_suite_settings(get_suite(part.suite))
        methods = {name: get_method(name) for name in part.methods}
        groups = [{name: cls} for name, cls in methods.items()] if terms == OWN else [methods]
        for task in part.find_tasks():
            for group in groups:
                fixed = {**part.settings, **given}
                refuse_known_critic(task, fixed)
                case = Case(preset, terms, get_suite(part.suite), task, group, fixed)
                config, made = resolve_settings(case)
                check_settings(config, made)
                refuse_two_numbers(config, made, given)
                jobs.append(Job(task, config, made, terms, part, frozenset(fixed), declare_settings(case)))
    refuse_idle_stop(jobs)
    refuse_idle_kind((job.config, job.methods, job.given) for job in jobs)
    first_at = {job.task.name: place for place, job in reversed(list(enumerate(jobs)))}
    return tuple(sorted(jobs, key=lambda job: first_at[job.task.name]))


def refuse_two_numbers(config: Config, methods: Mapping[str, Method], given: Mapping[str, Any]) -> None:
    """Refuse a method's own number of candidates where one is set for every method.

    Raises:
        UserError: both are given.
    """
    both = [name for name in given if name in {f"{method}.candidates" for method in methods}]
    if config.equal.candidates is not None and both:
        raise UserError(
            f"equal.candidates={config.equal.candidates} sets the number for every method, so "
            f"{both[0]}={given[both[0]]} would change nothing; leave one of them out."
        )


def refuse_idle_stop(jobs: Iterable[Job]) -> None:
    """Refuse `guidance.stop_gradient` where no compared method has a gradient that could be stopped.

    Raises:
        UserError: none has one; it names the methods and what to do.
    """
    stopped = [job for job in jobs if job.config.guidance.stop_gradient]
    methods = {name: method for job in stopped for name, method in job.methods.items()}
    if methods and not any(map(goes_through_denoiser, methods.values())):
        others = [name for name in method_names() if goes_through_denoiser(get_method(name)())]
        raise UserError(
            f"guidance.stop_gradient would change nothing: no gradient of {', '.join(methods)} goes through the "
            f"denoiser; leave it out, or add one of {', '.join(others)}."
        )


def goes_through_denoiser(method: Method) -> bool:
    """Whether the method's guidance has a gradient that `guidance.stop_gradient` stops."""
    return isinstance(method, SlotMethod) and isinstance(method.guidance(), ThroughDenoiser)


def resolve_betas(task: DensityTask, config: Config) -> tuple[float, ...]:
    """The β of a density's evaluation: the config's, else the task's own."""
    betas = config.evaluation.inverse_temperatures
    return betas if betas is not None else task.inverse_temperatures


def resolve_episodes(task: Task, config: Config) -> int:
    """Episodes per seed: the config's number, else the task's own."""
    return config.evaluation.episodes if config.evaluation.episodes is not None else task.episodes
