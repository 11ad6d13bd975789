"""Kitchen: D4RL's three FrankaKitchen tasks, on D4RL's files of version 0 with 60 observations.

Minari's `D4RL/kitchen/*-v2` has 59 observations in Gymnasium-Robotics' layout, so it does not fit these tasks
and is not declared.
"""

from suites.task import ControlTask, Suite

PUBLISHED_RHO = {"partial": 10.0, "mixed": 15.0, "complete": 10.0}


def _task(kind: str, rho: float) -> ControlTask:
    return ControlTask(
        name=f"kitchen-{kind}",
        suite="kitchen",
        observation_dim=60,
        action_dim=9,
        datasets={"d4rl": f"kitchen-{kind}-v0"},
        episodes=20,
        settings={"critic.expectile": 0.7},
        published_rho=rho,
        horizon=280,
        reference=(0.0, 4.0),
    )


SUITE = Suite(
    name="kitchen",
    title="Franka kitchen",
    tasks=tuple(_task(kind, rho) for kind, rho in PUBLISHED_RHO.items()),
)
