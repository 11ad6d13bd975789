"""Diffusion policies that are trained by their own actions' Q: against a made critic, or together with twin Q.

Actions are drawn by the whole reverse chain, through which their gradient goes. A method has the policy's loss.
"""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, TypeAlias

import torch
from torch import Tensor, nn

from critics.config import OF_Q, CriticConfig
from critics.twin_q import TwinQ
from methods.core.setup import Setup
from methods.diffusion.denoiser import Backbone, Denoiser, DenoiserObjective, NetworkDenoiser
from methods.diffusion.noise import StreamNoise
from methods.diffusion.sampler import Bounds, SamplerConfig, sample_with_gradient
from training import Batch, Component, Computed, Group, Progress, SeedStreams, Step, Trained
from training.component import Diagnosis
from training.precision import Precision
from training.shapes import Actions, Observations, PerSeed

EachQ: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""(observations, actions) → the values of both networks that are trained, (seed, member, batch)."""


@dataclass(frozen=True)
class PolicyDraws:
    """How actions of a policy are drawn in its training: as where it acts, but for the precision of the products.

    Attributes:
        sampler: by which the policy acts; the products of these draws have the precision of training.
        low, high: per-dimension range of the actions.
    """

    sampler: SamplerConfig
    low: tuple[float, ...]
    high: tuple[float, ...]

    @staticmethod
    def of(setup: Setup) -> "PolicyDraws":
        """By the sampler and within the range that all methods share."""
        return PolicyDraws(replace(setup.sampler, precision="fp32"), setup.action_low, setup.action_high)

    def precompute(self, step: Step) -> dict[str, Tensor]:
        """The range on the device, which `draw` finds among what is precomputed."""
        device = step.data.actions.device
        return {"low": torch.tensor(self.low, device=device), "high": torch.tensor(self.high, device=device)}

    def draw(self, policy: Denoiser, observations: Observations, step: Step) -> Actions:
        """An action at every observation, by the whole reverse chain and with its gradient.

        A backbone with dropout has none in the chain, as where the policy acts.
        """
        bounds = Bounds(step.precomputed["low"], step.precomputed["high"])
        noise = StreamNoise(step.noise, observations.shape[1])
        return sample_with_gradient(policy, observations, noise, self.sampler, bounds)


@dataclass(frozen=True)
class PolicyObjective(DenoiserObjective):
    """A policy that is trained against a critic that was made before; the subclass says by what loss.

    Attributes:
        critic: gives Q.
        draws: how its actions are drawn.
        clip: the greatest norm of a seed's gradient, or None.
    """

    critic: Component
    draws: PolicyDraws
    clip: float | None

    @property
    def groups(self) -> tuple[Group, ...]:
        """The shared backbone's, with the gradient clipped."""
        return tuple(replace(group, clip=self.clip) for group in self.backbone.config.groups)

    @property
    def imported(self) -> None:
        """None: what is trained against a critic is not imported."""
        return None

    def upstream(self) -> Mapping[str, Component]:
        """The critic."""
        return {"critic": self.critic}

    def precompute(self, step: Step) -> dict[str, Tensor]:
        """What drawing actions needs."""
        return self.draws.precompute(step)


class DiffusionActorCriticNetworks(nn.Module):
    """A policy, the average of it by which next actions are drawn, and twin Q, of all seeds."""

    def __init__(self, streams: SeedStreams, backbone: Backbone, config: CriticConfig, activation: str):
        super().__init__()
        self.policy = backbone.build(streams)
        self.target_policy = backbone.build(streams).requires_grad_(False)
        self.target_policy.load_state_dict(self.policy.state_dict())
        self.critic = TwinQ(streams, config, backbone.observation_dim, backbone.action_dim, activation)
        self.register_buffer("number", torch.zeros(len(streams), device=streams.device))

    @torch.no_grad()
    def follow(self, rate: float, every: int, start: int) -> None:
        """One step of the target networks, and of the target policy where it is its turn.

        The steps are counted in a buffer, so that a step that is captured as a CUDA graph knows its number.

        Args:
            rate: at which the target policy follows.
            every: steps from one turn to the next.
            start: steps before the first.
        """
        number = self.get_buffer("number")
        turn = (number >= start) & (number % every == 0)
        pairs = zip(self.target_policy.parameters(), self.policy.parameters(), strict=True)
        for target, source in pairs:
            target.lerp_(source, (rate * turn).view(-1, *[1] * (target.dim() - 1)))
        self.critic.follow()
        number += 1


