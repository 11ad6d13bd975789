"""What is there of a suite of which cells are missing, and the part of it that can be compared.

Compared are the tasks × seeds that every compared variant has, so that no mean is over other cells than another's.
Which part that is depends on which cells are there, and on no score.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from reports.load.schema import Result

CellName = tuple[str, str, int]
"""Task, variant and seed."""


@dataclass(frozen=True)
class Matrix:
    """The axes of a full matrix, in the order they are printed."""

    tasks: tuple[str, ...]
    variants: tuple[str, ...]
    seeds: tuple[int, ...]

    @property
    def cells(self) -> tuple[CellName, ...]:
        """Every cell, ordered by task, variant and seed."""
        return tuple(
            (task, variant, seed) for task in self.tasks for variant in self.variants for seed in self.seeds
        )


@dataclass(frozen=True)
class Partial:
    """What is there of a suite's cells, of variants without a failed one.

    Attributes:
        whole: the axes of all cells, planned or there.
        there: each cell that has a result, with it.
        left_out: those of them that are not compared.
        planned: the cells of the last plan that have none.
    """

    whole: Matrix
    there: Mapping[CellName, Result] = field(repr=False)
    left_out: tuple[CellName, ...] = field(repr=False)
    planned: frozenset[CellName] = field(default=frozenset(), repr=False)

    @property
    def missing(self) -> tuple[CellName, ...]:
        """The cells without a result, ordered by task, variant and seed."""
        return tuple(cell for cell in self.whole.cells if cell not in self.there)

    def count_seeds(self, task: str, variant: str) -> int:
        """How many seeds of a task and variant are there."""
        return sum((task, variant, seed) in self.there for seed in self.whole.seeds)

    def scores_of(self, task: str, variant: str) -> dict[int, float]:
        """Seed to score of those that are there, in the metric's unit."""
        cells = ((task, variant, seed) for seed in self.whole.seeds)
        return {cell[2]: self.there[cell].score for cell in cells if cell in self.there}


def choose_compared(whole: Matrix, there: Collection[CellName]) -> Matrix:
    """The largest full matrix, in tasks × seeds, of all variants that have a result; of equal ones the most seeds.

    Where these have no task and seed in common, the variant with the fewest results, of equal ones the last, is
    not compared, and so on.

    Args:
        whole: the axes of all cells.
        there: the cells that have a result, one at least.
    """
    counts = {variant: sum(cell[1] == variant for cell in there) for variant in whole.variants}
    variants = [variant for variant in whole.variants if counts[variant]]
    while True:
        common = {
            task: frozenset(s for s in whole.seeds if all((task, v, s) in there for v in variants))
            for task in whole.tasks
        }
        tasks, seeds = _find_largest(common)
        if tasks:
            return Matrix(tasks, tuple(variants), tuple(seed for seed in whole.seeds if seed in seeds))
        variants.remove(min(reversed(variants), key=counts.__getitem__))


def _find_largest(seeds: Mapping[str, frozenset[int]]) -> tuple[tuple[str, ...], frozenset[int]]:
    """The tasks and the seeds common to them with the greatest product; none where no task has a seed.

    Of the sets of seeds that some tasks have in common each is looked at once, with all tasks that have it.

    Args:
        seeds: of each task.
    """
    common = set[frozenset[int]]()
    for own in seeds.values():
        common |= {own, *(own & other for other in common)}
    found = [(tuple(t for t, own in seeds.items() if chosen <= own), chosen) for chosen in common if chosen]
    return max(found, key=lambda each: _rate(*each), default=((), frozenset()))


def _rate(tasks: Sequence[str], seeds: Collection[int]) -> tuple[int, int, list[int]]:
    """What the greatest is taken of: the product, then the seeds, then the first seeds."""
    return len(tasks) * len(seeds), len(seeds), [-seed for seed in sorted(seeds)]
