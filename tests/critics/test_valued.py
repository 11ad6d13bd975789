"""V fitted to a known Q on a few discrete actions, against the minimiser of its loss found by root search."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from scipy.optimize import brentq

from critics.config import CriticConfig
from critics.iql import Critic
from critics.twin_q import TwinQ
from critics.valued import ValuedCritic, ValuedNetworks
from training import Component, Data, SeedLinear, SeedStreams, Step, fit

SEEDS = (0, 1)
TAU = 0.8
ACTIONS = (np.array([-1.0, 0.0, 0.5, 2.0]), np.array([-0.5, 0.25, 0.25, 1.5]))
"""Of the data in each of two states; in the second one an action stands twice."""
SLOPES = (0.4, 1.0)
"""Q(s, a) = c a of each seed's critic."""


@dataclass(frozen=True)
class Linear(Component):
    """A critic without V whose twins are Q1 = c a and Q2 = c a + 1, so that the smaller one is c a."""

    kind: ClassVar[str] = "linear"

    def build(self, streams: SeedStreams) -> TwinQ:
        return TwinQ(streams, CriticConfig(layers=0), 2, 1)


def made_critic(seeds: tuple[int, ...] = SEEDS) -> TwinQ:
    module = Linear().build(SeedStreams(seeds, "x"))
    with torch.no_grad():
        for network in (module.twin_q, module.target_q):
            (layer,) = (each for each in network.modules() if isinstance(each, SeedLinear))
            for place, seed in enumerate(seeds):
                layer.weight[place] = torch.tensor([[0.0], [0.0], [SLOPES[seed]]])
                layer.bias[place] = torch.tensor([[[0.0]], [[1.0]]])
    return module.requires_grad_(False)


def data() -> Data:
    states = torch.eye(2).repeat_interleave(4, dim=0)
    actions = torch.from_numpy(np.concatenate(ACTIONS)).float()[:, None]
    return Data(states, actions, torch.zeros(8), states, torch.zeros(8))


def quiet(done: int, total: int) -> None:
    pass


def expectile_slope(u: np.ndarray) -> np.ndarray:
    """Minus half of the loss's derivative by V: |τ - 1(u < 0)| u, written out."""
    return np.where(u < 0, 1 - TAU, TAU) * u


def linex_slope(u: np.ndarray) -> np.ndarray:
    return np.exp(2 * u) - 1


def dice_slope(u: np.ndarray) -> np.ndarray:
    x = u / 0.5
    return np.where(x >= 0, x / 2 + 1, np.exp(np.minimum(x, 0))) - 1


LOSSES: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "expectile": expectile_slope,
    "linex:alpha=2": linex_slope,
    "dice:alpha=0.5": dice_slope,
}
"""Value loss to a function of u = Q - V whose mean is 0 at the minimiser."""


def component_of(loss: str, **settings: Any) -> ValuedCritic:
    config = CriticConfig(
        value_loss=loss, expectile=TAU, width=32, layers=1, steps=500, batch_size=512, learning_rate=2e-3
    )
    return ValuedCritic(replace(config, **settings), 2, Linear())


class EveryRow(SeedStreams):
    """Streams whose integers are the first rows of the data, once each."""

    def integers(self, high: int, *shape: int) -> torch.Tensor:
        return torch.arange(shape[0]).expand(len(self), -1)


def given(component: ValuedCritic, critic: TwinQ, seeds: tuple[int, ...]) -> Step:
    """What a step is computed from, its batch being the first rows of the data."""
    step = Step(data(), {"critic": critic}, EveryRow(seeds, "y"))
    return replace(step, precomputed=component.precompute(step))


@pytest.mark.parametrize("loss", LOSSES)
def test_v_is_the_minimiser_of_its_loss_over_the_actions_of_the_data(loss: str):
    component = component_of(loss, batch_size=8)
    step, module = given(component, made_critic(), SEEDS), component.build(SeedStreams(SEEDS, "x"))
    for rate in (1e-2, 1e-3):
        optimiser = torch.optim.Adam(module.value.parameters(), lr=rate)
        for _ in range(300):
            optimiser.zero_grad()
            component.losses(module, step)["loss"].sum().backward()
            optimiser.step()
    found = module.v(torch.eye(2).expand(2, -1, -1))
    exact = [
        [brentq(lambda v, q=c * each: LOSSES[loss](q - v).mean(), -3, 3, xtol=1e-9) for each in ACTIONS]
        for c in SLOPES
    ]
    torch.testing.assert_close(found, torch.tensor(exact, dtype=torch.float32), atol=2e-3, rtol=0)


def test_v_of_the_quantile_loss_is_the_quantile():
    """Of four values the 0.8-quantile is the greatest: three quarters of them lie below it."""
    module = fit(component_of("quantile"), data(), {"critic": made_critic()}, SEEDS, quiet).module
    assert isinstance(module, ValuedNetworks)
    exact = torch.tensor([[c * each.max() for each in ACTIONS] for c in SLOPES]).float()
    torch.testing.assert_close(module.v(torch.eye(2).expand(2, -1, -1)), exact, atol=0.05, rtol=0)


def test_q_is_that_of_the_made_critic_and_stays():
    critic = made_critic()
    before = {name: tensor.clone() for name, tensor in critic.state_dict().items()}
    module = fit(component_of("expectile", steps=3), data(), {"critic": critic}, SEEDS, quiet).module
    assert isinstance(module, ValuedNetworks)
    assert isinstance(module, Critic)
    assert isinstance(module, ValuedNetworks)
    for name, tensor in before.items():
        assert torch.equal(module.critic.state_dict()[name], tensor), name
    states, actions = torch.zeros(2, 3, 2), torch.tensor([[[1.0], [2.0], [-3.0]]] * 2)
    exact = torch.tensor([[c, 2 * c, -3 * c] for c in SLOPES])
    for ask in (module.q, module.first_q, module.trained_q):
        torch.testing.assert_close(ask(states, actions), exact)


def test_the_loss_is_of_the_smaller_target_q_worked_by_hand():
    """V = 0 everywhere: |τ - 1(Q < 0)| Q² of c a with c = 1 over the four actions of the first state."""
    component = component_of("expectile", batch_size=4)
    critic = made_critic((1,))
    module = component.build(SeedStreams([1], "x"))
    for parameter in module.value.parameters():
        parameter.data.zero_()

    loss = component.losses(module, given(component, critic, (1,)))["loss"]
    # 0.2 · 1, 0, 0.8 · 0.25 and 0.8 · 4.
    assert loss.tolist() == pytest.approx([(0.2 + 0.0 + 0.2 + 3.2) / 4])


def test_what_changes_nothing_of_v_is_not_in_it():
    plain = component_of("expectile")
    for name in ("discount", "polyak"):
        assert component_of("expectile", **{name: 0.5}) == plain
    assert component_of("expectile", expectile=0.6) != plain
