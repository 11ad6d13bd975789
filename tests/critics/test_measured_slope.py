"""A known energy's measured slope is the true one of a quadratic, and of a step its height over the width."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from critics.known import KnownCritic
from training import SeedStreams

BETA = 3.0


def slope_of(energy: Callable[[np.ndarray], np.ndarray], points: list[list[float]]) -> tuple[Tensor, Tensor]:
    """∂q/∂a at the points, (n, 2), with q = β E."""
    critic = KnownCritic("any", energy, 1.0).build(SeedStreams([0], "x"))
    actions = torch.tensor(points)[None].requires_grad_()
    q = critic.q(torch.full((1, len(points), 1), BETA), actions)
    (gradient,) = torch.autograd.grad(q.sum(), actions)
    return q[0].detach(), gradient[0]


def test_of_a_quadratic_it_is_exact():
    points = [[0.3, -1.0], [2.0, 0.5], [0.0, 0.0]]
    q, slope = slope_of(lambda x: x[:, 0] ** 2 + x[:, 0] * x[:, 1] - x[:, 1], points)
    torch.testing.assert_close(q, BETA * torch.tensor([0.09 - 0.3 + 1.0, 4.0 + 1.0 - 0.5, 0.0]))
    expected = BETA * torch.tensor([[0.6 - 1.0, 0.3 - 1.0], [4.0 + 0.5, 2.0 - 1.0], [0.0, -1.0]])
    torch.testing.assert_close(slope, expected)


def test_of_a_label_it_is_the_step_over_the_width_near_the_step_and_nothing_elsewhere():
    _, slope = slope_of(lambda x: np.where(x[:, 0] > 1.0, 0.8, 0.3), [[0.89, 0], [0.95, 0], [1.09, 5], [1.2, 0]])
    torch.testing.assert_close(slope, BETA * torch.tensor([[0.0, 0], [0.5 / 0.2, 0], [0.5 / 0.2, 0], [0, 0]]))


def test_values_alone_ask_for_no_slope():
    calls = []

    def energy(x):
        calls.append(len(x))
        return x[:, 0]

    critic = KnownCritic("any", energy, 1.0).build(SeedStreams([0], "x"))
    with torch.no_grad():
        q = critic.q(torch.ones(2, 4, 1), torch.zeros(2, 4, 2))
    assert calls == [8]
    assert not q.requires_grad
