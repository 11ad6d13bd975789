"""The backbone: what the weight head stands on, where dropout acts, what noise prediction is trained on."""

import dataclasses
from dataclasses import replace
from typing import Any

import pytest
import torch
from tiny import ACTIONS, OBSERVATIONS, tiny_data, tiny_setup
from torch import Tensor, nn

from critics.weights import Exponential, SmoothExpectile
from methods import AuxiliaryHead, Denoiser, MethodError, NetworkDenoiser, SeedStreams, Step, linearise
from methods.core.inference import prepare
from methods.diffusion.networks.config import NetworkConfig
from methods.diffusion.networks.perceptron import PerceptronNetwork
from methods.diffusion.networks.residual import NoiseNetwork
from methods.diffusion.schedule import make_schedule
from methods.swg import SWG, Joint, WeightHead
from methods.swg_r import SWGR
from training import SeedLinear, parameter_count
from training.networks import member_values

SEEDS = (0, 1)
LEVELS = torch.arange(1.0, 5.0)


def network(further: int = 0, block: int = -2, blocks: int = 3, dropout: float = 0.5) -> NoiseNetwork:
    config = NetworkConfig(width=8, blocks=blocks, dropout=dropout, frequencies=4, level_features=6)
    head = AuxiliaryHead(further, block) if further else None
    return NoiseNetwork(SeedStreams(SEEDS, "x"), config, OBSERVATIONS, ACTIONS, head)


def inputs(channels: int, rows: int = 7) -> tuple[Tensor, Tensor]:
    streams = SeedStreams(SEEDS, "inputs")
    return streams.normal(rows, channels), streams.normal(rows, OBSERVATIONS)


@pytest.mark.parametrize("further", [0, 1, 3])
def test_one_level_for_all_is_the_same_level_for_each(further: int):
    net = network(further)
    z, observations = inputs(ACTIONS + further)
    for level in range(4):
        each = torch.full(z.shape[:2], level)
        together = net(z, level, observations, LEVELS)
        assert together.shape == z.shape
        torch.testing.assert_close(together, net(z, each, observations, LEVELS))
    assert not torch.allclose(net(z, 0, observations, LEVELS), net(z, 3, observations, LEVELS))


@pytest.mark.parametrize(("blocks", "block", "before"), [(3, -2, 2), (3, -1, 3), (3, 0, 1), (1, -2, 1)], ids=str)
def test_an_auxiliary_head_reads_the_block_that_it_names(blocks: int, block: int, before: int):
    """The blocks up to it move its output, those after it and the last layer do not."""
    net = network(2, block, blocks)
    z, observations = inputs(ACTIONS + 2)
    net(z, 0, observations, LEVELS)[..., ACTIONS:].sum().backward()
    felt = [any(p.grad is not None and p.grad.abs().sum() > 0 for p in part.parameters()) for part in net.blocks]
    assert felt == [number < before for number in range(blocks)]
    assert net.leave.weight.grad is None or net.leave.weight.grad.abs().sum() == 0


def test_swgs_weight_stands_on_the_last_block_but_one():
    joint = Joint("smooth-expectile").component(tiny_setup())
    assert joint.head == AuxiliaryHead(1, -2)
    net = joint.build(SeedStreams(SEEDS, "x")).network
    assert isinstance(net, NoiseNetwork)
    assert net.auxiliary_block == 0  # of two


@pytest.mark.parametrize(("head", "blocks"), [("early", 1), ("middle", 2), ("last", 3), ("own", 0)])
def test_the_gradient_of_the_weight_goes_through_the_blocks_before_its_head(head: WeightHead, blocks: int):
    """By the module, and by the one prepared for sampling: with other weights behind the head, the same slope."""
    setup = replace(tiny_setup(), denoiser=replace(tiny_setup().denoiser, blocks=3))
    module = Joint("smooth-expectile", head).component(setup).build(SeedStreams([0], "x"))
    z, observations = torch.randn(1, 5, 3), torch.randn(1, 5, 3)

    def slope(model: Denoiser) -> torch.Tensor:
        return linearise(model, z, 1, observations)[1](torch.ones(1, 5, 1), ACTIONS)

    before = slope(module)
    assert before.abs().sum() > 0
    network = module.network
    assert isinstance(network, NoiseNetwork)
    for number, block in enumerate(network.blocks):
        torch.nn.init.normal_(block.expand.weight)  # pyright: ignore
        found = slope(module)
        torch.testing.assert_close(slope(prepare(module)), found)
        assert torch.equal(found, before) == (number >= blocks), number
        before = found


