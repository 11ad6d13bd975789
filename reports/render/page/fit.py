"""Keeps a page within a size: it shows less of what is too large, and says where all of it is.

What unfolds below the cells of tables has the room that the rest leaves, the tables with the least of it first:
all of it, else in brief, else not. Where the rest alone is too large, the largest charts are left out, then rows
of long tables. Texts stay.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from reports.render.document import (
    Block,
    Figure,
    Table,
    Text,
    change_blocks,
    find_figures,
    find_tables,
)

MOST_BYTES = 5_000_000
"""Of a report's page."""
_MOST_ROWS = (1000, 300, 100, 30, 10)  # of a table, tried one after the other
_SENTENCE = 400  # bytes that stand in the place of a chart

T = TypeVar("T")
Place = tuple[int, int]
"""Row and column of a cell."""
Lines = Mapping[Place, tuple[str, ...]]


def fit_blocks(
    blocks: Sequence[Block],
    most: int | None,
    measure: Callable[[Sequence[Block]], int],
    measure_figure: Callable[[Figure], int],
    measure_lines: Callable[[Lines], int],
) -> Sequence[Block]:
    """The blocks of a page of at most so many bytes, with what unfolds in it as lines.

    Args:
        blocks: of the whole report.
        most: bytes; None for as many as there are.
        measure: the bytes of a page of blocks, without what is still unfolded.
        measure_figure: those of one chart.
        measure_lines: those of the lines of a table.
    """
    if most is None:
        return _unfold(blocks, None, measure_lines)
    size = measure(blocks)
    if size > most:
        blocks = _leave_out_figures(blocks, size - most, measure_figure)
        size = measure(blocks)
    whole = blocks
    for count in _MOST_ROWS:
        if size <= most:
            break
        blocks = _cut_rows(whole, count)
        size = measure(blocks)
    return _unfold(blocks, max(most - size, 0), measure_lines)


def _unfold(blocks: Sequence[Block], room: int | None, measure_lines: Callable[[Lines], int]) -> Sequence[Block]:
    """The blocks with lines in the place of what is unfolded, in at most so many bytes."""
    tables = sorted((table for table in find_tables(blocks) if table.unfolded), key=_count_letters)
    if room is None:
        lines = {id(table): _list_lines(table) for table in tables}
    else:
        lines = _choose_lines(tables, room, measure_lines)

    def change(block: Block) -> Sequence[Block]:
        if isinstance(block, Table) and block.unfolded:
            return [replace(block, lines={**block.lines, **lines.get(id(block), {})}, unfolded={})]
        return [block]

    return change_blocks(blocks, change)


def _choose_lines(tables: Sequence[Table], room: int, measure_lines: Callable[[Lines], int]) -> dict[int, Lines]:
    """The lines that have room, all or in brief, by the ids of their tables, which rise in size."""
    lines: dict[int, Lines] = {}
    for table in tables:
        brief = {place: each.brief() for place, each in table.unfolded.items()}
        if (size := measure_lines(brief)) <= room:
            lines[id(table)], room = brief, room - size
    for table in tables:
        spare = room + measure_lines(lines.get(id(table), {}))
        if _count_letters(table) <= spare and (size := measure_lines(whole := _list_lines(table))) <= spare:
            lines[id(table)], room = whole, spare - size
    return lines


def _list_lines(table: Table) -> Lines:
    """All that is unfolded in a table."""
    return {place: each.every() for place, each in table.unfolded.items()}


def _keep(of: Mapping[Place, T], most: int) -> dict[Place, T]:
    """What belongs to the first rows."""
    return {place: each for place, each in of.items() if place[0] < most}


def _count_letters(table: Table) -> int:
    """The letters that all that is unfolded in it has at least."""
    return sum(each.size for each in table.unfolded.values())


def _leave_out_figures(
    blocks: Sequence[Block], excess: int, measure_figure: Callable[[Figure], int]
) -> Sequence[Block]:
    """The blocks without the charts of the largest figures that have so many bytes together."""
    left_out: set[str] = set()
    sizes = {figure.name: measure_figure(figure) - _SENTENCE for figure in find_figures(blocks)}
    for name, size in sorted(sizes.items(), key=lambda item: (-item[1], item[0])):
        if excess <= 0 or size <= 0:
            break
        left_out.add(name)
        excess -= size

    def change(block: Block) -> Sequence[Block]:
        is_meant = isinstance(block, Figure) and block.name in left_out
        return [replace(block, is_left_out=True)] if is_meant else [block]

    return change_blocks(blocks, change)


def _cut_rows(blocks: Sequence[Block], most: int) -> Sequence[Block]:
    """The blocks with at most so many rows of each table, and a sentence below one that had more."""

    def change(block: Block) -> Sequence[Block]:
        if not isinstance(block, Table) or len(block.rows) <= most:
            return [block]
        kept = replace(
            block,
            rows=block.rows[:most],
            notes=_keep(block.notes, most),
            lines=_keep(block.lines, most),
            unfolded=_keep(block.unfolded, most),
        )
        said = f"Of {len(block.rows):,} rows the first {most:,}, since the page would be too large"
        return [kept, Text(f"{said}; all are in `report.md`.")]

    return change_blocks(blocks, change)
