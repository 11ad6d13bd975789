"""CEP: guidance by the gradient of an intermediate energy, learned by contrast (QGPO, arXiv 2304.12824).

For M support actions a^i of one state, noised at one level with independent noise,
    L = -Σ_i softmax_i(β Q(s, a^i)) log softmax_i(f(a^i_k, s, k))        (eq. 12, 17)
whose optimum is f = log E[e^{βQ} | a_k, s] + const, the exact guidance of π ∝ μ e^{βQ}.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from methods import (
    Component,
    Count,
    GuidanceNet,
    GuidanceObjective,
    Knob,
    MethodError,
    NetGuidance,
    Positive,
    Rho,
    Setup,
    SlotMethod,
    Step,
    SupportActions,
    register,
)


@dataclass(frozen=True)
class EnergyNet(GuidanceObjective):
    """f(a_k, s, k), trained on support actions by the contrastive loss.

    Deviation: the critic is made before, and its final Q is what f learns; the authors' code trains the two side
    by side, so that for the first half of its steps f follows a Q that still moves.

    Deviation: rewards are the task's for every method. The authors' code also rescales those of maze2d, kitchen
    and pen, as it does locomotion's, which is another β there.
    """

    kind: ClassVar[str] = "cep-energy"
    inverse_temperature: float
    support: SupportActions

    def upstream(self) -> Mapping[str, Component]:
        """Support actions and the critic that values them."""
        return {"support": self.support, "critic": self.critic}

    def for_estimate(self) -> "EnergyNet":
        """With few support states, since valuing them all takes longer than the steps to be timed."""
        return replace(self, support=replace(self.support, states=min(self.support.states, 64)))

    def precompute(self, step: Step) -> dict[str, Tensor]:
        """softmax(β Q) over each state's support actions, (seed, state, M)."""
        support, critic = step.models["support"], step.models["critic"]

        def weigh(index: Tensor) -> Tensor:
            rows = support.observations[:, index].repeat_interleave(self.support.actions, dim=1)
            q = critic.q(rows, support.actions[:, index].flatten(1, 2))
            return (self.inverse_temperature * q.unflatten(1, (-1, self.support.actions))).softmax(-1)

        return {"target": step.in_chunks(weigh, self.support.states, size=2048)}

    def losses(self, module: GuidanceNet, step: Step) -> Mapping[str, Float[Tensor, " seed"]]:
        """The contrastive loss over support states, mean over the batch."""
        index = step.noise.integers(self.support.states, self.batch_size)
        rows = torch.arange(len(index), device=index.device)[:, None]
        support, target = step.models["support"], step.precomputed["target"]
        observations, actions = support.observations[rows, index], support.actions[rows, index]
        return {"loss": contrast(module, step, observations, actions, target[rows, index])}


@dataclass(frozen=True)
class DataEnergyNet(GuidanceObjective):
    """f(a_k, s, k) with the data's own actions for support, drawn anew in every step: CEP's code for the toy sets.

    Right only where actions do not depend on the state, so that any row's action is a draw from μ(a|s).

    Attributes:
        support_actions: M, rows of the data per state.
    """

    kind: ClassVar[str] = "cep-data-energy"
    inverse_temperature: float
    support_actions: int

    def losses(self, module: GuidanceNet, step: Step) -> Mapping[str, Float[Tensor, " seed"]]:
        """The contrastive loss over states, with M actions for each from anywhere in the data."""
        data, shape = step.data, (self.batch_size, self.support_actions)
        observations = data.observations[step.noise.integers(len(data), shape[0])]
        actions = data.actions[step.noise.integers(len(data), shape[0] * shape[1])]
        q = step.models["critic"].q(observations.repeat_interleave(shape[1], dim=1), actions)
        target = (self.inverse_temperature * q.unflatten(1, shape)).softmax(-1)
        return {"loss": contrast(module, step, observations, actions.unflatten(1, shape), target)}


def contrast(
    module: GuidanceNet,
    step: Step,
    observations: Float[Tensor, "seed batch observation"],
    actions: Float[Tensor, "seed batch support action"],
    target: Float[Tensor, "seed batch support"],
) -> Float[Tensor, " seed"]:
    """The contrastive loss, mean over states: one level for a state's actions, a noise of its own for each."""
    states, support = actions.shape[1:3]
    level = step.noise.integers(len(module.schedule), states)[..., None].expand(-1, -1, support)
    noisy = module.schedule.add_noise(actions, level, step.noise.normal(*actions.shape[1:]))
    repeated = observations.repeat_interleave(support, dim=1)
    energy = module(noisy.flatten(1, 2), level.flatten(1), repeated)
    return contrastive_loss(energy.view(level.shape), target).mean(-1)


def contrastive_loss(
    energy: Float[Tensor, "*batch action"], target: Float[Tensor, "*batch action"]
) -> Float[Tensor, "*batch"]:
    """-Σ_i target_i log softmax_i(energy): cross-entropy over one state's support actions."""
    return -(target * energy.log_softmax(-1)).sum(-1)


@register("cep")
@dataclass(frozen=True)
class CEP(SlotMethod):
    """Objective: behaviour. Guidance: ∇ of the contrastive energy. Selection: the first draw.

    Exact: it aims at μ e^{βQ}; its loss is least where f is log E[e^{βQ} | a_k, s] plus a constant.

    `tune --training` tries β from 1 to 10, our choice around the code's 3, since f is not linear in β. The critic
    of its authors is `critic.kind` in-support, which `--terms as-published` takes.

    Attributes:
        inverse_temperature: β of π ∝ μ e^{βQ}.
        batch_size: states per training step.
        support_actions: M per state (16 in the paper, 32 for AntMaze).
        support: where they come from: `behaviour`, draws from the behaviour model, or `data`, rows of the data
            whatever their state, as in the authors' code for the toy sets; right where actions do not depend on
            the state, and refused elsewhere.
        support_states: states that get draws from the behaviour model.
    """

    title: ClassVar[str] = "CEP"
    paper: ClassVar[str] = "CEP / QGPO, arXiv 2304.12824"
    rho: ClassVar[Rho | None] = Rho(default=1.0, grid=(1.0, 2.0, 3.0, 5.0, 8.0, 10.0), low=0.1, high=10.0)
    knobs: ClassVar[Mapping[str, Knob]] = {"inverse_temperature": Knob(1.0, 10.0, log=True)}
    inverse_temperature: Positive = 3.0
    batch_size: Count = 256
    support_actions: Count = 16
    support: Literal["behaviour", "data"] = "behaviour"
    support_states: Count = 1_000_000

    def guidance(self) -> NetGuidance:
        """ρ ∇f; no gradient goes through the denoiser."""
        return NetGuidance(self._energy)

    def _energy(self, setup: Setup, denoiser: Component) -> EnergyNet | DataEnergyNet:
        """The energy network above the behaviour model.

        Raises:
            MethodError: `support` is `data` where actions depend on the state.
        """
        if self.support == "data":
            if setup.actions_depend_on_observations:
                raise MethodError(
                    "cep.support='data' takes any row's action for a draw at any state, which holds on the toy "
                    "sets alone; leave it at 'behaviour'."
                )
            net, beta = setup.guidance_net, self.inverse_temperature
            return DataEnergyNet(net, setup.q_critic(), self.batch_size, beta, self.support_actions)
        support = setup.support(self.support_states, self.support_actions)
        return EnergyNet(setup.guidance_net, setup.q_critic(), self.batch_size, self.inverse_temperature, support)
