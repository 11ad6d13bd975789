"""Adroit pen: D4RL's human and cloned tasks on its files of version 1; SWG's are for version 0 (`d4rl:v0`).

Minari's sets are another version of these data and get a column of their own.
"""

from functools import partial

from suites.registry import register_suite
from suites.simulators.adroit_pen import make_pen
from suites.success import InfoFlag, Success
from suites.task import ControlTask, Suite

HORIZON = 100
SUCCESS_STEPS = 21  # more than 20 with the pen at its goal, as `evaluate_success` of D4RL's pen_v0.py counts
PUBLISHED_RHO = {"human": 1.0, "cloned": 25.0}


def _task(kind: str, rho: float) -> ControlTask:
    return ControlTask(
        name=f"pen-{kind}",
        suite="adroit-pen",
        observation_dim=45,
        action_dim=24,
        datasets={"d4rl": f"pen-{kind}-v1", "minari": f"D4RL/pen/{kind}-v2"},
        episodes=20,
        settings={"critic.expectile": 0.7},
        published_rho=rho,
        horizon=HORIZON,
        reference=(96.262799, 3076.8331017826877),
        make_environment=partial(make_pen, HORIZON),
        success=Success(InfoFlag("success"), steps=SUCCESS_STEPS),
    )


register_suite(
    Suite(
        name="adroit-pen",
        title="Adroit pen",
        tasks=tuple(_task(kind, rho) for kind, rho in PUBLISHED_RHO.items()),
        settings={"paper": {"denoiser.learning_rate": 3e-5}},  # SWG's, where its other tasks have 3e-4
    )
)
