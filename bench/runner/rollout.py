"""Episodes of one training seed in the simulator: those that are over make room for those that wait."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import gymnasium as gym
import numpy as np
import torch
from torch import Tensor

from bench.runner.blocks import ALIKE, REPORT, Evaluation, act_in_block, count_rows, reset_seed, suggest_remedy
from bench.runner.counting import Counted, subtract_counts
from bench.runner.trajectories import EpisodePath
from bench.runner.unfinished import Unfinished
from methods.core.policy import Policy
from methods.diffusion.keyed_noise import KeyedNoise
from reports.load.schema import Episode, Failure
from reports.load.unfinished_schema import Trajectory
from suites.success import take_step
from suites.task import ControlTask
from training import Progress

SPENT = ("function", "gradient", "beside")  # evaluations, of which every row of a call has an equal part


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
        path: seen from above, where one is kept.
        held: for each of them, whether the condition of the task's success held.
        is_over: whether it ended or was cut.
    """

    number: int
    seed: int
    environment: gym.Env
    observation: np.ndarray
    path: EpisodePath | None = None
    total: float = 0.0
    length: int = 0
    held: list[bool] = field(default_factory=list)
    is_over: bool = False

    @classmethod
    def begin(cls, task: ControlTask, number: int, evaluation: Evaluation) -> "RunningEpisode":
        """Reset a new simulator."""
        environment = task.make_environment()
        seed = reset_seed(task.name, evaluation.seed, number, evaluation.purpose)
        observation = environment.reset(seed=seed)[0]
        is_kept = evaluation.purpose == REPORT
        path = EpisodePath.begin(task, number, environment, observation) if is_kept else None
        return cls(number, seed, environment, observation, path)

    def step(self, task: ControlTask, action: np.ndarray) -> None:
        """Step the simulator; close it where the episode is over."""
        found = take_step(self.environment, action)
        self.observation = found.observation
        if self.path is not None:
            self.path.add(found.observation)
        self.total += found.reward
        self.length += 1
        if task.success is not None:
            self.held.append(bool(task.success.holds(found)))
        self.is_over = found.terminated or found.truncated or self.length == task.horizon
        if self.is_over:
            self.environment.close()

    def describe_failure(self, action: np.ndarray, rho: float) -> Failure:
        """Why the episode cannot go on with such an action, at that scale."""
        numbers = ", ".join(f"{number:.4g}" for number in action)
        return Failure(
            step=f"evaluation, step {self.length + 1} of episode {self.number}",
            reason=f"the action ({numbers}) is not finite, so it was not taken; {suggest_remedy(rho)}",
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
class RowCounter:
    """Acts for the rows of a block, and tells what was counted for the episode in each of them.

    Attributes:
        policy: of one seed.
        rows: of the block.
    """

    policy: Policy
    rows: int
    _spent: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SPENT, 0))
    _before: dict[int, Counted] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.policy.counts.apart = self.rows

    def act(self, observations: Tensor, filled: Tensor, rho: Tensor, noise: KeyedNoise) -> Tensor:
        """See `act_in_block`; every filled row takes an equal part of the evaluations."""
        counts, asked = self.policy.counts, int(filled.sum())
        before = {name: getattr(counts, name) for name in SPENT}
        actions = act_in_block(self.policy, observations, filled, rho, noise)
        for name in SPENT:
            self._spent[name] += (getattr(counts, name) - before[name]) // asked
        return actions

    def begin(self, row: int) -> None:
        """What follows in this row is counted for another episode."""
        self._before[row] = self._read(row)

    def read(self, row: int) -> Counted:
        """What was counted in this row since its episode began."""
        return subtract_counts(self._read(row), self._before[row])

    def _read(self, row: int) -> Counted:
        found = self.policy.counts.of_seed(row)
        return {**found, "evaluations": {**found["evaluations"], **self._spent}}


@dataclass
class Played:
    """What was rolled out of one evaluation.

    Attributes:
        episodes: by their numbers.
        trajectories: of those of which they are kept.
        failure: why no more are rolled out, or None.
    """

    episodes: dict[int, Episode] = field(default_factory=dict)
    trajectories: dict[int, Trajectory] = field(default_factory=dict)
    failure: Failure | None = None


