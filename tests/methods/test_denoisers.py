"""The backbone: what the weight head stands on, where dropout acts, what noise prediction is trained on."""

import dataclasses

import pytest
import torch
from tiny import ACTIONS, OBSERVATIONS, made, tiny_data, tiny_shared

from critics.weights import SmoothExpectile
from methods.core.support import SupportActions
from methods.diffusion.denoiser import NetworkDenoiser, add_noise
from methods.diffusion.networks.residual import NetworkConfig, NoiseNetwork
from methods.diffusion.schedule import make_schedule
from training.loop import compute
from training.seeds import SeedStreams

SEEDS = (0, 1)
LEVELS = torch.arange(1.0, 5.0)


def network(*, weight_head, blocks=3, dropout=0.5):
    config = NetworkConfig(width=8, blocks=blocks, dropout=dropout, frequencies=4, level_features=6)
    return NoiseNetwork(SeedStreams(SEEDS, "x"), config, OBSERVATIONS, ACTIONS, weight_head)


def inputs(channels, rows=7):
    streams = SeedStreams(SEEDS, "inputs")
    return streams.normal(rows, channels), streams.normal(rows, OBSERVATIONS)


@pytest.mark.parametrize("weight_head", [False, True])
def test_one_level_for_all_is_the_same_level_for_each(weight_head):
    net = network(weight_head=weight_head)
    z, observations = inputs(ACTIONS + weight_head)
    for level in range(4):
        each = torch.full(z.shape[:2], level)
        together = net(z, level, observations, LEVELS)
        assert together.shape == z.shape
        torch.testing.assert_close(together, net(z, each, observations, LEVELS))
    assert not torch.allclose(net(z, 0, observations, LEVELS), net(z, 3, observations, LEVELS))


def test_the_weight_head_stands_on_the_second_of_three_blocks():
    net = network(weight_head=True)
    z, observations = inputs(ACTIONS + 1)
    net(z, 0, observations, LEVELS)[..., -1].sum().backward()
    felt = {
        number: any(p.grad is not None and p.grad.abs().sum() > 0 for p in block.parameters())
        for number, block in enumerate(net.blocks)
    }
    assert felt == {0: True, 1: True, 2: False}
    assert net.leave.weight.grad.abs().sum() == 0


def test_dropout_acts_in_training_alone_and_keeps_the_mean():
    net = network(weight_head=False)
    z, observations = inputs(ACTIONS)
    calm = net(z, 1, observations, LEVELS)
    assert torch.equal(calm, net(z, 1, observations, LEVELS))
    one, two = (net(z, 1, observations, LEVELS, SeedStreams(SEEDS, purpose)) for purpose in ("a", "b"))
    assert not torch.allclose(one, two)
    block = net.blocks[0]
    seen = []
    block.norm.register_forward_pre_hook(lambda module, arguments: seen.append(arguments[0]))
    ones = torch.ones(2, 5000, 8)
    block(ones, SeedStreams(SEEDS, "mask"))
    assert set(seen[0].unique().tolist()) == {0.0, 2.0}  # dropped, or doubled at rate 1/2
    assert seen[0].mean().item() == pytest.approx(1.0, abs=4.5 / 80_000**0.5)


def test_add_noise_takes_each_rows_own_level():
    schedule = make_schedule("vp", 5)
    z, noise = torch.ones(1, 2, 1), torch.full((1, 2, 1), 2.0)
    noisy = add_noise(schedule, z, torch.tensor([[0, 4]]), noise)[0, :, 0].tolist()
    # √0.80413 + 2 √0.19587 and √0.00641 + 2 √0.99359
    assert noisy == pytest.approx([0.896733 + 2 * 0.442572, 0.080062 + 2 * 0.996790], abs=1e-4)


def true_noise_denoiser():
    """Its network knows that z_0 is zero, so that ε = z_k/σ_k, and errs by one in the last channel."""
    net, schedule = network(weight_head=False), make_schedule("vp", 4)
    error = torch.tensor([0.0, 1.0])
    net.forward = lambda z, level, *rest: z / schedule.sigma[level][..., None] + error
    return NetworkDenoiser(net, schedule, ACTIONS)


def test_noise_loss_is_the_sum_over_channels_and_the_mean_over_rows():
    streams = SeedStreams(SEEDS, "x")
    loss = true_noise_denoiser().noise_loss(torch.zeros(2, 6, ACTIONS), torch.zeros(2, 6, OBSERVATIONS), streams)
    assert loss.tolist() == pytest.approx([1.0, 1.0], abs=1e-5)


