"""MSE: guidance by the gradient of a regressed energy, a biased baseline of CEP (arXiv 2304.12824).

For noised data actions, L = E (f(a_k, s, k) - β Q(s, a))², whose optimum is f = E[β Q | a_k, s]: the mean of the
log weight where exact guidance of π ∝ μ e^{βQ} has the log of the mean weight, log E[e^{βQ} | a_k, s]. The two
have one slope where Q is linear in a and μ Gaussian, and as the noise goes to zero; else the sampled law is not π.

Deviation: on its own terms too its Q is implicit Q-learning's, of the sizes of CEP's critic; in CEP's code it is
the in-support critic, `--critic.kind in-support`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor

from methods import (
    Count,
    GuidanceNet,
    GuidanceObjective,
    NetGuidance,
    Positive,
    Rho,
    SlotMethod,
    Step,
    register,
    value_data,
)


@dataclass(frozen=True)
class RegressedNet(GuidanceObjective):
    """f(a_k, s, k), regressed on the β Q of the data's own actions, as in CEP's code."""

    kind: ClassVar[str] = "mse-energy"
    inverse_temperature: float

    def precompute(self, step: Step) -> dict[str, Tensor]:
        """β Q of every transition, (seed, transition)."""
        return {"value": self.inverse_temperature * value_data(step)}

    def losses(self, module: GuidanceNet, step: Step) -> Mapping[str, Float[Tensor, " seed"]]:
        """Mean squared error of the clean action's β Q, each action noised at a level of its own."""
        batch = step.sample_batch(self.batch_size)
        level = step.noise.integers(len(module.schedule), self.batch_size)
        noisy = module.schedule.add_noise(batch.actions, level, step.noise.normal(*batch.actions.shape[1:]))
        value = step.precomputed["value"].gather(1, batch.index)
        return {"loss": (module(noisy, level, batch.observations) - value).square().mean(-1)}


@register("mse")
@dataclass(frozen=True)
class MSE(SlotMethod):
    """Objective: behaviour. Guidance: ∇ of the regressed energy, biased. Selection: the first draw.

    Not exact: it learns E[β Q | a_k, s] for log E[e^{βQ} | a_k, s]; their slopes agree where Q is linear and μ
    Gaussian.

    β is no knob: the optimum of f is proportional to it, so that it is a factor of ρ.

    Attributes:
        inverse_temperature: β of π ∝ μ e^{βQ}.
        batch_size: transitions per training step.
    """

    title: ClassVar[str] = "MSE (biased)"
    paper: ClassVar[str] = "MSE baseline of CEP, arXiv 2304.12824"
    rho: ClassVar[Rho | None] = Rho(default=1.0, grid=(1.0, 2.0, 3.0, 5.0, 8.0, 10.0), low=0.1, high=10.0)
    in_default_comparison: ClassVar[bool] = False
    inverse_temperature: Positive = 3.0
    batch_size: Count = 256

    def guidance(self) -> NetGuidance:
        """ρ ∇f."""
        return NetGuidance(
            lambda setup, denoiser: RegressedNet(
                setup.guidance_net, setup.q_critic(), self.batch_size, self.inverse_temperature
            )
        )
