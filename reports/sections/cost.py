"""Cost is what one call on a batch of states takes, guided and unguided, as `bench time` measured it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from reports.load.records import Record, read_record
from reports.render.document import Block, Heading, Table, Text

OnTerms = tuple[str, str]  # a method, and the terms it stands on


@dataclass(frozen=True)
class TimingRow:
    """One measurement.

    Attributes:
        guided: whether the method's guidance was on.
        batch: states per call.
        median, p5, p95: milliseconds of a call on the whole batch.
        calls: calls measured after the warm-up.
        terms: `shared` or `own`: the network and the sampler differ.
        preset: whose sizes they have; None in older files.
        peak_memory_mib: None where the device does not say.
    """

    suite: str
    task: str
    method: str
    guided: bool
    batch: int
    median: float
    p5: float
    p95: float
    calls: int
    parameters: int
    peak_memory_mib: float | None
    device: str
    terms: str
    preset: str | None


@dataclass(frozen=True)
class Timing:
    """All measurements of a results folder and the machine they were made on."""

    rows: tuple[TimingRow, ...]
    machine: Mapping[str, Any]


def _row(record: Record) -> TimingRow:
    milliseconds = record.within("milliseconds")
    return TimingRow(
        record.text("suite"),
        record.text("task"),
        record.text("method"),
        record.flag("guided"),
        record.integer("batch"),
        milliseconds.number("median"),
        milliseconds.number("p5"),
        milliseconds.number("p95"),
        record.integer("calls"),
        record.integer("parameters"),
        record.optional_number("peak_memory_mib"),
        record.text("device"),
        record.text("terms") if "terms" in record.values else "shared",  # older files know no others
        record.text("preset") if "preset" in record.values else None,
    )


def read_timing(results: Path) -> Timing:
    """The measurements in `timing.json`, none where there is no such file.

    Raises:
        ReportError: the file is damaged.
    """
    path = results / "timing.json"
    if not path.is_file():
        return Timing((), {})
    record = read_record(path)
    return Timing(tuple(map(_row, record.each("rows"))), record.mapping("machine"))


def of_suite(
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


def _milliseconds(row: TimingRow | None) -> str:
    return "–" if row is None else f"{row.median:.2f} [{row.p5:.2f}, {row.p95:.2f}]"


def cost_table(rows: Sequence[TimingRow], order: Sequence[str]) -> Table:
    """One row per task, method, terms, device and batch: unguided, guided, their ratio, parameters and memory.

    The terms have a column where there are several.
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
        ratio = f"{guided.median / unguided.median:.2f}" if guided and unguided and unguided.median > 0 else "–"
        lines.append(
            (
                task,
                method,
                *([terms] if several else []),
                device,
                str(batch),
                _milliseconds(unguided),
                _milliseconds(guided),
                ratio,
                f"{either[0].median / batch:.3f}",
                f"{max(r.parameters for r in either):,}",
                f"{max(memory):,.0f}" if memory else "–",
            )
        )
    header = (
        "task", "method", *(["terms"] if several else []), "device", "batch", "unguided ms", "guided ms",
        "guided / unguided", "ms per action", "parameters", "peak MiB",
    )  # fmt: skip
    return Table(header, tuple(lines), words=4 if several else 3)


def smallest_batch_cost(rows: Sequence[TimingRow]) -> tuple[dict[OnTerms, float], str]:
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
        costs[key] = float(np.mean([r.median for r in own if r.guided] or [r.median for r in own]))
    return costs, f"milliseconds per call, batch {batch}, {device}"


def cost_blocks(rows: Sequence[TimingRow], machine: Mapping[str, Any], order: Sequence[str]) -> list[Block]:
    """The cost section of a suite, methods in the given order; nothing where nothing was timed."""
    if not rows:
        return []
    calls = sorted({row.calls for row in rows})
    said = ", ".join(f"{name} {value}" for name, value in machine.items())
    presets = sorted({row.preset for row in rows if row.preset is not None})
    sizes = f", in the sizes of preset {' and '.join(presets)}" if presets else ""
    return [
        Heading(3, "Cost"),
        Text(
            f"Milliseconds of one call on the whole batch, median [5th, 95th percentile] of "
            f"{' or '.join(map(str, calls))} calls after warm-up; “ms per action” is the median with the method's "
            f"guidance on, divided by the batch. Measured on {' or '.join(sorted({row.terms for row in rows}))} "
            f"terms{sizes}, on: {said}."
        ),
        cost_table(rows, order),
    ]
