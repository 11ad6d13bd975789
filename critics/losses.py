"""Losses of the critic layer as pure functions, one formula each; every one keeps its input's shape."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor

from foundation.bounds import Parsed, Positive
from foundation.named import parse_named

LINEX_MAXIMUM = 10.0


def expectile_loss(
    q: Float[Tensor, "*shape"], v: Float[Tensor, "*shape"], *, expectile: float
) -> Float[Tensor, "*shape"]:
    """|expectile - 1(u < 0)| u² with u = Q - V (IQL, arXiv 2110.06169, eq. 5)."""
    u = q - v
    return torch.abs(expectile - (u < 0).to(u.dtype)) * u.square()


def quantile_loss(
    q: Float[Tensor, "*shape"], v: Float[Tensor, "*shape"], *, quantile: float
) -> Float[Tensor, "*shape"]:
    """|τ - 1(u < 0)| |u| with u = Q - V, whose minimiser is the τ-quantile of Q (IDQL, arXiv 2304.10573)."""
    u = q - v
    return torch.abs(quantile - (u < 0).to(u.dtype)) * u.abs()


def linex_loss(
    q: Float[Tensor, "*shape"], v: Float[Tensor, "*shape"], *, alpha: float = 1.0
) -> Float[Tensor, "*shape"]:
    """exp(α u) - α u with u = Q - V (SWG, arXiv 2505.18345, the linex weight's value loss).

    Deviation (swg, swg-r): α u is clipped at 10 in the exponential, beyond which float32 training diverges.
    """
    u = alpha * (q - v)
    return torch.exp(u.clamp(max=LINEX_MAXIMUM)) - u


def dice_value_loss(
    q: Float[Tensor, "*shape"], v: Float[Tensor, "*shape"], *, alpha: float = 0.5
) -> Float[Tensor, "*shape"]:
    """f*(x) + V/α with x = (Q - V)/α; f* is x²/4 + x for x ≥ 0 and eˣ - 1 below.

    Diffusion-DICE (arXiv 2407.20109), in the form of its authors' code.
    """
    x = (q - v) / alpha
    conjugate = torch.where(x >= 0, x.square() / 4 + x, torch.exp(x.clamp(max=0.0)) - 1)
    return conjugate + v / alpha


def td_target(
    rewards: Float[Tensor, "*shape"],
    terminals: Float[Tensor, "*shape"],
    next_v: Float[Tensor, "*shape"],
    *,
    discount: float,
) -> Float[Tensor, "*shape"]:
    """r + γ (1 - terminal) V(s') (IQL, eq. 6)."""
    return rewards + discount * (1 - terminals) * next_v


@dataclass(frozen=True)
class ExpectileValue:
    """V by expectile regression on Q; the expectile is the critic's own."""

    def bind(self, expectile: float) -> Callable[[Tensor, Tensor], Tensor]:
        """The loss (q, v) → loss at this expectile."""
        return partial(expectile_loss, expectile=expectile)


@dataclass(frozen=True)
class QuantileValue:
    """V by quantile regression on Q; τ is the critic's `expectile`."""

    def bind(self, expectile: float) -> Callable[[Tensor, Tensor], Tensor]:
        """The loss (q, v) → loss at this τ."""
        return partial(quantile_loss, quantile=expectile)


@dataclass(frozen=True)
class LinexValue:
    """V by the linex loss.

    Attributes:
        alpha: scale of Q - V inside the exponential.
    """

    alpha: Positive = 1.0

    def bind(self, expectile: float) -> Callable[[Tensor, Tensor], Tensor]:
        """The loss (q, v) → loss; the linex loss has no expectile."""
        return partial(linex_loss, alpha=self.alpha)


@dataclass(frozen=True)
class DiceValue:
    """V by Diffusion-DICE's loss.

    Attributes:
        alpha: the temperature that divides Q - V.
    """

    alpha: Positive = 0.5

    def bind(self, expectile: float) -> Callable[[Tensor, Tensor], Tensor]:
        """The loss (q, v) → loss; DICE's loss has no expectile."""
        return partial(dice_value_loss, alpha=self.alpha)


ValueLoss = ExpectileValue | QuantileValue | LinexValue | DiceValue
VALUE_LOSSES: dict[str, type[ValueLoss]] = {
    "expectile": ExpectileValue,
    "quantile": QuantileValue,
    "linex": LinexValue,
    "dice": DiceValue,
}


def parse_value_loss(text: str) -> ValueLoss:
    """`expectile`, `quantile`, `linex:alpha=2`, `dice` → the loss; ValueError names the choices."""
    return parse_named(text, VALUE_LOSSES, "value loss")


ValueLossSetting: TypeAlias = Annotated[str, Parsed(parse_value_loss)]
"""A config's field that names a value loss."""
