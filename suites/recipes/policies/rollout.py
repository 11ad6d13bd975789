"""A policy is run in many simulators side by side, each for the same number of steps, so no length is favoured.

Stopping after a number of finished episodes would favour short ones; here every simulator takes its share of the
steps whatever happens in it, and the episode that it is in at the end is cut there, as D4RL cuts its last one.
"""

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise

import gymnasium as gym
import numpy as np

from suites.episode import Episode
from suites.recipes.policies.actor import Policy
from suites.simulators.gym_mujoco import make_robot
from suites.task import Progress

SIDE_BY_SIDE = 32  # simulators whose actions are drawn together
SHORTEST = 10_000  # steps of each simulator at least, where there is more than one
SEEDS = 2**31
TOLD = 320  # steps of every simulator between two tellings of progress


def roll_out(
    robot: str,
    policy: Policy,
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
        progress: told (done, count) transitions.

    Returns:
        Episodes, those of the first simulator first, float32. The last of each simulator is marked as cut where
        its steps ran out.
    """
    number = min(SIDE_BY_SIDE, max(1, count // SHORTEST))
    starts, draws = (np.random.default_rng(child) for child in seed.spawn(2))
    with _simulators(robot, horizon, number) as simulators:
        tape = _record(simulators, policy, count, starts, draws, progress)
    return tuple(episode for index in range(number) for episode in tape.episodes(index))


def outcomes_of(
    robot: str, policy: Policy, horizon: int, episodes: int, seed: np.random.SeedSequence
) -> tuple[np.ndarray, np.ndarray]:
    """Whole episodes of a policy whose actions are drawn, run side by side.

    Returns:
        The return of each, (episodes,), and whether it ended by a fall rather than by the horizon, (episodes,).
    """
    starts, draws = (np.random.default_rng(child) for child in seed.spawn(2))
    totals, running, fell = np.zeros(episodes), np.ones(episodes, bool), np.zeros(episodes, bool)
    with _simulators(robot, horizon, episodes) as simulators:
        observations = np.stack([_start(simulator, starts) for simulator in simulators])
        while running.any():
            actions = policy.sample(observations, draws)
            for index in np.flatnonzero(running):
                observations[index], reward, ended, cut, _ = simulators[index].step(actions[index])
                totals[index] += float(reward)
                running[index], fell[index] = not (ended or cut), ended
    return totals, fell


@dataclass(frozen=True)
class _Tape:
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
        """The episodes of one simulator, in order."""
        ends = np.flatnonzero(self.terminations[:, index] | self.truncations[:, index]) + 1
        for (start, end), last in zip(pairwise([0, *ends.tolist()]), self.lasts[index], strict=True):
            yield Episode(
                observations=np.concatenate([self.observations[start:end, index], last[None]]),
                actions=self.actions[start:end, index].copy(),
                rewards=self.rewards[start:end, index].copy(),
                terminations=self.terminations[start:end, index].copy(),
                truncations=self.truncations[start:end, index].copy(),
            )


def _record(
    simulators: list[gym.Env],
    policy: Policy,
    count: int,
    starts: np.random.Generator,
    draws: np.random.Generator,
    progress: Progress | None,
) -> _Tape:
    """Step all simulators together; where `count` does not divide, the first ones take one step more."""
    number = len(simulators)
    shares = [count // number + (index < count % number) for index in range(number)]
    now = np.stack([_start(simulator, starts) for simulator in simulators])
    tape = _blank(shares[0], now, policy.sample(now, np.random.default_rng(0)))
    for step in range(shares[0]):
        active = number if step < shares[-1] else count % number
        actions = policy.sample(now, draws)
        tape.observations[step], tape.actions[step] = now, actions
        for index in range(active):
            now[index], reward, ended, cut, _ = simulators[index].step(actions[index])
            cut = (cut or step + 1 == shares[index]) and not ended
            tape.rewards[step, index] = reward
            if ended or cut:
                tape.terminations[step, index], tape.truncations[step, index] = ended, cut
                tape.lasts[index].append(now[index].copy())
                now[index] = _start(simulators[index], starts)
        if progress is not None and ((step + 1) % TOLD == 0 or step + 1 == shares[0]):
            progress(min(count, (step + 1) * number), count)
    return tape


def _blank(steps: int, observations: np.ndarray, actions: np.ndarray) -> _Tape:
    flags = (steps, len(observations))
    return _Tape(
        observations=np.empty((steps, *observations.shape), np.float32),
        actions=np.empty((steps, *actions.shape), np.float32),
        rewards=np.zeros(flags, np.float32),
        terminations=np.zeros(flags, bool),
        truncations=np.zeros(flags, bool),
        lasts=[[] for _ in observations],
    )


@contextmanager
def _simulators(robot: str, horizon: int, number: int) -> Iterator[list[gym.Env]]:
    with contextlib.ExitStack() as stack:
        made = [make_robot(robot, horizon) for _ in range(number)]
        for simulator in made:
            stack.callback(simulator.close)
        yield made


def _start(simulator: gym.Env, starts: np.random.Generator) -> np.ndarray:
    observation, _ = simulator.reset(seed=int(starts.integers(SEEDS)))
    return observation
