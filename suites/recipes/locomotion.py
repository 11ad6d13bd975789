"""Generates locomotion data: rollouts of trained policies, mixed by D4RL's recipe (arXiv 2004.07219, section 5).

    medium          the policy, early in training, whose score is nearest a third of the expert's
    medium-replay   the untrained policy and the checkpoints up to medium
    medium-expert   half medium, half expert

Actions are drawn, not the policies' means. The policies and their returns are in `suites/recipes/policies`:
experts of 97 (hopper), 67 (halfcheetah) and 96 (walker2d) after 60,000 to 120,000 steps of training, so these are
other data than D4RL's.

Deviation: D4RL's medium-replay is the replay buffer of one training; here each checkpoint up to medium is run
for an equal share, in order, so the set can have any size and needs no training.
"""

import numpy as np

from suites.errors import DataError
from suites.recipes.policies.actor import BehaviourPolicy, load_policies
from suites.recipes.policies.rollout import roll_out, split_evenly
from suites.task import Episode, Progress


def generate(
    robot: str, mixture: str, horizon: int, count: int, seed: int, progress: Progress | None = None
) -> tuple[Episode, ...]:
    """Generate `count` transitions.

    Args:
        robot: `halfcheetah`, `hopper` or `walker2d`.
        mixture: `medium`, `medium-replay` or `medium-expert`.
        horizon: steps after which an episode is cut.
        count: number of transitions.
        seed: of every draw.
        progress: called with (done, total) transitions.

    Returns:
        The episodes of one policy after the other's, in the order above; float32.

    Raises:
        DataError: there is no such mixture, or the robot's policies are not there.
    """
    policies = select_policies(robot, mixture)
    seeds = np.random.SeedSequence(seed).spawn(len(policies))
    episodes, done = [], 0
    for policy, share, child in zip(policies, split_evenly(count, len(policies)), seeds, strict=True):
        if share > 0:
            episodes += roll_out(robot, policy, horizon, share, child, _offset_progress(progress, done, count))
        done += share
    return tuple(episodes)


def select_policies(robot: str, mixture: str) -> tuple[BehaviourPolicy, ...]:
    """The policies of a mixture, in the order in which they are run; errors as `generate`."""
    policies = load_policies(robot)
    mixtures = {
        "medium": (policies.medium,),
        "medium-replay": (*policies.earlier, policies.medium),
        "medium-expert": (policies.medium, policies.expert),
    }
    if mixture not in mixtures:
        raise DataError(f"unknown mixture {mixture!r} of {robot} data: choose one of {', '.join(mixtures)}")
    return mixtures[mixture]


def _offset_progress(progress: Progress | None, before: int, total: int) -> Progress | None:
    """The progress of a part that begins after `before` of `total` transitions."""
    if progress is None:
        return None
    return lambda done, _: progress(before + done, total)
