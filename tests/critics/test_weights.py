"""Weights worked by hand, and each the curvature weight |f'(u)|/|u| of the value loss it belongs to."""

import math

import pytest
import torch

from critics.losses import dice_value_loss, expectile_loss, linex_loss, quantile_loss
from critics.weights import (
    WEIGHTS,
    Dice,
    Exponential,
    HardExpectile,
    Linex,
    Quantile,
    SmoothExpectile,
    WeightFunction,
    parse_weight,
)


def at(weight: WeightFunction, *advantages: float, v: float = 0.25) -> list[float]:
    """w where Q = V + A."""
    advantage = torch.tensor(advantages, dtype=torch.float64)
    return weight(v + advantage, torch.full_like(advantage, v)).tolist()


def test_hard_expectile():
    assert at(HardExpectile(0.7), 2.0, 1e-6, 0.0, -2.0) == pytest.approx([0.7, 0.7, 0.3, 0.3])
    assert HardExpectile(0.9).maximum == 0.9
    assert HardExpectile(0.2).maximum == 0.8


def test_smooth_expectile():
    # σ(0) = 1/2: 0.35 + 0.15. σ(1) = 0.7310586: 0.5117410 + 0.0806824. σ(-1): 0.1882590 + 0.2193176.
    assert at(SmoothExpectile(0.7), 0.0, 1.0, -1.0) == pytest.approx([0.5, 0.5924234, 0.4075766], abs=1e-7)
    # The authors' code has 3 A: σ(3) = 0.9525741: 0.6668019 + 0.0142278.
    assert at(SmoothExpectile(0.7), 0.001) == pytest.approx([0.5 + 0.4 * 0.001 / 4], abs=1e-7)  # σ(A) ≈ ½ + A/4
    assert at(SmoothExpectile(0.7, sharpness=3.0), 1.0) == pytest.approx([0.6810297], abs=1e-7)
    # Ever sharper it becomes the hard one.
    assert at(SmoothExpectile(0.7, 1e6), 0.1, -0.1) == pytest.approx([0.7, 0.3])


def test_quantile():
    # 0.7/2; 0.3/0.5; at 0 and near it the clip; 0.9/0.25 of another τ.
    assert at(Quantile(0.7), 2.0, -0.5, 0.0, 1e-6) == pytest.approx([0.35, 0.6, 80.0, 80.0])
    assert at(Quantile(0.9, 3.0), 0.25, 0.5, -0.5) == pytest.approx([3.0, 1.8, 0.2])


def test_exponential():
    # e^{3·0.5} = 4.4816891; e^{30} is clipped; e^{-30} = 9.3576e-14.
    assert at(Exponential(), 0.5, 10.0, 0.0, -10.0) == pytest.approx([4.4816891, 80.0, 1.0, 9.35762e-14], rel=1e-5)
    assert at(Exponential(2.0, 5.0), 0.5, 1.0) == pytest.approx([math.e, 5.0])


def test_linex():
    # e - 1 = 1.7182818; |e^-1 - 1|/1 = 0.6321206; at 0 the limit α² = 1.
    assert at(Linex(), 1.0, -1.0, 0.0) == pytest.approx([1.7182818, 0.6321206, 1.0], abs=1e-7)
    # α = 2: 2 |e^1 - 1|/0.5 = 6.8731273; at 0 α² = 4.
    assert at(Linex(2.0), 0.5, 0.0) == pytest.approx([6.8731273, 4.0], abs=1e-6)
    assert at(Linex(), 8.0) == [80.0]  # (e^8 - 1)/8 = 372


@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0])
def test_linex_is_smooth_through_zero(alpha):
    """The series takes over at |A| = 1e-4, where it and the formula agree to the second order it keeps."""
    weights = at(Linex(alpha), -1.01e-4, -0.99e-4, -1e-9, 0.0, 1e-9, 0.99e-4, 1.01e-4, v=0.0)
    assert weights == sorted(weights)
    exact = [alpha**2 + alpha**3 * a / 2 for a in (-1.01e-4, -0.99e-4, -1e-9, 0.0, 1e-9, 0.99e-4, 1.01e-4)]
    assert weights == pytest.approx(exact, rel=2e-8)


