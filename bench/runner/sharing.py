"""What sharing saves: components that several methods need are trained once for all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.runner.estimate import Estimated
from bench.runner.nodes import sort_upstream_first
from bench.runner.plan import TaskPlan


@dataclass(frozen=True)
class Sharing:
    """Training of several methods together, and of each as if alone.

    Attributes:
        together: expected seconds for all of them.
        alone: of each method with something to train, by its name.
    """

    together: float
    alone: Mapping[str, float]

    @property
    def dearest(self) -> str:
        """The method that takes the most alone."""
        return max(self.alone, key=lambda name: self.alone[name])

    def describe(self) -> str:
        """In a sentence of the plan."""
        dearest, each = self.together / self.alone[self.dearest], self.together / sum(self.alone.values())
        return (
            f"sharing: training of these {len(self.alone)} methods together costs {dearest:.2f} of the dearest "
            f"alone ({self.dearest}) and {each:.2f} of the sum of each alone"
        )


def estimate_sharing(plans: Sequence[TaskPlan], estimates: Sequence[Estimated]) -> Sharing | None:
    """What is still to be trained for all open cells together, and for those of each method.

    A method alone would train its seeds of a component; with some of the others' seeds only, it takes their share.

    Args:
        plans: of every task.
        estimates: of each of the plans.

    Returns:
        None where fewer than two methods have something to train.
    """
    alone: dict[str, float] = {}
    for plan, estimated in zip(plans, estimates, strict=True):
        missing = {node.label: set(seeds) for node, seeds in plan.missing}
        needed: dict[str, dict[str, set[int]]] = {}
        for planned in plan.open:
            own = needed.setdefault(planned.cell.name, {})
            for node in sort_upstream_first(planned.models.values()):
                own.setdefault(node.label, set()).add(planned.cell.seed)
        for name, seeds_of in needed.items():
            for label in seeds_of.keys() & missing.keys():
                share = len(seeds_of[label] & missing[label]) / len(missing[label])
                alone[name] = alone.get(name, 0.0) + share * estimated.making[label]
    alone = {name: seconds for name, seconds in alone.items() if seconds > 0}
    together = sum(seconds for estimated in estimates for seconds in estimated.making.values())
    return Sharing(together, alone) if len(alone) > 1 else None
