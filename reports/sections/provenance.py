"""A number without its settings is not a result: data, versions, seconds and repairs are printed with it."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from reports.load.results import Result
from reports.load.scores import SuiteScores
from reports.load.variants import settings_of
from reports.render.document import Block, Details, Heading, Table, Text

# Not a repair: how many rows were guided, to read the counts of repairs against.
_GUIDED_ROWS = "guided_rows"


def _data_table(scores: SuiteScores) -> Table:
    rows = []
    for task in scores.tasks:
        results = [r for v in scores.variants for r in scores.of(task, v)]
        data = results[0].data
        rows.append(
            (task, results[0].preset, data.source, data.name, data.fingerprint[:12], f"{data.transitions:,}")
        )
    return Table(("task", "preset", "source", "data set", "fingerprint", "transitions"), tuple(rows), words=5)


def _kinds(scores: SuiteScores) -> list[str]:
    return sorted({kind for r in scores.results() for kind in r.repairs} - {_GUIDED_ROWS})


def _totals(scores: SuiteScores, variant: str) -> dict[str, int]:
    """Repairs of a variant by kind, and the guided rows, summed over tasks and seeds."""
    totals: dict[str, int] = defaultdict(int)
    for task in scores.tasks:
        for result in scores.of(task, variant):
            for kind, count in result.repairs.items():
                totals[kind] += count
    return totals


def _share(count: int, rows: int) -> str:
    """`120 (1.5 %)` of the guided rows; the count alone where there is none or nothing was guided."""
    return f"{count:,} ({100 * count / rows:.1f} %)" if count and rows else f"{count:,}"


def _work_table(scores: SuiteScores) -> Table:
    """Seconds and repairs of each variant, summed over tasks and seeds."""
    kinds, rows = _kinds(scores), []
    for variant in scores.variants:
        own = [r for task in scores.tasks for r in scores.of(task, variant)]
        totals = _totals(scores, variant)
        seconds = [sum(r.train_seconds for r in own), sum(r.evaluate_seconds for r in own)]
        repairs = [_share(totals[kind], totals[_GUIDED_ROWS]) for kind in kinds]
        rows.append((variant, *(f"{s:,.0f}" for s in seconds), *repairs))
    names = [kind.replace("_", " ") for kind in kinds]
    return Table(("variant", "training s", "evaluation s", *names), tuple(rows))


def _repair_warning(scores: SuiteScores) -> list[Block]:
    found = [
        f"{kind.replace('_', ' ')} of `{variant}` {_share(totals[kind], totals[_GUIDED_ROWS])}"
        for variant in scores.variants
        for totals in [_totals(scores, variant)]
        for kind in _kinds(scores)
        if totals[kind]
    ]
    if not found:
        return []
    said = f"values were repaired in evaluation (in brackets: of all guided rows): {'; '.join(found)}."
    return [Text(said, warning=True)]


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
