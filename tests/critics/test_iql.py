"""Implicit Q-learning converges to values that are known by hand."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from scipy.stats import expectile
from torch import Tensor, nn

from critics.config import CriticConfig
from critics.iql import IQL, IQLNetworks
from critics.known import KnownCritic
from critics.weights import Exponential, weigh_data
from training import Data, SeedLayerNorm, SeedLinear, SeedStreams, Step, fit
from training.networks import member_values

GAMMA = 0.9


CONFIG = CriticConfig(discount=GAMMA, polyak=0.1, width=32, learning_rate=5e-3, batch_size=16, steps=400)


def quiet(done: int, total: int) -> None:
    pass


def trained(data: Data, **settings: Any) -> IQLNetworks:
    component = IQL(replace(CONFIG, **settings), data.observations.shape[1], data.actions.shape[1])
    fitted = fit(component, data, {}, (0, 1), quiet)
    assert torch.tensor(fitted.losses).isfinite().all()
    assert isinstance(fitted.module, IQLNetworks)
    return fitted.module


def linears(network: nn.Module) -> list[SeedLinear]:
    return [layer for layer in network.modules() if isinstance(layer, SeedLinear)]


def step_on(data: Data, *seeds: int) -> Step:
    return Step(data, {}, SeedStreams(seeds, "y"))


def everywhere(function: Callable[..., Tensor], *tables: Tensor) -> Tensor:
    return function(*(table.expand(2, -1, -1) for table in tables))


def chain() -> Data:
    """s0 → s1 → s2 → the end with reward 1, one action each: Q = V = γ², γ, 1."""
    states = torch.eye(3)
    return Data(
        observations=states,
        actions=torch.zeros(3, 1),
        rewards=torch.tensor([0.0, 0.0, 1.0]),
        next_observations=states[[1, 2, 2]],
        terminals=torch.tensor([0.0, 0.0, 1.0]),
    )


@pytest.mark.parametrize(
    ("value_loss", "tau"), [("expectile", 0.5), ("expectile", 0.9), ("linex:alpha=1", 0.7), ("dice:alpha=1", 0.7)]
)
def test_with_one_action_per_state_every_value_loss_finds_the_discounted_return(value_loss, tau):
    """Q has no spread, so its expectile, and where every value loss is least, is Q itself."""
    data = chain()
    critic = trained(data, expectile=tau, value_loss=value_loss, learning_rate=2e-3, steps=1000)
    exact = torch.tensor([GAMMA**2, GAMMA, 1.0]).expand(2, 3)
    torch.testing.assert_close(everywhere(critic.v, data.observations), exact, atol=0.01, rtol=0)
    q = everywhere(critic.q, data.observations, data.actions)
    torch.testing.assert_close(q, exact, atol=0.01, rtol=0)


def test_v_is_the_expectile_of_q_over_the_actions_of_the_data():
    """One state, rewards 0 and 1 by the action: τ(1 - v) = (1 - τ)v gives v = τ; two steps earlier γ τ."""
    first, second = torch.eye(2)
    data = Data(
        observations=torch.stack([first, second, second]),
        actions=torch.tensor([[0.0], [-1.0], [1.0]]),
        rewards=torch.tensor([0.0, 0.0, 1.0]),
        next_observations=torch.stack([second, second, second]),
        terminals=torch.tensor([0.0, 1.0, 1.0]),
    )
    tau = 0.8
    assert expectile([0.0, 1.0], tau) == pytest.approx(tau)
    critic = trained(data, expectile=tau, batch_size=64)
    v = everywhere(critic.v, data.observations)
    torch.testing.assert_close(v, torch.tensor([GAMMA * tau, tau, tau]).expand(2, 3), atol=0.05, rtol=0)
    q = everywhere(critic.q, data.observations, data.actions)
    torch.testing.assert_close(q, torch.tensor([GAMMA * tau, 0.0, 1.0]).expand(2, 3), atol=0.05, rtol=0)


def test_q_is_the_smaller_target_twin_and_the_target_follows_by_polyak():
    config = CriticConfig(width=8, polyak=0.25, value_layer_norm=True)
    component = IQL(config, 3, 2)
    module = component.build(SeedStreams([0, 1], "x"))
    draws = SeedStreams([0, 1], "y")
    observations, actions = draws.normal(6, 3), draws.normal(6, 2)
    both = member_values(module.target_q, observations, actions, members=2)
    assert both.shape == (2, 2, 6)
    assert torch.equal(module.q(observations, actions), torch.minimum(both[:, 0], both[:, 1]))
    assert not torch.allclose(both[:, 0], both[:, 1])
    before = [p.clone() for p in module.target_q.parameters()]
    with torch.no_grad():
        for p in module.twin_q.parameters():
            p += 1.0
    component.after_step(module, step_on(chain(), 0, 1))
    for old, new in zip(before, module.target_q.parameters(), strict=True):
        # The target began as a copy, so a quarter of the way to copy + 1 is copy + 0.25.
        torch.testing.assert_close(new, old + 0.25)
        assert not new.requires_grad


def test_the_norm_of_vs_input_has_the_epsilon_of_the_settings():
    """Of numbers ±1e-3 it gives x/√(1e-6 + ε): flax's 1e-6 and PyTorch's 1e-5 differ by 2.3."""
    x = torch.tensor([[[1e-3, -1e-3, 1e-3, -1e-3]]])
    for config, deviation in (
        (CriticConfig(width=8, value_layer_norm=True), 11e-6**0.5),
        (CriticConfig(width=8, value_layer_norm=True, value_layer_norm_epsilon=1e-6), 2e-6**0.5),
    ):
        module = IQL(config, 4, 2).build(SeedStreams([0], "x"))
        norm, rest = module.value
        torch.testing.assert_close(norm(x), x / deviation)
        torch.testing.assert_close(module.v(x), rest(x / deviation).squeeze(-1))


def test_the_first_q_is_the_first_target_twin_and_v_can_be_normalised_inside():
    config = CriticConfig(width=8, value_hidden_norm=True, weight_decay=1e-4)
    component = IQL(config, 3, 2)
    (group,) = component.groups
    assert group.weight_decay == 1e-4
    module = component.build(SeedStreams([0, 1], "x"))
    draws = SeedStreams([0, 1], "y")
    observations, actions = draws.normal(6, 3), draws.normal(6, 2)
    first = member_values(module.target_q, observations, actions, members=2)[:, 0]
    assert torch.equal(module.first_q(observations, actions), first)
    norms = [part for part in module.value.modules() if isinstance(part, SeedLayerNorm)]
    assert [norm.scale.shape[-1] for norm in norms] == [8, 8]
    assert not any(isinstance(part, SeedLayerNorm) for part in module.twin_q.modules())


class BothRows(SeedStreams):
    """Streams that draw the first row and the second."""

    def integers(self, high: int, *shape: int) -> Tensor:
        return torch.tensor([[0, 1]])


def test_one_loss_worked_by_hand():
    """Networks that answer with constants: Q1 = 1, Q2 = 3, targets the same, V = 2."""
    config = CriticConfig(width=4, expectile=0.7, discount=0.5, batch_size=2)
    component = IQL(config, 1, 1)
    module = component.build(SeedStreams([0], "x"))
    with torch.no_grad():
        for network, constant in ((module.twin_q, [[1.0], [3.0]]), (module.target_q, [[1.0], [3.0]])):
            last = linears(network)[-1]
            last.weight.zero_()
            last.bias.copy_(torch.tensor(constant)[None, :, None])
        last = linears(module.value)[-1]
        last.weight.zero_()
        last.bias.fill_(2.0)
    data = Data(
        observations=torch.zeros(2, 1),
        actions=torch.zeros(2, 1),
        rewards=torch.tensor([1.0, 4.0]),
        next_observations=torch.zeros(2, 1),
        terminals=torch.tensor([0.0, 1.0]),
    )
    step = Step(data, {}, BothRows([0], "y"))
    # Value: u = min(1, 3) - 2 = -1: 0.3·1. Targets: 1 + 0.5·2 = 2 and 4.
    # Q: (1-2)² + (3-2)² = 2 and (1-4)² + (3-4)² = 10, mean 6. Together 6.3.
    loss = component.losses(module, step)["loss"]
    assert loss.tolist() == pytest.approx([6.3])
    assert {name: part.tolist() for name, part in step.parts.items()} == {
        "value_loss": pytest.approx([0.3]),
        "td_loss": pytest.approx([6.0]),
    }
    loss.sum().backward()
    assert all(p.grad is None for p in module.target_q.parameters())


def test_the_known_critic_is_beta_times_the_energy():
    critic = KnownCritic("squares", lambda points: (points**2).sum(-1), 5.0).build(SeedStreams([0], "x"))
    betas = torch.tensor([[[2.0], [3.0]]])
    actions = torch.tensor([[[1.0, 2.0], [0.0, 1.0]]])
    assert critic.q(betas, actions).tolist() == [[10.0, 3.0]]
    assert critic.v(betas).tolist() == [[10.0, 15.0]]


def test_data_weights_are_by_the_smaller_of_the_trained_twins_if_asked():
    module = IQL(CriticConfig(width=8), 3, 1).build(SeedStreams([0], "x"))
    assert isinstance(module, IQLNetworks)
    with torch.no_grad():  # the targets stay behind
        for number, parameter in enumerate(module.twin_q.parameters()):
            parameter += 0.1 * (number + 1)
    data = chain()
    step = Step(data, {"critic": module}, SeedStreams([0], "y"))
    pairs = torch.cat([data.observations, data.actions], -1)
    trained_q, target_q = (smaller_of_twins(network, pairs) for network in (module.twin_q, module.target_q))
    torch.testing.assert_close(weigh_data(step, lambda q, v: q, by="trained")[0], trained_q)
    torch.testing.assert_close(weigh_data(step, lambda q, v: q)[0], target_q)
    assert (trained_q != target_q).all()
    known = KnownCritic("squares", lambda points: (points**2).sum(-1), 5.0)
    assert known.trained_q(torch.tensor([[[2.0]]]), torch.tensor([[[1.0, 2.0]]])).tolist() == [[10.0]]


def smaller_of_twins(network: nn.Module, pairs: Tensor) -> Tensor:
    """The minimum of two perceptrons of the first seed, written out."""
    first, *rest = [layer for layer in network.children() if isinstance(layer, SeedLinear)]
    x = pairs @ first.weight[0] + first.bias[0]
    for layer in rest:
        x = x.relu() @ layer.weight[0] + layer.bias[0]
    return x.squeeze(-1).amin(0)


def test_data_weights_are_the_weights_of_each_seeds_critic():
    data = chain()
    module = IQL(CriticConfig(width=8), 3, 1).build(SeedStreams([0, 1], "x"))
    assert isinstance(module, IQLNetworks)
    step = Step(data, {"critic": module, "other": None}, SeedStreams([0, 1], "y"))
    weights = weigh_data(step, Exponential(1.0))
    assert weights.shape == (2, 3)
    for seed in range(2):
        for row in range(3):
            alone = data.observations[row].expand(2, 1, 3), data.actions[row].expand(2, 1, 1)
            advantage = (module.q(*alone) - module.v(alone[0]))[seed, 0]
            assert weights[seed, row].item() == pytest.approx(advantage.exp().item(), rel=1e-5)