def test_an_early_head_of_the_perceptron_reads_its_first_hidden_layer():
    """It has as many parameters as a channel among the others; later layers do not move the weight."""
    setup = replace(tiny_setup(), denoiser=replace(tiny_setup().denoiser, network="mlp", blocks=3))
    early, plain = (
        Joint("smooth-expectile", head).component(setup).build(SeedStreams([0], "x"))
        for head in ("early", "middle")
    )
    assert parameter_count(early) == parameter_count(plain)
    z, observations = torch.randn(1, 5, 3), torch.randn(1, 5, 3)
    network = early.network
    assert isinstance(network, PerceptronNetwork)
    layers = [layer for layer in network.mlp if isinstance(layer, SeedLinear)]
    noise = network(z, 1, observations, early.levels)
    embedding = network.level(early.levels[1:2]).expand(-1, 5, -1)
    hidden = torch.nn.functional.silu(layers[0](torch.cat([z, observations, embedding], -1)))
    assert network.early is not None
    torch.testing.assert_close(noise[..., 2:], network.early(hidden))
    for number, layer in enumerate(layers):
        torch.nn.init.normal_(layer.weight)
        moved = network(z, 1, observations, early.levels)
        assert torch.equal(moved[..., 2:], noise[..., 2:]) == (number > 0)
        assert not torch.equal(moved[..., :2], noise[..., :2])
        noise = moved


@pytest.mark.parametrize(
    ("network", "head", "there"),
    [("mlp", "last", "early and middle alone"), ("u-shaped", "early", "middle alone")],
)
def test_a_head_that_the_network_has_no_place_for_is_refused(network: Any, head: WeightHead, there: str):
    setup = replace(tiny_setup(), denoiser=replace(tiny_setup().denoiser, network=network))
    with pytest.raises(MethodError, match=rf"weight_head={head} is not for .*={network}, which has {there}"):
        Joint("smooth-expectile", head).component(setup)
    assert Joint("smooth-expectile").component(setup).head.channels == 1


def test_dropout_acts_in_training_alone_and_keeps_the_mean():
    net = network()
    z, observations = inputs(ACTIONS)
    calm = net(z, 1, observations, LEVELS)
    assert torch.equal(calm, net(z, 1, observations, LEVELS))
    one, two = (net(z, 1, observations, LEVELS, SeedStreams(SEEDS, purpose)) for purpose in ("a", "b"))
    assert not torch.allclose(one, two)
    block = net.blocks[0]
    seen: list[Tensor] = []
    norm = block.get_submodule("norm")
    norm.register_forward_pre_hook(lambda module, arguments: seen.append(arguments[0]))
    ones = torch.ones(2, 5000, 8)
    block(ones, SeedStreams(SEEDS, "mask"))
    assert set(seen[0].unique().tolist()) == {0.0, 2.0}  # dropped, or doubled at rate 1/2
    assert seen[0].mean().item() == pytest.approx(1.0, abs=4.5 / 80_000**0.5)


def test_add_noise_takes_each_rows_own_level():
    schedule = make_schedule("vp", 5)
    z, noise = torch.ones(1, 2, 1), torch.full((1, 2, 1), 2.0)
    noisy = schedule.add_noise(z, torch.tensor([[0, 4]]), noise)[0, :, 0].tolist()
    # √0.80413 + 2 √0.19587 and √0.00641 + 2 √0.99359
    assert noisy == pytest.approx([0.896733 + 2 * 0.442572, 0.080062 + 2 * 0.996790], abs=1e-4)


class Formula(nn.Module):
    """A network that answers with a function of z and level."""

    def __init__(self, formula: Any):
        super().__init__()
        self.formula, self.unused = formula, nn.Parameter(torch.zeros(1))

    def forward(self, z: Tensor, level: Any, *rest: Any) -> Tensor:
        return self.formula(z, level)


