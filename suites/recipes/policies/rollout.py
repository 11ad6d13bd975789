"""Runs a policy in many simulators side by side, for a number of transitions or of whole episodes.

Stopping after a number of finished episodes would favour short ones. So for transitions every simulator takes an
equal share of the steps, and its last episode is cut where they end, as D4RL cuts its last one.
"""

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise

import gymnasium as gym
import numpy as np

from suites.recipes.policies.actor import BehaviourPolicy
from suites.simulators.gym_mujoco import make_robot
from suites.task import Episode, Progress

SIDE_BY_SIDE = 32  # simulators whose actions are drawn together
SHORTEST = 10_000  # steps of each simulator at least, where there is more than one
SEEDS = 2**31
PROGRESS_EVERY = 320  # steps of every simulator between two calls of progress


def roll_out(
    robot: str,
    policy: BehaviourPolicy,
    horizon: int,
    count: int,
    seed: np.random.SeedSequence,
    progress: Progress | None = None,
) -> tuple[Episode, ...]:
    """`count` transitions of a policy whose actions are drawn.

    Args:
        robot: `halfcheetah`, `hopper` or `walker2d`.
        policy: draws the actions.
        horizon: steps after which an episode is cut.
        count: number of transitions, at least 1.
        seed: of every start and every action; an object that nothing else draws from.
        progress: called with (done, count) transitions.

    Returns:
        Episodes, those of the first simulator first, float32. The last of each simulator is marked as cut where
        its steps ran out.
    """
    number = min(SIDE_BY_SIDE, max(1, count // SHORTEST))
    starts, draws = (np.random.default_rng(child) for child in seed.spawn(2))
    with _open_simulators(robot, horizon, number) as simulators:
        record = _run_simulators(simulators, policy, count, starts, draws, progress)
    return tuple(episode for index in range(number) for episode in record.episodes(index))


def run_episodes(
    robot: str, policy: BehaviourPolicy, horizon: int, episodes: int, seed: np.random.SeedSequence
) -> tuple[np.ndarray, np.ndarray]:
    """Whole episodes of a policy whose actions are drawn, run side by side.

    Returns:
        The return of each, (episodes,), and whether it ended by a fall rather than by the horizon, (episodes,).
    """
    starts, draws = (np.random.default_rng(child) for child in seed.spawn(2))
    totals, running, fell = np.zeros(episodes), np.ones(episodes, bool), np.zeros(episodes, bool)
    with _open_simulators(robot, horizon, episodes) as simulators:
        observations = np.stack([_reset(simulator, starts) for simulator in simulators])
        while running.any():
            actions = policy.sample(observations, draws)
            for index in np.flatnonzero(running):
                observations[index], reward, ended, cut, _ = simulators[index].step(actions[index])
                totals[index] += float(reward)
                running[index], fell[index] = not (ended or cut), ended
    return totals, fell


def split_evenly(count: int, number: int) -> list[int]:
    """`count` in `number` parts that differ by 1 at most, the larger ones first."""
    return [count // number + (index < count % number) for index in range(number)]


@dataclass(frozen=True)
class _Record:
    """What happened in every simulator, step by step.

    Attributes:
        observations, actions: (steps, simulators, dimension), before each step.
        rewards, terminations, truncations: (steps, simulators).
        lasts: of each simulator, the observation after each of its episodes' last step.
    """

    observations: np.ndarray
    actions: np.ndarray
    rewards: np.ndarray
    terminations: np.ndarray
    truncations: np.ndarray
    lasts: list[list[np.ndarray]]

    def episodes(self, index: int) -> Iterator[Episode]:
        ends = np.flatnonzero(self.terminations[:, index] | self.truncations[:, index]) + 1
        for (start, end), last in zip(pairwise([0, *ends.tolist()]), self.lasts[index], strict=True):
            yield Episode(
                observations=np.concatenate([self.observations[start:end, index], last[None]]),
                actions=self.actions[start:end, index].copy(),
                rewards=self.rewards[start:end, index].copy(),
                terminations=self.terminations[start:end, index].copy(),
                truncations=self.truncations[start:end, index].copy(),
            )


def _run_simulators(
    simulators: list[gym.Env],
    policy: BehaviourPolicy,
    count: int,
    starts: np.random.Generator,
    draws: np.random.Generator,
    progress: Progress | None,
) -> _Record:
    """Step all simulators together; where `count` does not divide, the first ones take one step more."""
    number = len(simulators)
    shares = split_evenly(count, number)
    now = np.stack([_reset(simulator, starts) for simulator in simulators])
    record = _allocate_record(shares[0], now, policy.sample(now, np.random.default_rng(0)))
    for step in range(shares[0]):
        active = number if step < shares[-1] else count % number
        actions = policy.sample(now, draws)
        record.observations[step], record.actions[step] = now, actions
        for index in range(active):
            now[index], reward, ended, cut, _ = simulators[index].step(actions[index])
            cut = (cut or step + 1 == shares[index]) and not ended
            record.rewards[step, index] = reward
            if ended or cut:
                record.terminations[step, index], record.truncations[step, index] = ended, cut
                record.lasts[index].append(now[index].copy())
                now[index] = _reset(simulators[index], starts)
        if progress is not None and ((step + 1) % PROGRESS_EVERY == 0 or step + 1 == shares[0]):
            progress(min(count, (step + 1) * number), count)
    return record


def _allocate_record(steps: int, observations: np.ndarray, actions: np.ndarray) -> _Record:
    flags = (steps, len(observations))
    return _Record(
        observations=np.empty((steps, *observations.shape), np.float32),
        actions=np.empty((steps, *actions.shape), np.float32),
        rewards=np.zeros(flags, np.float32),
        terminations=np.zeros(flags, bool),
        truncations=np.zeros(flags, bool),
        lasts=[[] for _ in observations],
    )


@contextmanager
def _open_simulators(robot: str, horizon: int, number: int) -> Iterator[list[gym.Env]]:
    with contextlib.ExitStack() as stack:
        made = [make_robot(robot, horizon) for _ in range(number)]
        for simulator in made:
            stack.callback(simulator.close)
        yield made


def _reset(simulator: gym.Env, starts: np.random.Generator) -> np.ndarray:
    observation, _ = simulator.reset(seed=int(starts.integers(SEEDS)))
    return observation
