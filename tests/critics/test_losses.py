"""Losses worked by hand, their limits and their minimisers."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar
from scipy.stats import expectile as scipy_expectile

from critics.losses import (
    DiceValue,
    ExpectileValue,
    LinexValue,
    QuantileValue,
    dice_value_loss,
    expectile_loss,
    linex_loss,
    parse_value_loss,
    quantile_loss,
    td_target,
)


def values(loss: Callable[..., torch.Tensor], q: list[float], v: list[float], **settings: float) -> list[float]:
    pair = torch.tensor([q, v], dtype=torch.float64)
    return loss(pair[0], pair[1], **settings).tolist()


def minimiser(loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor], sample: np.ndarray) -> float:
    """The constant V that minimises the mean loss over the sample's Q."""
    q = torch.from_numpy(sample)
    found = minimize_scalar(
        lambda v: loss(q, torch.full_like(q, v)).mean().item(),
        bounds=(sample.min(), sample.max()),
        method="bounded",
        options={"xatol": 1e-9},
    )
    return found.x


SAMPLE = np.random.default_rng(0).gamma(2.0, size=400) - 1.5


def test_expectile_loss():
    # u = 2: 0.7·4; u = -2: 0.3·4; u = 0.
    assert values(expectile_loss, [3, -1, 1], [1, 1, 1], expectile=0.7) == pytest.approx([2.8, 1.2, 0])


@pytest.mark.parametrize("tau", [0.1, 0.5, 0.7, 0.9])
def test_expectile_loss_is_minimised_by_the_expectile(tau):
    expected = scipy_expectile(SAMPLE, tau)
    assert minimiser(ExpectileValue().bind(tau), SAMPLE) == pytest.approx(expected, abs=1e-6)
    if tau == 0.5:
        assert expected == pytest.approx(SAMPLE.mean())


def test_quantile_loss():
    # u = 2: 0.7·2; u = -2: 0.3·2; u = 0.
    assert values(quantile_loss, [3, -1, 1], [1, 1, 1], quantile=0.7) == pytest.approx([1.4, 0.6, 0])


@pytest.mark.parametrize("tau", [0.1, 0.5, 0.7, 0.9])
def test_quantile_loss_is_minimised_by_the_quantile(tau):
    """Of 400 values that of rank ⌈400 τ⌉ or any up to the next, since 400 τ is a whole number."""
    at = round(400 * tau)
    low, high = np.sort(SAMPLE)[at - 1 : at + 1]
    assert low - 1e-6 <= minimiser(QuantileValue().bind(tau), SAMPLE) <= high + 1e-6
    assert low <= np.quantile(SAMPLE, tau, method="averaged_inverted_cdf") <= high


def test_linex_loss():
    # u = 1: e - 1; u = 0: 1; u = -1: e^-1 + 1. α = 2, u = 1: e² - 2.
    assert values(linex_loss, [1, 0, -1], [0, 0, 0]) == pytest.approx([1.7182818, 1.0, 1.3678794])
    assert values(linex_loss, [1.5], [0.5], alpha=2.0) == pytest.approx([5.3890561])


def test_linex_loss_stays_finite_and_goes_on_rising_the_right_way():
    assert values(linex_loss, [20.0], [0.0]) == pytest.approx([math.exp(10) - 20])
    assert torch.tensor(values(linex_loss, [1e4, -1e4], [0.0, 0.0])).isfinite().all()


@pytest.mark.parametrize("alpha", [0.5, 1.0])
def test_linex_loss_is_minimised_by_the_log_mean_exponential(alpha):
    """d/dV E[e^{α(Q - V)} - α(Q - V)] = 0 where e^{αV} = E[e^{αQ}]."""
    expected = np.log(np.mean(np.exp(alpha * SAMPLE))) / alpha
    assert minimiser(LinexValue(alpha).bind(0.7), SAMPLE) == pytest.approx(expected, abs=1e-6)


def test_dice_value_loss():
    # α = 0.5. Q 1, V 0: x = 2: 4/4 + 2 = 3. Q 0, V 0: 0. Q 0, V 0.5: x = -1: e^-1 - 1 + 1.
    assert values(dice_value_loss, [1, 0, 0], [0, 0, 0.5]) == pytest.approx([3, 0, 0.3678794])


def test_dice_value_loss_has_no_step_and_no_kink_at_zero():
    q = torch.tensor([-1e-7, 1e-7], dtype=torch.float64)
    v = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    loss = dice_value_loss(q, v)
    (slope,) = torch.autograd.grad(loss.sum(), v)
    assert loss.tolist() == pytest.approx([0, 0], abs=1e-6)
    # x → 0: f*' = 1 on both sides, so dL/dV = (1 - f*')/α = 0.
    assert slope.tolist() == pytest.approx([0, 0], abs=1e-6)


def test_dice_value_is_where_the_weights_average_to_one():
    v = minimiser(DiceValue(0.5).bind(0.7), SAMPLE)
    x = (SAMPLE - v) / 0.5
    assert np.where(x >= 0, x / 2 + 1, np.exp(np.minimum(x, 0))).mean() == pytest.approx(1, abs=1e-6)


def test_td_target():
    # 1 + 0.99·2; the terminal state has no future; 0.5 + 0.
    rewards, terminals, next_v = torch.tensor([[1.0, 1.0, 0.5], [0.0, 1.0, 0.0], [2.0, 2.0, 0.0]])
    assert td_target(rewards, terminals, next_v, discount=0.99).tolist() == pytest.approx([2.98, 1.0, 0.5])


def test_names_are_read_with_their_fields():
    assert parse_value_loss("expectile") == ExpectileValue()
    assert parse_value_loss("quantile") == QuantileValue()
    assert parse_value_loss("linex:alpha=2") == LinexValue(2.0)
    assert parse_value_loss("dice") == DiceValue(0.5)
    with pytest.raises(
        ValueError, match=r"unknown value loss 'huber'; choose one of expectile, quantile, linex, dice\."
    ):
        parse_value_loss("huber")
    with pytest.raises(ValueError, match=r"'expectile' has no field 'alpha'; it has none\."):
        parse_value_loss("expectile:alpha=1")
