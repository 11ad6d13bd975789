"""DPS: guidance by the value of the denoised action, a biased baseline of CEP (arXiv 2209.14687, 2304.12824).

The log weight of a noisy action is taken to be β Q(s, E[a_0 | a_k, s]), its gradient through the critic and the
denoiser; no network is trained for it. Exact guidance of π ∝ μ e^{βQ} has log E[e^{βQ} | a_k, s]: the two have one
slope where Q is linear in a and μ Gaussian, and as the noise goes to zero; else the sampled law is not π.

Deviation: on its own terms too its Q is implicit Q-learning's, of the sizes of CEP's critic; in CEP's code it is
the in-support critic.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor

from critics.iql import Critic
from foundation.bounds import Positive
from methods.core.method import DiffusionPolicy, Method, Rho, Shared
from methods.core.registry import register
from methods.diffusion.denoiser import Denoiser
from methods.diffusion.guidance import Guidance, Repairs, through_denoiser
from methods.presets.cep import DPS as PRESETS
from methods.presets.value import Presets
from training.component import Component, Parts


@dataclass
class PlugIn(Guidance):
    """Guidance by β Q(s, ẑ_0(z)); ẑ_0 enters unclipped, since a clipped action has no slope.

    Attributes:
        denoiser, rho, repairs: see `Guidance`; z = a.
        critic: gives Q, which must have a gradient in the action.
        inverse_temperature: β.
    """

    denoiser: Denoiser
    critic: Critic
    inverse_temperature: float
    rho: float
    repairs: Repairs = field(default_factory=Repairs)

    def clean_and_gradient(
        self,
        z: Float[Tensor, "seed batch channel"],
        level: int,
        observations: Float[Tensor, "seed batch observation"],
    ) -> tuple[Float[Tensor, "seed batch channel"], Float[Tensor, "seed batch channel"]]:
        """Through critic and denoiser."""

        def log_weight(clean: Tensor) -> Tensor:
            return self.inverse_temperature * self.critic.q(observations, clean)

        return through_denoiser(self.denoiser, z, level, observations, log_weight)


@register("dps")
@dataclass(frozen=True)
class DPS(Method):
    """Objective: behaviour. Guidance: ∇ of β Q of the denoised action, biased. Selection: the first draw.

    Attributes:
        inverse_temperature: β of π ∝ μ e^{βQ}.
    """

    title: ClassVar[str] = "DPS (biased)"
    paper: ClassVar[str] = "DPS, arXiv 2209.14687, as a baseline of CEP"
    rho: ClassVar[Rho | None] = Rho(default=1.0, grid=(1.0, 2.0, 3.0, 5.0, 8.0, 10.0), low=0.1, high=10.0)
    in_default_comparison: ClassVar[bool] = False
    presets: ClassVar[Presets] = PRESETS
    inverse_temperature: Positive = 3.0

    def components(self, shared: Shared) -> Mapping[str, Component]:
        """The behaviour denoiser and the critic."""
        return {"denoiser": shared.behaviour(), "critic": shared.critic}

    def policy(self, parts: Parts, shared: Shared, rho: float) -> DiffusionPolicy:
        """One draw from the behaviour model guided by ρ β ∇Q of its own prediction."""
        plug_in = PlugIn(parts["denoiser"], parts["critic"], self.inverse_temperature, rho)
        return shared.policy(plug_in, repairs=plug_in.repairs)
