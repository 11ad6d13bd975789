"""In the guidance networks' losses every noisy action keeps its own state, level and weight.

The schedules here add no noise and each number says whose it is: state n has observation n and actions n + m/100.
"""

import pytest
import torch
from tiny import ACTIONS, OBSERVATIONS, tiny_data, tiny_shared

from methods.cep import CEP, contrastive_loss
from methods.ddice import DiffusionDICE, in_sample_loss
from methods.diffusion.schedule import Schedule
from training.component import Data
from training.seeds import SeedStreams

SEEDS, STATES, BATCH, COPIES = (0, 1), 12, 5, 3
NUMBERS = torch.arange(float(STATES))


def watched(component, answer):
    """The component's network on a schedule without noise; it notes its calls and answers with a formula."""
    net = component.build(SeedStreams(SEEDS, "x"))
    net.schedule = Schedule(torch.ones(4), torch.zeros(4))
    calls = []

    def forward(z, level, observations):
        calls.append((z, level, observations))
        return answer(z, level, observations)

    net.forward = forward
    return net, calls


def assert_rows_belong_together(calls):
    """Each action stands beside its own state; one state's copies share a level, and levels differ."""
    ((z, level, observations),) = calls
    assert z.shape == (2, BATCH * COPIES, ACTIONS)
    assert torch.equal((z[..., 0] + 1e-4).floor(), observations[..., 0])
    grouped = level.unflatten(1, (BATCH, COPIES))
    assert (grouped == grouped[..., :1]).all()
    assert level.unique().tolist() == [0, 1, 2, 3]


def test_the_contrastive_loss_compares_the_actions_of_one_state():
    method = CEP(support_actions=COPIES, support_states=STATES, batch_size=BATCH)
    component = method.components(tiny_shared())["energy"]
    support = component.support.build(SeedStreams(SEEDS, "x"))
    support.observations.copy_(NUMBERS[:, None].expand(2, STATES, OBSERVATIONS))
    tags = NUMBERS[:, None] + torch.arange(COPIES) / 100
    support.actions.copy_(tags[..., None].expand(2, STATES, COPIES, ACTIONS))
    streams = SeedStreams(SEEDS, "draws")
    target = streams.normal(STATES, COPIES).softmax(-1)
    batch = torch.tensor([[3, 0, 11, 7, 7], [1, 2, 5, 9, 4]])
    net, calls = watched(component, lambda z, level, observations: 40 * z[..., 0])
    loss = component.loss(net, batch, {"target": target}, {"support": support}, streams)
    assert_rows_belong_together(calls)
    for seed in range(2):
        expected = contrastive_loss(40 * tags[batch[seed]], target[seed, batch[seed]]).mean()
        assert loss[seed].item() == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.parametrize("per_batch", [False, True])
def test_the_in_sample_loss_weighs_each_copy_by_its_own_transition(per_batch):
    method = DiffusionDICE(noises=COPIES, batch_size=BATCH, shift_per_batch=per_batch)
    component = method.components(tiny_shared())["guidance"]
    tiny = tiny_data()
    data = Data(
        observations=NUMBERS[:, None].expand(STATES, OBSERVATIONS),
        actions=NUMBERS[:, None].expand(STATES, ACTIONS),
        rewards=tiny.rewards[:STATES],
        next_observations=tiny.next_observations[:STATES],
        terminals=tiny.terminals[:STATES],
    )
    streams = SeedStreams(SEEDS, "draws")
    weight = streams.uniform(STATES) * 5
    index = torch.tensor([[3, 0, 11, 7, 7], [1, 2, 5, 9, 4]])
    net, calls = watched(component, lambda z, level, observations: z[..., 0] / 4 - level)
    loss = component.loss(net, data.batch(index), {"weight": weight}, {}, streams)
    assert_rows_belong_together(calls)
    level = calls[0][1].unflatten(1, (BATCH, COPIES))[..., 0]
    g = NUMBERS[index] / 4 - level
    # The copies are equal without noise, so the mean over them is that of one.
    expected = in_sample_loss(g, torch.stack([weight[seed, index[seed]] for seed in range(2)]), per_batch)
    torch.testing.assert_close(loss, expected)
