"""What all figures drawn by matplotlib share."""

import io
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Canvas
from matplotlib.text import Text as Words
from matplotlib.ticker import LogLocator, NullFormatter

from reports.analysis.intervals import FEWEST
from reports.render.document import Figure
from reports.render.numbers import count_noun

INK = "#1d2330"
GRID = "#d8dde6"
ACROSS = 3
"""Panels in a row of a figure with one for each task."""
_DOTS_PER_INCH = 150


def make_canvas(width: float, height: float) -> Canvas:
    """An empty figure of a size in inches, on matplotlib's raster backend (no window, no global state)."""
    made = Canvas(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(made)
    return made


def tidy(axes: Axes, grid: str) -> None:
    """Takes the frame's top and right away and puts a light grid along one axis (`x`, `y`) or `both`."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(GRID)
    axes.tick_params(colors=INK, labelsize=9, length=0, which="both")
    axes.set_axisbelow(True)
    if grid in ("x", "both"):
        axes.xaxis.grid(True, color=GRID, linewidth=0.7)
    if grid in ("y", "both"):
        axes.yaxis.grid(True, color=GRID, linewidth=0.7)


def add_legend(made: Canvas, labels: Sequence[str]) -> None:
    """One legend under the whole figure, in as few rows as its width allows, of what is drawn in any panel."""
    found = [pair for axes in made.axes for pair in zip(*axes.get_legend_handles_labels(), strict=True)]
    first = {name: handle for handle, name in reversed(found)}
    labels = [label for label in labels if label in first]
    if not labels:
        return
    inches = 0.5 + 0.075 * max(map(len, labels))
    rows = -(-len(labels) // max(1, int(made.get_figwidth() // inches)))
    made.legend(
        [first[label] for label in labels],
        labels,
        loc="outside lower center",
        ncols=-(-len(labels) // rows),
        frameon=False,
        fontsize=9,
    )


def label_log_axis(axis: Axis) -> None:
    """Plain numbers at 1, 2 and 5 on a logarithmic axis."""
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(NullFormatter())


def make_panels(names: Sequence[str], *, sharey: bool = False) -> tuple[Canvas, dict[str, Axes]]:
    """A figure with a panel for each name, which is its title, `ACROSS` in a row, and the panels by their names.

    Args:
        names: at least one.
        sharey: whether all have one vertical axis.
    """
    columns = min(ACROSS, len(names))
    lines = -(-len(names) // columns)
    made = make_canvas(max(5.0, 3.4 * columns + 0.4), 2.8 * lines + 0.8)
    grid = np.array(made.subplots(lines, columns, squeeze=False, sharey=sharey)).ravel()
    for axes in grid[len(names) :]:
        axes.set_visible(False)
    panels = dict(zip(names, grid, strict=False))
    for name, axes in panels.items():
        axes.set_title(name, fontsize=10, color=INK)
    return made, panels


def finish_panels(made: Canvas, axis: str, labels: Sequence[str], title: str) -> Canvas:
    """The figure with the title of the vertical axes, the legend of what is drawn of the labels, and its title."""
    made.supylabel(axis, fontsize=9, color=INK)
    add_legend(made, labels)
    made.suptitle(title, fontsize=10, color=INK)
    return made


def describe_bars(seeds: int) -> str:
    """What the bars of a figure are, if there are any."""
    if seeds < FEWEST:
        return f"no interval ({count_noun(seeds, 'seed')})"
    return f"95 % t intervals over {seeds} seeds"


def draw_interval(axes: Axes, along: str, place: float, row: Mapping[str, Any], **look: Any) -> None:
    """An estimate as a point with its interval, if it has one.

    Args:
        axes: where.
        along: the axis of the estimate, `x` or `y`.
        place: on the other axis.
        row: `value`, `lower` and `upper`.
        look: matplotlib's arguments of a marker and its line.
    """
    ends = None
    if pd.notna(row["lower"]) and pd.notna(row["upper"]):
        ends = [[max(0.0, row["value"] - row["lower"])], [max(0.0, row["upper"] - row["value"])]]
    point = (row["value"], place) if along == "x" else (place, row["value"])
    axes.errorbar(*point, **{f"{along}err": ends}, linestyle="none", **look)  # pyright: ignore[reportArgumentType]


def make_figure(
    name: str,
    caption: str,
    marks: pd.DataFrame,
    chart: Mapping[str, Any],
    draw: Callable[[], Canvas],
) -> Figure:
    """A figure of a report, which is drawn for print where that is asked for.

    Args:
        name: of its files; it becomes one part of a path, whatever it is made from.
        caption: below it.
        marks: what is drawn, a row for each mark.
        chart: the same as a Vega-Lite specification without its data.
        draw: makes the picture.
    """
    plain_name = re.sub(r"[^A-Za-z0-9._-]", "-", name)
    return Figure(plain_name, caption, marks, chart, partial(save_canvas, draw))


def save_canvas(draw: Callable[[], Canvas], kind: Literal["png", "pdf"]) -> bytes:
    """The bytes of a picture, the same for the same data; `$` and `_` in it are themselves."""
    made, saved = draw(), io.BytesIO()
    for text in made.findobj(Words):
        text.set_parse_math(False)
        text.set_usetex(False)
    plain = matplotlib.rc_context({"text.parse_math": False, "text.usetex": False, "pdf.fonttype": 42})
    with plain:  # for ticks, which are made while it is drawn
        if kind == "png":
            made.savefig(saved, format="png", dpi=_DOTS_PER_INCH, metadata={"Software": None})
        else:
            made.savefig(saved, format="pdf", metadata={"CreationDate": None, "Creator": None, "Producer": None})
    return saved.getvalue()