class Block:
    """The rows in which the episodes of evaluations at several scales are played, those that are over making room.

    Args:
        policy: of the evaluations' seed.
        task: with the simulator.
        evaluations: which episodes, at which scale; equal in all else.
        done: of each, where its episodes are put; those in it are not played.
    """

    def __init__(
        self, policy: Policy, task: ControlTask, evaluations: Sequence[Evaluation], done: Sequence[Unfinished]
    ):
        first = evaluations[0]
        self.task, self.evaluations, self.done, self.device = task, evaluations, done, first.device
        self.rows = count_rows(policy, task, first.device)
        self.queues = self.rows if len(evaluations) == 1 else ALIKE
        waiting = [
            (place, number)
            for place, each in enumerate(evaluations)
            for number in each.episodes
            if number not in done[place].episodes
        ]
        self.waiting = [deque(one for one in waiting if one[1] % self.queues == q) for q in range(self.queues)]
        self.failures: dict[int, Failure] = {}
        self.running: dict[int, tuple[int, RunningEpisode]] = {}
        self.observations = np.zeros((self.rows, task.observation_dim), np.float32)
        self.scales = np.zeros(self.rows, np.float32)
        self.noise = first.noise(task, range(self.rows))
        self.counter = RowCounter(policy, self.rows)

    def begin_next(self, row: int) -> None:
        """The next episode that waits for such a row, if there is one whose evaluation has not failed."""
        queue = self.waiting[row % self.queues]
        while queue and queue[0][0] in self.failures:
            queue.popleft()
        if queue:
            place, number = queue.popleft()
            self.running[row] = place, RunningEpisode.begin(self.task, number, self.evaluations[place])
            self.scales[row] = self.evaluations[place].rho
            self.noise.start(row, number)
            self.counter.begin(row)

    def act(self) -> np.ndarray:
        """(rows, action), of which only those of running episodes are of use."""
        filled = np.zeros(self.rows, bool)
        for row, (_, episode) in self.running.items():
            self.observations[row], filled[row] = episode.observation, True
        given, full, rho = (
            torch.from_numpy(array).to(self.device) for array in (self.observations, filled, self.scales)
        )
        actions = self.counter.act(given, full, rho, self.noise).cpu().numpy()
        self.noise.advance()
        return actions

    def step(self, actions: np.ndarray) -> None:
        """Step every episode; one that is over, or whose evaluation has failed, makes room for the next."""
        for row, (place, episode) in self.running.items():
            if not np.isfinite(actions[row]).all() and place not in self.failures:
                self.failures[place] = episode.describe_failure(actions[row], self.evaluations[place].rho)
        for row, (place, episode) in list(self.running.items()):
            if place in self.failures:
                episode.environment.close()
                episode.is_over = True
            else:
                episode.step(self.task, actions[row])
                if episode.is_over:
                    counted = self.counter.read(row)
                    path = episode.path.describe() if episode.path is not None else None
                    self.done[place].add_episode(episode.number, episode.describe(self.task), counted, path)
            if episode.is_over:
                del self.running[row]
                self.begin_next(row)

    def count_steps(self) -> int:
        """Steps done, of an episode that is over as many as the horizon has."""
        over = sum(len(each.episodes) for each in self.done)
        return sum(episode.length for _, episode in self.running.values()) + self.task.horizon * over

    def close(self) -> None:
        """Close the simulators that are open."""
        for _, episode in self.running.values():
            episode.environment.close()


def roll_out(
    policy: Policy,
    task: ControlTask,
    evaluations: Sequence[Evaluation],
    progress: Progress,
    done: Sequence[Unfinished] = (),
) -> tuple[Played, ...]:
    """The episodes of each evaluation that are not done, all in the rows of one block.

    Episode n is computed in row n mod rows; where there are several evaluations, in any row that lies a multiple
    of 4 from it. An action that is not finite is not taken: it ends its evaluation, and the others go on.

    Args:
        policy: of the evaluations' seed.
        task: with the simulator.
        evaluations: which episodes, at which scale; equal in all else.
        progress: called with (steps, steps if no episode ends early).
        done: of each evaluation, where its episodes are put; left out, all are played.
    """
    done = done or [Unfinished() for _ in evaluations]
    block, asked = Block(policy, task, evaluations, done), sum(len(each.episodes) for each in evaluations)
    try:
        for row in range(block.rows):
            block.begin_next(row)
        while block.running:
            block.step(block.act())
            progress(block.count_steps(), asked * task.horizon)
    finally:
        block.close()
    return tuple(
        Played(
            {number: one.episode for number, one in each.episodes.items()},
            {number: one.trajectory for number, one in each.episodes.items() if one.trajectory is not None},
            block.failures.get(place),
        )
        for place, each in enumerate(done)
    )
