"""Diffusion-QL: a diffusion policy trained to copy the data and to raise Q at once (arXiv 2208.06193).

The policy's loss is L = L_d + L_q (Algorithm 1). L_d is noise prediction on the data's actions;
    L_q = -η E[Q(s, a_0)]/E|Q|
with a_0 drawn by the whole reverse chain, through which the gradient goes. As in TD3+BC, Q is divided by its mean
size, so that η has no unit: in each step one of the twin networks is raised, and the other gives the size. Q is
learned beside the policy from r + γ min_j Q'_j(s', a'_0), with a'_0 of an averaged policy and Q' of target
networks; in a max-Q backup each takes the best of several a'_0. The authors' code then picks one of 50 draws by
softmax(Q), which the paper does not mention.

Deviation: L_d is the mean over channels, as in the authors' code, whose values of η are for it; the paper's is the
squared norm.

Deviation: policy and Q step together, so that L_q is of the Q before the step; in the paper and the code Q steps
first. The two differ by one Adam step of lag.

Deviation: the last weights are kept; the authors' code reports one of its checkpoints, that of the highest return
(`online`) or one of low L_d (`offline`).

Deviation: rewards are the task's for every method. The authors' code leaves those of locomotion and kitchen as
they are, standardises pen's and takes 4 (r - ½) on AntMaze; for rewards of another scale softmax(Q) is another.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from methods import (
    Backbone,
    Batch,
    Best,
    Bounds,
    Component,
    Count,
    CriticConfig,
    Denoiser,
    DenoiserObjective,
    Draw,
    Group,
    Knob,
    NetworkDenoiser,
    NonNegative,
    Objective,
    Part,
    Positive,
    Rate,
    SamplerConfig,
    SeedStreams,
    Selection,
    Setup,
    SlotMethod,
    Step,
    StreamNoise,
    Trained,
    TwinQ,
    register,
    sample_with_gradient,
)

LEAST = 1e-6
"""E|Q| is taken for at least as much, so that a Q of 0 everywhere has no slope rather than an infinite one."""


@dataclass(frozen=True)
class Improvement:
    """How a policy's loss raises Q.

    Attributes:
        eta: η.
        sampler: how actions are drawn in training, the one by which the policy acts.
        low, high: per-dimension range of the actions.
        clip: the greatest norm of a seed's gradient, or None.
    """

    eta: float
    sampler: SamplerConfig
    low: tuple[float, ...]
    high: tuple[float, ...]
    clip: float | None

    def bounds(self, step: Step) -> dict[str, Tensor]:
        """The range as tensors, to be computed before the first step; see `draw`."""
        device = step.data.actions.device
        return {"low": torch.tensor(self.low, device=device), "high": torch.tensor(self.high, device=device)}

    def draw(
        self, policy: Denoiser, observations: Float[Tensor, "seed batch observation"], step: Step
    ) -> Float[Tensor, "seed batch action"]:
        """An action of the policy at every observation, by the whole reverse chain and with its gradient.

        A backbone with dropout has none in the chain, as where the policy acts.
        """
        bounds = Bounds(step.precomputed["low"], step.precomputed["high"])
        noise = StreamNoise(step.noise, observations.shape[1])
        return sample_with_gradient(policy, observations, noise, self.sampler, bounds)

    def loss(
        self,
        policy: NetworkDenoiser,
        batch: Batch,
        step: Step,
        value: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]],
    ) -> Float[Tensor, " seed"]:
        """L_d + L_q.

        Args:
            policy: what is trained.
            batch: transitions.
            step: the random numbers, and the learning curve for both parts.
            value: (observations, actions) → the Q that is raised, and the one that gives its size.
        """
        cloning = policy.noise_loss(batch.actions, batch.observations, step.noise) / policy.channels
        raised, sized = value(batch.observations, self.draw(policy, batch.observations, step))
        improvement = -self.eta * raised.mean(-1) / sized.detach().abs().mean(-1).clamp(min=LEAST)
        step.record("cloning_loss", cloning)
        step.record("q_loss", improvement)
        return cloning + improvement


@dataclass(frozen=True)
class ImprovedPolicy(DenoiserObjective):
    """A policy that is trained against a critic that was made before, whose Q is both raised and its own size.

    Attributes:
        critic: gives Q.
        improvement: how Q is raised.
    """

    kind: ClassVar[str] = "dql-policy"
    critic: Component
    improvement: Improvement

    @property
    def groups(self) -> tuple[Group, ...]:
        """The shared backbone's, with its gradient clipped."""
        return tuple(replace(group, clip=self.improvement.clip) for group in self.backbone.config.groups)

    def upstream(self) -> Mapping[str, Component]:
        """The critic."""
        return {"critic": self.critic}

    def precompute(self, step: Step) -> dict[str, Tensor]:
        """The range of the actions."""
        return self.improvement.bounds(step)

    def losses(self, module: NetworkDenoiser, step: Step) -> Mapping[str, Float[Tensor, " seed"]]:
        """L_d + L_q."""
        batch = step.sample_batch(self.batch_size)

        def value(observations: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
            q = step.models["critic"].q(observations, actions)
            return q, q

        return {"loss": self.improvement.loss(module, batch, step, value)}


@dataclass(frozen=True)
class Backup:
    """What Q is regressed on.

    Attributes:
        actions: of the target policy at every next state, of which Q' takes the best.
        rate: at which the target policy follows.
        every: steps from one time that it does to the next.
        start: steps before the first.
    """

    actions: int
    rate: float
    every: int
    start: int


class ActorCriticNetworks(nn.Module):
    """A policy, the average of it that Q's targets are of, and twin Q, of all seeds."""

    def __init__(self, streams: SeedStreams, component: "ActorCritic"):
        super().__init__()
        self.policy = component.backbone.build(streams)
        self.target_policy = component.backbone.build(streams).requires_grad_(False)
        self.target_policy.load_state_dict(self.policy.state_dict())
        sizes = component.backbone.observation_dim, component.backbone.action_dim
        self.critic = TwinQ(streams, component.config, *sizes, activation="mish")
        self.register_buffer("number", torch.zeros(len(streams), device=streams.device))

    @torch.no_grad()
    def follow(self, backup: Backup) -> None:
        """One step of both targets: the policy's at its turn, which a count of its own tells, and Q's always."""
        number = self.get_buffer("number")
        turn = (number >= backup.start) & (number % backup.every == 0)
        pairs = zip(self.target_policy.parameters(), self.policy.parameters(), strict=True)
        for target, source in pairs:
            target.lerp_(source, (backup.rate * turn).view(-1, *[1] * (target.dim() - 1)))
        self.critic.follow()
        number += 1


@dataclass(frozen=True)
class ActorCritic(Trained[ActorCriticNetworks]):
    """Policy and Q, trained together on the same batches for the denoiser's steps.

    Attributes:
        backbone: network, schedule and training of the policy.
        config: Q's sizes, learning rate, γ and polyak rate; as in the authors' code Q has the policy's batches,
            number of steps, decay of the learning rate and clipping.
        improvement: how the policy raises Q.
        backup: what Q is regressed on.
    """

    kind: ClassVar[str] = "dql-actor-critic"
    settings: ClassVar[str | None] = "denoiser"
    backbone: Backbone
    config: CriticConfig
    improvement: Improvement
    backup: Backup

    @property
    def steps(self) -> int:
        """The policy's."""
        return self.backbone.config.steps

    @property
    def precision(self) -> Literal["fp32", "bf16"]:
        """The policy's."""
        return self.backbone.config.precision

    @property
    def groups(self) -> tuple[Group, ...]:
        """Q's and the policy's."""
        (policy,) = self.backbone.config.groups
        clip, q = self.improvement.clip, self.config
        return (
            Group(
                name="critic",
                parameters=("critic.online.",),
                learning_rate=q.learning_rate,
                weight_decay=q.weight_decay,
                decay_steps=policy.decay_steps,
                clip=clip,
            ),
            replace(policy, name="policy", parameters=("policy.",), clip=clip),
        )

    @property
    def remedy(self) -> str:
        """Either of the two may be at fault."""
        return "lower --critic.learning-rate, --denoiser.learning-rate or --dql.eta, or check the data's scale"

    def build(self, streams: SeedStreams) -> ActorCriticNetworks:
        return ActorCriticNetworks(streams, self)

    def precompute(self, step: Step) -> dict[str, Tensor]:
        """The range of the actions."""
        return self.improvement.bounds(step)

    def losses(self, module: ActorCriticNetworks, step: Step) -> Mapping[str, Float[Tensor, " seed"]]:
        """Q's squared error, and L_d + L_q, of one batch."""
        batch, count = step.sample_batch(self.backbone.config.batch_size), self.backup.actions
        following = batch.next_observations.repeat_interleave(count, dim=1)
        with torch.no_grad():
            next_actions = self.improvement.draw(module.target_policy, following, step)
        goal = module.critic.back_up(batch, next_actions.unflatten(1, (-1, count)))
        is_first = step.noise.uniform(1) < 0.5

        def value(observations: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
            """One of the twins, by a coin of each seed, and the other."""
            one, other = module.critic.each_q(observations, actions).unbind(1)
            return torch.where(is_first, one, other), torch.where(is_first, other, one)

        return {
            "critic": module.critic.td_loss(batch, goal),
            "policy": self.improvement.loss(module.policy, batch, step, value),
        }

    def after_step(self, module: ActorCriticNetworks, step: Step) -> None:
        """Target policy and target networks follow."""
        module.follow(self.backup)

    def diagnose(self, module: ActorCriticNetworks, step: Step) -> Sequence:
        """The range of Q on the data against that of the returns."""
        return module.critic.diagnose(step)


@dataclass(frozen=True)
class TrainedPolicy(Part):
    """The policy of the actor-critic, as any other denoiser."""

    kind: ClassVar[str] = "dql-denoiser"
    network: ClassVar[str] = "policy"


@dataclass(frozen=True)
class TrainedCritic(Part):
    """The twin Q of the actor-critic, as any other critic."""

    kind: ClassVar[str] = "dql-critic"
    network: ClassVar[str] = "critic"


@dataclass(frozen=True)
class Improving:
    """The objective: the data's actions, drawn towards a high Q; z = a.

    Attributes:
        policy: the setup → the denoiser's component.
    """

    policy: Callable[[Setup], Component]

    def component(self, setup: Setup) -> Component:
        return self.policy(setup)

    def denoiser(self, model: Denoiser) -> Denoiser:
        return model

    def extra_bounds(self) -> tuple[tuple[float, float], ...]:
        return ()


@register("dql")
@dataclass(frozen=True)
class DiffusionQL(SlotMethod):
    """Objective: behaviour and a high Q. Guidance: none. Selection: one of N candidates by Q.

    Deviation: in a controlled comparison Q is the shared critic's, made before, and does not follow the policy, so
    that methods differ in how they use it; the paper's own is `critic` at `q-learning`, which holds as published.

    `tune` tries both selections and N from 1 to 64, as for every method that selects; with `--training` also η,
    from 0.005 to 4.5 as in the authors' code.

    Attributes:
        eta: η, the weight of Q (1 on locomotion).
        critic: `shared`, the comparison's critic, or `q-learning`, twin Q trained with the policy. On the toy sets
            Q is known, and neither is learned.
        backup_actions: next actions of which each target network takes the best; the authors' max-Q backup has 10,
            on AntMaze. This setting and the next three are those of `q-learning`.
        target_rate: rate of the average of the policy that next actions are drawn by.
        target_every: steps from one averaging to the next.
        target_start: steps before the first one; until then next actions are of the untrained policy.
        gradient_clip: the greatest norm of a seed's gradient, of the policy's and of Q's each; None clips none.
        candidates: N; 1 takes the first draw, as in the paper.
        select: `draw` in proportion to e^Q (the authors' code), or `best`, the highest Q; Q is the lower of the
            twin target networks.
    """

    title: ClassVar[str] = "Diffusion-QL"
    paper: ClassVar[str] = "Diffusion-QL, arXiv 2208.06193"
    knobs: ClassVar[Mapping[str, Knob]] = {
        "candidates": Knob(1, 64, log=True),
        "select": Knob(choices=("draw", "best")),
        "eta": Knob(0.005, 4.5, log=True),
    }
    in_default_comparison: ClassVar[bool] = False
    eta: NonNegative = 1.0
    critic: Literal["shared", "q-learning"] = "shared"
    backup_actions: Count = 1
    target_rate: Rate = 0.005
    target_every: Count = 5
    target_start: Count = 1000
    gradient_clip: Positive | None = None
    candidates: Count = 50
    select: Literal["draw", "best"] = "draw"

    def objective(self) -> Objective:
        """L_d + L_q."""
        return Improving(self._policy)

    def selection(self) -> Selection:
        """By softmax(Q), or argmax Q."""
        if self.select == "best":
            return Best(self.candidates, needs=self._critic)
        return Draw(self.candidates, needs=self._critic, is_log=True)

    def _policy(self, setup: Setup) -> Component:
        """Trained with its own Q, or against the made critic."""
        if self._learns(setup):
            return TrainedPolicy(self._actor_critic(setup))
        return ImprovedPolicy(setup.backbone, setup.critic(), self._improvement(setup))

    def _critic(self, setup: Setup) -> Mapping[str, Component]:
        """What candidates are valued by."""
        return {"critic": TrainedCritic(self._actor_critic(setup)) if self._learns(setup) else setup.critic()}

    def _learns(self, setup: Setup) -> bool:
        """Whether Q is learned here."""
        return self.critic == "q-learning" and setup.known_critic is None

    def _improvement(self, setup: Setup) -> Improvement:
        return Improvement(self.eta, setup.sampler, setup.action_low, setup.action_high, self.gradient_clip)

    def _actor_critic(self, setup: Setup) -> ActorCritic:
        backup = Backup(self.backup_actions, self.target_rate, self.target_every, self.target_start)
        return ActorCritic(setup.backbone, setup.critic_config, self._improvement(setup), backup)
