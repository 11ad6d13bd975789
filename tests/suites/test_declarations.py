"""What the suites declare is what the papers and D4RL say, typed here by hand."""

import csv
from pathlib import Path

import pytest

from suites.registry import get_suite, get_tasks, suite_names
from suites.task import ControlTask

PUBLISHED_RHO = Path(__file__).parents[2] / "reports" / "published" / "published_swg_rho.csv"

# name: (observations, actions, horizon, reference minimum and maximum, episodes, expectile, canonical set)
FACTS = {
    "halfcheetah-medium-expert-v2": (
        *(17, 6, 1000, -280.178953, 12135.0, 20, 0.7),
        ("d4rl", "halfcheetah-medium-expert-v2"),
    ),
    "hopper-medium-replay-v2": (11, 3, 1000, -20.272305, 3234.3, 20, 0.7, ("d4rl", "hopper-medium-replay-v2")),
    "walker2d-medium-v2": (17, 6, 1000, 1.629008, 4592.3, 20, 0.7, ("d4rl", "walker2d-medium-v2")),
    "antmaze-umaze": (29, 8, 700, 0.0, 1.0, 50, 0.9, ("d4rl", "antmaze-umaze-v2")),
    "antmaze-umaze-diverse": (29, 8, 700, 0.0, 1.0, 50, 0.9, ("d4rl", "antmaze-umaze-diverse-v2")),
    "antmaze-large-play": (29, 8, 1000, 0.0, 1.0, 50, 0.9, ("d4rl", "antmaze-large-play-v2")),
    "kitchen-mixed": (59, 9, 280, 0.0, 4.0, 20, 0.7, ("minari", "D4RL/kitchen/mixed-v2")),
    "pen-human": (45, 24, 100, 96.262799, 3076.8331018, 20, 0.7, ("d4rl", "pen-human-v1")),
    "pen-cloned": (45, 24, 100, 96.262799, 3076.8331018, 20, 0.7, ("d4rl", "pen-cloned-v1")),
    "maze2d-umaze": (4, 2, 300, 23.85, 161.86, 20, 0.7, ("d4rl", "maze2d-umaze-v1")),
    "maze2d-medium": (4, 2, 600, 13.13, 277.39, 20, 0.7, ("d4rl", "maze2d-medium-v1")),
    "maze2d-large": (4, 2, 800, 6.7, 273.99, 20, 0.7, ("d4rl", "maze2d-large-v1")),
}


def all_tasks():
    return {task.name: task for suite in suite_names() for task in get_suite(suite).tasks}


def normalized_score(name, episode_return):
    task = all_tasks()[name]
    assert isinstance(task, ControlTask)
    return task.normalized_score(episode_return)


@pytest.mark.parametrize("name", FACTS)
def test_declared_numbers(name):
    task = all_tasks()[name]
    assert isinstance(task, ControlTask)
    observations, actions, horizon, low, high, episodes, expectile, canonical = FACTS[name]
    assert (task.observation_dim, task.action_dim, task.horizon) == (observations, actions, horizon)
    assert task.reference == pytest.approx((low, high), rel=1e-9)
    assert task.episodes == episodes
    assert task.settings["critic.expectile"] == expectile
    assert next(iter(task.datasets.items())) == canonical


def test_normalised_scores_worked_by_hand():
    assert normalized_score("maze2d-umaze", 92.855) == pytest.approx(50.0)
    assert normalized_score("kitchen-partial", 3.0) == pytest.approx(75.0)
    assert normalized_score("hopper-medium-v2", 0.0) == pytest.approx(0.62289, abs=1e-5)


def test_published_rho_is_the_papers():
    with PUBLISHED_RHO.open() as file:
        published = {row["task"]: float(row["rho"]) for row in csv.DictReader(file)}
    declared = {name: task.published_rho for name, task in all_tasks().items() if task.published_rho is not None}
    assert declared == published


def test_published_rho_by_hand():
    declared = {name: task.published_rho for name, task in all_tasks().items()}
    assert declared["pen-cloned"] == 25
    assert declared["antmaze-umaze-diverse"] == 1
    assert declared["halfcheetah-medium-replay-v2"] == 30
    assert declared["maze2d-umaze"] is None


def test_counts():
    assert {name: len(get_tasks(name)) for name in suite_names()} == {
        "toy": 6,
        "maze2d": 3,
        "locomotion": 9,
        "antmaze": 6,
        "kitchen": 3,
        "adroit-pen": 2,
    }
