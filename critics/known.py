"""Q and V that are known, not learned: the critic of the toy densities, whose energies are known.

Its gradient is measured by differences, which is exact where the energy is quadratic or simpler:
∂f/∂x_i ≈ (f(x + δ e_i) - f(x - δ e_i))/(2δ), the slope of f averaged over ±δ along that axis.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from training import Component, SeedStreams
from training.shapes import Actions, Observations, PerRow

HALF_WIDTH = 0.1


class MeasuredSlope(torch.autograd.Function):
    """f at points, with the averaged slope as its gradient; `MeasuredSlope.apply(points, f)`.

    f takes (n, d) float64 and gives (n,). The width is a choice: the toy energies are labels, flat but for their
    steps from one component to the next, so that their true slope is zero or infinite. 0.1 is near the noise of
    the thinnest component (the rings', 0.08) and small beside the gap between two (0.75 or more). What is left of
    the slope stands within 0.1 of a step.
    """

    @staticmethod
    def forward(
        ctx: Any, points: Float[Tensor, "n d"], function: Callable[[np.ndarray], np.ndarray]
    ) -> Float[Tensor, " n"]:
        """Values only; the gradient takes 2d more evaluations, in backward."""
        ctx.save_for_backward(points)
        ctx.function = function
        return torch.from_numpy(function(points.detach().double().cpu().numpy())).to(points)

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor, None]:
        """The slope of every row times what comes from above."""
        (points,) = ctx.saved_tensors
        at = points.detach().double().cpu().numpy()
        shifts = HALF_WIDTH * np.eye(at.shape[1])
        slopes = [(ctx.function(at + shift) - ctx.function(at - shift)) / (2 * HALF_WIDTH) for shift in shifts]
        return upstream[0][:, None] * torch.from_numpy(np.stack(slopes, -1)).to(points), None


@dataclass(frozen=True)
class KnownCritic(Component):
    """Q and V that are known, not learned: q(β, a) = β E(a) and v(β) = β E_max, for the toy densities.

    Attributes:
        name: the density's name.
        energy: points (n, 2) → energies (n,); fixed by the name, so not part of the key.
        energy_max: an upper bound of the energy.
    """

    kind: ClassVar[str] = "known-critic"
    name: str
    energy: Callable[[np.ndarray], np.ndarray] = field(metadata={"in_key": False}, compare=False)
    energy_max: float

    def build(self, streams: SeedStreams) -> "KnownCritic":
        """Itself: there is nothing to fit."""
        return self

    def q(self, observations: Observations, actions: Actions) -> PerRow:
        """β E(a); observations hold β. Its gradient in a is a measured one, see `MeasuredSlope`."""
        energies: Tensor = MeasuredSlope.apply(actions.flatten(0, -2), self.energy)  # pyright: ignore
        return observations[..., 0] * energies.view(actions.shape[:-1])

    def first_q(self, observations: Observations, actions: Actions) -> PerRow:
        """The same: there are no twins."""
        return self.q(observations, actions)

    def trained_q(self, observations: Observations, actions: Actions) -> PerRow:
        """The same: there is nothing to train."""
        return self.q(observations, actions)

    def v(self, observations: Observations) -> PerRow:
        """β E_max, so that log w = q - v is never positive."""
        return observations[..., 0] * self.energy_max