def test_dice():
    # x = A/0.5. A = 1: x = 2: 2/2 + 1 = 2. A = 0: 1. A = -0.5: x = -1: e^-1. A = 100: x = 200: 101 → 100.
    assert at(Dice(), 1.0, 0.0, -0.5, 100.0) == pytest.approx([2.0, 1.0, 0.3678794, 100.0], abs=1e-7)
    left, right = at(Dice(), -1e-9, 1e-9, v=0.0)
    assert left == pytest.approx(right, abs=1e-8)
    assert at(Dice(alpha=2.0), 1.0) == pytest.approx([1.25])


@pytest.mark.parametrize("name", WEIGHTS)
def test_every_weight_is_positive_and_bounded_and_all_but_one_never_fall_with_the_advantage(name):
    weight = parse_weight(name, expectile=0.7)
    advantage = torch.cat([-torch.logspace(4, -6, 80), torch.zeros(1), torch.logspace(-6, 4, 80)])
    w = weight(advantage, torch.zeros_like(advantage))
    assert w.dtype == torch.float32
    assert w.isfinite().all()
    assert (w > 0).all()
    assert w.max() <= weight.maximum
    assert w.max().item() == pytest.approx(weight.maximum)
    if name == "quantile":  # the largest at A = 0
        w = torch.minimum(w, w.flip(0))[: len(w) // 2]
    assert (w.diff() >= -1e-6 * w[:-1]).all()


@pytest.mark.parametrize(
    ("loss", "weight"),
    [
        (lambda q, v: expectile_loss(q, v, expectile=0.8) / 2, HardExpectile(0.8)),
        (lambda q, v: quantile_loss(q, v, quantile=0.8), Quantile(0.8)),
        (lambda q, v: linex_loss(q, v, alpha=1.5), Linex(1.5)),
    ],
    ids=["expectile", "quantile", "linex"],
)
def test_a_weight_is_the_slope_of_its_value_loss_over_the_advantage(loss, weight):
    """IDQL, eq. 8: the implicit policy of min_V E f(Q - V) has w = |f'(u)|/|u|."""
    u = torch.tensor([-2.0, -0.5, -0.01, 0.01, 0.5, 1.7], dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(loss(u, torch.zeros_like(u)).sum(), u)
    torch.testing.assert_close(weight(u.detach(), torch.zeros_like(u)).double(), slope.abs() / u.detach().abs())


def test_dice_weight_is_the_slope_of_the_conjugate():
    """V is optimal where E[f*'(x)] = 1, and w = f*'(x): the weights of the data average to one."""
    q = torch.tensor([-1.0, -0.2, 0.0, 0.3, 2.0], dtype=torch.float64)
    v = torch.zeros(5, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(dice_value_loss(q, v, alpha=0.5).sum(), v)
    torch.testing.assert_close(slope, (1 - Dice(0.5)(q, torch.zeros_like(q))) / 0.5)


def test_names_are_read_with_their_fields():
    assert parse_weight("smooth-expectile", 0.9) == SmoothExpectile(expectile=0.9)
    assert parse_weight("hard-expectile:expectile=0.6", 0.9) == HardExpectile(0.6)
    assert parse_weight("smooth-expectile:sharpness=3", 0.9) == SmoothExpectile(0.9, 3.0)
    assert parse_weight("quantile", 0.9) == Quantile(0.9)
    assert parse_weight("quantile:maximum=7", 0.9) == Quantile(0.9, 7.0)
    assert parse_weight("quantile:quantile=0.6", 0.9) == Quantile(0.6)
    assert parse_weight("exponential:inverse_temperature=1,maximum=7", 0.9) == Exponential(1.0, 7.0)
    assert parse_weight("dice", 0.9) == Dice()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "softmax",
            "unknown weight 'softmax'; choose one of hard-expectile, smooth-expectile, quantile, exponential",
        ),
        ("linex:beta=3", "weight 'linex' has no field 'beta'; it has alpha, maximum."),
        ("linex:alpha=big", "weight 'linex': alpha='big' is not a number."),
        ("linex:alpha", "weight 'linex': alpha='' is not a number."),
    ],
)
def test_what_cannot_be_read_is_answered_with_the_choices(text, message):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is compared in full below
        parse_weight(text, 0.7)
    assert str(caught.value).startswith(message)