def test_noise_loss_is_the_sum_over_channels_and_the_mean_over_rows():
    """The network knows that z_0 is zero, so that ε = z_k/σ_k, and errs by one in the last channel."""
    schedule, error = make_schedule("vp", 4), torch.tensor([0.0, 1.0])
    net = Formula(lambda z, level: z / schedule.sigma[level][..., None] + error)
    denoiser = NetworkDenoiser(net, schedule, ACTIONS)
    nothing = torch.zeros(2, 6, ACTIONS), torch.zeros(2, 6, OBSERVATIONS)
    loss = denoiser.noise_loss(*nothing, SeedStreams(SEEDS, "x"))
    assert loss.tolist() == pytest.approx([1.0, 1.0], abs=1e-5)


def test_a_denoiser_turns_noise_into_the_clean_channels():
    net, schedule = Formula(lambda z, level: torch.tensor([0.0, 1.0]).expand(z.shape)), make_schedule("vp", 4)
    z = torch.full((2, 3, ACTIONS), 0.3)
    clean = NetworkDenoiser(net, schedule, ACTIONS)(z, 2, torch.zeros(2, 3, OBSERVATIONS))
    alpha, sigma = schedule.alpha[2].item(), schedule.sigma[2].item()
    torch.testing.assert_close(clean, torch.tensor([0.3 / alpha, (0.3 - sigma) / alpha]).expand(2, 3, 2))


def test_a_joint_denoiser_diffuses_the_weight_over_its_maximum_where_that_is_above_one():
    setup, data = tiny_setup(), tiny_data()
    joint = Joint("exponential:inverse_temperature=1,maximum=2").component(setup)
    assert joint.weight == Exponential(1.0, 2.0)
    critic = setup.critic().build(SeedStreams(SEEDS, "z")).requires_grad_(False)
    step = Step(data, {"critic": critic}, SeedStreams(SEEDS, "y"))
    weight = joint.precompute(step)["weight"]
    every = data.observations.expand(2, -1, -1), data.actions.expand(2, -1, -1)
    expected = (critic.q(*every) - critic.v(every[0])).exp().clamp(max=2) / 2
    torch.testing.assert_close(weight, expected)
    assert (weight <= 1).all()
    smooth = Joint("smooth-expectile").component(setup).precompute(step)["weight"]
    torch.testing.assert_close(smooth, SmoothExpectile(0.7)(critic.q(*every), critic.v(every[0])))


def test_the_weights_are_by_the_trained_q_if_the_method_says_so():
    setup, data = tiny_setup(), tiny_data()
    critic = setup.critic().build(SeedStreams(SEEDS, "z")).requires_grad_(False)
    for parameter in critic.target_q.parameters():
        parameter.mul_(0.5)
    step = Step(data, {"critic": critic}, SeedStreams(SEEDS, "y"))
    trained = SWG(weigh_by="trained").objective().component(setup)
    assert trained == SWGR(weigh_by="trained").objective().component(setup)
    every = data.observations.expand(2, -1, -1), data.actions.expand(2, -1, -1)
    q = torch.minimum(*member_values(critic.twin_q, *every, members=2).unbind(1))
    torch.testing.assert_close(trained.precompute(step)["weight"], SmoothExpectile(0.7)(q, critic.v(every[0])))


def test_a_joint_denoiser_learns_the_weight_beside_the_action_of_its_own_row():
    """Weight n and action n of row n, no noise: the network is asked for z of three equal channels."""
    setup, data = tiny_setup(), tiny_data()
    numbers = torch.arange(float(len(data))) / len(data)
    data = dataclasses.replace(data, actions=numbers[:, None].expand(-1, ACTIONS))
    joint = Joint("smooth-expectile").component(setup)
    schedule, asked = make_schedule("vp", 4), []
    schedule = dataclasses.replace(schedule, alpha=torch.ones(4), sigma=torch.zeros(4))
    net = Formula(lambda z, level: asked.append(z) or z)
    module = NetworkDenoiser(net, schedule, ACTIONS + 1)
    weight = torch.stack([numbers, numbers + 1])
    joint.losses(module, Step(data, {}, SeedStreams(SEEDS, "y"), {"weight": weight}))
    (z,) = asked
    assert z.shape == (2, joint.batch_size, ACTIONS + 1)
    torch.testing.assert_close(z[..., ACTIONS], z[..., 0] + torch.tensor([[0.0], [1.0]]))
    assert z[0, :, 0].unique().numel() > 3
