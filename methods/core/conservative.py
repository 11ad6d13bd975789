"""Conservative Q: soft actor-critic with a penalty on Q of actions that the data do not have (arXiv 2006.04779).

The equations are in `methods/cql.py`, the policy by itself.

Deviation (cql): eq. 4 halves the squared error, the authors' code does not, and nor does this file: α is the
code's.

Deviation (cql): all losses of a step are of the parameters before it; in the authors' code η moves before the
policy's loss is taken. log(1 - tanh² u) is exact here; the code adds a millionth inside the logarithm, and keeps
m(s) within 9 in the likelihood of the data's actions.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from critics.config import CriticConfig
from methods.core.actor_critic import ActorCritic, ActorCriticNetworks
from methods.core.actor_networks import ActorConfig, SquashedGaussianActor
from training import Batch, Group, SeedStreams, Step

GREATEST_MULTIPLIER = 1e6


class CQLNetworks(ActorCriticNetworks[SquashedGaussianActor]):
    """The policy and twin Q, and the logarithms of what weighs them.

    Attributes:
        log_entropy_weight: log η, (seed, 1).
        log_multiplier: logarithm of the Lagrange multiplier, (seed, 1); only with a threshold.
        done: buffer (seed, 1), the steps done.
    """

    def __init__(self, streams: SeedStreams, component: "ConservativeQ"):
        super().__init__(streams, component, SquashedGaussianActor)
        zeros = torch.zeros(len(streams), 1, device=streams.device)
        self.log_entropy_weight = nn.Parameter(zeros.clone())
        if component.threshold is not None:
            self.log_multiplier = nn.Parameter(zeros.clone())
        self.register_buffer("done", zeros)


@dataclass(frozen=True)
class ConservativeQ(ActorCritic[CQLNetworks]):
    """Policy and Q, trained together; as the shared critic its Q alone is asked.

    Deviation (aepo): to compare critics the paper has E_π[Q] in the place of log Σ_a e^{Q}, and gives no weight of
    the penalty.

    Attributes:
        alpha: α, which weighs the penalty.
        threshold: τ of the Lagrange multiplier, or None for none.
        actions: N, draws from each of the three laws.
        max_backup: whether the backup takes the greatest Q' of N draws of π(s').
        warm_up_steps: first steps in which the policy follows the data's likelihood, or None.
    """

    kind: ClassVar[str] = "cql"
    alpha: float
    threshold: float | None
    actions: int
    max_backup: bool
    warm_up_steps: int | None

    @staticmethod
    def of(
        config: CriticConfig,
        observation_dim: int,
        action_dim: int,
        alpha: float,
        learning_rate: float | None = None,
    ) -> "ConservativeQ":
        """With a set α and 10 actions of each law.

        Args:
            config: of networks and training.
            observation_dim, action_dim: sizes of s and a.
            alpha: α.
            learning_rate: the policy's; a third of Q's if left out, as 1e-4 is of 3e-4.
        """
        rate = config.learning_rate / 3 if learning_rate is None else learning_rate
        actor = ActorConfig.of(config, observation_dim, action_dim, rate)
        return ConservativeQ(config, observation_dim, action_dim, actor, alpha, None, 10, False, None)

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
        module.follow()
        module.get_buffer("done").add_(1)
