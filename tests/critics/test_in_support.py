"""In-support softmax Q-learning: its target by hand, and the fixed point it reaches against value iteration."""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import pytest
import torch
from scipy.special import softmax
from torch import nn

from critics.in_support import CriticError, InSupportQ, SupportedBatch, softmax_value
from critics.iql import Critic, CriticConfig
from training.component import Component, Data
from training.loop import fit
from training.seeds import SeedStreams

SEEDS = (0, 1)


@dataclass(frozen=True)
class Given(Component):
    """Support actions written down: index (state,) and next_actions (state, M, action), the same for all seeds."""

    kind: ClassVar[str] = "given"
    index: torch.Tensor = field(compare=False)
    next_actions: torch.Tensor = field(compare=False)

    def build(self, streams):
        module = nn.Module()
        for name in ("index", "next_actions"):
            table = getattr(self, name)
            module.register_buffer(name, table.expand(len(streams), *table.shape))
        return module


def quiet(done, total):
    pass


def test_softmax_value_lies_between_mean_and_maximum():
    q = torch.tensor([[0.0, 2.0, 4.0], [1.0, 1.0, 1.0]], dtype=torch.float64)
    # e^0, e^2, e^4 are 1, 7.38906, 54.59815: (2·7.38906 + 4·54.59815)/62.98721 = 3.701874.
    assert softmax_value(q, 1.0).tolist() == pytest.approx([3.701874, 1.0], abs=1e-6)
    assert softmax_value(q, 0.0).tolist() == pytest.approx([2.0, 1.0])
    assert softmax_value(q, 100.0).tolist() == pytest.approx([4.0, 1.0])
    assert softmax_value(1e4 * q, 1.0).tolist() == pytest.approx([4e4, 1e4])


def linear_critic():
    """No hidden layer: both networks are Q1 = 2a, Q2 = a + 1, so that min Q' at a' = 0, 1, 3 is 0, 2, 4."""
    config = CriticConfig(layers=0, discount=0.5, batch_size=2)
    given = Given(torch.tensor([0, 1]), torch.tensor([[[0.0], [1.0], [3.0]]] * 2))
    component = InSupportQ(config, 1, 1, given, 1.0)
    module = component.build(SeedStreams([0], "x"))
    with torch.no_grad():
        for network in (module.twin_q, module.target_q):
            network[0].weight.copy_(torch.tensor([[[0.0], [2.0]], [[0.0], [1.0]]])[None])
            network[0].bias.copy_(torch.tensor([[0.0], [1.0]])[None, :, None])
    return component, module


def test_one_loss_worked_by_hand():
    component, module = linear_critic()
    data = Data(
        observations=torch.zeros(2, 1),
        actions=torch.zeros(2, 1),
        rewards=torch.tensor([1.0, 4.0]),
        next_observations=torch.zeros(2, 1),
        terminals=torch.tensor([0.0, 1.0]),
    )
    next_actions = component.support.next_actions[None]
    batch = SupportedBatch(data.batch(torch.tensor([[0, 1]])), next_actions)
    # Targets 1 + 0.5·3.701874 = 2.850937 and 4; Q(s, 0) is 0 and 1 by the two networks.
    # Mean over the twins: (2.850937² + 1.850937²)/2 = 5.776904 and (16 + 9)/2; mean of the two 9.138452.
    loss = component.loss(module, batch, {}, {}, SeedStreams([0], "y"))
    assert loss.tolist() == pytest.approx([9.138452], abs=1e-5)
    loss.sum().backward()
    assert all(p.grad is None for p in module.target_q.parameters())
    # ∂/∂b of the first network: the mean of Q - target, as the two twins share the half.
    assert module.twin_q[0].bias.grad[0, 0, 0, 0].item() == pytest.approx((-2.850937 - 4) / 2, abs=1e-5)


def test_the_target_network_follows_by_polyak():
    component, module = linear_critic()
    with torch.no_grad():
        module.twin_q[0].bias += 1.0
    before = module.target_q[0].bias.clone()
    component.after_step(module)
    torch.testing.assert_close(module.target_q[0].bias, before + 0.005)


def test_it_is_no_critic_to_ask_for_v():
    _, module = linear_critic()
    assert isinstance(module, Critic)
    with pytest.raises(CriticError, match=r"the in-support critic has no V\(s\), only Q\(s, a\); a method that"):
        module.v(torch.zeros(1, 2, 1))


def test_each_transition_comes_with_the_actions_of_its_own_next_state():
    """Action i of the support states that stand for row 9 - i of the data: the two are drawn together."""
    rows = torch.arange(9, -1, -1)
    given = Given(rows, torch.arange(10.0)[:, None, None].expand(10, 3, 1))
    component = InSupportQ(CriticConfig(batch_size=50, width=4), 1, 1, given, 1.0)
    numbers = torch.arange(10.0)
    data = Data(numbers[:, None], numbers[:, None], numbers, numbers[:, None], torch.zeros(10))
    batch = component.draw(data, {}, {"support": given.build(SeedStreams(SEEDS, "x"))}, SeedStreams(SEEDS, "y"))
    assert batch.next_actions.shape == (2, 50, 3, 1)
    torch.testing.assert_close(batch.next_actions[..., 0, 0], 9 - batch.transitions.rewards)
    assert set(batch.transitions.index[0].tolist()) == set(range(10))
    assert not torch.equal(batch.transitions.index[0], batch.transitions.index[1])


REWARDS = np.array([[0.2, 0.0, 3.0], [0.5, 1.0, 0.0]])  # state, action -1, 0, 1
SUPPORT = ([-1.0, 0.0], [0.0, 1.0])  # the good action of the first state is not among its support actions
NEXT = np.array([[1, 0, 0], [0, 1, 0]])
GAMMA, BETA = 0.8, 2.0


def value_iteration(support):
    """Q of the two-state problem, by the operator itself in NumPy."""
    q = np.zeros((2, 3))
    for _ in range(200):
        among = [q[s][[int(a) + 1 for a in support[s]]] for s in range(2)]
        value = np.array([softmax(BETA * here) @ here for here in among])
        q = REWARDS + GAMMA * value[NEXT]
    return q


def test_it_converges_to_the_fixed_point_of_its_operator():
    states = torch.eye(2)
    place = [(s, a) for s in range(2) for a in range(3)]
    following = [NEXT[s, a] for s, a in place]
    data = Data(
        observations=torch.stack([states[s] for s, _ in place]),
        actions=torch.tensor([[float(a - 1)] for _, a in place]),
        rewards=torch.tensor([REWARDS[s, a] for s, a in place]).float(),
        next_observations=torch.stack([states[s] for s in following]),
        terminals=torch.zeros(6),
    )
    given = Given(torch.arange(6), torch.tensor([SUPPORT[s] for s in following])[..., None])
    config = CriticConfig(
        discount=GAMMA, polyak=0.1, width=32, layers=2, learning_rate=5e-3, batch_size=32, steps=900
    )
    component = InSupportQ(config, 2, 1, given, BETA)
    module, _ = fit(component, data, {"support": given.build(SeedStreams(SEEDS, "x"))}, SEEDS, quiet)
    found = module.q(data.observations.expand(2, -1, -1), data.actions.expand(2, -1, -1))
    exact = torch.from_numpy(value_iteration(SUPPORT)).float().flatten()
    torch.testing.assert_close(found, exact.expand(2, 6), atol=0.05, rtol=0)
    # Were the good action of the first state bootstrapped from, every value would be far higher.
    assert (value_iteration([[-1, 0, 1]] * 2).flatten() > exact.numpy() + 2).all()
