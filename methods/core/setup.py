"""The setup is what all methods of a comparison share on one task; it knows no method."""

from dataclasses import dataclass, field

from critics.config import CriticSettings
from critics.in_support import InSupportQ
from critics.iql import IQL
from critics.valued import ValuedCritic
from critics.weights import WeightFunction, parse_weight
from methods.core.conservative import ConservativeQ
from methods.core.guidance_net import GuidanceNetConfig, GuidanceNetSpec
from methods.core.support import SupportActions
from methods.diffusion.denoiser import Backbone, BehaviourDenoiser, DenoiserConfig
from methods.diffusion.guidance import GuidanceConfig
from methods.diffusion.sampler import SamplerConfig
from training import Component


@dataclass(frozen=True)
class Setup:
    """Sizes, ranges, and the one critic, backbone and sampler.

    Attributes:
        observation_dim, action_dim: sizes.
        action_low, action_high: per-dimension range of the data's actions.
        critic_config, denoiser, guidance_net_config, sampler: the shared settings.
        known_critic: Q and V where they are known and not learned (toy densities), else None.
        actions_depend_on_observations: False where any row's action is a draw at any observation (toy densities).
        candidates: that every method selects from, or None where each has its own number.
        guidance: how every guidance is applied.
        plain: sample by the modules as they are trained, the reference of the prepared ones (`core.inference`).
    """

    observation_dim: int
    action_dim: int
    action_low: tuple[float, ...]
    action_high: tuple[float, ...]
    critic_config: CriticSettings
    denoiser: DenoiserConfig
    guidance_net_config: GuidanceNetConfig
    sampler: SamplerConfig
    known_critic: Component | None = None
    actions_depend_on_observations: bool = True
    candidates: int | None = None
    guidance: GuidanceConfig = field(default_factory=GuidanceConfig)
    plain: bool = False

    @property
    def backbone(self) -> Backbone:
        """Network, schedule and training of every denoiser."""
        return Backbone(self.denoiser, self.observation_dim, self.action_dim)

    @property
    def guidance_net(self) -> GuidanceNetSpec:
        """Network, schedule and training of every guidance network."""
        d = self.denoiser
        return GuidanceNetSpec(
            self.guidance_net_config, d.schedule, d.levels, self.observation_dim, self.action_dim
        )

    def behaviour(self) -> BehaviourDenoiser:
        """The denoiser of the behaviour objective, z = a."""
        return BehaviourDenoiser(self.backbone)

    def support(self, states: int, actions: int) -> SupportActions:
        """Actions of the behaviour model at so many states of the data, so many at each."""
        ends = self.action_low, self.action_high
        return SupportActions(self.behaviour(), states, actions, self.sampler, *ends)

    def critic(self, wanted: Component | None = None) -> Component:
        """The critic that is asked for, or the shared one with Q and V; the known one where Q is known."""
        if self.known_critic is not None:
            return self.known_critic
        return wanted or self._add_value(self.q_critic())

    def q_critic(self) -> Component:
        """The shared critic for who asks Q alone: of a kind that has no V, none is fitted to it."""
        if self.known_critic is not None:
            return self.known_critic
        config, sizes = self.critic_config, (self.observation_dim, self.action_dim)
        match config.kind:
            case "iql":
                return IQL(config, *sizes)
            case "in-support":
                support = self.support(config.support_states, config.support_actions).at_next_states()
                return InSupportQ(config, *sizes, support, config.inverse_temperature)
            case "cql":
                return ConservativeQ.of(config, *sizes, config.penalty)

    def _add_value(self, critic: Component) -> Component:
        """The critic with a V fitted to its Q, where it has none of its own."""
        has_value = isinstance(critic, IQL)
        return critic if has_value else ValuedCritic(self.critic_config, self.observation_dim, critic)

    def weight(self, text: str) -> WeightFunction:
        """The weight function that a setting names, with the critic's expectile where it has one."""
        return parse_weight(text, self.critic_config.expectile)
