"""The blocks of a report, and their Markdown."""

import html
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from foundation.text import clean_line

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Heading:
    """A heading of level 1 to 4."""

    level: int
    text: str


@dataclass(frozen=True)
class Text:
    """A paragraph; `code` and **bold** are the only marks. A warning stands out."""

    text: str
    warning: bool = False


@dataclass(frozen=True)
class Unfolded:
    """What unfolds below a cell's note on the page, made where it is known how much room there is.

    Attributes:
        every: makes all lines.
        brief: makes fewer letters of them, for a page that would be too large.
        size: letters that all lines have at least.
    """

    every: Callable[[], tuple[str, ...]] = field(repr=False)
    brief: Callable[[], tuple[str, ...]] = field(repr=False)
    size: int


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        header, rows: their cells.
        words: how many columns from the left are words (left-aligned); the others are numbers (right-aligned).
        name: of its files for download, NAME.csv and NAME.tex; none where it is empty.
        splits: whether Markdown shows it in pieces that fit a line.
        notes: by row and column, what a cell is made of, such as the scores of its seeds, for the page.
        lines: by row and column of a note, what unfolds below it, for the page.
        unfolded: the same, such as the episodes of each seed, of which the page has as much as it has room for.
        links: by row and column, the address that a cell leads to, for the page.
        groups: the row at which a group begins to the group's heading; the page sorts within groups.
        facets: what rows can be chosen by on the page, to the value of each row; part of its CSV.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: int = 1
    name: str = ""
    splits: bool = False
    notes: Mapping[tuple[int, int], str] = field(default_factory=dict)
    lines: Mapping[tuple[int, int], tuple[str, ...]] = field(default_factory=dict)
    unfolded: Mapping[tuple[int, int], Unfolded] = field(default_factory=dict)
    links: Mapping[tuple[int, int], str] = field(default_factory=dict)
    groups: Mapping[int, str] = field(default_factory=dict)
    facets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Figure:
    """A picture, and what it shows, saved as NAME.csv.

    Attributes:
        name: of its files.
        caption: below it.
        marks: what is drawn, a row for each mark.
        chart: the same as a Vega-Lite specification without its data, for the page.
        draw: the picture for print as the bytes of a file, `png` or `pdf`; drawing takes some tenths of a second.
        is_left_out: whether the page has its caption and no chart, since it would be too large.
    """

    name: str
    caption: str
    marks: "pd.DataFrame" = field(repr=False)
    chart: Mapping[str, Any] = field(repr=False)
    draw: Callable[[Literal["png", "pdf"]], bytes] = field(repr=False)
    is_left_out: bool = False

    @property
    def anchor(self) -> str:
        """Of the figure in the page."""
        return f"figure-{self.name}"


@dataclass(frozen=True)
class Animation:
    """A GIF that was made before the report, saved as NAME.gif."""

    name: str
    caption: str
    content: bytes = field(repr=False)


@dataclass(frozen=True)
class Details:
    """Blocks behind a line that opens them."""

    summary: str
    blocks: "tuple[Block, ...]"


Block: TypeAlias = Heading | Text | Table | Figure | Animation | Details


def name_table(table: Table, suite: str, what: str, *, splits: bool = False) -> Table:
    """The table with a name for its files, such as `maze2d-scores-table`: `maze2d-scores` may be a figure's."""
    return replace(table, name=f"{suite}-{what}-table", splits=splits)


def find_tables(blocks: Sequence[Block]) -> list[Table]:
    """Every table of a report, also those behind a line that opens them, in their order."""
    found: list[Table] = []
    for block in blocks:
        if isinstance(block, Table):
            found.append(block)
        elif isinstance(block, Details):
            found += find_tables(block.blocks)
    return found


def change_blocks(blocks: Sequence[Block], change: Callable[[Block], Sequence[Block]]) -> list[Block]:
    """The blocks with others in their places, also of those behind a line that opens them."""
    changed: list[Block] = []
    for block in blocks:
        if isinstance(block, Details):
            changed.append(replace(block, blocks=tuple(change_blocks(block.blocks, change))))
        else:
            changed += change(block)
    return changed


