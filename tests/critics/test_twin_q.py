"""Twin Q of an actor-critic: its targets and losses against values worked by hand."""

import pytest
import torch
from torch import Tensor

from critics.config import CriticConfig
from critics.twin_q import TwinQ
from training import Batch, SeedLinear, SeedStreams

SLOPES = {"twin_q": ((1.0, 3.0), (2.0, -1.0)), "target_q": ((2.0, -1.0), (0.5, 4.0))}
"""Of each seed, of its two networks."""


def linear_twins() -> TwinQ:
    """Q(s, a) = s + c a of networks whose two hidden units are relu(±(s/c + a)), by their slopes c."""
    module = TwinQ(SeedStreams((0, 1), "x"), CriticConfig(width=2, layers=1, discount=0.5, polyak=0.25), 1, 1)
    for name, slopes in SLOPES.items():
        first, _, last = getattr(module, name)
        assert isinstance(first, SeedLinear)
        assert isinstance(last, SeedLinear)
        for seed in range(2):
            for twin in range(2):
                c = slopes[seed][twin]
                with torch.no_grad():
                    first.weight[seed, twin] = torch.tensor([[1 / c, -1 / c], [1.0, -1.0]])
                    first.bias[seed, twin] = 0.0
                    last.weight[seed, twin] = torch.tensor([[c], [-c]])
                    last.bias[seed, twin] = 0.0
    return module


def batch() -> Batch:
    """Two transitions of each seed; s' is 10 and 20, the second one ends."""
    rows = torch.tensor([[[1.0], [2.0]]] * 2)
    values = torch.tensor([[0.5, -1.0]] * 2)
    return Batch(rows[..., 0].long(), rows, rows / 2, values, 10 * rows, torch.tensor([[0.0, 1.0]] * 2))


@pytest.mark.parametrize(
    ("next_actions", "expected"),
    [
        # One action of 1: seed 0 has 10 + (2, -1), the lower 9; seed 1 has 10 + (0.5, 4), the lower 10.5.
        ([[1.0], [7.0]], [[0.5 + 0.5 * 9, -1.0], [0.5 + 0.5 * 10.5, -1.0]]),
        # Of -2, 1 and 3 seed 0 has the best 10 + 6 and 10 + 2, the lower 12; seed 1 10 + 1.5 and 10 + 12.
        ([[-2.0, 1.0, 3.0]] * 2, [[0.5 + 0.5 * 12, -1.0], [0.5 + 0.5 * 11.5, -1.0]]),
    ],
)
def test_the_target_is_the_lower_of_each_networks_best(next_actions, expected):
    actions = torch.tensor(next_actions).expand(2, 2, -1)[..., None]
    found = linear_twins().back_up(batch(), actions)
    torch.testing.assert_close(found, torch.tensor(expected))
    assert not found.requires_grad


def test_the_loss_is_of_both_networks_and_the_value_the_lower_target():
    """Seed 0 at (1, 0.5) and (2, 1) has Q 1.5, 3 and 2.5, 5; seed 1 has 2, 4 and 0.5, 1."""
    module, given = linear_twins(), batch()
    goal = torch.tensor([[1.0, 4.0], [0.0, 0.0]])
    expected = [(0.25 + 1.0) / 2 + (2.25 + 1.0) / 2, (4.0 + 16.0) / 2 + (0.25 + 1.0) / 2]
    torch.testing.assert_close(module.td_loss(given, goal), torch.tensor(expected))
    lower: Tensor = module.q(given.observations, given.actions)
    torch.testing.assert_close(lower, torch.tensor([[0.5, 1.0], [1.25, 2.5]]))


def test_the_targets_follow():
    """The last layer's first weight is the slope: 2 moves a quarter of the way to 1."""
    module = linear_twins()
    module.follow()
    weight = module.target_q[2].get_parameter("weight")
    torch.testing.assert_close(weight[0, :, 0, 0], torch.tensor([1.75, 0.0]))
    assert not any(p.requires_grad for p in module.target_q.parameters())
