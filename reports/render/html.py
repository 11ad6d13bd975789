"""Renders a report as one HTML file that contains its style and its pictures."""

import base64
import html
from collections.abc import Sequence

from foundation.text import clean_line
from reports.render.document import Block, Details, Figure, Heading, Table, Text, format_inline

_STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; color: #1d2330;
  background: #fff; max-width: 72rem; margin: 0 auto; padding: 1.5rem 1.25rem 4rem; }
h1 { font-size: 1.75rem; line-height: 1.25; margin: 0.5rem 0 1rem; }
h2 { font-size: 1.35rem; margin: 2.75rem 0 0.75rem; padding-bottom: 0.3rem; border-bottom: 2px solid #d8dde6; }
h3 { font-size: 1.05rem; margin: 1.75rem 0 0.5rem; }
h4 { font-size: 0.95rem; margin: 1.25rem 0 0.4rem; color: #465064; }
p { max-width: 52rem; margin: 0.6rem 0; }
p.warning { background: #fff4d6; border-left: 4px solid #d08700; padding: 0.6rem 0.9rem; }
code { font: 0.9em ui-monospace, "DejaVu Sans Mono", monospace; background: #f0f2f6; padding: 0.05em 0.3em;
  border-radius: 3px; }
.scroll { overflow-x: auto; margin: 0.75rem 0 1rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 0.92rem; }
th, td { padding: 0.3rem 0.8rem; text-align: right; white-space: nowrap; border-bottom: 1px solid #e4e8ef; }
th { border-bottom: 2px solid #b9c1cf; font-weight: 600; vertical-align: bottom; }
th.word, td.word { text-align: left; }
tbody tr:hover { background: #f6f8fb; }
figure { margin: 1.25rem 0; }
figure img { max-width: 100%; height: auto; }
figcaption { color: #465064; font-size: 0.9rem; max-width: 52rem; }
details { margin: 1rem 0; }
summary { cursor: pointer; font-weight: 600; }
@media print { body { max-width: none; padding: 0; } figure, tr { break-inside: avoid; } }
"""


def _format_row(cells: Sequence[str], tag: str, words: int) -> str:
    marks = [' class="word"' if i < words else "" for i in range(len(cells))]
    inner = "".join(f"<{tag}{m}>{format_inline(c)}</{tag}>" for m, c in zip(marks, cells, strict=True))
    return f"<tr>{inner}</tr>"


def _format_table(table: Table) -> str:
    head = _format_row(table.header, "th", table.words)
    body = "\n".join(_format_row(row, "td", table.words) for row in table.rows)
    return f'<div class="scroll"><table>\n<thead>{head}</thead>\n<tbody>\n{body}\n</tbody></table></div>'


def _format_figure(figure: Figure) -> str:
    data = base64.b64encode(figure.png).decode("ascii")
    caption = html.escape(clean_line(figure.caption))
    return (
        f'<figure><img alt="{caption}" src="data:image/png;base64,{data}">'
        f"<figcaption>{caption}</figcaption></figure>"
    )


def _format_block(block: Block) -> str:
    match block:
        case Heading():
            return f"<h{block.level}>{format_inline(block.text)}</h{block.level}>"
        case Text():
            mark = ' class="warning"' if block.warning else ""
            return f"<p{mark}>{format_inline(block.text)}</p>"
        case Table():
            return _format_table(block)
        case Figure():
            return _format_figure(block)
        case Details():
            inner = "\n".join(map(_format_block, block.blocks))
            return f"<details><summary>{html.escape(clean_line(block.summary))}</summary>\n{inner}\n</details>"


def render_html(title: str, blocks: Sequence[Block]) -> str:
    """The blocks as one self-contained page in UTF-8."""
    body = "\n".join(map(_format_block, blocks))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(clean_line(title))}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )
