"""The cost section: what one call on a batch of states takes, guided and unguided, as `bench time` measured it."""

from collections.abc import Collection, Sequence

from reports.analysis.costs import tell_apart
from reports.load.timing_schema import TimingRow
from reports.load.variants import name_terms
from reports.render.document import Block, Details, Heading, Table, Text, name_table
from reports.render.numbers import format_milliseconds, format_ratio
from reports.sections.sweeps import make_sweep_blocks
from reports.sections.timed_places import describe_places, find_contention

OnTerms = tuple[str, str]  # a method and its terms
Place = tuple[str, str, str, str, str, int]  # task, method, terms, what sets it apart, device, batch


def select_rows(
    rows: Sequence[TimingRow],
    suite: str,
    scored: Collection[OnTerms],
    tasks: Sequence[str] | None,
    methods: Sequence[str] | None,
) -> tuple[TimingRow, ...]:
    """A suite's measurements that the filters keep, each method's on the terms on which it has scores.

    A timed task need not have scores; a timed method without any is kept on the terms of the others. Sweeps are
    kept on any terms, and so is everything of a suite without scores.
    """
    of_method = {method: {t for m, t in scored if m == method} for method, _ in scored}
    every = {terms for _, terms in scored}
    return tuple(
        row
        for row in rows
        if row.suite == suite
        and (not scored or row.sweep is not None or row.terms in of_method.get(row.method, every))
        and (not tasks or row.task in tasks)
        and (not methods or row.method in methods)
    )


def _sort_rows(rows: Sequence[TimingRow], order: Sequence[str]) -> list[tuple[Place, TimingRow]]:
    """Rows with their places, by task, the order of methods, then the rest; the unguided one first."""
    labels = tell_apart(rows)
    rank = {name: i for i, name in enumerate(dict.fromkeys([*order, *sorted({row.method for row in rows})]))}
    placed = [((r.task, r.method, r.terms, labels[r.key], r.device, r.batch), r) for r in rows]
    return sorted(placed, key=lambda each: (each[0][0], rank[each[0][1]], *each[0][2:], each[1].guided))


def _choose_columns(rows: Sequence[TimingRow]) -> dict[str, int]:
    """Columns of words, with their position in a place: those that differ by row are there if they do."""
    columns = {"task": 0, "method": 1}
    columns |= {"comparison": 2} if len({row.terms for row in rows}) > 1 else {}
    columns |= {"apart by": 3} if any(tell_apart(rows).values()) else {}
    return columns | {"device": 4, "batch": 5}


def _format_place(place: Place, columns: dict[str, int]) -> tuple[str, ...]:
    return tuple(name_terms(place[2]) if i == 2 else str(place[i]) or "–" for i in columns.values())


def tabulate_costs(rows: Sequence[TimingRow], order: Sequence[str]) -> Table:
    """One row per task, method, terms, device, batch and what else differs: unguided, guided and the ratios."""
    columns = _choose_columns(rows)
    found: dict[Place, dict[bool, TimingRow]] = {}
    for place, row in _sort_rows(rows, order):
        found.setdefault(place, {})[row.guided] = row
    lines: list[tuple[str, ...]] = []
    for place, kinds in found.items():
        guided, unguided = kinds.get(True), kinds.get(False)
        acting = guided or kinds[False]
        lines.append(
            (
                *_format_place(place, columns),
                format_milliseconds(unguided.milliseconds if unguided else None),
                format_milliseconds(guided.milliseconds if guided else None),
                format_ratio(guided.over_own_unguided if guided else None),
                format_ratio(acting.over_unguided_method),
                f"{acting.milliseconds.median / acting.batch:.3f}",
            )
        )
    ratios = ("guided / unguided", "/ method unguided", "ms per action")
    return Table((*columns, "unguided ms", "guided ms", *ratios), tuple(lines), words=len(columns))


