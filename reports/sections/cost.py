"""The cost section: what one call on a batch of states takes, guided and unguided, as `bench time` measured it."""

from collections.abc import Collection, Sequence

import numpy as np

from reports.load.schema import Machine, TimingRow
from reports.load.variants import name_terms
from reports.render.document import Block, Heading, Table, Text

OnTerms = tuple[str, str]  # a method and its terms


def select_rows(
    rows: Sequence[TimingRow],
    suite: str,
    scored: Collection[OnTerms],
    tasks: Sequence[str] | None,
    methods: Sequence[str] | None,
) -> tuple[TimingRow, ...]:
    """A suite's measurements that the filters keep, each method's on the terms on which it has scores.

    A timed task need not have scores; a timed method without any is kept on the terms of the others.
    """
    of_method = {method: {t for m, t in scored if m == method} for method, _ in scored}
    every = {terms for _, terms in scored}
    return tuple(
        row
        for row in rows
        if (row.suite == suite and row.terms in of_method.get(row.method, every))
        and (not tasks or row.task in tasks)
        and (not methods or row.method in methods)
    )


def _format_milliseconds(row: TimingRow | None) -> str:
    if row is None:
        return "–"
    taken = row.milliseconds
    return f"{taken.median:.2f} [{taken.p5:.2f}, {taken.p95:.2f}]"


def tabulate_costs(rows: Sequence[TimingRow], order: Sequence[str]) -> Table:
    """One row per task, method, terms, device and batch: unguided, guided, their ratio, parameters and memory.

    The kind of comparison has a column where there are several.
    """
    found = {(r.task, r.method, r.terms, r.device, r.batch, r.guided): r for r in rows}
    several = len({row.terms for row in rows}) > 1
    lines = []
    rank = {name: i for i, name in enumerate([*order, *sorted({r.method for r in rows})][::-1])}
    for key in sorted({k[:5] for k in found}, key=lambda k: (k[0], -rank[k[1]], *k[2:])):
        task, method, terms, device, batch = key
        guided, unguided = found.get((*key, True)), found.get((*key, False))
        either = [r for r in (guided, unguided) if r is not None]
        memory = [r.peak_memory_mib for r in either if r.peak_memory_mib is not None]
        ratio = "–"
        if guided and unguided and unguided.milliseconds.median > 0:
            ratio = f"{guided.milliseconds.median / unguided.milliseconds.median:.2f}"
        lines.append(
            (
                task,
                method,
                *([name_terms(terms)] if several else []),
                device,
                str(batch),
                _format_milliseconds(unguided),
                _format_milliseconds(guided),
                ratio,
                f"{either[0].milliseconds.median / batch:.3f}",
                f"{max(r.parameters for r in either):,}",
                f"{max(memory):,.0f}" if memory else "–",
            )
        )
    header = (
        "task", "method", *(["comparison"] if several else []), "device", "batch", "unguided ms", "guided ms",
        "guided / unguided", "ms per action", "parameters", "peak MiB",
    )  # fmt: skip
    return Table(header, tuple(lines), words=4 if several else 3)


def average_costs(rows: Sequence[TimingRow]) -> tuple[dict[OnTerms, float], str]:
    """Method and terms to milliseconds of a call at the smallest batch, as the method acts, averaged over tasks.

    Returns:
        The costs, and the axis label that says what they are. Where a method has guidance it is on. Where
        several devices were timed, the first by name counts.
    """
    if not rows:
        return {}, ""
    device = min(row.device for row in rows)
    batch = min(row.batch for row in rows)
    used = [row for row in rows if row.batch == batch and row.device == device]
    costs: dict[OnTerms, float] = {}
    for key in {(row.method, row.terms) for row in used}:
        own = [row for row in used if (row.method, row.terms) == key]
        costs[key] = float(
            np.mean([r.milliseconds.median for r in own if r.guided] or [r.milliseconds.median for r in own])
        )
    return costs, f"milliseconds per call, batch {batch}, {device}"


def make_cost_section(rows: Sequence[TimingRow], machine: Machine, order: Sequence[str]) -> list[Block]:
    """The cost section of a suite, methods in the given order."""
    calls = sorted({row.calls for row in rows})
    said = ", ".join(f"{name} {value}" for name, value in machine)
    presets = " and ".join(sorted({row.preset for row in rows}))
    terms = " or ".join(name_terms(terms) for terms in sorted({row.terms for row in rows}))
    return [
        Heading(3, "Cost"),
        Text(
            f"Milliseconds of one call on the whole batch, median [5th, 95th percentile] of "
            f"{' or '.join(map(str, calls))} calls after warm-up; “ms per action” is the median with the method's "
            f"guidance on, divided by the batch. Measured {terms}, in the sizes of preset {presets}, on: {said}."
        ),
        tabulate_costs(rows, order),
    ]
