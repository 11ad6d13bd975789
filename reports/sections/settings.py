"""The settings section: data, interventions, seconds, versions, machine and settings behind a suite's results."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from reports.load.schema import Result
from reports.load.scores import SuiteScores
from reports.load.variants import collect_settings
from reports.render.document import Block, Details, Heading, Table, Text, name_table
from reports.sections.seeds import describe_seeds


def _tabulate_data(scores: SuiteScores) -> Table:
    rows = []
    for task in scores.tasks:
        results = [r for v in scores.variants for r in scores.of(task, v)]
        data, sets = results[0].data, {r.data.fingerprint for r in results}
        which = data.fingerprint[:12] if len(sets) == 1 else f"{len(sets)}, one for each seed"
        rows.append((task, results[0].preset, data.source, data.recipe, which, f"{data.transitions:,}"))
    return Table(("task", "preset", "source", "data set", "fingerprint", "transitions"), tuple(rows), words=5)


def _list_interventions(scores: SuiteScores) -> list[str]:
    return sorted({name for r in scores.results() for name in r.interventions})


def _sum_interventions(scores: SuiteScores, variant: str, names: Sequence[str]) -> tuple[dict[str, int], int]:
    """Interventions of a variant by name, and the guided rows, summed over tasks and seeds."""
    results = [r for task in scores.tasks for r in scores.of(task, variant)]
    totals = {name: sum(r.count_interventions(name) for r in results) for name in names}
    return totals, sum(r.evaluations.guided_rows for r in results)


def _format_share(count: int, rows: int) -> str:
    """`120 (1.5 %)` of the guided rows; the count alone where there is none or nothing was guided."""
    return f"{count:,} ({100 * count / rows:.1f} %)" if count and rows else f"{count:,}"


def _tabulate_work(scores: SuiteScores) -> Table:
    """Seconds and interventions of each variant, summed over tasks and seeds."""
    rows, counted = [], _list_interventions(scores)
    for variant in scores.variants:
        own = [r for task in scores.tasks for r in scores.of(task, variant)]
        seconds = [sum(r.seconds.train for r in own), sum(r.seconds.evaluate for r in own)]
        totals, guided = _sum_interventions(scores, variant, counted)
        counts = [_format_share(count, guided) for count in totals.values()]
        rows.append((variant, *(f"{s:,.0f}" for s in seconds), *counts))
    names = [name.replace("_", " ") for name in counted]
    return Table(("variant", "training s", "evaluation s", *names), tuple(rows))


def _warn_of_interventions(scores: SuiteScores) -> list[Block]:
    names = _list_interventions(scores)
    found = [
        f"{name.replace('_', ' ')} of `{variant}` {_format_share(count, guided)}"
        for variant in scores.variants
        for totals, guided in [_sum_interventions(scores, variant, names)]
        for name, count in totals.items()
        if count
    ]
    if not found:
        return []
    said = f"interventions in evaluation (in brackets: of all guided rows): {'; '.join(found)}."
    return [Text(said, warning=True)]


def _join_by_key(results: Sequence[Result], values: Callable[[Result], Iterable[tuple[str, object]]]) -> str:
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for result in results:
        for key, value in values(result):
            found[key][str(value)] = None
    return "; ".join(f"{key} {' or '.join(seen)}" for key, seen in found.items())


def _list_common_settings(scores: SuiteScores) -> list[Block]:
    """The settings that every result has in common, folded away, and how many differ."""
    results = scores.results()
    distinct = {repr(result.config): result.config for result in results}.values()
    every = [{name: json.dumps(value) for name, value in config.items()} for config in distinct]
    shared = {k: v for k, v in sorted(every[0].items()) if all(other.get(k) == v for other in every)}
    rows = tuple((name, value.strip('"')) for name, value in shared.items())
    title = f"Settings that all {len(results)} results share ({len(rows)})"
    return [Details(title, (Table(("setting", "value"), rows, words=2),))] if rows else []


def _list_differences(scores: SuiteScores) -> list[Block]:
    """For a method with several variants: every setting that differs between them."""
    rows: list[tuple[str, ...]] = []
    for task in scores.tasks:
        by_method: dict[str, dict[str, dict[str, str]]] = defaultdict(dict)
        for variant in scores.variants:
            by_method[scores.method(variant)][variant] = collect_settings(scores.of(task, variant)[0])
        for found in by_method.values():
            names = sorted({n for s in found.values() for n in s if len({o.get(n) for o in found.values()}) > 1})
            rows += [(scores.label_task(task), v, n, found[v].get(n, "unset")) for v in found for n in names]
    if not rows:
        return []
    header = ("task", "variant", "setting", "value")
    return [Details("What differs between variants of one method", (Table(header, tuple(rows), words=4),))]


def make_settings_section(scores: SuiteScores) -> list[Block]:
    """Where a suite's numbers come from."""
    results = scores.results()
    return [
        Heading(3, "Settings"),
        *_warn_of_interventions(scores),
        name_table(_tabulate_data(scores), scores.suite, "data"),
        describe_seeds(scores),
        Text(
            "Wall seconds and interventions, summed over tasks and seeds; a component that several methods share "
            "counts for each of them."
        ),
        name_table(_tabulate_work(scores), scores.suite, "work"),
        Text(f"Versions: {_join_by_key(results, lambda r: r.versions.items())}."),
        Text(f"Machine: {_join_by_key(results, lambda r: r.machine)}."),
        *_list_differences(scores),
        *_list_common_settings(scores),
    ]
