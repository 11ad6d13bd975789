"""What a command was asked to do: its jobs, one for each task, and where, on what and with which seeds."""

from dataclasses import dataclass
from pathlib import Path

import torch

from bench.config.experiments import Part
from bench.config.spec import Config
from methods.core.method import Method
from suites.task import DensityTask, Task


@dataclass(frozen=True)
class Job:
    """One task of a comparison with its settings; under own terms, one method on it.

    Attributes:
        task: where.
        config: the settings that the methods share.
        methods: by name, each with its own settings.
        terms: `shared` or `own`.
        part: of an experiment, or of a suite, whose scales and rows its cells have.
    """

    task: Task
    config: Config
    methods: dict[str, Method]
    terms: str
    part: Part


@dataclass(frozen=True)
class Request:
    """What `run` was asked to do.

    Attributes:
        jobs: the tasks with their settings, those of one task one after the other.
        seeds: training seeds of the reported results.
        rhos: guidance scales given, or none.
        preset: the preset's name.
        source: the data source as asked for.
        device: what computes.
        results, artifacts: the folders.
        processes: how many units of work are done at once; None leaves it to the plan.
        threads: CPU threads of each process.
        plugins: files that register methods, for other processes to load too.
        experiment: name of the experiment that the jobs are of, or None.
    """

    jobs: tuple[Job, ...]
    seeds: tuple[int, ...]
    rhos: tuple[float, ...]
    preset: str
    source: str
    device: torch.device
    results: Path
    artifacts: Path
    processes: int | None = None
    threads: int = 1
    plugins: tuple[Path, ...] = ()
    experiment: str | None = None


def betas_of(task: DensityTask, config: Config) -> tuple[float, ...]:
    """The β of a density's evaluation: the config's, else the task's own."""
    betas = config.evaluation.inverse_temperatures
    return betas if betas is not None else task.inverse_temperatures


def episodes_of(task: Task, config: Config) -> int:
    """Episodes per seed: the config's number, else the task's own."""
    return config.evaluation.episodes if config.evaluation.episodes is not None else task.episodes
