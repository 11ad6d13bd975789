"""The settings section: data, seeds, seconds and settings behind a suite's results."""

import json
from collections import defaultdict

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


def _tabulate_work(scores: SuiteScores) -> Table:
    """Seconds of each variant, summed over tasks and seeds."""
    rows = []
    for variant in scores.variants:
        own = [r.seconds for task in scores.tasks for r in scores.of(task, variant)]
        rows.append((variant, *(f"{s:,.0f}" for s in (sum(t.train for t in own), sum(t.evaluate for t in own)))))
    return Table(("variant", "training s", "evaluation s"), tuple(rows))


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
    return [
        Heading(3, "Settings"),
        name_table(_tabulate_data(scores), scores.suite, "data"),
        describe_seeds(scores),
        Text(
            "Wall seconds, summed over tasks and seeds; a component that several methods share counts for each of "
            "them."
        ),
        name_table(_tabulate_work(scores), scores.suite, "work"),
        *_list_differences(scores),
        *_list_common_settings(scores),
    ]
