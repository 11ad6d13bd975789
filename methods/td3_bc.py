"""TD3+BC: TD3 with the squared distance from the data's actions in the actor's loss (arXiv 2106.06860).

    L_π = -λ E[Q_1(s, π(s))] + E[|π(s) - a|²]/n,  λ = α / E|Q_1|        (eq. 3, 5; n action dimensions)
    L_Q = Σ_i E[(Q_i(s, a) - r - γ (1 - d) min_j Q'_j(s', ã))²],  ã = π'(s') + clip(ε, ±c)
with the observations rescaled over the data (eq. 4). Actor and targets Q', π' move in every second step of Q.

Deviation: both losses of a step are of the parameters before it, so that the actor follows the Q that the step
before has left, and it moves in the first step, the third and so on; in the authors' code Q moves first in every
step, and the actor in the second, the fourth and so on. The two differ by one Adam step of lag.
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from methods import (
    Actor,
    ActorCritic,
    ActorCriticNetworks,
    ActorMethod,
    Component,
    Count,
    Group,
    Knob,
    NonNegative,
    ObservationScale,
    Positive,
    SeedStreams,
    Setup,
    Step,
    polyak_update,
    register,
    rescale,
    size_actor,
)


class TD3Networks(ActorCriticNetworks[Actor]):
    """Actor and twin Q, each with a target."""

    def __init__(self, streams: SeedStreams, component: "TD3"):
        super().__init__(streams, component, Actor)
        self.target_actor = copy.deepcopy(self.actor).requires_grad_(False)


@dataclass(frozen=True)
class TD3(ActorCritic[TD3Networks]):
    """Actor and Q, trained together.

    Attributes:
        alpha, scale, noise, noise_clip, delay, normalise: see `TD3BC`.
    """

    kind: ClassVar[str] = "td3-bc"
    alpha: float
    scale: Literal["policy", "data"]
    noise: float
    noise_clip: float
    delay: int
    normalise: bool

    def upstream(self) -> Mapping[str, Component]:
        """The scale of the observations, where they are rescaled."""
        return {"scale": ObservationScale(self.observation_dim)} if self.normalise else {}

    @property
    def groups(self) -> tuple[Group, ...]:
        """Q in every step, the actor in every `delay`-th."""
        return (
            self.make_group("critic", "twin_q.", self.config.learning_rate),
            self.make_group("actor", "actor.", self.actor.learning_rate, every=self.delay),
        )

    def build(self, streams: SeedStreams) -> TD3Networks:
        return TD3Networks(streams, self)

    def losses(self, module: TD3Networks, step: Step) -> Mapping[str, Tensor]:
        """Those of Q and of the actor, which is shown in the steps that are not its own too."""
        batch = step.sample_batch(self.config.batch_size)
        observations = rescale(step.models, batch.observations)
        twin = module.each_q(observations, batch.actions)
        with torch.no_grad():
            next_observations = rescale(step.models, batch.next_observations)
            noise = (self.noise * step.noise.normal(*batch.actions.shape[1:])).clamp(
                -self.noise_clip, self.noise_clip
            )
            next_actions = (module.target_actor(next_observations) + noise).clamp(-1, 1)
            next_q = module.q(next_observations, next_actions)
        with torch.set_grad_enabled(step.is_due("actor")):
            actor = self.lose_actor(module, observations, batch.actions, twin[:, 0].detach())
        return {"critic": self.td_errors(twin, batch, next_q).sum(1), "actor": actor}

    def lose_actor(self, module: TD3Networks, observations: Tensor, actions: Tensor, q: Tensor) -> Tensor:
        """The actor's loss, (seed,).

        Args:
            module: the networks.
            observations: rescaled, (seed, batch, observation).
            actions: of the data, (seed, batch, action).
            q: Q_1 of these actions, (seed, batch).
        """
        chosen = module.actor(observations)
        value = module.each_q(observations, chosen)[:, 0]
        size = value.detach() if self.scale == "policy" else q
        strength = self.alpha / size.abs().mean(-1)
        return (chosen - actions).square().mean((1, 2)) - strength * value.mean(-1)

    def after_step(self, module: TD3Networks, step: Step) -> None:
        """The targets follow whenever the actor moves."""
        if step.is_due("actor"):
            module.follow()
            polyak_update(module.target_actor, module.actor, self.config.polyak)


@register("td3-bc")
@dataclass(frozen=True)
class TD3BC(ActorMethod):
    """One deterministic actor that follows its own Q and stays near the data's actions.

    No given law: its action is a compromise between a high Q and the distance from the data's, which α sets.

    Its critic is trained together with it, so it is not the shared one whatever `critic.kind` says, but has the
    settings of that one's Q: size, steps, batch, rate, γ and target rate. `tune --training` tries α from 1 to 4,
    the range that the paper tried (appendix B).

    Attributes:
        alpha: α, by which Q counts against the distance from the data.
        scale: where |Q_1| is taken for λ: at the `policy`'s actions (the code), or at the `data`'s (the paper).
        noise: deviation of ε, which smooths the target policy.
        noise_clip: c.
        delay: steps of Q for one of the actor and the targets.
        normalise: rescale the observations to mean 0 and deviation 1 over the data; off on AntMaze in the paper
            (C.1), which its code has no runs of.
        learning_rate: the actor's; that of Q, `critic.learning_rate`, if left out.
    """

    title: ClassVar[str] = "TD3+BC"
    paper: ClassVar[str] = "TD3+BC, arXiv 2106.06860"
    knobs: ClassVar[Mapping[str, Knob]] = {"alpha": Knob(1.0, 4.0)}
    alpha: Positive = 2.5
    scale: Literal["policy", "data"] = "policy"
    noise: NonNegative = 0.2
    noise_clip: NonNegative = 0.5
    delay: Count = 2
    normalise: bool = True
    learning_rate: Positive | None = None

    def actor(self, setup: Setup) -> TD3:
        return TD3(
            setup.critic_config,
            setup.observation_dim,
            setup.action_dim,
            size_actor(setup, self.learning_rate),
            self.alpha,
            self.scale,
            self.noise,
            self.noise_clip,
            self.delay,
            self.normalise,
        )
