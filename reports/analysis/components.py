"""The components that a suite's results stand on, with the records of how they were made."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from reports.load.component_schema import ComponentRecord
from reports.load.components import Records
from reports.load.schema import Cell, PlanEntry
from reports.load.scores import SuiteScores
from reports.load.variants import strip_rho


@dataclass(frozen=True)
class Part:
    """A component with the results that stand on it.

    Attributes:
        label, seed: of it.
        task: of these results.
        variants: that use it, in the suite's order.
        record: how it was made; None where there is none.
    """

    label: str
    seed: int
    task: str
    variants: tuple[str, ...]
    record: ComponentRecord | None

    @property
    def kind(self) -> str:
        """Such as `critic`."""
        return self.record.kind if self.record is not None else self.label.rpartition("-")[0]


def list_named(results: Iterable[Cell], cells: Iterable[PlanEntry]) -> dict[Path, tuple[str, ...]]:
    """The labels of the components of each result, by its path: those of its plan, else those that it names.

    A plan lists all that are trained or computed, upstream ones too; a result names those of its method, and among
    them what is not made at all, such as a weight function.

    Args:
        results: of a report.
        cells: of all plans.
    """
    planned = {cell.path: cell.components for cell in cells if cell.components}
    return {
        result.path: planned.get("/".join(result.path.parts[-4:])) or tuple(result.components.values())
        for result in results
    }


def list_parts(scores: SuiteScores, cells: Sequence[PlanEntry], records: Records) -> list[Part]:
    """Every component of a suite's results, failed ones too, by kind, task, label and seed.

    One without a record is listed where a plan says that it is made.

    Args:
        scores: the suite.
        cells: of all plans of the folder.
        records: of the folder.
    """
    results = _list_results(scores)
    named = list_named((result for _, result in results), cells)
    made = {label for cell in cells for label in cell.components}
    users: dict[tuple[str, int, str], list[str]] = {}
    for variant, result in results:
        for label in _close(named[result.path], result.seed, records):
            if label in made or (label, result.seed) in records:
                known = users.setdefault((label, result.seed, result.task), [])
                known += [] if variant in known else [variant]
    parts = [
        Part(label, seed, task, tuple(variants), records.get((label, seed)))
        for (label, seed, task), variants in users.items()
    ]
    order = {task: place for place, task in enumerate(scores.tasks)}
    return sorted(parts, key=lambda part: (part.kind, order.get(part.task, len(order)), part.label, part.seed))


def _list_results(scores: SuiteScores) -> list[tuple[str, Cell]]:
    """Every result of a suite with its variant, those of variants with a failed cell too."""
    every: dict[str, list[Cell]] = {
        variant: [r for task in scores.tasks for r in scores.of(task, variant)] for variant in scores.variants
    }
    if scores.partial is not None:
        for cell in scores.partial.left_out:
            every.setdefault(cell[1], []).append(scores.partial.there[cell])
    every |= {each.variant: [*each.finished, *each.failed] for each in scores.unranked}
    return [(variant, result) for variant, results in every.items() for result in results]


def _close(labels: Iterable[str], seed: int, records: Records) -> list[str]:
    """The labels with those of all that these were made from, as far as records say."""
    found, waiting = dict.fromkeys(labels), list(labels)
    while waiting:
        record = records.get((waiting.pop(), seed))
        above = [label for label in record.upstream.values() if label not in found] if record is not None else []
        found |= dict.fromkeys(above)
        waiting += above
    return list(found)


def group_parts(parts: Iterable[Part]) -> Mapping[str, list[Part]]:
    """Parts of one kind and task by a name: their variants without ρ, and the label where that is not enough.

    Seeds that each have data of their own have components of their own, which have one name.
    """
    by_users: dict[str, list[Part]] = {}
    for part in parts:
        by_users.setdefault(", ".join(dict.fromkeys(map(strip_rho, part.variants))), []).append(part)
    found: dict[str, list[Part]] = {}
    for users, own in by_users.items():
        is_told_apart = len({part.seed for part in own}) == len(own)
        for part in own:
            found.setdefault(users if is_told_apart else f"{users} ({part.label})", []).append(part)
    return found
