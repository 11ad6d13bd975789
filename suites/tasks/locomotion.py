"""Locomotion: D4RL's nine Gym-MuJoCo tasks, version 2, and data made here by D4RL's recipe, which are others.

Minari's `mujoco/*` sets are other data (v5 simulators, other policies), so they are not declared.
"""

from functools import partial

from suites.recipes.locomotion import generate
from suites.registry import register_suite
from suites.simulators.gym_mujoco import make_robot
from suites.task import ControlTask, Suite
from suites.transforms import ReturnRange

HORIZON = 1000
ROBOTS = {  # observation and action sizes, reference returns
    "halfcheetah": (17, 6, (-280.178953, 12135.0)),
    "walker2d": (17, 6, (1.629008, 4592.3)),
    "hopper": (11, 3, (-20.272305, 3234.3)),
}
PUBLISHED_RHO = {
    "halfcheetah-medium-expert-v2": 15.0,
    "walker2d-medium-expert-v2": 5.0,
    "hopper-medium-expert-v2": 5.0,
    "halfcheetah-medium-v2": 20.0,
    "walker2d-medium-v2": 5.0,
    "hopper-medium-v2": 20.0,
    "halfcheetah-medium-replay-v2": 30.0,
    "walker2d-medium-replay-v2": 10.0,
    "hopper-medium-replay-v2": 10.0,
}


def _task(name: str, rho: float) -> ControlTask:
    robot, _, mixture = name.removesuffix("-v2").partition("-")
    observation_dim, action_dim, reference = ROBOTS[robot]
    return ControlTask(
        name=name,
        suite="locomotion",
        observation_dim=observation_dim,
        action_dim=action_dim,
        datasets={"d4rl": name, "local": f"local/{robot}-{mixture}"},
        episodes=20,
        settings={"critic.expectile": 0.7},
        published_rho=rho,
        reward=ReturnRange(),
        horizon=HORIZON,
        reference=reference,
        make_environment=partial(make_robot, robot, HORIZON),
        generate=partial(generate, robot, mixture, HORIZON),
    )


register_suite(
    Suite(
        name="locomotion",
        title="Gym-MuJoCo locomotion",
        tasks=tuple(_task(name, rho) for name, rho in PUBLISHED_RHO.items()),
    )
)
