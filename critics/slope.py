"""A function known only by its values gets a slope by differences: exact where it is quadratic or simpler.

∂f/∂x_i ≈ (f(x + δ e_i) - f(x - δ e_i))/(2δ), which is the slope of f averaged over ±δ along that axis.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

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
        """Values alone: the slope costs 2d more, and nothing until it is asked for."""
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
