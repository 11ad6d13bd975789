"""What timing rows differ by, which of them are of the policies that were scored, and what these evaluate."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from reports.load.schema import Result
from reports.load.scores import SuiteScores
from reports.load.timing_schema import TimingRow
from reports.load.variants import format_setting

Described = Mapping[str, str]
NFE = (1, 1, 2)
"""Network evaluations: what a denoiser's pass, another network's pass and a gradient count."""


def count_per_action(result: Result, weights: tuple[int, int, int]) -> float | None:
    """What evaluation took for each action, all candidates together; None where the actions are not stored.

    Args:
        result: finished.
        weights: of a denoiser's pass, of another network's, and of a gradient.
    """
    counts = result.evaluations
    if not counts.actions:
        return None
    parts = (counts.function, counts.beside, counts.gradient)
    return sum(weight * part for weight, part in zip(weights, parts, strict=True)) / counts.actions


def find_evaluations(scores: SuiteScores) -> dict[str, float]:
    """Variant → network evaluations for each action, mean over tasks and seeds, at the ρ that was evaluated.

    Left out are variants of which some result stores no actions or counts no evaluation.
    """
    found: dict[str, float] = {}
    for variant in scores.variants:
        own = [count_per_action(result, NFE) for task in scores.tasks for result in scores.of(task, variant)]
        known = [count for count in own if count]
        if len(known) == len(own):
            found[variant] = float(np.mean(known))
    return found


def describe_row(row: TimingRow) -> dict[str, str]:
    """What may tell a row from another of its task, method, terms and device, most telling first."""
    swept = row.sweep.setting if row.sweep is not None else None
    settings = {name: format_setting(value) for name, value in sorted(row.settings.items()) if name != swept}
    place = {"way": row.way, "threads": str(row.threads), "processor": row.machine.processor}
    return {"preset": row.preset, **place, "cores": str(row.machine.cores), **settings}


def tell_apart(rows: Sequence[TimingRow]) -> dict[str, str]:
    """Key of every row → the fewest settings that tell it from the others of its task, method, terms and device.

    Texts such as `swg.weight_head=early`, empty where the rows differ in nothing.
    """
    labels: dict[str, str] = {}
    for group in _group(rows, lambda row: (row.task, row.method, row.terms, row.device)):
        described = [describe_row(row) for row in group]
        names = _find_differing(described)
        for row, own in zip(group, described, strict=True):
            labels[row.key] = ", ".join(f"{name}={own.get(name, 'unset')}" for name in names)
    return labels


def _find_differing(described: Sequence[Described]) -> list[str]:
    """The fewest names that tell all that differ apart, earlier ones preferred."""

    def count(names: Sequence[str]) -> int:
        return len({tuple(own.get(name) for name in names) for own in described})

    kept: list[str] = []
    for name in dict.fromkeys(name for own in described for name in own):
        if count([*kept, name]) > count(kept):
            kept.append(name)
    for name in reversed(list(kept)):  # an earlier one may say it all
        without = [other for other in kept if other != name]
        if count(without) == count(kept):
            kept = without
    return kept


def _group(rows: Iterable[TimingRow], by: Callable[[TimingRow], Any]) -> list[list[TimingRow]]:
    found: dict[Any, list[TimingRow]] = {}
    for row in rows:
        found.setdefault(by(row), []).append(row)
    return list(found.values())


def find_costs(rows: Sequence[TimingRow], scores: SuiteScores) -> tuple[dict[str, float], str]:
    """Variant → milliseconds of a call at the smallest batch, guided where it can be, averaged over timed tasks.

    A variant whose ρ is 0 has the cost of its own policy without guidance. Left out are variants whose tasks have
    different terms, and those that were timed with other settings alone where a method was timed with several.
    Where it was measured in several places or ways, the first counts.

    Args:
        rows: of the suite, those of sweeps not among them.
        scores: of the suite.

    Returns:
        The costs, and the axis label that says what they are.
    """
    if not rows:
        return {}, ""
    batch = min(row.batch for row in rows)
    first = min(_place(row) for row in rows)
    used = [row for row in rows if row.batch == batch and _place(row) == first]
    costs: dict[str, float] = {}
    for variant in scores.variants:
        results = [result for task in scores.tasks for result in scores.of(task, variant)]
        own = _select_own(used, results)
        if all(result.rho == 0 for result in results):
            own = [row for row in own if not row.guided]
        if own:
            costs[variant] = float(
                np.mean([r.milliseconds.median for r in own if r.guided] or [r.milliseconds.median for r in own])
            )
    return costs, f"milliseconds per call, batch {batch}, {first[0]}"


def _place(row: TimingRow) -> tuple[Any, ...]:
    return (row.device, row.way, row.threads, row.machine.processor, row.machine.cores or 0)


def _select_own(rows: Sequence[TimingRow], results: Sequence[Result]) -> list[TimingRow]:
    """A variant's rows: of its method and terms, and with its values of settings that were timed with several."""
    if len({(result.method, result.terms) for result in results}) > 1:
        return []
    first = results[0]
    own = [row for row in rows if (row.method, row.terms) == (first.method, first.terms)]
    found: list[TimingRow] = []
    for group in _group(own, lambda row: row.task):
        config = next((result.config for result in results if result.task == group[0].task), first.config)
        varied = {name for row in group for name in row.settings if _differs(name, group)}
        found += [row for row in group if all(row.settings.get(name) == config.get(name) for name in varied)]
    return found


def _differs(name: str, rows: Sequence[TimingRow]) -> bool:
    return len({format_setting(row.settings.get(name)) for row in rows}) > 1
