"""CQL(H): soft actor-critic with a penalty on Q's of actions that the data do not have (arXiv 2006.04779).

    L_Q = Σ_i { E[(Q_i(s, a) - r - γ (1 - d) min_j Q'_j(s', a'))²] + α (E[log Σ_a e^{Q_i(s, a)}] - E[Q_i(s, a)]) }
with a' ~ π(s') (eq. 4; Q' are targets). The sum over actions is estimated from N uniform actions, N of π(s) and N
of π(s'), each by e^{Q} over its density. L_π = E[η log π(ã | s) - min_i Q_i(s, ã)] with ã ~ π(s); the
entropy's weight η is set so that π has entropy -n, n the action dimensions. With a threshold τ the penalty is
m (α (…) - τ), m a Lagrange multiplier that rises while α (…) is above τ.

Deviation: eq. 4 halves the squared error, the authors' code does not, and nor does this file: α is the code's.

Deviation: all losses of a step are of the parameters before it; in the authors' code η moves before the policy's
loss is taken. log(1 - tanh² u) is exact here; the code adds a millionth inside the logarithm, and keeps m(s)
within 9 in the likelihood of the data's actions.

Deviation: rewards are the task's for every method; on AntMaze the authors' code takes 4 (r - ½).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from methods import (
    ActorCritic,
    ActorCriticNetworks,
    ActorMethod,
    Batch,
    Count,
    Group,
    Knob,
    NonNegative,
    Positive,
    SeedStreams,
    Setup,
    SquashedGaussianActor,
    Step,
    polyak_update,
    register,
    size_actor,
)

GREATEST_MULTIPLIER = 1e6


class CQLNetworks(ActorCriticNetworks[SquashedGaussianActor]):
    """The policy and twin Q, and the logarithms of what weighs them.

    Attributes:
        log_entropy_weight: log η, (seed, 1).
        log_multiplier: logarithm of the Lagrange multiplier, (seed, 1); only with a threshold.
        done: buffer (seed, 1), the steps done.
    """

    def __init__(self, streams: SeedStreams, component: "ConservativeQ"):
        super().__init__(streams, component.actor, SquashedGaussianActor)
        zeros = torch.zeros(len(streams), 1, device=streams.device)
        self.log_entropy_weight = nn.Parameter(zeros.clone())
        if component.threshold is not None:
            self.log_multiplier = nn.Parameter(zeros.clone())
        self.register_buffer("done", zeros)


@dataclass(frozen=True)
class ConservativeQ(ActorCritic[CQLNetworks]):
    """Policy and Q, trained together.

    Attributes:
        alpha, threshold, actions, max_backup, warm_up_steps: see `CQL`.
    """

    kind: ClassVar[str] = "cql"
    alpha: float
    threshold: float | None
    actions: int
    max_backup: bool
    warm_up_steps: int | None

    @property
    def groups(self) -> tuple[Group, ...]:
        """Entropy's weight and policy at the policy's rate; Q and the multiplier at that of Q."""
        rate, own = self.config.learning_rate, self.actor.learning_rate
        multiplier = (self.make_group("multiplier", "log_multiplier", rate),) if self.threshold is not None else ()
        return (
            self.make_group("entropy", "log_entropy_weight", own),
            *multiplier,
            self.make_group("critic", "twin_q.", rate),
            self.make_group("actor", "actor.", own),
        )

    def build(self, streams: SeedStreams) -> CQLNetworks:
        return CQLNetworks(streams, self)

    def losses(self, module: CQLNetworks, step: Step) -> Mapping[str, Tensor]:
        """Of the entropy's weight, the policy, Q, and the multiplier where there is one."""
        batch = step.sample_batch(self.config.batch_size)
        twin = module.each_q(batch.observations, batch.actions)
        entropy, actor = self.lose_policy(module, batch, step)
        td = self.td_errors(twin, batch, self.value_next(module, batch, step))
        penalty = self.alpha * (self.sum_actions(module, batch, step) - twin).mean(-1)
        step.record("td_loss", td.sum(1))
        step.record("penalty", penalty.sum(1))
        found = {"entropy": entropy, "actor": actor}
        if self.threshold is None:
            return {**found, "critic": (td + penalty).sum(1)}
        multiplier = module.log_multiplier.exp().clamp(max=GREATEST_MULTIPLIER)
        excess = penalty - self.threshold
        return {
            **found,
            "critic": (td + multiplier.detach() * excess).sum(1),
            "multiplier": -(multiplier * excess.detach()).mean(1),
        }

    def lose_policy(self, module: CQLNetworks, batch: Batch, step: Step) -> tuple[Tensor, Tensor]:
        """The losses of the entropy's weight and of the policy, (seed,) each.

        In the first steps the policy follows the data's likelihood in the place of Q, as in the authors' code.
        """
        noise = step.noise.normal(len(batch.index[0]), 1, self.action_dim)
        actions, log_prob = (each.squeeze(2) for each in module.actor.sample(batch.observations, noise))
        weight = module.log_entropy_weight
        entropy = -(weight * (log_prob.detach() - self.action_dim)).mean(-1)
        value = module.each_q(batch.observations, actions).amin(1)
        if self.warm_up_steps is not None:
            likelihood = module.actor.log_prob(batch.observations, batch.actions)
            value = torch.where(module.get_buffer("done") < self.warm_up_steps, likelihood, value)
        return entropy, (weight.detach().exp() * log_prob - value).mean(-1)

    @torch.no_grad()
    def value_next(self, module: CQLNetworks, batch: Batch, step: Step) -> Tensor:
        """Q'(s', a') at one draw of the policy, or the greatest of several, (seed, batch)."""
        rows, count = len(batch.index[0]), self.actions if self.max_backup else 1
        noise = step.noise.normal(rows, count, self.action_dim)
        actions, _ = module.actor.sample(batch.next_observations, noise)
        repeated = batch.next_observations.repeat_interleave(count, dim=1)
        each = module.each_target(repeated, actions.flatten(1, 2)).unflatten(2, (rows, count))
        return each.amax(-1).amin(1)

    def sum_actions(self, module: CQLNetworks, batch: Batch, step: Step) -> Tensor:
        """log Σ_a e^{Q(s, a)} of each of the twins, (seed, 2, batch); actions are weighed by their density."""
        with torch.no_grad():
            shape = (len(batch.index[0]), self.actions, self.action_dim)
            here, of_here = module.actor.sample(batch.observations, step.noise.normal(*shape))
            there, of_there = module.actor.sample(batch.next_observations, step.noise.normal(*shape))
            anywhere = 2 * step.noise.uniform(*shape) - 1
            of_anywhere = torch.full_like(of_here, -self.action_dim * math.log(2))
            log_density = torch.cat([of_anywhere, of_there, of_here], 2)[:, None]
        actions = torch.cat([anywhere, there, here], 2)
        repeated = batch.observations.repeat_interleave(actions.shape[2], dim=1)
        q = module.each_q(repeated, actions.flatten(1, 2)).unflatten(2, actions.shape[1:3])
        return (q - log_density).logsumexp(-1)

    def after_step(self, module: CQLNetworks, step: Step) -> None:
        """The targets follow Q."""
        polyak_update(module.target_q, module.twin_q, self.config.polyak)
        module.get_buffer("done").add_(1)


