"""From a task's data set to tensors on a device, and to what the methods of a comparison share."""

from pathlib import Path

import numpy as np
import torch

from bench.config.spec import Config
from critics.iql import IQL, KnownCritic
from methods.core.method import Shared
from suites.data import load
from suites.sources.transitions import Transitions
from suites.task import DensityTask, Task
from training.component import Component, Data, Progress


def load_transitions(
    task: Task, config: Config, source: str, artifacts: Path, progress: Progress | None = None
) -> Transitions:
    """The task's transitions from its source; generated first where the source is local and nothing is there.

    Raises:
        DataError: the data are missing, damaged or do not fit the task.
    """
    return load(
        task,
        source,
        count=config.data.transitions,
        directory=(artifacts / "data").absolute(),  # Minari writes a relative folder beneath itself
        seed=config.data.seed,
        progress=progress,
    )


def to_device(transitions: Transitions, device: torch.device) -> Data:
    """The transitions as float32 tensors on the device; the flags become 0 and 1."""

    def tensor(array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32)).to(device)

    return Data(
        observations=tensor(transitions.observations),
        actions=tensor(transitions.actions),
        rewards=tensor(transitions.rewards),
        next_observations=tensor(transitions.next_observations),
        terminals=tensor(transitions.terminals),
    )


def shared_on(task: Task, config: Config, bounds: tuple[np.ndarray, np.ndarray]) -> Shared:
    """What every method shares on this task; `bounds` are the lowest and highest action per dimension."""
    low, high = bounds
    return Shared(
        observation_dim=task.observation_dim,
        action_dim=task.action_dim,
        action_low=tuple(low.tolist()),
        action_high=tuple(high.tolist()),
        critic=critic_of(task, config),
        critic_config=config.critic,
        denoiser=config.denoiser,
        guidance_net=config.guidance_net,
        sampler=config.sampler,
    )


def critic_of(task: Task, config: Config) -> Component:
    """Implicit Q-learning; on the toy sets the known energy."""
    if isinstance(task, DensityTask):
        density = task.density
        return KnownCritic(density.name, density.energy, density.energy_max)
    return IQL(config.critic, task.observation_dim, task.action_dim)
