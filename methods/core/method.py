"""A method is an objective x a guidance x a selection: which components it needs, and the policy made of them."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from critics.iql import CriticConfig
from methods.core.guidance_net import GuidanceNetConfig
from methods.core.selection import First, Selection
from methods.diffusion.denoiser import BehaviourDenoiser, Denoiser, DenoiserConfig, JointDenoiser
from methods.diffusion.guidance import WEIGHT_FLOOR, Repairs
from methods.diffusion.sampler import Bounds, SamplerConfig, sample
from methods.presets.value import Presets
from training.component import Component, Parts
from training.seeds import SeedStreams


@dataclass(frozen=True)
class Rho:
    """A method's guidance scale ρ: what it is when nobody says, and where tuning looks.

    Attributes:
        default: the scale used without a tuned or published one.
        grid: the scales that `tune-rho` tries.
        low, high: the ends of the continuous range.
        published: whether SWG's published scale of a task (`Task.published_rho`) is this method's.
    """

    default: float
    grid: tuple[float, ...] = (1.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0)
    low: float = 0.1
    high: float = 30.0
    published: bool = False


@dataclass(frozen=True)
class Shared:
    """What all methods of a comparison share on one task.

    Attributes:
        observation_dim, action_dim: sizes.
        action_low, action_high: per-dimension range of the data's actions.
        critic: the one critic component; a method asks its `q` and `v`.
        critic_config: the critic's settings, for its expectile.
        denoiser, guidance_net, sampler: the one backbone, the guidance networks' size, the one sampler.
    """

    observation_dim: int
    action_dim: int
    action_low: tuple[float, ...]
    action_high: tuple[float, ...]
    critic: Component
    critic_config: CriticConfig
    denoiser: DenoiserConfig
    guidance_net: GuidanceNetConfig
    sampler: SamplerConfig

    def behaviour(self) -> BehaviourDenoiser:
        """The denoiser of the behaviour objective, z = a."""
        return BehaviourDenoiser(self.denoiser, self.observation_dim, self.action_dim)

    def joint(self, weight: str) -> JointDenoiser:
        """The denoiser of the joint objective, z = (a, w), for that weight function."""
        expectile = self.critic_config.expectile
        return JointDenoiser(self.denoiser, self.observation_dim, self.action_dim, weight, expectile, self.critic)

    def guidance(
        self, batch_size: int, critic: Component | None = None
    ) -> tuple[GuidanceNetConfig, DenoiserConfig, int, int, Component, int]:
        """The fields of any `GuidanceObjective`, in their order; on this critic or the shared one."""
        sizes = (self.observation_dim, self.action_dim)
        return self.guidance_net, self.denoiser, *sizes, critic or self.critic, batch_size

    def bounds(self, denoiser: Denoiser) -> Bounds:
        """The range of the data's actions, and of the weight if the denoiser's z has one."""
        has_weight = denoiser.channels > self.action_dim
        device = denoiser.schedule.alpha.device
        low = torch.tensor([*self.action_low, *[WEIGHT_FLOOR] * has_weight], device=device)
        high = torch.tensor([*self.action_high, *[1.0] * has_weight], device=device)
        return Bounds(low, high)

    def policy(
        self,
        denoiser: Denoiser,
        candidates: int = 1,
        selection: Selection | None = None,
        repairs: Repairs | None = None,
    ) -> "DiffusionPolicy":
        """The policy that draws with this denoiser, guided or not, by the one sampler; see `DiffusionPolicy`."""
        return DiffusionPolicy(
            denoiser,
            self.sampler,
            self.bounds(denoiser),
            self.action_dim,
            candidates,
            selection or First(),
            repairs or Repairs(),
        )


@runtime_checkable
class Policy(Protocol):
    """What evaluation asks of a method: one action for every observation, for all seeds in one call."""

    repairs: Repairs

    def act(
        self, observations: Float[Tensor, "seed batch observation"], streams: SeedStreams
    ) -> Float[Tensor, "seed batch action"]:
        """Actions, (seed, batch, action)."""
        ...


@dataclass
class DiffusionPolicy:
    """Sample candidates with a (guided) denoiser, then select one.

    Attributes:
        denoiser: guided or not.
        sampler: how candidates are drawn.
        bounds: the range of clean z.
        action_dim: leading channels of z that are the action.
        candidates: draws per observation.
        selection: picks one of them.
        repairs: the guidance's counts.
    """

    denoiser: Denoiser
    sampler: SamplerConfig
    bounds: Bounds
    action_dim: int
    candidates: int
    selection: Selection
    repairs: Repairs

    def act(
        self, observations: Float[Tensor, "seed batch observation"], streams: SeedStreams
    ) -> Float[Tensor, "seed batch action"]:
        """One selected action per observation."""
        batch = observations.shape[1]
        repeated = observations.repeat_interleave(self.candidates, dim=1)
        z = sample(self.denoiser, repeated, streams, self.sampler, self.bounds)
        chosen = self.selection.choose(repeated, z, batch, streams)
        return chosen[..., : self.action_dim]


class Method(ABC):
    """Subclass as a frozen dataclass whose fields are the method's own settings, and register it.

    Class attributes:
        title: the name as printed.
        paper: where it is defined.
        rho: its guidance scale, or None for a method that has none.
        in_default_comparison: whether it is compared when nobody names methods; False for a baseline that is known
            to miss the target law.
        presets: `paper` and `official` (the authors' code) to what each sets: fields of the method by their plain
            names, `rho`, and what it would share with others by dotted ones, such as `denoiser.levels`.
    """

    title: ClassVar[str]
    paper: ClassVar[str]
    rho: ClassVar[Rho | None] = None
    in_default_comparison: ClassVar[bool] = True
    presets: ClassVar[Presets] = {}

    @abstractmethod
    def components(self, shared: Shared) -> Mapping[str, Component]:
        """The components it needs, by the names under which `policy` finds them made."""

    @abstractmethod
    def policy(self, parts: Parts, shared: Shared, rho: float) -> Policy:
        """The policy for all seeds, from the made components.

        Args:
            parts: the made components, by the names of `components`.
            shared: sizes, ranges and the one sampler.
            rho: guidance scale; 0 for a method without one.
        """