@register("cql")
@dataclass(frozen=True)
class CQL(ActorMethod):
    """One Gaussian policy squashed by tanh that follows its own conservative Q; it acts by its mean.

    No given law: its action is the mean of a policy of high entropy and of a high Q that is pessimistic.

    Its critic is trained together with it, so it is not the shared one, but has that one's settings `critic.*`:
    size, steps, batch, rate, γ and target rate. `tune --training` tries α from 1 to 10, of which the
    authors' code has 1, 5 and 10.

    Attributes:
        alpha: α, which weighs the penalty.
        threshold: τ of the Lagrange multiplier; without it α is as it is.
        actions: N, draws from each of three laws for the sum over actions.
        max_backup: bootstrap from the greatest Q' among N draws of π(s') in the place of one draw's.
        warm_up_steps: first steps in which the policy follows the data's likelihood (40,000 in the code), or None.
        learning_rate: the policy's and that of the entropy's weight; if left out a third of Q's,
            `critic.learning_rate`, as 1e-4 is of 3e-4.
    """

    title: ClassVar[str] = "CQL"
    paper: ClassVar[str] = "CQL, arXiv 2006.04779"
    knobs: ClassVar[Mapping[str, Knob]] = {"alpha": Knob(1.0, 10.0, log=True)}
    alpha: Positive = 5.0
    threshold: NonNegative | None = None
    actions: Count = 10
    max_backup: bool = False
    warm_up_steps: Count | None = None
    learning_rate: Positive | None = None

    def actor(self, setup: Setup) -> ConservativeQ:
        rate = setup.critic_config.learning_rate / 3 if self.learning_rate is None else self.learning_rate
        return ConservativeQ(
            setup.critic_config,
            setup.observation_dim,
            setup.action_dim,
            size_actor(setup, rate),
            self.alpha,
            self.threshold,
            self.actions,
            self.max_backup,
            self.warm_up_steps,
        )
