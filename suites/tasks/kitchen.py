"""Kitchen: D4RL's three FrankaKitchen tasks, on Minari's recording of the same demonstrations.

Minari's `D4RL/kitchen/*-v2` has the 59 observations of the simulator they are evaluated in. D4RL's own files
have 60 (30 positions and 30 goals), which no current simulator produces, so they are not declared.
"""

from functools import partial

from suites.registry import register_suite
from suites.simulators.franka_kitchen import make_kitchen
from suites.success import StepResult, Success
from suites.task import ControlTask, Suite

HORIZON = 280
PUBLISHED_RHO = {"partial": 10.0, "mixed": 15.0, "complete": 10.0}


def completes_all(step: StepResult) -> bool:
    """Whether a step finishes the last of the four sub-tasks; nothing else ends an episode before its horizon."""
    return step.terminated


def _task(kind: str, rho: float) -> ControlTask:
    return ControlTask(
        name=f"kitchen-{kind}",
        suite="kitchen",
        observation_dim=59,
        action_dim=9,
        datasets={"minari": f"D4RL/kitchen/{kind}-v2"},
        episodes=20,
        settings={"critic.expectile": 0.7},
        published_rho=rho,
        horizon=HORIZON,
        reference=(0.0, 4.0),
        make_environment=partial(make_kitchen, kind, HORIZON),
        success=Success(completes_all),
    )


register_suite(
    Suite(
        name="kitchen",
        title="Franka kitchen",
        tasks=tuple(_task(kind, rho) for kind, rho in PUBLISHED_RHO.items()),
    )
)
