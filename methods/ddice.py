"""Diffusion-DICE: guidance learned in-sample from the data's weighted actions, then guide-then-select.

In-sample guidance learning (arXiv 2407.20109, eq. 14): min_g E[w e^{-g} + g] over noised data actions, whose
optimum is g = log E[w | a_k, s]. No action outside the data is ever valued. Then K candidates, argmax Q.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from critics.iql import KnownCritic, data_weights
from critics.q_ensemble import QEnsemble
from critics.weights import WeightSetting, parse_weight
from foundation.bounds import Count
from methods.core.guidance_net import GuidanceNet, GuidanceObjective
from methods.core.method import DiffusionPolicy, Method, Rho, Shared
from methods.core.registry import register
from methods.core.selection import Best, First, SoftmaxDraw
from methods.diffusion.denoiser import add_noise
from methods.diffusion.guidance import EnergyGuided
from methods.presets.ddice import DDICE as PRESETS
from methods.presets.value import Presets
from training.component import Batch, Component, Data, Parts, uniform_batch
from training.seeds import SeedStreams

EXPONENT_LIMIT = 80.0


@dataclass(frozen=True)
class InSampleNet(GuidanceObjective[Batch]):
    """g(a_k, s, k), trained on the data's own actions by the in-sample loss.

    Deviation: the critic is made before, and the weights are of its last Q and V; the authors' code trains the two
    side by side, on the weights of each step.

    Deviation: rewards are the task's for every method. The authors' code also rescales those of maze2d, kitchen
    and pen, as it does locomotion's, which is another α there.

    Attributes:
        noises: noisy copies of each action per step, all at one level (16 in the code, 32 for AntMaze).
        shift_per_batch: see `in_sample_loss`.
    """

    kind: ClassVar[str] = "ddice-guidance"
    version: ClassVar[int] = 2
    weight_decay: ClassVar[float] = 1e-4
    weight: str
    expectile: float
    noises: int
    shift_per_batch: bool

    def tables(self, data: Data, parts: Parts, seeds: int) -> dict[str, Tensor]:
        """The weight of every transition, (seed, transition)."""
        weight = parse_weight(self.weight, self.expectile)
        return {"weight": data_weights(data, parts["critic"], weight, seeds)}

    def draw(self, data: Data, tables: dict[str, Tensor], parts: Parts, streams: SeedStreams) -> Batch:
        """Uniform transitions."""
        return uniform_batch(data, self.training.batch_size, streams)

    def loss(
        self,
        module: GuidanceNet,
        batch: Batch,
        tables: dict[str, Tensor],
        parts: Parts,
        streams: SeedStreams,
    ) -> Float[Tensor, " seed"]:
        """The stabilised in-sample loss, mean over states and noises."""
        level = streams.integers(len(module.schedule), batch.index.shape[1])
        level = level.repeat_interleave(self.noises, dim=1)
        actions = batch.actions.repeat_interleave(self.noises, dim=1)
        noisy = add_noise(module.schedule, actions, level, streams.normal(*actions.shape[1:]))
        observations = batch.observations.repeat_interleave(self.noises, dim=1)
        weight = tables["weight"].gather(1, batch.index).repeat_interleave(self.noises, dim=1)
        return in_sample_loss(module(noisy, level, observations), weight, self.shift_per_batch)


def in_sample_loss(
    g: Float[Tensor, "seed batch"], weight: Float[Tensor, "seed batch"], shift_per_batch: bool = False
) -> Float[Tensor, " seed"]:
    """mean(w e^{-g} + g), each row rescaled by e^{-m} so that no exponential overflows.

    With d = min(0, g + 80) - g (the first term without gradient) and m = max(d, -1) without gradient:
    mean(w e^{d - m} + e^{-m} g), whose gradient in g is e^{-m} (1 - w e^{-g}).

    Deviation: m is each row's own; the authors' code takes its maximum over the batch (`shift_per_batch`). Both
    scale by a factor that does not depend on w given (a_k, s), so the minimiser is the same, log E[w | a_k, s].
    But one far row scales down a whole batch by e^{-m}, and where the weights span e^{20}, as on the toy sets,
    the network then stays 0.6 away from the exact answer after the steps that bring it within 0.05 by rows.
    """
    exponent = torch.clamp(g + EXPONENT_LIMIT, max=0.0).detach() - g
    shift = exponent.detach().clamp(min=-1.0)
    if shift_per_batch:
        shift = shift.amax(-1, keepdim=True)
    return (weight * torch.exp(exponent - shift) + torch.exp(-shift) * g).mean(-1)


@register("ddice")
@dataclass(frozen=True)
class DiffusionDICE(Method):
    """Objective: behaviour. Guidance: ∇ of the in-sample log weight. Selection: argmax Q of K, or a draw by it.

    Attributes:
        weight: the weight function; DICE's f-divergence weight with its temperature α.
        batch_size: transitions per training step.
        noises: noisy copies of each of their actions, all at one level (16 in the code, 32 for AntMaze).
        candidates: K; 1 is the code's default, which turns the selection off.
        shift_per_batch: stabilise the loss as the authors' code does, see `in_sample_loss`.
        select: how one of K > 1 is picked: `critic`, the highest min target-Q; as in the authors' code `ensemble`,
            the highest mean of an ensemble of Q (MuJoCo), or `draw`, in proportion to e^Q of the first target
            network (AntMaze). On the toy sets Q is known, and the ensemble's mean is that Q.
        ensemble: number of Q networks in it.
    """

    title: ClassVar[str] = "Diffusion-DICE"
    paper: ClassVar[str] = "Diffusion-DICE, arXiv 2407.20109"
    rho: ClassVar[Rho | None] = Rho(default=2.0, grid=(1.0, 2.0, 4.0, 6.0, 8.0), low=0.1, high=10.0)
    presets: ClassVar[Presets] = PRESETS
    weight: WeightSetting = "dice:alpha=0.5"
    batch_size: Count = 512
    noises: Count = 16
    candidates: Count = 1
    shift_per_batch: bool = False
    select: Literal["critic", "ensemble", "draw"] = "critic"
    ensemble: Count = 10

    def components(self, shared: Shared) -> Mapping[str, Component]:
        """The behaviour denoiser, the in-sample network and what selects: the critic or the ensemble."""
        guidance = InSampleNet(
            *shared.guidance(self.batch_size),
            self.weight,
            shared.critic_config.expectile,
            self.noises,
            self.shift_per_batch,
        )
        return {"denoiser": shared.behaviour(), "guidance": guidance, "critic": self._judge(shared)}

    def _judge(self, shared: Shared) -> Component:
        """What values the candidates; an ensemble only where there are several and Q is not known."""
        if self.select != "ensemble" or self.candidates == 1 or isinstance(shared.critic, KnownCritic):
            return shared.critic
        sizes = (shared.observation_dim, shared.action_dim)
        return QEnsemble(shared.critic_config, *sizes, shared.critic, self.ensemble)

    def policy(self, parts: Parts, shared: Shared, rho: float) -> DiffusionPolicy:
        """K draws from the behaviour model guided by ρ ∇g, then one of them by its Q."""
        guided = EnergyGuided(parts["denoiser"], parts["guidance"], rho)
        judge = parts["critic"]
        several = SoftmaxDraw(judge.first_q) if self.select == "draw" else Best(judge.q)
        selection = First() if self.candidates == 1 else several
        return shared.policy(guided, self.candidates, selection, guided.repairs)
