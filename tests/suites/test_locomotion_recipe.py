"""Locomotion's local data are real rollouts of the policies that D4RL's recipe mixes, whole and reproducible."""

from typing import Any

import numpy as np
import pytest
from gymnasium.envs.registration import load_env_creator
from scipy.stats import norm

from suites.data import load
from suites.errors import DataError
from suites.recipes.locomotion import generate, select_policies
from suites.recipes.policies.actor import Uniform
from suites.recipes.policies.rollout import roll_out, split_evenly
from suites.registry import get_tasks

TASKS = {task.name: task for task in get_tasks("locomotion")}
ROBOTS = ("halfcheetah", "hopper", "walker2d")
ORIGINAL = "gymnasium.envs.mujoco.hopper_v4:HopperEnv"
FIELDS = ("observations", "actions", "rewards", "terminations", "truncations")


@pytest.fixture(scope="module")
def episodes():
    return generate("hopper", "medium-expert", 1000, 44_001, seed=5)


def joined(episodes, field):
    return np.concatenate([getattr(episode, field) for episode in episodes])


def test_the_count_is_exact_and_everything_single(episodes):
    assert sum(len(episode) for episode in episodes) == 44_001
    for episode in episodes:
        assert episode.observations.shape == (len(episode) + 1, 11)
        assert episode.actions.shape == (len(episode), 3)
        assert episode.observations.dtype == episode.actions.dtype == episode.rewards.dtype == np.float32
    assert np.abs(joined(episodes, "actions")).max() <= 1.0


def test_an_episode_ends_where_the_robot_falls_or_the_horizon_is_or_its_simulators_steps_run_out(episodes):
    cut_short = 0
    for episode in episodes:
        ends = episode.terminations | episode.truncations
        assert ends.tolist() == [False] * (len(episode) - 1) + [True]
        assert not (episode.terminations & episode.truncations).any()
        assert len(episode) <= 1000
        height, angle = episode.observations[1:, 0], episode.observations[1:, 1]
        healthy = (height > 0.7) & (np.abs(angle) < 0.2)  # Hopper's own rule; its speeds never come near 100
        assert np.array_equal(~healthy, episode.terminations)
        cut_short += bool(episode.truncations[-1]) and len(episode) < 1000
    assert cut_short <= 2 + 2  # each half was shared by two simulators


def test_every_episode_begins_at_hoppers_start(episodes):
    start = np.array([1.25, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    assert max(np.abs(episode.observations[0] - start).max() for episode in episodes) <= 5.1e-3
    first = np.array([episode.observations[0] for episode in episodes])
    assert len(np.unique(first, axis=0)) == len(episodes)


def test_the_simulator_gives_the_same_episode_for_the_same_actions(episodes):
    environment: Any = load_env_creator(ORIGINAL)()
    environment.reset(seed=0)
    episode = episodes[0]
    state = episode.observations[0].astype(np.float64)
    environment.set_state(np.concatenate([[0.0], state[:5]]), state[5:])
    for step in range(40):
        observation, reward, terminated, _, _ = environment.step(episode.actions[step].astype(np.float64))
        assert observation == pytest.approx(episode.observations[step + 1], abs=2e-3)
        assert reward == pytest.approx(episode.rewards[step], abs=2e-3)
        assert terminated == episode.terminations[step]
    environment.close()


def test_the_same_seed_gives_the_same_data_and_another_does_not():
    one, two, other = (generate("hopper", "medium", 1000, 1_500, seed) for seed in (7, 7, 8))
    for field in FIELDS:
        assert np.array_equal(joined(one, field), joined(two, field))
    assert not np.array_equal(joined(one, "actions"), joined(other, "actions"))


def test_parts_by_hand():
    assert split_evenly(10, 4) == [3, 3, 2, 2]
    assert split_evenly(44_001, 2) == [22_001, 22_000]
    assert split_evenly(2, 3) == [1, 1, 0]


def likelihood(policy, observations, actions):
    """Log density of each action, by scipy; without the squashing's factor, which all policies share."""
    if isinstance(policy, Uniform):
        return np.zeros(len(actions)) + np.log(1 - np.clip(actions**2, 0, 1 - 1e-6)).sum(axis=1) - np.log(8)
    mean, log_std = policy.distribution(observations)
    before = np.arctanh(np.clip(actions.astype(np.float64), -1 + 1e-6, 1 - 1e-6))
    return norm.logpdf(before, mean, np.exp(log_std)).sum(axis=1)


@pytest.mark.parametrize("mixture", ["medium", "medium-replay", "medium-expert"])
def test_each_part_of_a_mixture_was_drawn_from_its_policy(mixture):
    policies = select_policies("hopper", mixture)
    assert len(policies) == {"medium": 1, "medium-expert": 2}.get(mixture, len(policies))
    made = generate("hopper", mixture, 1000, 400 * len(policies), seed=2)
    observations = np.concatenate([episode.observations[:-1] for episode in made])
    actions = joined(made, "actions")
    candidates = [*select_policies("hopper", "medium-replay"), *select_policies("hopper", "medium-expert")]
    for part, policy in enumerate(policies):
        rows = slice(400 * part, 400 * (part + 1))
        scores = [likelihood(each, observations[rows], actions[rows]).mean() for each in candidates]
        own = likelihood(policy, observations[rows], actions[rows]).mean()
        assert own == pytest.approx(max(scores), abs=1e-9)


def test_the_expert_half_is_better(episodes):
    total, halves = 0, ([], [])
    for episode in episodes:
        halves[total >= 22_001].append(episode.rewards.sum())
        total += len(episode)
    assert np.mean(halves[1]) > 1.5 * np.mean(halves[0])


def test_steps_that_do_not_divide_go_to_the_first_simulators():
    made = roll_out("hopper", Uniform(3), 1000, 20_001, np.random.SeedSequence(0))
    lengths = np.cumsum([len(episode) for episode in made])
    assert lengths[-1] == 20_001
    assert 10_001 in lengths  # the first simulator's last episode ends with its steps


@pytest.mark.parametrize("robot", ROBOTS)
def test_every_robot_and_mixture_becomes_a_data_set(robot, tmp_path):
    for mixture in ("medium", "medium-replay", "medium-expert"):
        task = TASKS[f"{robot}-{mixture}-v2"]
        rows = load(task, "local", count=1_200, directory=tmp_path)
        assert (len(rows), rows.source, rows.name) == (1_200, "local", f"local/{robot}-{mixture}-1200-v1")
        assert rows.observations.shape == (1_200, task.observation_dim)
        assert rows.actions.shape == (1_200, task.action_dim)
        if mixture == "medium-replay":  # begins with the untrained policy, which falls
            assert rows.terminals.any() == (robot != "halfcheetah")
    assert next(iter(task.datasets)) == "d4rl"


def test_progress_is_told_across_the_parts():
    told = []
    generate("hopper", "medium-expert", 1000, 1_000, 0, lambda *pair: told.append(pair))
    assert told == [(320, 1_000), (500, 1_000), (820, 1_000), (1_000, 1_000)]


def test_an_unknown_mixture_is_named():
    with pytest.raises(DataError, match="unknown mixture 'best' of hopper data: choose one of medium, medium-re"):
        generate("hopper", "best", 1000, 10, 0)