@dataclass(frozen=True)
class DiffusionActorCritic(Trained[DiffusionActorCriticNetworks]):
    """Policy and twin Q, trained together on the same batches; the subclass has its `kind` and the policy's loss.

    Class attributes:
        activation: of Q's hidden layers.

    Attributes:
        backbone: network, schedule and training of the policy.
        config: Q's sizes, learning rate, γ and polyak rate; batches, number of steps and decay of the rate are the
            policy's.
        draws: how actions are drawn.
        clip: the greatest norm of a seed's gradient, of either's, or None.
        next_actions: of the target policy at every next state, of which each target network takes the best.
        target_rate: at which the target policy follows.
        target_every: steps from one time that it does to the next.
        target_start: steps before the first.
    """

    settings: ClassVar[str | None] = "denoiser"
    version: ClassVar[int] = 2
    activation: ClassVar[str] = "relu"
    backbone: Backbone
    config: CriticConfig
    draws: PolicyDraws
    clip: float | None
    next_actions: int
    target_rate: float
    target_every: int
    target_start: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "config", self.config.keep(OF_Q - {"steps", "batch_size", "precision"}))

    @abstractmethod
    def policy_loss(self, policy: NetworkDenoiser, each_q: EachQ, batch: Batch, step: Step) -> PerSeed:
        """The policy's loss of each seed; it does not train Q."""

    @property
    def steps(self) -> int:
        """The policy's."""
        return self.backbone.config.steps

    @property
    def precision(self) -> Precision:
        """The policy's."""
        return self.backbone.config.precision

    @property
    def groups(self) -> tuple[Group, ...]:
        """Q's and the policy's."""
        (policy,) = self.backbone.config.groups
        critic = Group(
            name="critic",
            parameters=("critic.twin_q.",),
            learning_rate=self.config.learning_rate,
            weight_decay=self.config.weight_decay,
            decay_steps=policy.decay_steps,
            clip=self.clip,
        )
        return critic, replace(policy, name="policy", parameters=("policy.",), clip=self.clip)

    @property
    def remedy(self) -> str:
        """Either of the two may be at fault."""
        return f"lower --critic.learning-rate or --denoiser.learning-rate of {self.kind} or check the data's scale"

    def build(self, streams: SeedStreams) -> DiffusionActorCriticNetworks:
        return DiffusionActorCriticNetworks(streams, self.backbone, self.config, self.activation)

    def policy_alone(self) -> "TrainedPolicy":
        """The policy as a component by itself."""
        return TrainedPolicy(self)

    def q_alone(self) -> "TrainedQ":
        """Twin Q as a component by itself."""
        return TrainedQ(self)

    def precompute(self, step: Step) -> dict[str, Tensor]:
        """What drawing actions needs."""
        return self.draws.precompute(step)

    def losses(self, module: DiffusionActorCriticNetworks, step: Step) -> Mapping[str, PerSeed]:
        """Q's squared error and the policy's loss, of one batch."""
        batch = step.sample_batch(self.backbone.config.batch_size)
        following = batch.next_observations.repeat_interleave(self.next_actions, dim=1)
        with torch.no_grad():
            drawn = self.draws.draw(module.target_policy, following, step)
        goal = module.critic.back_up(batch, drawn.unflatten(1, (-1, self.next_actions)))
        policy_loss = self.policy_loss(module.policy, module.critic.each_q, batch, step)
        return {"critic": module.critic.td_loss(batch, goal), "policy": policy_loss}

    def after_step(self, module: DiffusionActorCriticNetworks, step: Step) -> None:
        """Target policy and target networks follow."""
        module.follow(self.target_rate, self.target_every, self.target_start)

    def diagnose(self, module: DiffusionActorCriticNetworks, step: Step) -> Sequence[Diagnosis]:
        """The range of Q on the data against that of the returns."""
        return module.critic.diagnose(step)


@dataclass(frozen=True)
class Part(Computed):
    """One network of an actor-critic as a component by itself; the subclass has its `kind` and says which network.

    Class attributes:
        network: its name in the module of the whole.

    Attributes:
        whole: the actor-critic.
    """

    network: ClassVar[str]
    whole: DiffusionActorCritic

    def upstream(self) -> Mapping[str, Component]:
        """The whole."""
        return {"whole": self.whole}

    def build(self, streams: SeedStreams) -> nn.Module:
        """The network, fresh."""
        return getattr(self.whole.build(streams), self.network)

    def compute(self, module: nn.Module, step: Step, progress: Progress) -> None:
        """The weights that are kept of the training."""
        module.load_state_dict(getattr(step.models["whole"], self.network).state_dict())


@dataclass(frozen=True)
class TrainedPolicy(Part):
    """The policy, a denoiser as any other, which can be prepared for sampling."""

    kind: ClassVar[str] = "actor"
    network: ClassVar[str] = "policy"


@dataclass(frozen=True)
class TrainedQ(Part):
    """The twin Q, by which candidates are valued."""

    kind: ClassVar[str] = "twin-q"
    network: ClassVar[str] = "critic"
