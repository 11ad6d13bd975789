"""A policy whose actions are counted while it is evaluated, so that its evaluations can be read per action."""

from dataclasses import dataclass, field
from typing import Any

from methods.core.policy import Policy
from methods.diffusion.guidance import Counts
from methods.diffusion.noise import Noise
from training.shapes import Actions, Observations, PerRow


@dataclass
class CountedPolicy:
    """A policy around a policy, which acts as that does.

    Attributes:
        policy: what is wrapped.
        counts: the wrapped policy's.
        actions: that were asked for, of each seed.
    """

    policy: Policy
    counts: Counts = field(init=False)
    actions: int = 0

    def __post_init__(self) -> None:
        self.counts = self.policy.counts

    def act(self, observations: Observations, rho: PerRow, noise: Noise) -> Actions:
        """The wrapped policy's actions; every row of the observations counts, also of a finished episode."""
        self.actions += observations.shape[1]
        return self.policy.act(observations, rho, noise)

    def of_seed(self, row: int) -> dict[str, Any]:
        """The counts of one seed, by its place on the seed axis, `actions` among its evaluations."""
        counts = self.counts.of_seed(row)
        return {**counts, "evaluations": {**counts["evaluations"], "actions": self.actions}}
