"""Diffusion-QL: a diffusion policy trained to copy the data and to raise Q at once (arXiv 2208.06193).

The policy's loss is L = L_d + L_q. L_d is noise prediction on the data's actions;
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

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from methods import (
    ActionObjective,
    Batch,
    Best,
    Component,
    Count,
    DiffusionActorCritic,
    Draw,
    Knob,
    NetworkDenoiser,
    NonNegative,
    PolicyDraws,
    PolicyObjective,
    Positive,
    Rate,
    Setup,
    SlotMethod,
    Step,
    register,
)

LEAST = 1e-6
"""E|Q| is taken for at least as much, so that a Q of 0 everywhere has no slope rather than an infinite one."""


@dataclass(frozen=True)
class ImprovedPolicy(PolicyObjective):
    """L_d + L_q against a made critic, whose Q is both raised and its own size.

    Attributes:
        eta: η.
    """

    kind: ClassVar[str] = "dql-policy"
    eta: float

    def losses(self, module: NetworkDenoiser, step: Step) -> Mapping[str, Float[Tensor, " seed"]]:
        """L_d + L_q."""
        batch = step.sample_batch(self.batch_size)
        cloning = clone(module, batch, step)
        q = step.models["critic"].q(batch.observations, self.draws.draw(module, batch.observations, step))
        return {"loss": cloning + improve(self.eta, q, q, step)}


@dataclass(frozen=True)
class DQLActorCritic(DiffusionActorCritic):
    """L_d + L_q, of Q that is trained with the policy; Q has Mish, as in the paper.

    Attributes:
        eta: η.
    """

    kind: ClassVar[str] = "dql-actor-critic"
    activation: ClassVar[str] = "mish"
    eta: float

    def policy_loss(
        self, policy: NetworkDenoiser, each_q: Callable[[Tensor, Tensor], Tensor], batch: Batch, step: Step
    ) -> Float[Tensor, " seed"]:
        """L_d + L_q; a coin of each seed says which of the twins is raised."""
        is_first = step.noise.uniform(1) < 0.5
        cloning = clone(policy, batch, step)
        actions = self.draws.draw(policy, batch.observations, step)
        one, other = each_q(batch.observations, actions).unbind(1)
        raised, sized = torch.where(is_first, one, other), torch.where(is_first, other, one)
        return cloning + improve(self.eta, raised, sized, step)


def clone(policy: NetworkDenoiser, batch: Batch, step: Step) -> Float[Tensor, " seed"]:
    """L_d, the mean squared error of the predicted noise over rows and channels."""
    loss = policy.noise_loss(batch.actions, batch.observations, step.noise) / policy.channels
    step.record("cloning_loss", loss)
    return loss


def improve(
    eta: float, raised: Float[Tensor, "seed batch"], sized: Float[Tensor, "seed batch"], step: Step
) -> Float[Tensor, " seed"]:
    """L_q = -η E[Q]/E|Q|.

    Args:
        eta: η.
        raised: Q that is raised.
        sized: Q that gives the size, without gradient.
        step: for the learning curve.
    """
    loss = -eta * raised.mean(-1) / sized.detach().abs().mean(-1).clamp(min=LEAST)
    step.record("q_loss", loss)
    return loss


@register("dql")
@dataclass(frozen=True)
class DiffusionQL(SlotMethod):
    """Objective: behaviour and a high Q. Guidance: none. Selection: one of N candidates by Q.

    No given law: its policy is a compromise between the data's actions and a high Q, which η sets.

    Deviation: in a controlled comparison Q is the shared critic's, made before, and does not follow the policy, so
    that methods differ in how they use it; the paper's own is `critic` at `q-learning`, which holds as published.

    `tune` tries both selections and N from 1 to 64, as for every method that selects; with `--training` also η,
    from 0.005 to 4.5 as in the authors' code.

    Attributes:
        eta: η, the weight of Q (1 on locomotion).
        critic: `shared`, the comparison's critic, or `q-learning`, twin Q trained with the policy whatever
            `critic.kind` says. On the toy sets Q is known, and neither is learned. The twin Q has the sizes, rate,
            γ and target rate of `critic.*`; steps, batches and precision are those of `denoiser.*`.
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

    def objective(self) -> ActionObjective:
        """L_d + L_q."""
        return ActionObjective(self._policy)

    def selection(self) -> Best | Draw:
        """By softmax(Q), or argmax Q."""
        if self.select == "best":
            return Best(self.candidates, needs=self._critic)
        return Draw(self.candidates, needs=self._critic, is_log=True)

    def _policy(self, setup: Setup) -> Component:
        """Trained with its own Q, or against the made critic."""
        if self._learns(setup):
            return self._actor_critic(setup).policy_alone()
        return ImprovedPolicy(
            setup.backbone, setup.q_critic(), PolicyDraws.of(setup), self.gradient_clip, self.eta
        )

    def _critic(self, setup: Setup) -> Mapping[str, Component]:
        """What candidates are valued by."""
        return {"critic": self._actor_critic(setup).q_alone() if self._learns(setup) else setup.q_critic()}

    def _learns(self, setup: Setup) -> bool:
        """Whether Q is learned here."""
        return self.critic == "q-learning" and setup.known_critic is None

    def _actor_critic(self, setup: Setup) -> DQLActorCritic:
        return DQLActorCritic(
            setup.backbone,
            setup.critic_config,
            PolicyDraws.of(setup),
            self.gradient_clip,
            self.backup_actions,
            self.target_rate,
            self.target_every,
            self.target_start,
            self.eta,
        )
