"""The toy group as data."""

import numpy as np

from suites.registry import get_suite
from suites.task import DensityTask
from suites.toy.densities import DENSITIES

SUITE = get_suite("toy")


def test_every_density_is_one_task_of_a_point_given_the_inverse_temperature():
    assert SUITE.name == "toy"
    assert [task.name for task in SUITE.tasks] == list(DENSITIES)
    for task in SUITE.tasks:
        assert isinstance(task, DensityTask)
        assert task.suite == SUITE.name
        assert task.density is DENSITIES[task.name]
        points, energies = task.density.sample(3, np.random.default_rng(0))
        assert points.shape == (3, task.action_dim)
        assert energies.shape == (3,)
        assert task.observation_dim == 1
        assert task.inverse_temperatures == (0.0, 3.0, 10.0, 20.0)
        assert task.datasets == {"local": f"toy-{task.name}"}


def test_the_suite_speaks_of_every_preset():
    assert set(SUITE.settings) == {"smoke", "quick", "paper", "official"}
