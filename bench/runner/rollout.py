"""Episodes of one training seed in the simulator: those that are over make room for those that wait."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import gymnasium as gym
import numpy as np
import torch

from bench.runner.blocks import ALIKE, Evaluation, act_in_block, count_rows, reset_seed
from methods.core.policy import Policy
from reports.load.schema import Episode
from suites.success import take_step
from suites.task import ControlTask
from training import Progress


@dataclass
class RunningEpisode:
    """An episode in a simulator of its own.

    Attributes:
        number: of the episode.
        seed: of its reset.
        environment: the simulator.
        observation: (observation,), the last.
        total: return so far.
        length: steps so far.
        held: for each of them, whether the condition of the task's success held.
        is_over: whether it ended or was cut.
    """

    number: int
    seed: int
    environment: gym.Env
    observation: np.ndarray
    total: float = 0.0
    length: int = 0
    held: list[bool] = field(default_factory=list)
    is_over: bool = False

    @classmethod
    def begin(cls, task: ControlTask, number: int, evaluation: Evaluation) -> "RunningEpisode":
        """Reset a new simulator."""
        environment = task.make_environment()
        seed = reset_seed(task.name, evaluation.seed, number, evaluation.purpose)
        return cls(number, seed, environment, environment.reset(seed=seed)[0])

    def step(self, task: ControlTask, action: np.ndarray) -> None:
        """Step the simulator; close it where the episode is over."""
        found = take_step(self.environment, action)
        self.observation = found.observation
        self.total += found.reward
        self.length += 1
        if task.success is not None:
            self.held.append(bool(task.success.holds(found)))
        self.is_over = found.terminated or found.truncated or self.length == task.horizon
        if self.is_over:
            self.environment.close()

    def describe(self, task: ControlTask) -> Episode:
        """The episode as a result has it."""
        return Episode(
            episode_return=self.total,
            length=self.length,
            seed=self.seed,
            normalized=task.normalized_score(self.total),
            success=task.success.judge(self.held) if task.success is not None else None,
        )


def roll_out(
    policy: Policy, task: ControlTask, evaluations: Sequence[Evaluation], progress: Progress
) -> tuple[tuple[Episode, ...], ...]:
    """The episodes of each evaluation in the order of their numbers, all in the rows of one block.

    Episode n is computed in row n mod rows; where there are several evaluations, in any row that lies a multiple
    of 4 from it.

    Args:
        policy: of the evaluations' seed.
        task: with the simulator.
        evaluations: which episodes, at which scale; equal in all else.
        progress: called with (steps, steps if no episode ends early).
    """
    first = evaluations[0]
    rows, horizon = count_rows(policy, task, first.device), task.horizon
    queues = rows if len(evaluations) == 1 else ALIKE
    asked = [(place, n) for place, each in enumerate(evaluations) for n in each.episodes]
    waiting = [deque((place, n) for place, n in asked if n % queues == queue) for queue in range(queues)]
    done: dict[tuple[int, int], Episode] = {}
    running: dict[int, tuple[int, RunningEpisode]] = {}
    observations, scales = np.zeros((rows, task.observation_dim), np.float32), np.zeros(rows, np.float32)
    noise = first.noise(task, range(rows))

    def begin_next(row: int) -> None:
        if waiting[row % queues]:
            place, number = waiting[row % queues].popleft()
            running[row] = place, RunningEpisode.begin(task, number, evaluations[place])
            scales[row] = evaluations[place].rho
            noise.start(row, number)

    try:
        for row in range(rows):
            begin_next(row)
        while running:
            filled = np.zeros(rows, bool)
            for row, (_, episode) in running.items():
                observations[row], filled[row] = episode.observation, True
            given, full, rho = (
                torch.from_numpy(array).to(first.device) for array in (observations, filled, scales)
            )
            actions = act_in_block(policy, given, full, rho, noise).cpu().numpy()
            noise.advance()
            for row, (place, episode) in list(running.items()):
                episode.step(task, actions[row])
                if episode.is_over:
                    done[place, episode.number] = episode.describe(task)
                    del running[row]
                    begin_next(row)
            steps = len(done) * horizon + sum(episode.length for _, episode in running.values())
            progress(steps, len(asked) * horizon)
    finally:
        for _, episode in running.values():
            episode.environment.close()
    return tuple(tuple(done[place, n] for n in each.episodes) for place, each in enumerate(evaluations))
