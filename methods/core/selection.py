"""A selection makes one z of N candidates: the best by a score, a draw by a weight, or the mean of several draws.

A comparison can give every selection the same N; the first draw then becomes the best by the shared critic's Q.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

import torch
from jaxtyping import Float, Int
from torch import Tensor

from critics.weights import GivenWeight
from methods.core.setup import Setup
from methods.core.slots import Selection
from methods.diffusion.noise import Noise
from training import Component, Models
from training.shapes import Observations, Z

Score: TypeAlias = Callable[[Models, Tensor, Tensor], Tensor]
"""(models, observations, z), both with one row per candidate → one number per row, (seed, rows)."""
Candidates: TypeAlias = Float[Tensor, "seed batch candidate channel"]
"""The z of every observation's candidates."""
Scores: TypeAlias = Float[Tensor, "seed batch candidate"]
"""One number for each of them."""
Needs: TypeAlias = Callable[[Setup], Mapping[str, Component]]
"""The components that a score finds among the models."""


def by_q(models: Models, observations: Tensor, z: Tensor) -> Tensor:
    """The critic's Q of the candidates, z = a."""
    return models["critic"].q(observations, z)


def by_weight(models: Models, observations: Tensor, z: Tensor) -> Tensor:
    """w(Q, V) of the candidates, z = a."""
    critic = models["critic"]
    return models["weight"](critic.q(observations, z), critic.v(observations))


def shared_critic(setup: Setup) -> Mapping[str, Component]:
    """The critic that all methods share, to be asked for Q."""
    return {"critic": setup.q_critic()}


@dataclass(frozen=True)
class First:
    """One candidate, as it is drawn."""

    @property
    def candidates(self) -> int:
        return 1

    def components(self, setup: Setup) -> Mapping[str, Component]:
        return {}

    def choose(self, observations: Observations, z: Candidates, models: Models, noise: Noise) -> Z:
        return z[:, :, 0]


@dataclass(frozen=True)
class Scored(ABC):
    """One z of N candidates by a score; the subclass says which.

    Attributes:
        candidates: N.
        score: of every candidate, Q by default.
        needs: what the score asks, the shared critic by default; None if it asks nothing.
    """

    candidates: int
    score: Score = by_q
    needs: Needs | None = shared_critic

    def components(self, setup: Setup) -> Mapping[str, Component]:
        return {} if self.needs is None else self.needs(setup)

    def choose(self, observations: Observations, z: Candidates, models: Models, noise: Noise) -> Z:
        """What is picked by the scores; each observation is repeated once per candidate to be scored."""
        count = z.shape[2]
        scores = self.score(models, observations.repeat_interleave(count, dim=1), z.flatten(1, 2))
        return self.pick(scores.unflatten(1, (-1, count)), z, noise)

    @abstractmethod
    def pick(self, scores: Scores, z: Candidates, noise: Noise) -> Z:
        """The chosen z of every observation."""


def take(z: Candidates, index: Int[Tensor, "seed batch"]) -> Z:
    """The candidate of that index of every observation."""
    return torch.take_along_dim(z, index[..., None, None], dim=2).squeeze(2)


@dataclass(frozen=True)
class Best(Scored):
    """The candidate with the highest score."""

    def pick(self, scores: Scores, z: Candidates, noise: Noise) -> Z:
        return take(z, scores.argmax(-1))


def set_candidates(selection: Selection, candidates: int, action_dim: int) -> Selection:
    """The selection from another number of candidates.

    Args:
        selection: `First` becomes the best by Q of the shared critic; one by a score keeps its score.
        candidates: N.
        action_dim: leading channels of z that are the action, which Q is asked for.

    Raises:
        ValueError: a selection of another kind, whose number of candidates cannot be set.
    """

    def by_shared_q(models: Models, observations: Tensor, z: Tensor) -> Tensor:
        return by_q(models, observations, z[..., :action_dim])

    if isinstance(selection, First):
        return Best(candidates, by_shared_q) if candidates > 1 else selection
    if isinstance(selection, Scored):
        return replace(selection, candidates=candidates)
    raise ValueError(f"a {type(selection).__name__} has no number of candidates that can be set")


@dataclass(frozen=True)
class Draw(Scored):
    """A candidate drawn in proportion to its score, a weight w > 0: importance resampling towards μ w.

    Attributes:
        candidates, score, needs: see `Scored`.
        is_log: whether the score is log w, of any size, since only differences count.
    """

    is_log: bool = False

    @staticmethod
    def by_weight(candidates: int, weight: str) -> "Draw":
        """In proportion to w(Q, V) of the shared critic, for a weight function by its setting."""
        return Draw(
            candidates,
            by_weight,
            lambda setup: {"critic": setup.critic(), "weight": GivenWeight(setup.weight(weight))},
        )

    def pick(self, scores: Scores, z: Candidates, noise: Noise) -> Z:
        """One categorical draw per observation, by inverting the running sum of the weights."""
        weights = scores.double().softmax(-1) if self.is_log else scores.double()
        cumulative = weights.cumsum(-1)
        mark = noise.uniform("select", 1).double() * cumulative[..., -1:]
        index = torch.searchsorted(cumulative, mark, right=True).squeeze(-1)
        return take(z, index.clamp(max=weights.shape[-1] - 1))


@dataclass(frozen=True)
class MeanOfDraws(Scored):
    """The mean of several candidates, drawn without replacement in proportion to e^score.

    A draw without replacement is a ranking by score + g with g = -log(-log u) (Gumbel's): the first of it is one
    draw from the softmax of the scores, the second one from that of what is left, and so on.

    Attributes:
        candidates, score, needs: see `Scored`.
        draws: how many are averaged, at most the candidates.
    """

    draws: int = 1

    def pick(self, scores: Scores, z: Candidates, noise: Noise) -> Z:
        uniform = noise.uniform("select", scores.shape[-1]).double()
        gumbel = -torch.log(-torch.log(uniform.clamp(1e-300, 1 - 1e-16)))
        chosen = (scores.double() + gumbel).topk(min(self.draws, scores.shape[-1]), dim=-1).indices
        return torch.take_along_dim(z, chosen[..., None], dim=2).mean(2)
