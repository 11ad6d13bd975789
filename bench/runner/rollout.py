"""Episodes of one training seed in the simulator: those that are over make room for those that wait."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import gymnasium as gym
import numpy as np
import torch

from bench.runner.blocks import ALIKE, Evaluation, act_in_block, count_rows, reset_seed
from methods.core.policy import Policy
from reports.load.schema import Episode, Failure
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

    def describe_failure(self, action: np.ndarray) -> Failure:
        """Why the episode cannot go on with such an action."""
        numbers = ", ".join(f"{number:.4g}" for number in action)
        return Failure(
            step=f"evaluation, step {self.length + 1} of episode {self.number}",
            reason=f"the action ({numbers}) is not finite, so it was not taken; lower ρ or the learning rates",
        )

    def describe(self, task: ControlTask) -> Episode:
        """The episode as a result has it."""
        return Episode(
            episode_return=self.total,
            length=self.length,
            seed=self.seed,
            normalized=task.normalized_score(self.total),
            success=task.success.judge(self.held) if task.success is not None else None,
        )


@dataclass
class Played:
    """What was rolled out of one evaluation.

    Attributes:
        episodes: by their numbers.
        failure: why no more are rolled out, or None.
    """

    episodes: dict[int, Episode] = field(default_factory=dict)
    failure: Failure | None = None


def roll_out(
    policy: Policy, task: ControlTask, evaluations: Sequence[Evaluation], progress: Progress
) -> tuple[Played, ...]:
    """The episodes of each evaluation, all in the rows of one block.

    Episode n is computed in row n mod rows; where there are several evaluations, in any row that lies a multiple
    of 4 from it. An action that is not finite is not taken: it ends its evaluation, and the others go on.

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
    played = tuple(Played() for _ in evaluations)
    running: dict[int, tuple[int, RunningEpisode]] = {}
    observations, scales = np.zeros((rows, task.observation_dim), np.float32), np.zeros(rows, np.float32)
    noise = first.noise(task, range(rows))

    def begin_next(row: int) -> None:
        while waiting[row % queues] and played[waiting[row % queues][0][0]].failure is not None:
            waiting[row % queues].popleft()
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
            for row, (place, episode) in running.items():
                if not np.isfinite(actions[row]).all() and played[place].failure is None:
                    played[place].failure = episode.describe_failure(actions[row])
            for row, (place, episode) in list(running.items()):
                if played[place].failure is not None:
                    episode.environment.close()
                    episode.is_over = True
                else:
                    episode.step(task, actions[row])
                    if episode.is_over:
                        played[place].episodes[episode.number] = episode.describe(task)
                if episode.is_over:
                    del running[row]
                    begin_next(row)
            steps = sum(episode.length for _, episode in running.values())
            progress(steps + horizon * sum(len(each.episodes) for each in played), len(asked) * horizon)
    finally:
        for _, episode in running.values():
            episode.environment.close()
    return played
