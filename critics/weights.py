"""Weights w(Q, V) > 0 that turn behaviour μ into the target policy π ∝ μ w; a bound `maximum` scales them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, Protocol, TypeAlias, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from foundation.bounds import Fraction, Parsed, Positive
from foundation.named import parse_named
from training import Component, SeedStreams, Step


@runtime_checkable
class WeightFunction(Protocol):
    """(q, v) → w > 0 of the same shape, never above `maximum`."""

    @property
    def maximum(self) -> float: ...

    def __call__(self, q: Float[Tensor, "*shape"], v: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]: ...


@dataclass(frozen=True)
class HardExpectile:
    """w = τ where Q > V, else 1 - τ (IDQL, arXiv 2304.10573, the implicit policy of expectile regression).

    Attributes:
        expectile: τ in (0, 1).
    """

    expectile: Fraction = 0.7

    @property
    def maximum(self) -> float:
        """The larger of τ and 1 - τ."""
        return max(self.expectile, 1 - self.expectile)

    def __call__(self, q: Float[Tensor, "*shape"], v: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        return torch.where(q > v, self.expectile, 1 - self.expectile)


@dataclass(frozen=True)
class SmoothExpectile:
    """w = σ(cA) τ + (1 - σ(cA)) (1 - τ) with A = Q - V (SWG, arXiv 2505.18345, eq. 21).

    Attributes:
        expectile: τ in (0, 1).
        sharpness: c; 1 in the paper, 3 in the authors' code.
    """

    expectile: Fraction = 0.7
    sharpness: Positive = 1.0

    @property
    def maximum(self) -> float:
        """The larger of τ and 1 - τ."""
        return max(self.expectile, 1 - self.expectile)

    def __call__(self, q: Float[Tensor, "*shape"], v: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        gate = torch.sigmoid(self.sharpness * (q - v))
        return gate * self.expectile + (1 - gate) * (1 - self.expectile)


@dataclass(frozen=True)
class Quantile:
    """w = |τ - 1(A < 0)| / |A| with A = Q - V (IDQL, arXiv 2304.10573, of quantile regression).

    It is largest where Q is V, and falls to both sides.

    Deviation (idql, swg, swg-r): clipped at `maximum`, since the paper states no bound and w has none where Q is
    V.

    Attributes:
        quantile: τ in (0, 1).
        maximum: the clip.
    """

    quantile: Fraction = 0.7
    maximum: Positive = 80.0

    def __call__(self, q: Float[Tensor, "*shape"], v: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        advantage = q - v
        share = torch.where(advantage < 0, 1 - self.quantile, self.quantile)
        return (share / advantage.abs()).clamp(1e-30, self.maximum)


@dataclass(frozen=True)
class Exponential:
    """w = min(e^{βA}, maximum) with A = Q - V (SWG, arXiv 2505.18345; AWR's weight).

    Attributes:
        inverse_temperature: β; 3 in the paper.
        maximum: the clip; 80 in the paper.
    """

    inverse_temperature: Positive = 3.0
    maximum: Positive = 80.0

    def __call__(self, q: Float[Tensor, "*shape"], v: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        # The exponent stays finite: e^87 is the end of float32, and its lower end must not reach zero.
        return torch.exp((self.inverse_temperature * (q - v)).clamp(-80.0, 80.0)).clamp(max=self.maximum)


@dataclass(frozen=True)
class Linex:
    """w = α |e^{αA} - 1| / |A| with A = Q - V, α² at A = 0 (SWG, arXiv 2505.18345).

    Deviation (swg, swg-r): linex is clipped at `maximum`, since the paper states no bound and the weight must fit
    a diffused channel.

    Attributes:
        alpha: α; 1 in the paper.
        maximum: the clip.
    """

    alpha: Positive = 1.0
    maximum: Positive = 80.0

    def __call__(self, q: Float[Tensor, "*shape"], v: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        advantage = q - v
        near_zero = advantage.abs() < 1e-4
        safe = torch.where(near_zero, torch.ones_like(advantage), advantage)
        ratio = torch.expm1((self.alpha * safe).clamp(max=80.0)).abs() / safe.abs()
        # Second-order limit: (e^{αA} - 1)/A = α + α² A/2 + …
        limit = self.alpha + self.alpha**2 * advantage / 2
        return (self.alpha * torch.where(near_zero, limit, ratio)).clamp(1e-30, self.maximum)


@dataclass(frozen=True)
class Dice:
    """w = x/2 + 1 where x ≥ 0, else eˣ, with x = (Q - V)/α, clipped to [1e-40, maximum].

    Diffusion-DICE (arXiv 2407.20109), in the form of its authors' code.

    Attributes:
        alpha: α; 0.5 is the code's default.
        maximum: the clip; 100 in the code.
    """

    alpha: Positive = 0.5
    maximum: Positive = 100.0

    def __call__(self, q: Float[Tensor, "*shape"], v: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        x = (q - v) / self.alpha
        return torch.where(x >= 0, x / 2 + 1, torch.exp(x.clamp(max=0.0))).clamp(1e-40, self.maximum)


WEIGHTS: dict[str, type[WeightFunction]] = {
    "hard-expectile": HardExpectile,
    "smooth-expectile": SmoothExpectile,
    "quantile": Quantile,
    "exponential": Exponential,
    "linex": Linex,
    "dice": Dice,
}


def parse_weight(text: str, expectile: float = 0.7) -> WeightFunction:
    """`smooth-expectile`, `exponential:inverse_temperature=3`, … → the weight function.

    Args:
        text: `name` or `name:field=value,…`.
        expectile: the critic's expectile, τ of the expectile and quantile weights unless `text` sets another.

    Raises:
        ValueError: an unknown name or field, naming the choices.
    """
    name, _, fields = text.partition(":")
    field = "expectile" if name.endswith("-expectile") else name
    if field in ("expectile", "quantile") and f"{field}=" not in fields:
        text += f"{',' if ':' in text else ':'}{field}={expectile}"
    return parse_named(text, WEIGHTS, "weight")


WeightSetting: TypeAlias = Annotated[str, Parsed(parse_weight)]
"""A method's field that names a weight function."""


@dataclass(frozen=True)
class GivenWeight(Component):
    """A weight function as a component; not trained.

    Attributes:
        weight: the function.
    """

    kind: ClassVar[str] = "weight"
    weight: WeightFunction

    def build(self, streams: SeedStreams) -> WeightFunction:
        return self.weight


def value_data(step: Step, critic: str = "critic") -> Float[Tensor, "seed transition"]:
    """Q(s, a) at every transition of the data set, for every seed's critic; it need not have V.

    Args:
        step: with the data, and the made critic among its models.
        critic: the critic's name among the models.
    """
    data, made, seeds = step.data, step.models[critic], len(step.noise)

    def value(index: Tensor) -> Tensor:
        rows = (each[index].expand(seeds, -1, -1) for each in (data.observations, data.actions))
        return made.q(*rows)

    return step.in_chunks(value, len(data))


def weigh_data(
    step: Step,
    weight: Callable[[Tensor, Tensor], Tensor],
    critic: str = "critic",
    by: Literal["target", "trained"] = "target",
) -> Float[Tensor, "seed transition"]:
    """w(Q(s, a), V(s)) at every transition of the data set, for every seed's critic.

    Args:
        step: with the data, and the made critic among its models.
        weight: (q, v) → w.
        critic: the critic's name among the models.
        by: whose smaller Q it is, the target twins' or the trained ones'.
    """
    data, made, seeds = step.data, step.models[critic], len(step.noise)
    ask = made.trained_q if by == "trained" else made.q

    def weigh(index: Tensor) -> Tensor:
        observations = data.observations[index].expand(seeds, -1, -1)
        actions = data.actions[index].expand(seeds, -1, -1)
        return weight(ask(observations, actions), made.v(observations))

    return step.in_chunks(weigh, len(data))
