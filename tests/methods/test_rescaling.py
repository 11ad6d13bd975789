"""Guidance that is rescaled to the norm of the unguided noise prediction (AEPO, eq. 45)."""

import math
from dataclasses import replace

import pytest
import torch
from tiny import make_policy, small, tiny_setup

from methods import SlotPolicy
from methods.diffusion.guidance import GuidanceConfig, rescale_noise


def test_by_hand():
    # α = 0.6, z = (1, 1), ẑ_0 = (0, 0): σε = (1, 1), of norm √2. Guided ẑ_0 = (-5, 1): σε̂ = (4, 0.4).
    z, clean = torch.tensor([[[1.0, 1.0, 7.0]]]), torch.tensor([[[0.0, 0.0, 3.0]]])
    moved = torch.tensor([[[-5.0, 1.0, 4.0]]])
    factor = math.sqrt(2) / math.hypot(4, 0.4)
    expected = [(1 - 4 * factor) / 0.6, (1 - 0.4 * factor) / 0.6, 4.0]
    torch.testing.assert_close(rescale_noise(z, clean, moved, 0.6, 2), torch.tensor([[expected]]))


def test_without_a_direction_nothing_is_rescaled():
    z = torch.tensor([[[0.6, 1.2]]])
    moved = z / 0.6
    torch.testing.assert_close(rescale_noise(z, 0 * z, moved, 0.6, 2), moved)


@pytest.mark.parametrize("name", ["cep", "swg"])
def test_a_guided_call_keeps_the_norm_and_turns_towards_the_guidance(name):
    """Of the first action channels alone; rows with ρ = 0 are those of the denoiser itself, bit for bit."""
    method = small(name)
    plain, models = make_policy(method, tiny_setup(), (0, 1))
    rescaling = method.policy(models, replace(tiny_setup(), guidance=GuidanceConfig(rescale=True)))
    assert isinstance(plain, SlotPolicy)
    assert isinstance(rescaling, SlotPolicy)
    numbers = torch.Generator().manual_seed(2)
    z = torch.randn(2, 6, plain.denoiser.channels, generator=numbers)
    states, rho = torch.rand(2, 6, 3, generator=numbers), torch.tensor([[0.0, 1, 5, 0, 20, 80]] * 2)
    level, alpha = 2, plain.denoiser.schedule.coefficients[2][0]
    clean = plain.denoiser(z, level, states)
    guided, rescaled = (policy._guide(rho)(z, level, states) for policy in (plain, rescaling))
    assert torch.equal(rescaled[:, [0, 3]], clean[:, [0, 3]])
    assert torch.equal(rescaled[..., 2:], guided[..., 2:])
    noises = [(z - alpha * each)[..., :2] for each in (clean, guided, rescaled)]
    norms = [noise.norm(dim=-1) for noise in noises]
    torch.testing.assert_close(norms[2], norms[0], rtol=1e-4, atol=1e-5)
    assert (norms[1] - norms[0]).abs().max() > 1e-3
    cosine = torch.nn.functional.cosine_similarity(noises[1], noises[2], dim=-1)
    torch.testing.assert_close(cosine, torch.ones(2, 6), rtol=1e-4, atol=1e-4)
