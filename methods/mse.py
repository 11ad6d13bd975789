"""MSE: guidance by the gradient of a regressed energy, a biased baseline of CEP (arXiv 2304.12824).

For noised data actions, L = E (f(a_k, s, k) - β Q(s, a))², whose optimum is f = E[β Q | a_k, s]: the mean of the
log weight where exact guidance of π ∝ μ e^{βQ} has the log of the mean weight, log E[e^{βQ} | a_k, s]. The two
have one slope where Q is linear in a and μ Gaussian, and as the noise goes to zero; else the sampled law is not π.

Deviation: on its own terms too its Q is implicit Q-learning's, of the sizes of CEP's critic; in CEP's code it is
the in-support critic.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor

from critics.iql import data_weights
from foundation.bounds import Count, Positive
from methods.core.guidance_net import GuidanceNet, GuidanceObjective
from methods.core.method import DiffusionPolicy, Method, Rho, Shared
from methods.core.registry import register
from methods.diffusion.denoiser import add_noise
from methods.diffusion.guidance import EnergyGuided
from methods.presets.cep import MSE as PRESETS
from methods.presets.value import Presets
from training.component import Batch, Component, Data, Parts, uniform_batch
from training.seeds import SeedStreams


@dataclass(frozen=True)
class RegressedNet(GuidanceObjective[Batch]):
    """f(a_k, s, k), regressed on the β Q of the data's own actions, as in CEP's code."""

    kind: ClassVar[str] = "mse-energy"
    inverse_temperature: float

    def tables(self, data: Data, parts: Parts, seeds: int) -> dict[str, Tensor]:
        """β Q of every transition, (seed, transition)."""
        return {"value": data_weights(data, parts["critic"], lambda q, v: self.inverse_temperature * q, seeds)}

    def draw(self, data: Data, tables: dict[str, Tensor], parts: Parts, streams: SeedStreams) -> Batch:
        """Uniform transitions."""
        return uniform_batch(data, self.training.batch_size, streams)

    def loss(
        self, module: GuidanceNet, batch: Batch, tables: dict[str, Tensor], parts: Parts, streams: SeedStreams
    ) -> Float[Tensor, " seed"]:
        """Mean squared error of the clean action's β Q, each action noised at a level of its own."""
        level = streams.integers(len(module.schedule), batch.index.shape[1])
        noisy = add_noise(module.schedule, batch.actions, level, streams.normal(*batch.actions.shape[1:]))
        value = tables["value"].gather(1, batch.index)
        return (module(noisy, level, batch.observations) - value).square().mean(-1)


@register("mse")
@dataclass(frozen=True)
class MSE(Method):
    """Objective: behaviour. Guidance: ∇ of the regressed energy, biased. Selection: the first draw.

    Attributes:
        inverse_temperature: β of π ∝ μ e^{βQ}.
        batch_size: transitions per training step.
    """

    title: ClassVar[str] = "MSE (biased)"
    paper: ClassVar[str] = "MSE baseline of CEP, arXiv 2304.12824"
    rho: ClassVar[Rho | None] = Rho(default=1.0, grid=(1.0, 2.0, 3.0, 5.0, 8.0, 10.0), low=0.1, high=10.0)
    in_default_comparison: ClassVar[bool] = False
    presets: ClassVar[Presets] = PRESETS
    inverse_temperature: Positive = 3.0
    batch_size: Count = 256

    def components(self, shared: Shared) -> Mapping[str, Component]:
        """The behaviour denoiser and the regressed network."""
        energy = RegressedNet(*shared.guidance(self.batch_size), self.inverse_temperature)
        return {"denoiser": shared.behaviour(), "energy": energy}

    def policy(self, parts: Parts, shared: Shared, rho: float) -> DiffusionPolicy:
        """One draw from the behaviour model guided by ρ ∇f."""
        guided = EnergyGuided(parts["denoiser"], parts["energy"], rho)
        return shared.policy(guided, repairs=guided.repairs)
