"""Renders a report as one HTML file that contains its style, its script, its charts and its pictures."""

import base64
import hashlib
import html
import json
from collections.abc import Iterator, Sequence
from functools import cached_property
from importlib import resources

from foundation.text import clean_line
from reports.render.document import (
    Animation,
    Block,
    Details,
    Figure,
    Heading,
    Table,
    Text,
    find_figures,
    format_inline,
)
from reports.render.page.anchors import Anchors, Entry
from reports.render.page.charts import bundle_vega, encode_chart, join_charts
from reports.render.page.fit import fit_blocks

_LINE = 32  # letters of a cell that stay on one line
_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
{refresh}<title>{title}</title>
<style>{style}</style>
<script>{script}</script>
</head>
<body>
<main>
{body}
</main>
{charts}</body>
</html>
"""


def render_page(title: str, blocks: Sequence[Block], refresh: int | None = None, most: int | None = None) -> str:
    """The blocks as one self-contained page in UTF-8.

    What stands before the first heading of level 2 comes first, then the table of contents, then the rest. A
    browser runs none but the scripts whose hashes the page names, and reaches for nothing outside it.

    Args:
        title: of the browser's window.
        blocks: of the report.
        refresh: seconds after which a browser reads the page again; None where it does not.
        most: bytes of the page, which shows less where all would be more, see `fit_blocks`; None for all.
    """
    maker = _PageMaker(title, "" if refresh is None else format_refresh(refresh))
    shown = fit_blocks(
        blocks,
        most,
        measure=lambda draft: _count_bytes(maker.make(draft)),
        measure_figure=lambda figure: _count_bytes(maker.encode(figure)),
        measure_lines=lambda lines: sum(_count_bytes(_format_lines(each)) for each in lines.values()),
    )
    return maker.make(shown)


def _count_bytes(text: str) -> int:
    return len(text.encode())


class _PageMaker:
    """Makes pages of one title again and again; what takes a moment is made once.

    Args:
        title: of the browser's window.
        refresh: the line that has a browser read the page again, or nothing.
    """

    def __init__(self, title: str, refresh: str):
        self.title, self.refresh = title, refresh
        self.charts: dict[str, str] = {}

    def make(self, blocks: Sequence[Block]) -> str:
        """The page of blocks."""
        anchors = Anchors()
        opening = next((i for i, b in enumerate(blocks) if isinstance(b, Heading) and b.level > 1), len(blocks))
        first = [_format_block(block, anchors) for block in blocks[:opening]]
        rest = [_format_block(block, anchors) for block in blocks[opening:]]
        charted = [figure for figure in find_figures(blocks) if not figure.is_left_out]
        script = "\n".join(map(_read_own, ("charts.js", "page.js")))
        bundle = self.bundle if charted else ""
        data = join_charts(self.encode(figure) for figure in charted)
        charts = f'<script type="application/json" id="charts">{data}</script>\n<script>{bundle}</script>\n'
        return _PAGE.format(
            policy=_make_policy([script, bundle] if charted else [script]),
            refresh=self.refresh,
            title=html.escape(clean_line(self.title)),
            style=_read_own("page.css"),
            script=script,
            body="\n".join([f"<header>\n{_join(first)}\n</header>", _format_contents(anchors.entries), *rest]),
            charts=charts if charted else "",
        )

    def encode(self, figure: Figure) -> str:
        """A figure's chart, for the page."""
        if figure.name not in self.charts:
            self.charts[figure.name] = encode_chart(figure)
        return self.charts[figure.name]

    @cached_property
    def bundle(self) -> str:
        """The script that draws charts."""
        return bundle_vega()


def format_refresh(seconds: int) -> str:
    """The line by which a browser reads the page again after so many seconds."""
    return f'<meta http-equiv="refresh" content="{seconds}">\n'


def _read_own(name: str) -> str:
    return (resources.files("reports.render.page") / name).read_text(encoding="utf-8")


def _make_policy(scripts: Sequence[str]) -> str:
    """Scripts by their hashes alone, pictures that are in the page, nothing of elsewhere."""
    digests = (hashlib.sha256(script.encode()).digest() for script in scripts)
    hashes = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    return f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data:"


def _format_contents(entries: Sequence[Entry]) -> str:
    """The headings of levels 2 and 3 as a list of lists; nothing where there is one or none."""
    shown = [entry for entry in entries if entry.level in (2, 3)]
    if len(shown) < 2:
        return ""
    lines, depth = [], 1
    for entry in shown:
        if entry.level > depth:
            lines.append("<ul>" * (entry.level - depth))
        else:
            lines.append("</li>" + "</ul></li>" * (depth - entry.level))
        depth = entry.level
        lines.append(f'<li><a href="#{_quote(entry.anchor)}">{html.escape(clean_line(entry.label))}</a>')
    lines.append("</li></ul>" * (depth - 1))
    return f'<nav aria-label="Contents"><details open><summary>Contents</summary>{_join(lines)}</details></nav>'


