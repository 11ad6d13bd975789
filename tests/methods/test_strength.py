"""Schedules of ρ over three levels by hand, and what they cost."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from closed_form import ExactBehaviour, LogLinear
from exact_policies import LAW, exact_models, one_dimensional
from tiny import OBSERVATIONS, act, make_policy, small, tiny_setup

from bench.config.check_settings import check_settings
from bench.config.spec import Config, replace_dotted
from foundation.errors import UserError
from methods import SeedStreams, SlotPolicy
from methods.cep import CEP
from methods.diffusion.guidance import GuidanceConfig
from methods.diffusion.schedule import Schedule, make_schedule
from methods.diffusion.strength import make_strength

THREE = Schedule(torch.tensor([0.8, 0.6, 0.28]), torch.tensor([0.6, 0.8, 0.96]))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("constant", None),
        ("sigma", (0.6, 0.8, 0.96)),
        ("first:1", None),
        ("last:1", None),
        ("first:0.5", (0, 1, 1)),  # 1.5 of three steps are two
        ("last:0.5", (1, 1, 0)),
        ("first:0.4", (0, 0, 1)),
        ("last:share=0.4", (1, 0, 0)),
        ("first:0.01", (0, 0, 1)),  # at least one step
        ("last:0.01", (1, 0, 0)),
    ],
)
def test_on_three_levels_by_hand(text: str, expected: tuple[float, ...] | None):
    assert make_strength(text, THREE, [2, 1, 0]) == (None if expected is None else pytest.approx(expected))


def test_a_share_is_of_the_steps_that_the_sampler_takes():
    schedule = make_schedule("vp", 9)
    assert make_strength("first:0.5", schedule, [8, 4, 0]) == (0, 0, 0, 0, 1, 1, 1, 1, 1)
    assert make_strength("last:0.3", schedule, [8, 4, 0]) == (1, 0, 0, 0, 0, 0, 0, 0, 0)
    thirty = make_strength("last:0.1", make_schedule("vp", 30), list(range(29, -1, -1)))
    assert thirty == (1.0,) * 3 + (0.0,) * 27  # 0.1 · 30 is 3 although it exceeds 3 in floats


@pytest.mark.parametrize(("text", "factors"), [("sigma", (0.6, 0.8, 0.96)), ("last:0.4", (1, 0, 0))])
def test_the_prediction_moves_to_the_posterior_mean_of_the_law_with_that_rho(text: str, factors: tuple):
    """For a linear log w guidance with ρ c_k is Bayes with the prior's mean at m + ρ c_k l s², at every level."""
    setup = replace(one_dimensional("ddpm"), guidance=GuidanceConfig(schedule=text))
    policy = CEP().policy(exact_models(THREE, joint=False), setup)
    z = torch.linspace(-2, 2, 5)[None, :, None]
    guided = policy._guide(torch.full((1, 5), 3.0))
    for level, factor in enumerate(factors):
        shifted = ExactBehaviour(LogLinear(mean=LAW.target_mean(3.0 * factor)), THREE)
        torch.testing.assert_close(guided(z, level, z), shifted(z, level, z), atol=2e-6, rtol=1e-5)


@pytest.mark.parametrize(("text", "guided"), [("constant", 4), ("sigma", 4), ("first:0.5", 2), ("last:0.25", 1)])
@pytest.mark.parametrize(("name", "own"), [("cep", 1), ("swg", 0), ("dps", 0)])
def test_unguided_levels_cost_no_gradient(name: str, own: int, text: str, guided: int):
    # With bounds so wide that no action is clipped to them, which would hide what guidance does.
    method, setup = small(name), replace(tiny_setup(), action_low=(-50.0, -50.0), action_high=(50.0, 50.0))
    plain, models = make_policy(method, setup, (0, 1))
    policy = method.policy(models, replace(setup, guidance=GuidanceConfig(schedule=text)))
    states = SeedStreams((0, 1), "states").normal(6, OBSERVATIONS)
    rho = torch.tensor([[0.0, 1.0, 2.0, 0.0, 5.0, 1.0]] * 2)
    actions = act(policy, states, rho, (0, 1))
    spent = policy.counts.of_seed(0)["evaluations"]
    expected = {"function": 24, "gradient": 6 * guided, "beside": own * 6 * guided, "guided_rows": 4 * guided}
    assert spent == expected
    unguided = act(plain, states, 0.0, (0, 1))
    torch.testing.assert_close(actions[:, [0, 3]], unguided[:, [0, 3]], rtol=1e-5, atol=1e-6)
    if name != "swg":  # whose weight, hardly trained, leaves its range at noisy levels and has no gradient there
        assert ((actions - unguided)[:, [1, 2, 4, 5]].norm(dim=-1) > 1e-4).all()
    assert torch.equal(act(policy, states, 0.0, (0, 1)), unguided)
    if text == "constant":
        assert torch.equal(actions, act(plain, states, rho, (0, 1)))


def test_guided_in_the_last_step_alone_all_earlier_levels_are_the_unguided_ones_bit_for_bit():
    method = small("cep")
    plain, models = make_policy(method, tiny_setup(), (0,))
    last = method.policy(models, replace(tiny_setup(), guidance=GuidanceConfig(schedule="last:0.25")))
    assert isinstance(plain, SlotPolicy)
    assert isinstance(last, SlotPolicy)
    streams = SeedStreams((0,), "inputs")
    z, states = streams.normal(6, 2), streams.normal(6, OBSERVATIONS)
    guided = last._guide(torch.full((1, 6), 4.0))
    for level in range(4):
        assert torch.equal(guided(z, level, states), plain.denoiser(z, level, states)) is (level > 0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("linear", "unknown schedule of ρ 'linear'; choose one of constant, sigma, first, last"),
        ("first", "schedule of ρ 'first' needs its share, a number, as in first:share=0.5"),
        ("first:0", "guidance.schedule.share=0.0 must be above 0 and at most 1"),
        ("last:1.5", "guidance.schedule.share=1.5 must be above 0 and at most 1"),
        ("last:nan", "must be a finite number"),
        ("first:half", "share='half' is not a number"),
        ("first:0.5,share=0.7", "has its share twice"),
        ("sigma:2", "schedule of ρ 'sigma' has no field '2'; it has none"),
    ],
)
def test_a_wrong_schedule_is_refused_in_one_sentence(text: Any, said: str):
    with pytest.raises(UserError) as caught:
        check_settings(replace_dotted(Config(), {"guidance.schedule": text}), {})
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
