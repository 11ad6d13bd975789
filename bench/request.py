"""What a command was asked to do: its jobs, one for each task, and where, on what and with which seeds."""

from dataclasses import dataclass
from pathlib import Path

import torch

from bench.spec import Config
from methods.method import Method
from suites.task import Task


@dataclass(frozen=True)
class Job:
    """One task of a comparison with its settings.

    Attributes:
        task: where.
        config: the shared settings on it.
        methods: by name, each with its own settings.
    """

    task: Task
    config: Config
    methods: dict[str, Method]


@dataclass(frozen=True)
class Request:
    """What `run` was asked to do."""

    jobs: tuple[Job, ...]
    seeds: tuple[int, ...]
    rhos: tuple[float, ...]
    preset: str
    source: str
    device: torch.device
    results: Path
    artifacts: Path


def episodes_of(task: Task, config: Config) -> int:
    """Episodes per seed: the config's number, else the task's own."""
    return config.evaluation.episodes if config.evaluation.episodes is not None else task.episodes
