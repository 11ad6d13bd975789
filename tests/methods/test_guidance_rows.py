"""In the guidance networks' losses every noisy action keeps its own state, level and weight.

The schedules here add no noise and each number says whose it is: state n has observation n and actions n + m/100.
"""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from tiny import ACTIONS, OBSERVATIONS, tiny_setup
from torch import Tensor

from methods import Data, GuidanceNet, GuidanceObjective, SeedStreams, Step
from methods.cep import CEP, EnergyNet, contrastive_loss
from methods.ddice import DiffusionDICE, in_sample_loss
from methods.diffusion.schedule import Schedule

SEEDS, STATES, BATCH, COPIES = (0, 1), 12, 5, 3
NUMBERS = torch.arange(float(STATES))


INDEX = torch.tensor([[3, 0, 11, 7, 7], [1, 2, 5, 9, 4]])
Calls = list[tuple[Tensor, Tensor, Tensor]]


class Chosen(SeedStreams):
    """Streams whose first integers, the rows that a loss takes, are those of `INDEX`."""

    def integers(self, high: int, *shape: int) -> Tensor:
        if high == STATES and not hasattr(self, "asked"):
            self.asked = shape
            return INDEX
        return super().integers(high, *shape)


def watched(
    monkeypatch: pytest.MonkeyPatch, component: GuidanceObjective, answer: Callable[..., Tensor]
) -> tuple[GuidanceNet, Calls]:
    """The component's network on a schedule without noise; it notes its calls and answers with a formula."""
    net = component.build(SeedStreams(SEEDS, "x"))
    net.schedule = Schedule(torch.ones(4), torch.zeros(4))
    calls: Calls = []

    def forward(z: Tensor, level: Any, observations: Tensor) -> Tensor:
        calls.append((z, level, observations))
        return answer(z, level, observations)

    monkeypatch.setattr(net, "forward", forward)
    return net, calls


def assert_rows_belong_together(calls: Calls) -> None:
    """Each action stands beside its own state; one state's copies share a level, and levels differ."""
    ((z, level, observations),) = calls
    assert z.shape == (2, BATCH * COPIES, ACTIONS)
    assert torch.equal((z[..., 0] + 1e-4).floor(), observations[..., 0])
    grouped = level.unflatten(1, (BATCH, COPIES))
    assert (grouped == grouped[..., :1]).all()
    assert level.unique().tolist() == [0, 1, 2, 3]


def data_of(observations: Tensor, actions: Tensor) -> Data:
    return Data(observations, actions, torch.zeros(STATES), observations, torch.zeros(STATES))


def test_the_contrastive_loss_compares_the_actions_of_one_state(monkeypatch):
    method = CEP(support_actions=COPIES, support_states=STATES, batch_size=BATCH)
    component = method.components(tiny_setup())["guidance"]
    assert isinstance(component, EnergyNet)
    support = component.support.build(SeedStreams(SEEDS, "x"))
    support.get_buffer("observations").copy_(NUMBERS[:, None].expand(2, STATES, OBSERVATIONS))
    tags = NUMBERS[:, None] + torch.arange(COPIES) / 100
    support.get_buffer("actions").copy_(tags[..., None].expand(2, STATES, COPIES, ACTIONS))
    target = SeedStreams(SEEDS, "targets").normal(STATES, COPIES).softmax(-1)
    net, calls = watched(monkeypatch, component, lambda z, level, observations: 40 * z[..., 0])
    data = data_of(torch.zeros(STATES, OBSERVATIONS), torch.zeros(STATES, ACTIONS))
    step = Step(data, {"support": support}, Chosen(SEEDS, "more"), {"target": target})
    loss = component.losses(net, step)["loss"]
    assert_rows_belong_together(calls)
    for seed in range(2):
        expected = contrastive_loss(40 * tags[INDEX[seed]], target[seed, INDEX[seed]]).mean()
        assert loss[seed].item() == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.parametrize("per_batch", [False, True])
def test_the_in_sample_loss_weighs_each_copy_by_its_own_transition(per_batch: bool, monkeypatch):
    method = DiffusionDICE(noises=COPIES, batch_size=BATCH, shift_per_batch=per_batch)
    component = method.components(tiny_setup())["guidance"]
    assert isinstance(component, GuidanceObjective)
    data = data_of(NUMBERS[:, None].expand(-1, OBSERVATIONS), NUMBERS[:, None].expand(-1, ACTIONS))
    weight = SeedStreams(SEEDS, "weights").uniform(STATES) * 5
    net, calls = watched(monkeypatch, component, lambda z, level, observations: z[..., 0] / 4 - level)
    loss = component.losses(net, Step(data, {}, Chosen(SEEDS, "more"), {"weight": weight}))["loss"]
    assert_rows_belong_together(calls)
    level = calls[0][1].unflatten(1, (BATCH, COPIES))[..., 0]
    g = NUMBERS[INDEX] / 4 - level
    # The copies are equal without noise, so the mean over them is that of one.
    expected = in_sample_loss(g, torch.stack([weight[seed, INDEX[seed]] for seed in range(2)]), per_batch)
    torch.testing.assert_close(loss, expected)
