"""Scores that are clipped or normalised, against scores worked by hand and the known score of a linear log w."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from exact_policies import LAW, exact_models, one_dimensional
from tiny import OBSERVATIONS, act, make_policy, small, tiny_setup

from bench.config.check_settings import check_settings
from bench.config.spec import Config, replace_dotted
from foundation.errors import UserError
from methods import SeedStreams, SlotPolicy
from methods.cep import CEP
from methods.diffusion.guidance import GuidanceConfig, clip_score, normalise_score
from methods.diffusion.schedule import make_schedule

LEVELS = 5
SCHEDULE = make_schedule("vp", LEVELS)


def test_a_score_is_clipped_by_hand():
    score = torch.tensor([[[3.0, 4.0], [0.3, 0.4], [0.0, 0.0], [0.0, -2.5]]])
    clipped, longer = clip_score(score, 2.5)
    torch.testing.assert_close(clipped[0, 0], torch.tensor([1.5, 2.0]))
    assert torch.equal(clipped[0, 1:], score[0, 1:])
    assert longer.tolist() == [[True, False, False, False]]


def test_a_score_is_normalised_by_hand():
    score = torch.tensor([[[3.0, -4.0], [0.0, 0.0], [0.0, 1e-3]]])
    expected = torch.tensor([[[1.2, -1.6], [0.0, 0.0], [0.0, 2.0]]])
    torch.testing.assert_close(normalise_score(score, 0.5), expected)


@pytest.mark.parametrize("size", [1e-42, 1e-30, 1e30, 1e38])
def test_a_score_whose_square_leaves_the_range_of_floats_keeps_its_direction(size: float):
    score = torch.tensor([[[3 * size, 3 * size]]])
    torch.testing.assert_close(normalise_score(score, 1.0), torch.full((1, 1, 2), 0.5**0.5))
    clipped, longer = clip_score(score, 1.0)
    torch.testing.assert_close(clipped, torch.full((1, 1, 2), 0.5**0.5) if size > 1 else score)
    assert longer.item() is (size > 1)


def exact_policy(**applied: Any) -> SlotPolicy:
    """CEP on the exact energy of a linear log w, whose score in a_k is l α s²/V at every a_k."""
    setup = replace(one_dimensional("ddpm"), guidance=GuidanceConfig(**applied))
    return CEP().policy(exact_models(SCHEDULE, joint=False), setup)


def exact_scores() -> list[float]:
    """The score of each level, by the closed form."""
    pairs = zip(SCHEDULE.alpha.tolist(), SCHEDULE.sigma.tolist(), strict=True)
    return [LAW.slope * a * LAW.std**2 / (a**2 * LAW.std**2 + s**2) for a, s in pairs]


@pytest.mark.parametrize(("applied", "bound"), [({"clip": 0.3}, 0.3), ({"normalise": True}, None)])
def test_what_is_applied_at_each_level_has_the_stated_norm(applied: dict[str, Any], bound: float | None):
    policy, rho = exact_policy(**applied), torch.tensor([[2.0, 0.0, 0.5]])
    z = torch.tensor([[[0.4], [-1.0], [2.0]]])
    scores = exact_scores()
    assert min(scores) < 0.2 < 0.35 < max(scores)  # the clip lies between two levels
    for level, score in enumerate(scores):
        alpha, sigma = SCHEDULE.alpha[level].item(), SCHEDULE.sigma[level].item()
        clean, moved = policy.denoiser(z, level, z), policy._guide(rho)(z, level, z)
        expected = rho[..., None] * sigma**2 / alpha * (min(score, bound) if bound else 1 / sigma)
        torch.testing.assert_close(moved - clean, expected, rtol=1e-5, atol=1e-6)
        assert torch.equal(moved[0, 1], clean[0, 1])
        if bound is None:  # ε̂ = (z - α ẑ_0)/σ moves by ρ
            torch.testing.assert_close(alpha * (moved - clean) / sigma, rho[..., None], rtol=1e-5, atol=1e-6)
    counts = policy.counts.of_seed(0)["interventions"]
    longer = [2 * (score > 0.3) for score in scores]  # of the two rows that are guided
    assert counts == {"nan_gradients": [0] * LEVELS, **({"clipped_scores": longer} if bound else {})}


@pytest.mark.parametrize("name", ["cep", "swg", "dps"])
def test_a_clip_that_never_binds_changes_nothing_bit_for_bit(name: str):
    method = small(name)
    plain, models = make_policy(method, tiny_setup(), (0, 1))
    states = SeedStreams((0, 1), "states").normal(6, OBSERVATIONS)
    clipped = method.policy(models, replace(tiny_setup(), guidance=GuidanceConfig(clip=1e6)))
    assert torch.equal(act(plain, states, 5.0, (0, 1)), act(clipped, states, 5.0, (0, 1)))
    found = clipped.counts.of_seed(0)["interventions"]
    assert found.pop("clipped_scores") == [0] * 4
    assert found == plain.counts.of_seed(0)["interventions"]


@pytest.mark.parametrize("applied", [{"clip": 0.01}, {"normalise": True}])
@pytest.mark.parametrize("name", ["cep", "swg"])
def test_a_bounded_score_keeps_its_direction_over_all_channels(name: str, applied: dict[str, Any]):
    method = small(name)
    plain, models = make_policy(method, tiny_setup(), (0, 1))
    bounded = method.policy(models, replace(tiny_setup(), guidance=GuidanceConfig(**applied)))
    assert isinstance(plain, SlotPolicy)
    assert isinstance(bounded, SlotPolicy)
    streams, level = SeedStreams((0, 1), "inputs"), 2
    z, states = streams.normal(6, plain.denoiser.channels), streams.normal(6, OBSERVATIONS)
    z[..., 2:] = plain.denoiser.schedule.alpha[level] / 2  # SWG's predicted weight lies in its range in most rows
    rho = torch.full((2, 6), 3.0)
    clean = plain.denoiser(z, level, states)
    free, held = (policy._guide(rho)(z, level, states) - clean for policy in (plain, bounded))
    alpha, sigma = plain.denoiser.schedule.coefficients[level]
    size = 3.0 * sigma**2 / alpha * (0.01 if "clip" in applied else 1 / sigma)
    guided = free.norm(dim=-1) > 1e-3 * size
    if "clip" in applied:
        guided &= free.norm(dim=-1) > 1.01 * size
    assert guided.sum() >= 4
    expected = torch.full((int(guided.sum()),), size)
    torch.testing.assert_close(held.norm(dim=-1)[guided], expected, rtol=1e-3, atol=1e-6)
    cosine = torch.nn.functional.cosine_similarity(free, held, dim=-1)[guided]
    torch.testing.assert_close(cosine, torch.ones_like(cosine), rtol=1e-3, atol=1e-3)


def test_a_clip_beside_a_given_norm_is_refused():
    config = replace_dotted(Config(), {"guidance.clip": 2.0, "guidance.normalise": True})
    with pytest.raises(UserError, match=r"guidance\.clip=2 would change nothing beside guidance\.normalise"):
        check_settings(config, {})
    with pytest.raises(UserError, match=r"guidance\.clip=0.0 must be above 0"):
        check_settings(replace_dotted(Config(), {"guidance.clip": 0.0}), {})
