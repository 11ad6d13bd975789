"""Holds a critic's values against what returns can be: with rewards in [r, R], Q lies in [r, R] / (1 - γ)."""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from training import Step
from training.component import Diagnosis
from training.shapes import Actions, Observations

ROWS = 1024
DOUBTFUL, DIVERGED = 10.0, 100.0
"""How many times the returns' size Q has to reach; that of few steps may exceed small returns by some times."""
LARGE, SMALL = 1e6, 1e-3


@torch.no_grad()
def compare_with_returns(
    each_q: Callable[[Observations, Actions], Tensor], step: Step, discount: float
) -> Sequence[Diagnosis]:
    """The range of Q on rows of the data, for each seed, against that of the returns.

    Q has diverged where it is not finite, or 100 times as large as any return (as 1, where returns are smaller).
    It is doubtful at 10 times, and where returns are above a million and Q has not come to a thousandth of them.

    Args:
        each_q: values of all networks, (seed, network, batch).
        step: with the data.
        discount: γ; with 1 the rewards themselves are shown, and no return bounds Q.
    """
    data = step.data
    index = torch.linspace(0, len(data) - 1, min(ROWS, len(data)), device=data.rewards.device).long()
    seeds = len(step.noise)
    observations, actions = (rows[index].expand(seeds, -1, -1) for rows in (data.observations, data.actions))
    values = each_q(observations, actions).flatten(1)
    low, high = _bound_returns(data.rewards, discount)
    what = "rewards range" if discount == 1 else "discounted returns can range"
    size = max(abs(low), abs(high))
    found: list[Diagnosis] = []
    for least, most in zip(values.amin(1).tolist(), values.amax(1).tolist(), strict=True):
        text = f"Q ranges from {least:.3g} to {most:.3g} where {what} from {low:.3g} to {high:.3g}"
        reached = max(abs(least), abs(most))
        times = reached / max(size, 1.0) if discount < 1 else 0.0
        has_diverged = not math.isfinite(reached) or times > DIVERGED
        is_short = size > LARGE and reached < SMALL * size
        found.append(Diagnosis(text, has_diverged, is_doubtful=is_short or times > DOUBTFUL))
    return found


def _bound_returns(rewards: Tensor, discount: float) -> tuple[float, float]:
    """The least and the greatest discounted return of episodes with such rewards, of one step or endless."""
    low, high = rewards.min().item(), rewards.max().item()
    longest = 1.0 if discount == 1 else 1 / (1 - discount)
    return min(low, low * longest), max(high, high * longest)
