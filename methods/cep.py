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

from critics.in_support import InSupportQ
from critics.iql import KnownCritic
from foundation.bounds import Count, NonNegative, Positive
from methods.core.guidance_net import GuidanceNet, GuidanceObjective
from methods.core.method import DiffusionPolicy, Method, Rho, Shared
from methods.core.registry import MethodError, register
from methods.core.support import SupportActions
from methods.diffusion.denoiser import add_noise
from methods.diffusion.guidance import EnergyGuided
from methods.presets.cep import CEP as PRESETS
from methods.presets.value import Presets
from training.component import Component, Data, Parts, in_chunks
from training.seeds import SeedStreams


@dataclass(frozen=True)
class EnergyNet(GuidanceObjective[Tensor]):
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

    def rehearsal(self) -> "EnergyNet":
        """With few support states, since valuing them all takes longer than the steps to be timed."""
        return replace(self, support=replace(self.support, states=min(self.support.states, 64)))

    def tables(self, data: Data, parts: Parts, seeds: int) -> dict[str, Tensor]:
        """softmax(β Q) over each state's support actions, (seed, state, M)."""
        observations, actions = parts["support"].observations, parts["support"].actions

        def chunk(index: Tensor) -> Tensor:
            rows = observations[:, index].repeat_interleave(self.support.actions, dim=1)
            q = parts["critic"].q(rows, actions[:, index].flatten(1, 2))
            return (self.inverse_temperature * q.unflatten(1, (-1, self.support.actions))).softmax(-1)

        return {"target": in_chunks(chunk, self.support.states, observations.device, size=2048)}

    def draw(self, data: Data, tables: dict[str, Tensor], parts: Parts, streams: SeedStreams) -> Tensor:
        """Indices of support states, (seed, batch)."""
        return streams.integers(self.support.states, self.training.batch_size)

    def loss(
        self,
        module: GuidanceNet,
        batch: Tensor,
        tables: dict[str, Tensor],
        parts: Parts,
        streams: SeedStreams,
    ) -> Float[Tensor, " seed"]:
        """The contrastive loss, mean over states."""
        rows = torch.arange(len(batch), device=batch.device)[:, None]
        observations, actions = parts["support"].observations[rows, batch], parts["support"].actions[rows, batch]
        return contrast(module, observations, actions, tables["target"][rows, batch], streams)


@dataclass(frozen=True)
class Contrast:
    """States, and for each of them data actions to be told apart, with softmax(β Q) over them."""

    observations: Float[Tensor, "seed batch observation"]
    actions: Float[Tensor, "seed batch support action"]
    target: Float[Tensor, "seed batch support"]


@dataclass(frozen=True)
class DataEnergyNet(GuidanceObjective[Contrast]):
    """f(a_k, s, k) with the data's own actions for support, drawn anew in every step: CEP's code for the toy sets.

    Right only where actions do not depend on the state, so that any row's action is a draw from μ(a|s).

    Attributes:
        support_actions: M, rows of the data per state.
    """

    kind: ClassVar[str] = "cep-data-energy"
    inverse_temperature: float
    support_actions: int

    def draw(self, data: Data, tables: dict[str, Tensor], parts: Parts, streams: SeedStreams) -> Contrast:
        """States, and M actions for each from anywhere in the data."""
        shape = (self.batch_size, self.support_actions)
        observations = data.observations[streams.integers(len(data), shape[0])]
        actions = data.actions[streams.integers(len(data), shape[0] * shape[1])]
        q = parts["critic"].q(observations.repeat_interleave(shape[1], dim=1), actions)
        target = (self.inverse_temperature * q.unflatten(1, shape)).softmax(-1)
        return Contrast(observations, actions.unflatten(1, shape), target)

    def loss(
        self, module: GuidanceNet, batch: Contrast, tables: dict[str, Tensor], parts: Parts, streams: SeedStreams
    ) -> Float[Tensor, " seed"]:
        """The contrastive loss, mean over states."""
        return contrast(module, batch.observations, batch.actions, batch.target, streams)


