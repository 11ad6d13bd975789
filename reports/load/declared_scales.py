"""A scale of a method that is chosen for each task by itself, beside a sweep: one variant, as `swg rho=tuned`.

Where a method was run over several scales and also at the one that tuning chose for each task, or that is
published for it, the latter differs from task to task, and is that of the sweep where the two are equal.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from reports.load.schema import Result
from reports.load.variants import FEWEST_VALUES, strip_rho

Alias = tuple[str, Result]
"""A variant, and a result that it has together with another one."""


def gather_declared(
    results: Sequence[Result], labels: Mapping[Path, str]
) -> tuple[dict[Path, str], tuple[Alias, ...]]:
    """The labels of results with those of a task's own scales made one, and the results that these share.

    Nothing is changed unless every task has one such scale from one source.

    Args:
        results: of a suite.
        labels: by the results' paths.
    """
    families: dict[str, list[Result]] = {}
    for result in results:
        label = labels[result.path]
        if strip_rho(label) != label:
            families.setdefault(strip_rho(label), []).append(result)
    found, aliases = dict(labels), list[Alias]()
    for family, own in families.items():
        on_tasks: dict[str, set[str]] = {}
        for result in own:
            on_tasks.setdefault(labels[result.path], set()).add(result.task)
        tasks = {result.task for result in own}
        apart = {label for label, where in on_tasks.items() if where != tasks}
        if not apart or len(on_tasks) - len(apart) < FEWEST_VALUES:
            continue
        picked = _pick(own, [r for r in own if labels[r.path] in apart])
        if picked is None:
            continue
        source, chosen = picked
        label = f"{family} rho={source}"
        found |= {result.path: label for result in chosen if labels[result.path] in apart}
        aliases += [(label, result) for result in chosen if labels[result.path] not in apart]
    return found, tuple(aliases)


def _pick(own: Sequence[Result], apart: Sequence[Result]) -> tuple[str, list[Result]] | None:
    """The source of the scales that not all tasks have, and the results at the scale it gives for each task."""
    sources = {result.rho_source for result in apart}
    if len(sources) != 1 or None in sources or "given" in sources:
        return None
    source = str(sources.pop())
    chosen = [result for result in own if is_declared(result, source)]
    scales: dict[str, set[float | None]] = {}
    for result in chosen:
        scales.setdefault(result.task, set()).add(result.rho)
    is_one = scales.keys() == {r.task for r in own} and all(len(values) == 1 for values in scales.values())
    return (source, chosen) if is_one and {r.path for r in apart} <= {r.path for r in chosen} else None


def is_declared(result: Result, source: str) -> bool:
    """Whether a result's scale comes from a source, or is the one that the source gives where none is given."""
    known = result.declared_rho
    return result.rho_source == source or (known is not None and (known.source, known.rho) == (source, result.rho))
