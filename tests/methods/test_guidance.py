"""Guidance adds ρ σ²/α times the true gradient of log w; what it cannot add it leaves out and counts."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
import torch
from exact_policies import guided_denoiser
from tiny import ACTIONS, OBSERVATIONS, tiny_setup
from torch import Tensor

from methods import SeedStreams, SlotMethod, SlotPolicy
from methods.cep import CEP
from methods.diffusion.guidance import GuidedDenoiser
from methods.diffusion.schedule import Schedule, make_schedule
from methods.swg import SWG, Joint
from methods.unguided import Unguided

SCHEDULE = make_schedule("vp", 4)
RHO = 3.0
STEP = 1e-5
LEVEL = 1


def random_inputs(channels: int, rows: int = 6) -> tuple[Tensor, Tensor]:
    streams = SeedStreams([0, 1], "inputs")
    return streams.normal(rows, channels).double(), streams.normal(rows, OBSERVATIONS).double()


def central_differences(function: Callable[[Tensor], Tensor], z: Tensor) -> Tensor:
    """∂ function(z)[row] / ∂ z[row, channel], two evaluations for every channel."""
    columns = []
    for channel in range(z.shape[-1]):
        shift = torch.zeros_like(z)
        shift[..., channel] = STEP
        columns.append((function(z + shift) - function(z - shift)) / (2 * STEP))
    return torch.stack(columns, -1)


def gradient_used(guided: GuidedDenoiser, denoiser: Callable[..., Tensor], z: Tensor, states: Tensor) -> Tensor:
    """What guidance added, without its factor ρ σ²/α; σ² = 1 - ᾱ and α = √ᾱ."""
    alpha_bar = SCHEDULE.alpha[LEVEL].double() ** 2
    factor = RHO * (1 - alpha_bar) / alpha_bar.sqrt()
    with torch.no_grad():
        return (guided(z, LEVEL, states) - denoiser(z, LEVEL, states)) / factor


def test_self_weighted_gradient_is_that_of_the_whole_z():
    denoiser = Joint("smooth-expectile").component(tiny_setup()).build(SeedStreams([0, 1], "x")).double()
    z, observations = random_inputs(ACTIONS + 1)
    # So that the predicted weights of both random networks lie well inside [1e-4, 1].
    z[..., -1] = SCHEDULE.alpha[LEVEL] * torch.tensor([[0.9], [0.2]])
    with torch.no_grad():
        weight = denoiser(z, LEVEL, observations)[..., -1]
    assert ((weight > 0.05) & (weight < 0.95)).all()

    @torch.no_grad()
    def log_weight(z: Tensor) -> Tensor:
        return denoiser(z, LEVEL, observations)[..., -1].log()

    guided = guided_denoiser(SWG(), {"denoiser": denoiser}, RHO, 6, seeds=2)
    expected = central_differences(log_weight, z)
    assert (expected.abs().amin((0, 1)) > 1e-4).all()  # every channel takes part, the weight channel too
    got = gradient_used(guided, denoiser, z, observations)
    torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-7)
    assert guided.counts.of_seed(1)["interventions"] == {"nan_gradients": [0] * 4, "clipped_weights": [0] * 4}


def test_energy_gradient_goes_through_the_energy_alone():
    setup = tiny_setup()
    denoiser = setup.behaviour().build(SeedStreams([0, 1], "x")).double()
    energy = CEP().components(setup)["guidance"].build(SeedStreams([0, 1], "x")).double()
    z, observations = random_inputs(ACTIONS)
    with torch.no_grad():
        expected = central_differences(lambda z: energy(z, LEVEL, observations), z)
    guided = guided_denoiser(CEP(), {"denoiser": denoiser, "guidance": energy}, RHO, 6, seeds=2)
    got = gradient_used(guided, denoiser, z, observations)
    torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-8)


def test_guidance_leaves_no_gradient_behind():
    denoiser = Joint("smooth-expectile").component(tiny_setup()).build(SeedStreams([0], "x"))
    z = torch.zeros(1, 5, ACTIONS + 1)
    with torch.no_grad():
        out = guided_denoiser(SWG(), {"denoiser": denoiser}, RHO, 5)(z, LEVEL, torch.zeros(1, 5, OBSERVATIONS))
    assert not out.requires_grad
    assert all(p.grad is None for p in denoiser.parameters())


@dataclass
class Formula:
    """A denoiser z → (a, w(z))."""

    weight: Callable[[Tensor], Tensor]
    schedule: Schedule = SCHEDULE
    channels: int = 2

    def __call__(self, z: Tensor, level: int, observations: Tensor) -> Tensor:
        return torch.stack([z[..., 0] / 2, self.weight(z)], -1)


def rooted(z: Tensor) -> Tensor:
    """0.5 + √(a + |a|)/10 + w/10: finite, but for a < 0 its derivative in a is ∞ - ∞, and that in w a number."""
    return 0.5 + (z[..., 0] + z[..., 0].abs()).sqrt() / 10 + z[..., 1] / 10


BROKEN = torch.tensor([[True, False, False, True, True], [False, False, True, False, False]])
MIXED = torch.where(BROKEN, -1.0, 1.0)[..., None] * torch.tensor([0.5, 0.25])
ENERGY = {"denoiser": Formula(rooted), "guidance": lambda z, level, observations: rooted(z)}


@pytest.mark.parametrize("method", [CEP(), SWG()], ids=["energy", "own weight"])
def test_rows_whose_gradient_is_not_finite_stay_unguided_and_are_counted_at_their_level(method: SlotMethod):
    guided, denoiser = guided_denoiser(method, ENERGY, RHO, 5, seeds=2), Formula(rooted)
    observations = torch.zeros(2, 5, 1)
    clean, out = (wrapped(MIXED, LEVEL, observations) for wrapped in (denoiser, guided))
    assert torch.equal(out[BROKEN], clean[BROKEN])
    assert (out[~BROKEN][:, 0] > clean[~BROKEN][:, 0]).all()
    assert out.isfinite().all()
    guided(MIXED, LEVEL, observations)
    guided(-MIXED, 3, observations)
    for row, (twice, once) in enumerate([(6, 2), (2, 4)]):
        counts = guided.counts.of_seed(row)
        assert counts["interventions"]["nan_gradients"] == [0, twice, 0, once]
        beside = 15 if isinstance(method, CEP) else 0  # the energy network's own forward passes
        assert counts["evaluations"] == {"function": 15, "gradient": 15, "beside": beside, "guided_rows": 15}


def test_a_predicted_weight_outside_its_range_guides_nothing_and_is_counted():
    denoiser = Formula(lambda z: z[..., 1])
    z = torch.tensor([[[0.0, 2.0], [0.0, 0.5], [0.0, 1e-6], [0.0, -3.0]]])
    guided = guided_denoiser(SWG(), {"denoiser": denoiser}, RHO, 4)
    moved = guided(z, LEVEL, z) - denoiser(z, LEVEL, z)
    # ∂ log w / ∂ z_w = 1/0.5 in the second row alone.
    factor = (RHO * SCHEDULE.sigma[LEVEL] ** 2 / SCHEDULE.alpha[LEVEL]).item()
    assert moved[0, :, 1].tolist() == pytest.approx([0, 2 * factor, 0, 0], rel=1e-5)
    assert moved[0, :, 0].tolist() == [0, 0, 0, 0]
    counts = guided.counts.of_seed(0)["interventions"]
    assert counts == {"nan_gradients": [0] * 4, "clipped_weights": [0, 3, 0, 0]}


def test_the_shrunk_clip_holds_the_prediction_of_the_authors_code_against_the_range():
    """Their ŵ_0 is (z_w - √(1-ᾱ_k) ε)/√(1 - β_k); K = 5 has the ᾱ below (SWG-JAX)."""
    alpha_bar = torch.tensor([0.80413, 0.43518, 0.1585, 0.03885, 0.00641])
    denoiser = Formula(lambda z: z[..., 1], make_schedule("vp", 5))
    z = torch.tensor([[[0.0, weight] for weight in (0.5, 1.02, 1.2, 1.4, 2.0, 6.0, 9.0, 30.0)]])
    for level in range(5):
        step = alpha_bar[level] / (alpha_bar[level - 1] if level else 1.0)
        # Our prediction is w; the same noise read with their divisor is w α_k / √(1 - β_k).
        theirs = z[0, :, 1] * (alpha_bar[level] / step).sqrt()
        inside = theirs < 1
        guided = guided_denoiser(SWG(shrunk_clip=True), {"denoiser": denoiser}, RHO, 8)
        moved = (guided(z, level, z) - denoiser(z, level, z))[0, :, 1]
        assert torch.equal(moved > 0, inside), level
        assert guided.counts.of_seed(0)["interventions"]["clipped_weights"][level] == int((~inside).sum())
        plain = guided_denoiser(SWG(), {"denoiser": denoiser}, RHO, 8)
        both = inside & (z[0, :, 1] < 1)
        torch.testing.assert_close(moved[both], (plain(z, level, z) - denoiser(z, level, z))[0, :, 1][both])


@pytest.mark.parametrize(("method", "further"), [(SWG(), [(1e-4, 1.0)]), (Unguided(), [])])
def test_the_bounds_hold_the_actions_and_the_further_channels_of_the_objective(method: SlotMethod, further: list):
    setup = replace(tiny_setup(), action_low=(-0.9, -0.8), action_high=(0.7, 0.6))
    models = {"denoiser": method.components(setup)["denoiser"].build(SeedStreams([0], "x"))}
    policy = method.policy(models, setup)
    assert isinstance(policy, SlotPolicy)
    assert policy.bounds.low.tolist() == pytest.approx([-0.9, -0.8, *(low for low, _ in further)])
    assert policy.bounds.high.tolist() == pytest.approx([0.7, 0.6, *(high for _, high in further)])