def contrast(
    module: GuidanceNet,
    observations: Float[Tensor, "seed batch observation"],
    actions: Float[Tensor, "seed batch support action"],
    target: Float[Tensor, "seed batch support"],
    streams: SeedStreams,
) -> Float[Tensor, " seed"]:
    """The contrastive loss, mean over states: one level for a state's actions, a noise of its own for each."""
    states, support = actions.shape[1:3]
    level = streams.integers(len(module.schedule), states)[..., None].expand(-1, -1, support)
    noisy = add_noise(module.schedule, actions, level, streams.normal(*actions.shape[1:]))
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
class CEP(Method):
    """Objective: behaviour. Guidance: ∇ of the contrastive energy. Selection: the first draw.

    Attributes:
        inverse_temperature: β of π ∝ μ e^{βQ}.
        batch_size: states per training step.
        support_actions: M per state (16 in the paper, 32 for AntMaze).
        support: where they come from: `behaviour`, draws from the behaviour model, or `data`, rows of the data
            whatever their state, as in the authors' code for the toy sets; right where actions do not depend on
            the state, and refused elsewhere.
        support_states: states that get draws from the behaviour model.
        critic: `shared`, the comparison's critic, or `in-support`, the authors' softmax Q-learning over support
            actions, in the sizes of the shared one. On the toy sets Q is known, and neither is learned.
        value_inverse_temperature: β_Q of the in-support critic's softmax.
    """

    title: ClassVar[str] = "CEP"
    paper: ClassVar[str] = "CEP / QGPO, arXiv 2304.12824"
    rho: ClassVar[Rho | None] = Rho(default=1.0, grid=(1.0, 2.0, 3.0, 5.0, 8.0, 10.0), low=0.1, high=10.0)
    presets: ClassVar[Presets] = PRESETS
    inverse_temperature: Positive = 3.0
    batch_size: Count = 256
    support_actions: Count = 16
    support: Literal["behaviour", "data"] = "behaviour"
    support_states: Count = 1_000_000
    critic: Literal["shared", "in-support"] = "shared"
    value_inverse_temperature: NonNegative = 1.0

    def components(self, shared: Shared) -> Mapping[str, Component]:
        """The behaviour denoiser and the energy network above it.

        Raises:
            MethodError: `support` is `data` where actions depend on the state.
        """
        behaviour = shared.behaviour()
        if self.support == "data":
            return {"denoiser": behaviour, "energy": self._on_data(shared)}
        learned = self.critic == "in-support" and not isinstance(shared.critic, KnownCritic)
        support = SupportActions(
            behaviour,
            self.support_states,
            self.support_actions,
            shared.sampler,
            shared.action_low,
            shared.action_high,
            next_states=learned,
        )
        critic = self._in_support(shared, support) if learned else shared.critic
        energy = EnergyNet(*shared.guidance(self.batch_size, critic), self.inverse_temperature, support)
        return {"denoiser": behaviour, "energy": energy}

    def _on_data(self, shared: Shared) -> DataEnergyNet:
        if not isinstance(shared.critic, KnownCritic):
            raise MethodError(
                "cep.support='data' takes any row's action for a draw at any state, which holds on the toy sets "
                "alone; leave it at 'behaviour'."
            )
        return DataEnergyNet(*shared.guidance(self.batch_size), self.inverse_temperature, self.support_actions)

    def _in_support(self, shared: Shared, support: SupportActions) -> InSupportQ:
        sizes = (shared.observation_dim, shared.action_dim)
        return InSupportQ(shared.critic_config, *sizes, support, self.value_inverse_temperature)

    def policy(self, parts: Parts, shared: Shared, rho: float) -> DiffusionPolicy:
        """One draw from the behaviour model guided by ρ ∇f; no gradient goes through the denoiser."""
        guided = EnergyGuided(parts["denoiser"], parts["energy"], rho)
        return shared.policy(guided, repairs=guided.repairs)