def _format_block(block: Block, anchors: Anchors) -> str:
    match block:
        case Heading():
            anchor = anchors.name_heading(block)
            inner = format_inline(block.text) + _format_link(anchor, "section")
            return f'<h{block.level} id="{_quote(anchor)}">{inner}</h{block.level}>'
        case Text():
            mark = ' class="warning"' if block.warning else ""
            return f"<p{mark}>{format_inline(block.text)}</p>"
        case Table():
            return _format_table(block, anchors)
        case Figure():
            return _format_figure(block)
        case Animation():
            return _format_animation(block)
        case Details():
            inner = _join(_format_block(inner, anchors) for inner in block.blocks)
            return f"<details><summary>{html.escape(clean_line(block.summary))}</summary>\n{inner}\n</details>"


def _format_link(anchor: str, what: str) -> str:
    """A permanent link, whose sign is the style sheet's, so that it is no part of a text that is copied."""
    return f'<a class="link" href="#{_quote(anchor)}" aria-label="Link to this {what}"></a>'


def _format_table(table: Table, anchors: Anchors) -> str:
    anchor = anchors.name_table(table)
    rows = anchors.name_rows(table, anchor)
    head = "".join(
        f'<th scope="col"{_mark_word(table, c)}>{format_inline(t)}</th>' for c, t in enumerate(table.header)
    )
    body = "\n".join(
        _format_group(table, number) + _format_row(table, number, row) for number, row in enumerate(rows)
    )
    name = f' data-name="{_quote(table.name)}"' if table.name else ""
    facets = f' data-facets="{_encode(list(table.facets))}"' if table.facets else ""
    return (
        f'<div class="table" id="{_quote(anchor)}"{name}{facets}>'
        f'<div class="scroll" tabindex="0" role="region" aria-label="{_quote(anchors.title or "Table")}"><table>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div></div>"
    )


def _format_group(table: Table, number: int) -> str:
    """The heading of the group that begins at a row, in a body of its own; nothing where none begins."""
    if number not in table.groups:
        return ""
    ended = "</tbody>\n<tbody>" if number else ""
    inner = f"<span>{format_inline(table.groups[number])}</span>"
    return f'{ended}<tr class="group"><th scope="rowgroup" colspan="{len(table.header)}">{inner}</th></tr>\n'


def _format_row(table: Table, number: int, anchor: str) -> str:
    cells = []
    for column, text in enumerate(table.rows[number]):
        inner = format_inline(text)
        if note := table.notes.get((number, column)):
            more = _format_lines(table.lines.get((number, column), ()))
            inner = f'<button class="note" title="{_quote(note)}"{more}>{inner}</button>'
        if link := table.links.get((number, column)):
            inner = f'<a href="{_quote(link)}">{inner}</a>'
        if column:
            cells.append(f"<td{_mark_word(table, column, text)}>{inner}</td>")
        else:
            cells.append(f'<th scope="row"{_mark_word(table, 0, text)}>{inner}{_format_link(anchor, "row")}</th>')
    values = [own[number] for own in table.facets.values()]
    facets = f' data-facets="{_encode(values)}"' if values else ""
    return f'<tr id="{_quote(anchor)}"{facets}>{"".join(cells)}</tr>'


def _format_lines(lines: Sequence[str]) -> str:
    """What unfolds below a note, as an attribute; nothing where nothing does."""
    return f' data-lines="{_encode(lines)}"' if lines else ""


def _mark_word(table: Table, column: int, text: str = "") -> str:
    """The class of a cell in a column of words; a long text may take several lines."""
    if column >= table.words:
        return ""
    return ' class="word long"' if len(text) > _LINE else ' class="word"'


def _format_figure(figure: Figure) -> str:
    caption = _quote(figure.caption)
    if figure.is_left_out:
        said = f"Left out, since the page would be too large; its marks are in `{figure.name}.csv`"
        shown = f"<p>{format_inline(f'{said}, and `report --print` draws it.')}</p>"
        return f'<figure id="{_quote(figure.anchor)}">{shown}<figcaption>{caption}</figcaption></figure>'
    shown = (
        f'<div class="chart" data-chart="{_quote(figure.name)}" role="img" aria-label="{caption}"></div>'
        f"<noscript>Drawn by a script, which is off; what it shows is in {_quote(figure.name)}.csv.</noscript>"
    )
    return f'<figure id="{_quote(figure.anchor)}">{shown}<figcaption>{caption}</figcaption></figure>'


def _format_animation(animation: Animation) -> str:
    caption, data = _quote(animation.caption), base64.b64encode(animation.content).decode("ascii")
    shown = f'<img alt="{caption}" src="data:image/gif;base64,{data}">'
    return f"<figure>{shown}<figcaption>{caption}</figcaption></figure>"


def _quote(text: str) -> str:
    """A text for an attribute or an element."""
    return html.escape(clean_line(text))


def _encode(texts: Sequence[str]) -> str:
    """Texts as JSON in an attribute."""
    return html.escape(json.dumps([clean_line(text) for text in texts], ensure_ascii=False))


def _join(parts: Iterator[str] | Sequence[str]) -> str:
    return "\n".join(parts)
