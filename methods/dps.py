"""DPS: guidance by the value of the denoised action, a biased baseline of CEP (arXiv 2209.14687, 2304.12824).

The log weight of a noisy action is taken to be β Q(s, E[a_0 | a_k, s]), its gradient through the critic and the
denoiser; no network is trained for it. Exact guidance of π ∝ μ e^{βQ} has log E[e^{βQ} | a_k, s]: the two have one
slope where Q is linear in a and μ Gaussian, and as the noise goes to zero; else the sampled law is not π.

Deviation: on its own terms too its Q is implicit Q-learning's, of the sizes of CEP's critic; in CEP's code it is
the in-support critic, `--critic.kind in-support`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor

from methods import (
    Component,
    Denoiser,
    Models,
    Positive,
    Rho,
    Setup,
    SlotMethod,
    Steer,
    gradient_through,
    register,
)


@dataclass(frozen=True)
class PlugIn:
    """Guidance by β Q(s, ẑ_0(z)); ẑ_0 enters unclipped, since a clipped action has no slope.

    Attributes:
        inverse_temperature: β.
        is_stopped: whether the gradient stops at ẑ_0, which leaves β ∇Q/α.
    """

    inverse_temperature: float
    is_stopped: bool = False

    def stop_gradient(self) -> "PlugIn":
        """With the gradient stopped at ẑ_0."""
        return PlugIn(self.inverse_temperature, is_stopped=True)

    def components(self, setup: Setup, denoiser: Component) -> Mapping[str, Component]:
        """The critic, whose Q must have a gradient in the action."""
        return {"critic": setup.q_critic()}

    def steer(
        self,
        denoiser: Denoiser,
        models: Models,
        z: Float[Tensor, "seed batch action"],
        level: int,
        observations: Float[Tensor, "seed batch observation"],
    ) -> Steer:
        """Through critic and denoiser, or through the critic alone."""

        def log_weight(clean: Tensor) -> Tensor:
            return self.inverse_temperature * models["critic"].q(observations, clean)

        return Steer(*gradient_through(denoiser, z, level, observations, log_weight, self.is_stopped))


@register("dps")
@dataclass(frozen=True)
class DPS(SlotMethod):
    """Objective: behaviour. Guidance: ∇ of β Q of the denoised action, biased. Selection: the first draw.

    Not exact: it has β Q(s, E[a_0 | a_k, s]) for log E[e^{βQ} | a_k, s]; their slopes agree where Q is linear
    and μ Gaussian.

    β is no knob: the guidance is ρ β ∇Q, so that it is a factor of ρ.

    Attributes:
        inverse_temperature: β of π ∝ μ e^{βQ}.
    """

    title: ClassVar[str] = "DPS (biased)"
    paper: ClassVar[str] = "DPS, arXiv 2209.14687, as a baseline of CEP"
    rho: ClassVar[Rho | None] = Rho(default=1.0, grid=(1.0, 2.0, 3.0, 5.0, 8.0, 10.0), low=0.1, high=10.0)
    in_default_comparison: ClassVar[bool] = False
    inverse_temperature: Positive = 3.0

    def guidance(self) -> PlugIn:
        """ρ β ∇Q of its own prediction."""
        return PlugIn(self.inverse_temperature)
