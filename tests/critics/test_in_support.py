"""In-support softmax Q-learning: its target by hand, and the fixed point it reaches against value iteration."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
import pytest
import torch
from scipy.special import softmax
from torch import nn

from critics.config import CriticConfig
from critics.in_support import InSupportQ, softmax_value
from critics.twin_q import TwinQ
from training import Component, Data, SeedLinear, SeedStreams, Step, fit

SEEDS = (0, 1)


@dataclass(frozen=True)
class Given(Component):
    """Support actions at next states written down: index (state,), actions (state, M, action), for all seeds."""

    kind: ClassVar[str] = "given"
    index: torch.Tensor = field(compare=False)
    actions: torch.Tensor = field(compare=False)

    def build(self, streams: SeedStreams) -> nn.Module:
        module = nn.Module()
        for name in ("index", "actions"):
            table = getattr(self, name)
            module.register_buffer(name, table.expand(len(streams), *table.shape))
        return module


def quiet(done: int, total: int) -> None:
    pass


def linears(network: nn.Module) -> list[SeedLinear]:
    return [layer for layer in network.modules() if isinstance(layer, SeedLinear)]


def test_softmax_value_lies_between_mean_and_maximum():
    q = torch.tensor([[0.0, 2.0, 4.0], [1.0, 1.0, 1.0]], dtype=torch.float64)
    # e^0, e^2, e^4 are 1, 7.38906, 54.59815: (2·7.38906 + 4·54.59815)/62.98721 = 3.701874.
    assert softmax_value(q, 1.0).tolist() == pytest.approx([3.701874, 1.0], abs=1e-6)
    assert softmax_value(q, 0.0).tolist() == pytest.approx([2.0, 1.0])
    assert softmax_value(q, 100.0).tolist() == pytest.approx([4.0, 1.0])
    assert softmax_value(1e4 * q, 1.0).tolist() == pytest.approx([4e4, 1e4])


class Places(SeedStreams):
    """Streams whose integers are these places among the support states."""

    places: torch.Tensor

    def integers(self, high: int, *shape: int) -> torch.Tensor:
        return self.places


def linear_critic() -> tuple[InSupportQ, TwinQ]:
    """No hidden layer: both networks are Q1 = 2a, Q2 = a + 1, so that min Q' at a' = 0, 1, 3 is 0, 2, 4."""
    config = CriticConfig(layers=0, discount=0.5, batch_size=2)
    given = Given(torch.tensor([0, 1]), torch.tensor([[[0.0], [1.0], [3.0]]] * 2))
    component = InSupportQ(config, 1, 1, given, 1.0)
    module = component.build(SeedStreams([0], "x"))
    with torch.no_grad():
        for network in (module.twin_q, module.target_q):
            (layer,) = linears(network)
            layer.weight.copy_(torch.tensor([[[0.0], [2.0]], [[0.0], [1.0]]])[None])
            layer.bias.copy_(torch.tensor([[0.0], [1.0]])[None, :, None])
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
    noise = Places([0], "y")
    noise.places = torch.tensor([[0, 1]])
    step = Step(data, {"support": component.support.build(noise)}, noise)
    # Targets 1 + 0.5·3.701874 = 2.850937 and 4; Q(s, 0) is 0 and 1 by the two networks.
    # Mean over the twins: (2.850937² + 1.850937²)/2 = 5.776904 and (16 + 9)/2; mean of the two 9.138452.
    loss = component.losses(module, step)["loss"]
    assert loss.tolist() == pytest.approx([9.138452], abs=1e-5)
    loss.sum().backward()
    assert all(p.grad is None for p in module.target_q.parameters())
    # ∂/∂b of the first network: the mean of Q - target, as the two twins share the half.
    gradient = linears(module.twin_q)[0].bias.grad
    assert gradient is not None
    assert gradient[0, 0, 0, 0].item() == pytest.approx((-2.850937 - 4) / 2, abs=1e-5)


def test_the_target_network_follows_by_polyak():
    component, module = linear_critic()
    with torch.no_grad():
        linears(module.twin_q)[0].bias.add_(1.0)
    (followed,) = linears(module.target_q)
    before = followed.bias.clone()
    nothing = Data(*(torch.zeros(1, 1), torch.zeros(1, 1), torch.zeros(1), torch.zeros(1, 1), torch.zeros(1)))
    component.after_step(module, Step(nothing, {}, SeedStreams([0], "y")))
    torch.testing.assert_close(followed.bias, before + 0.005)


def test_each_transition_comes_with_the_actions_of_its_own_next_state():
    """Support place i stands for row 9 - i of the data and holds action i; Q = 0 and Q'(s', a') = a' alone.

    With rewards n of row n and γ = 1 every target is n + (9 - n) = 9, whichever rows are drawn: loss 81.
    """
    given = Given(torch.arange(9, -1, -1), torch.arange(10.0)[:, None, None].expand(10, 3, 1))
    component = InSupportQ(CriticConfig(batch_size=50, layers=0, discount=1.0), 1, 1, given, 1.0)
    module = component.build(SeedStreams(SEEDS, "x"))
    with torch.no_grad():
        for network, slope in ((module.twin_q, 0.0), (module.target_q, 1.0)):
            (layer,) = linears(network)
            layer.weight.copy_(torch.tensor([[0.0], [slope]]).expand_as(layer.weight))
            layer.bias.zero_()
    numbers = torch.arange(10.0)
    data = Data(numbers[:, None], numbers[:, None], numbers, numbers[:, None], torch.zeros(10))
    models = {"support": given.build(SeedStreams(SEEDS, "x"))}
    loss = component.losses(module, Step(data, models, SeedStreams(SEEDS, "y")))["loss"]
    assert loss.tolist() == pytest.approx([81.0, 81.0])
    # Which rows are drawn differs between the seeds: without the support actions it shows.
    models = {"support": replace(given, actions=torch.zeros(10, 3, 1)).build(SeedStreams(SEEDS, "x"))}
    loss = component.losses(module, Step(data, models, SeedStreams(SEEDS, "y")))["loss"]
    assert loss[0].item() != loss[1].item()


REWARDS = np.array([[0.2, 0.0, 3.0], [0.5, 1.0, 0.0]])  # state, action -1, 0, 1
SUPPORT = ([-1.0, 0.0], [0.0, 1.0])  # the good action of the first state is not among its support actions
NEXT = np.array([[1, 0, 0], [0, 1, 0]])
GAMMA, BETA = 0.8, 2.0


def value_iteration(support: Sequence[Sequence[float]]) -> np.ndarray:
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
    models = {"support": given.build(SeedStreams(SEEDS, "x"))}
    module = fit(component, data, models, SEEDS, quiet).module
    assert isinstance(module, TwinQ)
    found = module.q(data.observations.expand(2, -1, -1), data.actions.expand(2, -1, -1))
    exact = torch.from_numpy(value_iteration(SUPPORT)).float().flatten()
    torch.testing.assert_close(found, exact.expand(2, 6), atol=0.05, rtol=0)
    # Were the good action of the first state bootstrapped from, every value would be far higher.
    assert (value_iteration([[-1, 0, 1]] * 2).flatten() > exact.numpy() + 2).all()
