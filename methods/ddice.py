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

from methods import (
    Best,
    Count,
    Draw,
    GuidanceNet,
    GuidanceObjective,
    Knob,
    NetGuidance,
    QEnsemble,
    Rho,
    Selection,
    SlotMethod,
    Step,
    WeightFunction,
    WeightSetting,
    register,
    weigh_data,
)

EXPONENT_LIMIT = 80.0


@dataclass(frozen=True)
class InSampleNet(GuidanceObjective):
    """g(a_k, s, k), trained on the data's own actions by the in-sample loss.

    Deviation: the critic is made before, and the weights are of its last Q and V; the authors' code trains the two
    side by side, on the weights of each step.

    Deviation: rewards are the task's for every method. The authors' code also rescales those of maze2d, kitchen
    and pen, as it does locomotion's, which is another α there.

    Attributes:
        weight: of the data's actions.
        noises: noisy copies of each action per step, all at one level (16 in the code, 32 for AntMaze).
        shift_per_batch: see `in_sample_loss`.
    """

    kind: ClassVar[str] = "ddice-guidance"
    version: ClassVar[int] = 2
    weight_decay: ClassVar[float] = 1e-4
    weight: WeightFunction
    noises: int
    shift_per_batch: bool

    def precompute(self, step: Step) -> dict[str, Tensor]:
        """The weight of every transition, (seed, transition)."""
        return {"weight": weigh_data(step, self.weight)}

    def losses(self, module: GuidanceNet, step: Step) -> Mapping[str, Float[Tensor, " seed"]]:
        """The stabilised in-sample loss, mean over states and noises."""
        batch = step.sample_batch(self.batch_size)
        level = step.noise.integers(len(module.schedule), self.batch_size)
        level = level.repeat_interleave(self.noises, dim=1)
        actions = batch.actions.repeat_interleave(self.noises, dim=1)
        noisy = module.schedule.add_noise(actions, level, step.noise.normal(*actions.shape[1:]))
        observations = batch.observations.repeat_interleave(self.noises, dim=1)
        weight = step.precomputed["weight"].gather(1, batch.index).repeat_interleave(self.noises, dim=1)
        return {"loss": in_sample_loss(module(noisy, level, observations), weight, self.shift_per_batch)}


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
class DiffusionDICE(SlotMethod):
    """Objective: behaviour. Guidance: ∇ of the in-sample log weight. Selection: argmax Q of K, or a draw by it.

    Exact: it aims at μw; its loss is least where g is log E[w | a_k, s]. A selection, K > 1, leaves that law.

    `tune` tries K from 1 to 64, as for every method that selects, and with `--training` α from 0.1 to 2. The
    authors' code leaves both to its command line and gives no range; these are our choice around its α = 0.5.

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
    knobs: ClassVar[Mapping[str, Knob]] = {
        "candidates": Knob(1, 64, log=True),
        "weight": Knob(choices=tuple(f"dice:alpha={alpha:g}" for alpha in (0.1, 0.25, 0.5, 1.0, 2.0))),
    }
    weight: WeightSetting = "dice:alpha=0.5"
    batch_size: Count = 512
    noises: Count = 16
    candidates: Count = 1
    shift_per_batch: bool = False
    select: Literal["critic", "ensemble", "draw"] = "critic"
    ensemble: Count = 10

    def guidance(self) -> NetGuidance:
        """ρ ∇g."""
        return NetGuidance(
            lambda setup, denoiser: InSampleNet(
                setup.guidance_net,
                setup.critic(),
                self.batch_size,
                setup.weight(self.weight),
                self.noises,
                self.shift_per_batch,
            )
        )

    def selection(self) -> Selection:
        """One of K by its Q; K = 1 is the first draw."""
        match self.select:
            case "critic":
                return Best(self.candidates)
            case "ensemble":
                return Best(
                    self.candidates,
                    needs=lambda setup: {
                        "critic": setup.critic(
                            QEnsemble(
                                setup.critic_config,
                                setup.observation_dim,
                                setup.action_dim,
                                setup.critic(),
                                self.ensemble,
                            )
                        )
                    },
                )
            case "draw":
                return Draw(self.candidates, by_first_q, is_log=True)


def by_first_q(models: Mapping, observations: Tensor, z: Tensor) -> Tensor:
    """Q of the critic's first target network."""
    return models["critic"].first_q(observations, z)
