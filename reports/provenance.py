"""A number without its settings is not a result: data, versions, seconds and repairs are printed with it."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from reports.document import Block, Details, Heading, Table, Text
from reports.results import Result
from reports.scores import SuiteScores
from reports.variants import settings_of


def _data_table(scores: SuiteScores) -> Table:
    rows = []
    for task in scores.tasks:
        results = [r for v in scores.variants for r in scores.of(task, v)]
        data = results[0].data
        rows.append(
            (task, results[0].preset, data.source, data.name, data.fingerprint[:12], f"{data.transitions:,}")
        )
    return Table(("task", "preset", "source", "data set", "fingerprint", "transitions"), tuple(rows), words=5)


def _work_table(scores: SuiteScores) -> Table:
    """Seconds and repairs of each variant, summed over tasks and seeds."""
    kinds = sorted({kind for r in scores.results() for kind in r.repairs})
    rows = []
    for variant in scores.variants:
        own = [r for task in scores.tasks for r in scores.of(task, variant)]
        repairs = [str(sum(r.repairs.get(kind, 0) for r in own)) for kind in kinds]
        seconds = [sum(r.train_seconds for r in own), sum(r.evaluate_seconds for r in own)]
        rows.append((variant, *(f"{s:,.0f}" for s in seconds), *repairs))
    names = [kind.replace("_", " ") for kind in kinds]
    return Table(("variant", "training s", "evaluation s", *names), tuple(rows))


def _repair_warning(scores: SuiteScores) -> list[Block]:
    counts: dict[str, int] = defaultdict(int)
    for result in scores.results():
        for kind, count in result.repairs.items():
            counts[f"{kind.replace('_', ' ')} of {result.method} on {result.task}"] += count
    found = [f"{count:,} {what}" for what, count in counts.items() if count]
    if not found:
        return []
    return [Text(f"values were repaired while these results were made: {'; '.join(found)}.", warning=True)]


def _per_key(results: Sequence[Result], values: Callable[[Result], Iterable[tuple[str, object]]]) -> str:
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for result in results:
        for key, value in values(result):
            found[key][str(value)] = None
    return "; ".join(f"{key} {' or '.join(seen)}" for key, seen in found.items())


def _shared_config(scores: SuiteScores) -> list[Block]:
    """The settings that every result has in common, folded away, and how many differ."""
    results = scores.results()
    every = [{name: json.dumps(value) for name, value in r.config.items()} for r in results]
    shared = {k: v for k, v in sorted(every[0].items()) if all(other.get(k) == v for other in every)}
    rows = tuple((name, value.strip('"')) for name, value in shared.items())
    title = f"Settings that all {len(results)} results share ({len(rows)})"
    return [Details(title, (Table(("setting", "value"), rows, words=2),))] if rows else []


def _what_differs(scores: SuiteScores) -> list[Block]:
    """For a method with several variants: every setting that differs between them."""
    rows: list[tuple[str, ...]] = []
    for task in scores.tasks:
        by_method: dict[str, dict[str, dict[str, str]]] = defaultdict(dict)
        for variant in scores.variants:
            by_method[scores.method(variant)][variant] = settings_of(scores.of(task, variant)[0])
        for found in by_method.values():
            names = sorted({n for s in found.values() for n in s if len({o.get(n) for o in found.values()}) > 1})
            rows += [(task, v, n, found[v].get(n, "unset")) for v in found for n in names]
    if not rows:
        return []
    header = ("task", "variant", "setting", "value")
    return [Details("What differs between variants of one method", (Table(header, tuple(rows), words=4),))]


def settings_blocks(scores: SuiteScores) -> list[Block]:
    """Where a suite's numbers come from."""
    results = scores.results()
    return [
        Heading(3, "Settings"),
        *_repair_warning(scores),
        _data_table(scores),
        Text(
            "Wall seconds and repairs, summed over tasks and seeds; a component that several methods share counts "
            "for each of them."
        ),
        _work_table(scores),
        Text(f"Versions: {_per_key(results, lambda r: r.versions.items())}."),
        Text(f"Machine: {_per_key(results, lambda r: r.machine.items())}."),
        *_what_differs(scores),
        *_shared_config(scores),
    ]
