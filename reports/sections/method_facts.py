"""What the methods of a report are: whether exact and why, what is trained for each, and what an action took."""

from collections.abc import Iterable, Mapping, Sequence

from reports.analysis.components import Part
from reports.load.method_schema import Facts, MethodRecord
from reports.load.schema import Evaluations, Result
from reports.load.scores import SuiteScores
from reports.render.document import Block, Heading, Table, Text, name_table

_HEADER = (
    "method", "law", "why", "trained", "further", "gradient through", "parameters", "passes of the denoiser",
    "gradients", "other passes", "candidates",
)  # fmt: skip
_ABOUT = (
    "What the code says is of each method at its default settings: whether its actions have the law that it aims "
    "at, with ρ = 1, networks that have learned without error and many noise levels, and why; what is trained for "
    "it, and what of that is further, neither a critic nor what acts. The rest is counted: trained parameters of "
    "all that its results stand on, of one seed, and network evaluations of one action, from the least to the "
    "most of its results. A dash is what is not known or not there."
)


def make_fact_blocks(
    suites: Sequence[SuiteScores],
    methods: Mapping[str, MethodRecord | None],
    parts: Mapping[str, Sequence[Part]],
    name: str,
) -> list[Block]:
    """A table with a row for each method; none where there is no result.

    Args:
        suites: in the report's order.
        methods: name to its record; None where there is none.
        parts: the components of each suite.
        name: of the section, for the table's.
    """
    results: dict[str, list[Result]] = {}
    for scores in suites:
        for cell in scores.list_all():
            if isinstance(cell, Result):
                results.setdefault(cell.method, []).append(cell)
    rows = []
    for method, own in results.items():
        record = methods.get(method)
        facts = _describe_facts(record.facts if record is not None else None)
        rows.append((method, *facts, _count_parameters(method, suites, parts), *_describe_evaluations(own)))
    if not rows:
        return []
    return [Heading(3, "Methods"), Text(_ABOUT), name_table(Table(_HEADER, tuple(rows), words=6), name, "methods")]


def _describe_facts(facts: Facts | None) -> tuple[str, ...]:
    """Law, its reason, what is trained, what of it is further, and through what the gradient goes."""
    if facts is None:
        return ("–",) * 5
    lists = (", ".join(kinds) or "nothing" for kinds in (facts.trained, facts.further))
    return (facts.law or "–", facts.reason or "–", *lists, facts.gradient or "–")


def _count_parameters(method: str, suites: Sequence[SuiteScores], parts: Mapping[str, Sequence[Part]]) -> str:
    """Of the components of one seed on a task, from the least to the most; a dash where one has no record."""
    sums: list[float] = []
    for scores in suites:
        own = {variant for variant in scores.variants if scores.method(variant) == method}
        own |= {each.variant for each in scores.unranked if each.failed[0].method == method}
        of_variant: dict[tuple[str, int, str], list[int | None]] = {}
        for part in parts.get(scores.suite, ()):
            known = None if part.record is None else part.record.parameters
            for variant in own.intersection(part.variants):
                of_variant.setdefault((part.task, part.seed, variant), []).append(known)
        for counts in of_variant.values():
            if None in counts:
                return "–"
            sums.append(sum(count for count in counts if count is not None))
    return _format_range(sums, "{:,.0f}")


def _describe_evaluations(results: Iterable[Result]) -> tuple[str, ...]:
    """Passes of the denoiser, gradients and other passes of an action, and its candidates."""
    spent = [result.evaluations for result in results]
    per_action = (_per_action(spent, field) for field in ("function", "gradient", "beside"))
    candidates = [float(each.candidates) for each in spent if each.candidates is not None]
    return (*per_action, _format_range(candidates, "{:,.0f}"))


def _per_action(spent: Iterable[Evaluations], field: str) -> str:
    """One number of an action, where the actions were counted."""
    return _format_range([getattr(each, field) / each.actions for each in spent if each.actions], "{:,.4g}")


def _format_range(values: Sequence[float], form: str) -> str:
    """One number, or the least and the greatest; a dash where none is known."""
    if not values:
        return "–"
    low, high = (form.format(value) for value in (min(values), max(values)))
    return low if low == high else f"{low} to {high}"
