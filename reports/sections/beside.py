"""Ours beside the published numbers, printed: a table for each suite, then why others are not there."""

from collections.abc import Sequence

from reports.analysis.comparison import Comparison, Line
from reports.render.document import Block, Heading, Table, Text, markdown_table
from reports.render.numbers import signed_with_interval, too_few_said, with_interval


def _note(comparison: Comparison) -> str:
    """What the columns are, and how the intervals came about."""
    seeds = sorted({line.seeds for line in comparison.lines})
    said = (
        f"Ours ({comparison.terms}) beside {comparison.table}, and the difference ours − published. The published "
        f"mean is taken as a constant; what stands behind its ± is the paper's own spread."
    )
    if seeds == [1]:
        return f"{said} No interval: 1 seed."
    counted = " or ".join(map(str, seeds))
    return (
        f"{said} In brackets: 95 % percentile intervals from {comparison.replicates:,} bootstrap replicates over "
        f"our {counted} seeds.{too_few_said(seeds[0])}"
    )


def _published(line: Line) -> str:
    return f"{line.published:.1f}" + (f" ± {line.spread:.1f}" if line.spread is not None else "")


def _tables(comparison: Comparison) -> list[Table]:
    """One table for each suite, so that none is long."""
    tables = []
    for suite in dict.fromkeys(line.suite for line in comparison.lines):
        rows = tuple(
            (
                line.task or f"{suite}, mean over tasks",
                line.method,
                line.row,
                with_interval(line.ours, 1),
                _published(line),
                signed_with_interval(line.difference, 1),
            )
            for line in comparison.lines
            if line.suite == suite
        )
        tables.append(
            Table(("task", "method", "table's row", "ours", "published", "ours − published"), rows, words=3)
        )
    return tables


def beside_blocks(comparisons: Sequence[Comparison]) -> list[Block]:
    """The section of the page, or nothing where no experiment was run."""
    blocks: list[Block] = [Heading(2, "Beside the published numbers")] if comparisons else []
    for comparison in comparisons:
        blocks.append(Heading(3, f"{comparison.experiment}: {comparison.table}"))
        if comparison.lines:
            blocks += [Text(_note(comparison)), *_tables(comparison)]
        blocks += [Text(remark) for remark in comparison.remarks]
    return blocks


def beside_text(comparisons: Sequence[Comparison]) -> str:
    """The same for a terminal, empty where no experiment was run."""
    parts: list[str] = []
    for comparison in comparisons:
        if comparison.lines:
            parts += [f"{comparison.experiment}: {_note(comparison)}", *map(markdown_table, _tables(comparison))]
        parts += [f"{comparison.experiment}: {remark}" for remark in comparison.remarks]
    return "".join(f"\n{part}\n" for part in parts)