def test_a_denoiser_turns_noise_into_the_clean_channels():
    net, schedule = network(weight_head=False), make_schedule("vp", 4)
    net.forward = lambda z, *rest: torch.tensor([0.0, 1.0]).expand(z.shape)
    z = torch.full((2, 3, ACTIONS), 0.3)
    clean = NetworkDenoiser(net, schedule, ACTIONS)(z, 2, torch.zeros(2, 3, OBSERVATIONS))
    alpha, sigma = schedule.alpha[2].item(), schedule.sigma[2].item()
    torch.testing.assert_close(clean, torch.tensor([0.3 / alpha, (0.3 - sigma) / alpha]).expand(2, 3, 2))


def test_a_joint_denoiser_diffuses_the_weight_over_its_maximum_where_that_is_above_one():
    shared, data = tiny_shared(), tiny_data()
    joint = shared.joint("exponential:inverse_temperature=1,maximum=2")
    critic = shared.critic.build(SeedStreams(SEEDS, "z")).requires_grad_(False)
    table = joint.tables(data, {"critic": critic}, 2)["weight"]
    every = data.observations.expand(2, -1, -1), data.actions.expand(2, -1, -1)
    expected = (critic.q(*every) - critic.v(every[0])).exp().clamp(max=2) / 2
    torch.testing.assert_close(table, expected)
    assert (table <= 1).all()
    assert joint.weight != shared.joint("smooth-expectile").weight
    smooth = shared.joint("smooth-expectile").tables(data, {"critic": critic}, 2)["weight"]
    torch.testing.assert_close(smooth, SmoothExpectile(0.7)(critic.q(*every), critic.v(every[0])))


@pytest.mark.parametrize("states", [20, 48, 100])
def test_support_actions_stand_at_states_of_the_data_and_in_range(states):
    shared, data = tiny_shared(), tiny_data()
    support = SupportActions(shared.behaviour(), states, 3, shared.sampler, shared.action_low, shared.action_high)
    made_support = made(support, data, SEEDS, {})
    assert made_support.actions.shape == (2, states, 3, ACTIONS)
    low, high = torch.tensor(shared.action_low), torch.tensor(shared.action_high)
    assert ((made_support.actions >= low) & (made_support.actions <= high)).all()
    same = (made_support.observations[:, :, None] == data.observations).all(-1)
    assert (same.sum(-1) == 1).all()
    times = same.sum(1)
    # Without replacement, and around again where more states are asked for than there are.
    assert times.min() == states // len(data)
    assert times.max() == -(-states // len(data))
    assert made_support.actions.std(2).mean() > 0.1  # the draws of one state differ
    assert not torch.equal(made_support.actions[0], made_support.actions[1])


def test_support_actions_of_next_states_stand_at_the_next_state_of_their_transition():
    """The behaviour model here says which state it was asked at: the action is the observation's first numbers."""
    shared, data = tiny_shared(), tiny_data()
    shared = dataclasses.replace(shared, action_low=(-9.0, -9.0), action_high=(9.0, 9.0))
    bounds = (shared.action_low, shared.action_high)
    plain = SupportActions(shared.behaviour(), 20, 3, shared.sampler, *bounds)
    support = dataclasses.replace(plain, next_states=True)
    behaviour = shared.behaviour().build(SeedStreams(SEEDS, "x")).requires_grad_(False)
    behaviour.forward = lambda z, level, observations: observations[..., :ACTIONS]
    reported = []
    made_support = compute(support, data, {"behaviour": behaviour}, SEEDS, lambda *done: reported.append(done))
    index = made_support.index
    assert index.shape == (2, 20)
    torch.testing.assert_close(made_support.observations, data.observations[index])
    here, there = data.observations[index][..., :ACTIONS], data.next_observations[index][..., :ACTIONS]
    torch.testing.assert_close(made_support.actions, here[:, :, None].expand(-1, -1, 3, -1))
    torch.testing.assert_close(made_support.next_actions, there[:, :, None].expand(-1, -1, 3, -1))
    assert reported[-1] == (40, 40)
    # Asking for the next states changes nothing at the states themselves.
    alone = compute(plain, data, {"behaviour": behaviour}, SEEDS, lambda *done: None)
    assert torch.equal(alone.actions, made_support.actions)
    assert set(dict(alone.named_buffers())) == {"observations", "actions"}