def find_figures(blocks: Sequence[Block]) -> Iterator[Figure]:
    """Every figure of a report, also those behind a line that opens them, in their order."""
    for block in blocks:
        match block:
            case Figure():
                yield block
            case Details():
                yield from find_figures(block.blocks)


def split_table(table: Table, width: int = 120) -> list[Table]:
    """A table too wide to read as several, each with the words' columns and as many others as fit, at least one.

    Args:
        table: the whole.
        width: characters of a line.
    """
    widths = [max(len(row[i]) for row in (table.header, *table.rows)) + 3 for i in range(len(table.header))]
    first = list(range(table.words))
    pieces, columns = [], list(first)
    for i in range(table.words, len(widths)):
        if len(columns) > len(first) and sum(widths[c] for c in [*columns, i]) > width:
            pieces.append(columns)
            columns = list(first)
        columns.append(i)
    pieces.append(columns)
    return [
        Table(
            tuple(table.header[c] for c in columns),
            tuple(tuple(row[c] for c in columns) for row in table.rows),
            table.words,
        )
        for columns in pieces
    ]


def escape_markdown(text: str) -> str:
    """A text whose HTML, links and control characters do nothing; `code` and **bold** are left to be marks.

    A `<` that nothing is opened with, as in `<0.001`, stays.
    """
    without_html = re.sub(r"<(?=[A-Za-z/!?])", "&lt;", clean_line(text))
    return without_html.replace("](", "]&#40;").replace("]:", "]&#58;")


def format_markdown_table(table: Table) -> str:
    """The table with its columns aligned, so that it reads in a terminal too."""
    every = (table.header, *table.rows)
    lines = [[escape_markdown(cell).replace("|", "\\|") for cell in row] for row in every]
    widths = [max(3, *(len(line[i]) for line in lines)) for i in range(len(table.header))]

    def joined(cells: Sequence[str]) -> str:
        padded = [
            c.ljust(w) if i < table.words else c.rjust(w)
            for i, (c, w) in enumerate(zip(cells, widths, strict=True))
        ]
        return f"| {' | '.join(padded)} |"

    rule = ["-" * w if i < table.words else "-" * (w - 1) + ":" for i, w in enumerate(widths)]
    return "\n".join([joined(lines[0]), f"| {' | '.join(rule)} |", *map(joined, lines[1:])])


def format_markdown_tables(table: Table) -> str:
    """The table in as many pieces as a line's width asks for, see `split_table`."""
    return "\n\n".join(map(format_markdown_table, split_table(table)))


def _format_block(block: Block, pictures: bool) -> str:
    match block:
        case Heading():
            return f"{'#' * block.level} {escape_markdown(block.text)}"
        case Text():
            text = escape_markdown(block.text)
            return f"**Warning:** {text}" if block.warning else text
        case Table():
            return format_markdown_tables(block) if block.splits else format_markdown_table(block)
        case Figure():
            return _format_figure(block, pictures)
        case Animation():
            return f"![{escape_markdown(block.caption)}]({block.name}.gif)"
        case Details():
            summary, inner = escape_markdown(html.escape(block.summary)), render_markdown(block.blocks, pictures)
            return f"<details>\n<summary>{summary}</summary>\n\n{inner}\n</details>"


def _format_figure(figure: Figure, pictures: bool) -> str:
    caption = escape_markdown(figure.caption)
    if pictures:
        return f"![{caption}]({figure.name}.png)"
    return f"[Figure](index.html#{figure.anchor}) ([its marks]({figure.name}.csv)): {caption}"


def render_markdown(blocks: Sequence[Block], pictures: bool = False) -> str:
    """The blocks as Markdown, ending in a newline.

    Args:
        blocks: of the report.
        pictures: whether figures are there as pictures; else they are links into the page.
    """
    return "\n\n".join(_format_block(block, pictures) for block in blocks) + "\n"


def format_inline(text: str) -> str:
    """A paragraph's or a cell's text as HTML: escaped, with `code` and **bold** marked up."""
    marked = re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(clean_line(text), quote=False))
    return re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", marked)
