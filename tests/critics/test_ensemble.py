"""The ensemble of Q: its targets by hand, its members independent, their mean as the score."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from critics.config import CriticConfig
from critics.iql import IQL
from critics.q_ensemble import EnsembleNetworks, QEnsemble
from training import Data, SeedLinear, SeedStreams, Step, fit

SEEDS = (0, 1)
CONFIG = CriticConfig(width=16, layers=1, discount=0.5, batch_size=16, learning_rate=1e-2, steps=400)


def quiet(done: int, total: int) -> None:
    pass


def linears(network: nn.Module) -> list[SeedLinear]:
    return [layer for layer in network.modules() if isinstance(layer, SeedLinear)]


def data() -> Data:
    return Data(
        observations=torch.eye(3),
        actions=torch.tensor([[0.0], [1.0], [-1.0]]),
        rewards=torch.tensor([1.0, 2.0, 3.0]),
        next_observations=torch.eye(3)[[1, 2, 0]],
        terminals=torch.tensor([0.0, 0.0, 1.0]),
    )


def component(members: int = 4, batch_size: int = 16) -> QEnsemble:
    config = replace(CONFIG, batch_size=batch_size)
    return QEnsemble(config, 3, 1, IQL(CONFIG, 3, 1), members)


def known_v() -> SimpleNamespace:
    """A critic whose V is 10 s_2 + 20 s_3, and twice that for the second seed."""
    weights = torch.tensor([[0.0, 10.0, 20.0], [0.0, 20.0, 40.0]])
    return SimpleNamespace(v=lambda observations: (observations * weights[:, None]).sum(-1))


class Rows(SeedStreams):
    """Streams whose integers are these rows of the data."""

    rows: Tensor

    def integers(self, high: int, *shape: int) -> Tensor:
        return self.rows


def step_of(rows: Tensor, goal: Tensor, transitions: Data) -> Step:
    noise = Rows(range(len(rows)), "y")
    noise.rows = rows
    return Step(transitions, {}, noise, {"goal": goal})


def test_the_target_is_the_reward_and_the_discounted_v_of_the_next_state():
    # 1 + 0.5·10, 2 + 0.5·20 and 3 at the end; the second seed's V is twice as high.
    step = Step(data(), {"critic": known_v()}, SeedStreams(SEEDS, "y"))
    goal = component().precompute(step)["goal"]
    assert goal.tolist() == [[6.0, 12.0, 3.0], [11.0, 22.0, 3.0]]


def test_one_loss_is_the_mean_over_members_and_batch():
    made = component(2)
    module = made.build(SeedStreams(SEEDS, "x"))
    with torch.no_grad():
        last = linears(module)[-1]
        last.weight.zero_()
        last.bias.copy_(torch.tensor([1.0, 4.0])[None, :, None, None].expand(2, -1, -1, -1))
    rows = torch.tensor([[0, 2], [0, 2]])
    step = step_of(rows, torch.tensor([[6.0, 12.0, 3.0], [11.0, 22.0, 3.0]]), data())
    # Members 1 and 4 against 6 and 3: (25 + 4 + 4 + 1)/4; against 11 and 3: (100 + 4 + 49 + 1)/4.
    assert made.losses(module, step)["loss"].tolist() == pytest.approx([8.5, 38.5])
    batch = data().batch(rows)
    q = module.q(batch.observations, batch.actions)
    assert q.tolist() == [[2.5, 2.5], [2.5, 2.5]]


def test_its_members_start_apart_and_all_reach_the_target():
    module = fit(component(), data(), {"critic": known_v()}, SEEDS, quiet).module
    assert isinstance(module, EnsembleNetworks)
    fresh = component().build(SeedStreams(SEEDS, "/q-ensemble/initial"))
    every = data().observations.expand(2, -1, -1), data().actions.expand(2, -1, -1)
    assert fresh.each_q(*every).std(1).min() > 0.01
    goal = torch.tensor([[6.0, 12.0, 3.0], [11.0, 22.0, 3.0]])
    torch.testing.assert_close(module.each_q(*every), goal[:, None].expand(-1, 4, -1), atol=0.1, rtol=0)
    torch.testing.assert_close(module.q(*every), module.each_q(*every).mean(1))


def test_the_loss_of_one_seed_has_the_slope_of_its_differences():
    made = component(2)
    module = made.build(SeedStreams([0], "x")).double()
    goal = torch.tensor([[6.0, 12.0, 3.0]], dtype=torch.float64)
    transitions = Data(**{name: value.double() for name, value in vars(data()).items() if name != "key"})
    step = step_of(torch.tensor([[0, 1, 2]]), goal, transitions)

    def loss() -> Tensor:
        return made.losses(module, step)["loss"].sum()

    weight = linears(module)[0].weight
    (slope,) = torch.autograd.grad(loss(), weight)
    for place in ((0, 0, 0, 3), (0, 1, 2, 5)):
        values = []
        for shift in (1e-5, -2e-5):
            with torch.no_grad():
                weight[place] += shift
            values.append(loss().item())
        with torch.no_grad():
            weight[place] += 1e-5
        assert (values[0] - values[1]) / 2e-5 == pytest.approx(slope[place].item(), rel=1e-5, abs=1e-8)
