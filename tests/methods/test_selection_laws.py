"""What selecting among candidates makes of a known law: IDQL's draw and argmax, D-DICE's and SWG-R's best of N."""

from dataclasses import replace

import pytest
import torch
from closed_form import LogLinear, sampled_law
from exact_policies import LAW, actions_of, assert_law, draws_of, policy_of
from scipy.integrate import quad
from scipy.stats import norm

from methods.ddice import DiffusionDICE
from methods.diffusion.schedule import make_schedule
from methods.idql import IDQL
from methods.swg_r import SWGR

MIRRORED = LogLinear(mean=-LAW.mean, slope=-LAW.slope)
SCHEDULE = make_schedule("cosine", 60)
DRAWS = 6_000
# Q = a, V = 0: w = e^{1.6 a}; the clip at 80 is 4.7 standard deviations out.
WEIGHT = "exponential:inverse_temperature=1.6,maximum=80"


def greatest_of(count: int) -> tuple[float, float]:
    """Mean and standard deviation of the largest of `count` standard normals: density n φ(x) Φ(x)^(n-1)."""

    def moment(power: int) -> float:
        return quad(lambda x: x**power * count * norm.pdf(x) * norm.cdf(x) ** (count - 1), -9, 9)[0]

    return moment(1), (moment(2) - moment(1) ** 2) ** 0.5


def test_the_order_statistics_are_the_known_ones():
    assert greatest_of(2)[0] == pytest.approx(1 / torch.pi**0.5)
    assert greatest_of(3)[0] == pytest.approx(1.5 / torch.pi**0.5)
    assert greatest_of(2)[1] == pytest.approx((1 - 1 / torch.pi) ** 0.5)


@pytest.mark.parametrize("solver", ["ddpm", "ddim"])
@pytest.mark.parametrize("count", [4, 16])
def test_idql_argmax_is_the_greatest_of_n_behaviour_draws(count, solver):
    mean, std = sampled_law(LAW, SCHEDULE, solver, 0.0)
    top, spread = greatest_of(count)
    actions = actions_of(IDQL(candidates=count), SCHEDULE, solver, 0.0, DRAWS)
    assert_law(actions, mean + std * top, std * spread)


def test_idql_draw_in_proportion_to_the_weight_tends_to_the_target():
    """Importance resampling N(m, s²) by e^{la} gives N(m + l s², s²) as N grows; for N = 1 it is the behaviour."""
    mean, std = sampled_law(LAW, SCHEDULE, "ddpm", 0.0)
    target = mean + LAW.slope * std**2
    means = {}
    for count in (1, 2, 64):
        method = IDQL(candidates=count, select="draw", weight=WEIGHT)
        actions = actions_of(method, SCHEDULE, "ddpm", 0.0, DRAWS)
        means[count] = actions.mean().item()
        if count == 64:
            # The bias of self-normalised resampling is about l s² e^{l² s²}/N = 0.011 at most.
            assert_law(actions, target, std, slack=0.011)
    # For N = 2 the chosen one is E[(w1 a1 + w2 a2)/(w1 + w2)] = m + (s/√2) E[D tanh(l s D/√2)], D ~ N(0, 1).
    half = std / 2**0.5
    pair = quad(lambda d: half * d * torch.tanh(torch.tensor(LAW.slope * half * d)).item() * norm.pdf(d), -9, 9)[0]
    assert means[2] == pytest.approx(mean + pair, abs=4.5 * std / DRAWS**0.5)
    assert means[1] == pytest.approx(mean, abs=4.5 * std / DRAWS**0.5)


@pytest.mark.parametrize("candidates", [1, 8])
def test_ddice_guides_then_selects(candidates):
    mean, std = sampled_law(LAW, SCHEDULE, "ddpm", 1.0)
    top, spread = greatest_of(candidates) if candidates > 1 else (0.0, 1.0)
    actions = actions_of(DiffusionDICE(candidates=candidates), SCHEDULE, "ddpm", 1.0, DRAWS)
    assert_law(actions, mean + std * top, std * spread)


@pytest.mark.parametrize("solver", ["ddpm", "ddim"])
@pytest.mark.parametrize("law", [LAW, MIRRORED], ids=["rising", "falling"])
def test_swg_r_is_the_greatest_weight_of_n_guided_draws(law, solver):
    """log w = l a + c, so the greatest of N weight channels belongs to the draw furthest along the sign of l."""
    mean, std = sampled_law(law, SCHEDULE, solver, 1.0)
    top, spread = greatest_of(8)
    policy = policy_of(SWGR(candidates=8), SCHEDULE, solver, law)
    actions, weights = draws_of(replace(policy, action_dim=2), 1.0, DRAWS // 2).T  # the whole z
    sign = law.slope / abs(law.slope)
    # Guided draws above w = 1 tie after the clip: one in a hundred, so two of eight in one choice of four hundred.
    assert_law(actions, mean + sign * std * top, std * spread, slack=0.01)
    inside = weights < 1
    assert inside.double().mean() > 0.9
    # The weight channel is that of the chosen action; the joint prediction errs by its last level's noise.
    misfit = weights[inside].log() - law.slope * actions[inside] - law.offset
    assert misfit.square().mean().sqrt() < 0.05