def tabulate_parts(rows: Sequence[TimingRow], order: Sequence[str]) -> Table:
    """One row per measurement: where its time goes, what an action evaluates, parameters, memory, throughput."""
    columns = _choose_columns(rows)
    further = {
        "peak MiB": lambda r: "–" if r.peak_memory_mib is None else f"{r.peak_memory_mib:,.0f}",
        "ms unwaited": lambda r: "–" if r.throughput is None else f"{r.throughput.milliseconds:.2f}",
    }
    shown = further if any(row.device == "cuda" for row in rows) else {}
    lines = [
        (
            *_format_place(place, columns),
            "on" if row.guided else "off",
            *_format_shares(row),
            f"{row.forward:g}",
            f"{row.gradients:g}",
            f"{row.forward + 2 * row.gradients:g}",
            f"{row.milliseconds.mean / row.cpu_milliseconds.mean:.2f}" if row.cpu_milliseconds.mean else "–",
            f"{row.parameters:,}",
            *(form(row) for form in shown.values()),
        )
        for place, row in _sort_rows(rows, order)
    ]
    header = (
        *columns, "guidance is", "denoiser", "guidance", "selection", "rest", "forward", "gradients", "NFE",
        "wall / CPU", "parameters", *shown,
    )  # fmt: skip
    return Table(header, tuple(lines), words=len(columns) + 1)


def _format_shares(row: TimingRow) -> tuple[str, ...]:
    if row.shares is None:
        return ("–",) * 4
    parts = (row.shares.denoiser, row.shares.guidance, row.shares.selection, row.shares.rest)
    return tuple(f"{100 * part:.0f} %" for part in parts)


def make_cost_section(rows: Sequence[TimingRow], order: Sequence[str]) -> list[Block]:
    """The cost section of a suite, methods in the given order, sweeps after the table."""
    plain = [row for row in rows if row.sweep is None]
    warnings = [Text(sentence, warning=True) for sentence in find_contention(rows)]
    tables: list[Block] = []
    if plain:
        parts = Details("Where the time goes, and what an action evaluates", _make_part_blocks(plain, order))
        costs = name_table(tabulate_costs(plain, order), plain[0].suite, "costs", splits=True)
        tables = [Text(_describe_costs(plain)), costs, parts]
    swept = [row for row in rows if row.sweep is not None]
    return [Heading(3, "Cost"), *warnings, *tables, *make_sweep_blocks(swept)]


def _make_part_blocks(rows: Sequence[TimingRow], order: Sequence[str]) -> tuple[Block, ...]:
    text = (
        "Shares of a call's time, measured apart: forward passes of the denoiser, all that guidance adds to them, "
        "choosing among candidates, and the rest. Forward passes (of the denoiser, of a guidance's other "
        "networks, of an actor) and gradients are those of an action, all candidates together; NFE counts a "
        "gradient twice. Wall / CPU is the time that passed over the process's CPU time."
    )
    return Text(text), name_table(tabulate_parts(rows, order), rows[0].suite, "cost-parts", splits=True)


def _describe_costs(rows: Sequence[TimingRow]) -> str:
    calls = " or ".join(map(str, sorted({row.calls for row in rows})))
    presets = " and ".join(sorted({row.preset for row in rows}))
    terms = " or ".join(name_terms(terms) for terms in sorted({row.terms for row in rows}))
    said = [
        f"Milliseconds of one call on the whole batch, median [5th, 95th percentile] of {calls} calls after "
        "warm-up, each waited for. All calls on a task and batch take turns in random order; a ratio is taken "
        "within each turn and given as median over the turns [distribution-free interval of at least 95 % for the "
        "median, by order statistics], over the same policy without guidance and over the method `unguided`. “ms "
        "per action” is the median with the method's guidance on, divided by the batch. "
        f"Measured {terms}, in the sizes of preset {presets}, on: {describe_places(rows)}."
    ]
    if any(row.device == "cpu" for row in rows):
        said.append("On a CPU a call returns when it is done, so its throughput is one over its latency.")
    return " ".join(said)
