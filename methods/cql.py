"""CQL(H): soft actor-critic with a penalty on Q's of actions that the data do not have (arXiv 2006.04779).

    L_Q = Σ_i { E[(Q_i(s, a) - r - γ (1 - d) min_j Q'_j(s', a'))²] + α (E[log Σ_a e^{Q_i(s, a)}] - E[Q_i(s, a)]) }
with a' ~ π(s') (eq. 4; Q' are targets). The sum over actions is estimated from N uniform actions, N of π(s) and N
of π(s'), each by e^{Q} over its density. L_π = E[η log π(ã | s) - min_i Q_i(s, ã)] with ã ~ π(s); the
entropy's weight η is set so that π has entropy -n, n the action dimensions. With a threshold τ the penalty is
m (α (…) - τ), m a Lagrange multiplier that rises while α (…) is above τ.

Policy and Q are `ConservativeQ` of `methods/core/conservative.py`, whose Q `critic.kind` cql gives to all methods.

Deviation: rewards are the task's for every method; on AntMaze the authors' code takes 4 (r - ½).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from methods import ActorMethod, ConservativeQ, Count, Knob, NonNegative, Positive, Setup, register


@register("cql")
@dataclass(frozen=True)
class CQL(ActorMethod):
    """One Gaussian policy squashed by tanh that follows its own conservative Q; it acts by its mean.

    No given law: its action is the mean of a policy of high entropy and of a high Q that is pessimistic.

    Its critic is trained together with it, so it is not the shared one whatever `critic.kind` says, but has the
    settings of that one's Q: size, steps, batch, rate, γ and target rate. `tune --training` tries α from 1 to 10,
    of which the authors' code has 1, 5 and 10.

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
        sizes = setup.critic_config, setup.observation_dim, setup.action_dim
        return replace(
            ConservativeQ.of(*sizes, self.alpha, self.learning_rate),
            threshold=self.threshold,
            actions=self.actions,
            max_backup=self.max_backup,
            warm_up_steps=self.warm_up_steps,
        )
