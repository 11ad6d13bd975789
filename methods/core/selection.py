"""A selection picks one of N candidates per observation: the best by a score, or a draw by a weight."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import torch
from jaxtyping import Float, Int
from torch import Tensor

from critics.weights import GivenWeight
from methods.core.setup import Setup
from methods.diffusion.noise import Noise
from training import Component, Models

Score: TypeAlias = Callable[[Models, Tensor, Tensor], Tensor]
"""(models, observations, z), both with one row per candidate → one number per row, (seed, rows)."""
Critic: TypeAlias = Callable[[Setup], Component]
"""The component that a score finds as `critic` among the models."""


def by_q(models: Models, observations: Tensor, z: Tensor) -> Tensor:
    """The critic's Q of the candidates, z = a."""
    return models["critic"].q(observations, z)


@dataclass(frozen=True)
class First:
    """One candidate, as it is drawn."""

    @property
    def candidates(self) -> int:
        """One."""
        return 1

    def components(self, setup: Setup) -> Mapping[str, Component]:
        """Nothing."""
        return {}

    def choose(
        self,
        observations: Float[Tensor, "seed batch observation"],
        z: Float[Tensor, "seed batch candidate channel"],
        models: Models,
        noise: Noise,
    ) -> Float[Tensor, "seed batch channel"]:
        """The first candidate of every observation."""
        return z[:, :, 0]


@dataclass(frozen=True)
class Best:
    """The candidate with the highest score.

    Attributes:
        candidates: N.
        score: what is highest, Q by default.
        critic: whose Q, the shared critic's by default; None if `score` needs none.
    """

    candidates: int
    score: Score = by_q
    critic: Critic | None = Setup.critic

    def components(self, setup: Setup) -> Mapping[str, Component]:
        """The critic."""
        return {} if self.critic is None else {"critic": self.critic(setup)}

    def choose(
        self,
        observations: Float[Tensor, "seed batch observation"],
        z: Float[Tensor, "seed batch candidate channel"],
        models: Models,
        noise: Noise,
    ) -> Float[Tensor, "seed batch channel"]:
        """The argmax of the score."""
        return take(z, score_candidates(self.score, models, observations, z).argmax(-1))


@dataclass(frozen=True)
class Draw:
    """A candidate drawn in proportion to its weight: importance resampling towards μ w.

    Attributes:
        candidates: N.
        weight: w > 0, or its logarithm.
        critic: whose values the weight is of, the shared critic's by default; None if it needs none.
        is_log: whether `weight` gives log w, of any size, since only differences count.
    """

    candidates: int
    weight: Score
    critic: Critic | None = Setup.critic
    is_log: bool = False

    def components(self, setup: Setup) -> Mapping[str, Component]:
        """The critic."""
        return {} if self.critic is None else {"critic": self.critic(setup)}

    def choose(
        self,
        observations: Float[Tensor, "seed batch observation"],
        z: Float[Tensor, "seed batch candidate channel"],
        models: Models,
        noise: Noise,
    ) -> Float[Tensor, "seed batch channel"]:
        """One categorical draw per observation."""
        weights = score_candidates(self.weight, models, observations, z).double()
        return take(z, draw_index(weights.softmax(-1) if self.is_log else weights, noise))


@dataclass(frozen=True)
class DrawByWeight:
    """A candidate drawn in proportion to w(Q, V) of the shared critic.

    Attributes:
        candidates: N.
        weight: the weight function, by its setting.
    """

    candidates: int
    weight: str

    def components(self, setup: Setup) -> Mapping[str, Component]:
        """The critic and the weight function."""
        return {"critic": setup.critic(), "weight": GivenWeight(setup.weight(self.weight))}

    def choose(
        self,
        observations: Float[Tensor, "seed batch observation"],
        z: Float[Tensor, "seed batch candidate channel"],
        models: Models,
        noise: Noise,
    ) -> Float[Tensor, "seed batch channel"]:
        """One categorical draw per observation."""
        return Draw(self.candidates, by_weight).choose(observations, z, models, noise)


def by_weight(models: Models, observations: Tensor, z: Tensor) -> Tensor:
    """w(Q, V) of the candidates, z = a."""
    critic = models["critic"]
    return models["weight"](critic.q(observations, z), critic.v(observations))


def score_candidates(
    score: Score,
    models: Models,
    observations: Float[Tensor, "seed batch observation"],
    z: Float[Tensor, "seed batch candidate channel"],
) -> Float[Tensor, "seed batch candidate"]:
    """The score of every candidate; each observation is repeated once per candidate."""
    count = z.shape[2]
    return score(models, observations.repeat_interleave(count, dim=1), z.flatten(1, 2)).unflatten(1, (-1, count))


def draw_index(weights: Float[Tensor, "seed batch candidate"], noise: Noise) -> Int[Tensor, "seed batch"]:
    """One categorical draw per row, in proportion to the weights, by inverting their running sum."""
    cumulative = weights.cumsum(-1)
    mark = noise.uniform("select", 1).double() * cumulative[..., -1:]
    index = torch.searchsorted(cumulative, mark, right=True).squeeze(-1)
    return index.clamp(max=weights.shape[-1] - 1)


def take(
    z: Float[Tensor, "seed batch candidate channel"], index: Int[Tensor, "seed batch"]
) -> Float[Tensor, "seed batch channel"]:
    """The candidates at `index`, one per observation."""
    return torch.take_along_dim(z, index[..., None, None], dim=2).squeeze(2)
