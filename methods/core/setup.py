"""The setup is what all methods of a comparison share on one task; it knows no method."""

from dataclasses import dataclass, field

from critics.iql import IQL, CriticConfig
from critics.weights import WeightFunction, parse_weight
from methods.core.guidance_net import GuidanceNetConfig, GuidanceNetSpec
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
    critic_config: CriticConfig
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

    def critic(self, wanted: Component | None = None) -> Component:
        """The critic that is asked for, or the shared one; the known one where Q is known."""
        if self.known_critic is not None:
            return self.known_critic
        return wanted or IQL(self.critic_config, self.observation_dim, self.action_dim)

    def weight(self, text: str) -> WeightFunction:
        """The weight function that a setting names, with the critic's expectile where it has one."""
        return parse_weight(text, self.critic_config.expectile)
