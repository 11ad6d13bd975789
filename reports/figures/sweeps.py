"""A sweep of `bench time`: milliseconds over the setting, guided and unguided."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import pandas as pd
from matplotlib.figure import Figure as Canvas

from reports.figures.canvas import INK, add_legend, draw_interval, label_log_axis, make_canvas, make_figure, tidy
from reports.figures.charts import (
    Spec,
    draw_rules,
    encode_colour,
    encode_dash,
    encode_marker,
    scale_number,
    tell,
)
from reports.figures.marks import list_rows, make_marks, select
from reports.figures.style import DASHES, Style, find_styles
from reports.load.timing_schema import Milliseconds
from reports.render.document import Figure

_WIDE = 20  # times the least value from which on the axis is logarithmic
_AXIS = "milliseconds per call"


@dataclass(frozen=True)
class Line:
    """A policy over a sweep.

    Attributes:
        label: for the legend.
        method: its name.
        guided: whether its guidance is on.
        points: value of the setting → what a call took.
    """

    label: str
    method: str
    guided: bool
    points: Mapping[int, Milliseconds]


def make_sweep_figure(lines: Sequence[Line], setting: str, name: str, title: str) -> Figure:
    """Median with bars from the 5th to the 95th percentile; unguided lines are dashed.

    Args:
        lines: at least one.
        setting: what varies, for the axis.
        name: of the file.
        title: of the picture.
    """
    marks, styles = collect_sweep(lines), _style_lines(lines)
    caption = f"{title}: median of a call with bars from the 5th to the 95th percentile; dashed without guidance."
    is_wide = marks["setting"].max() > _WIDE * marks["setting"].min()
    draw = partial(draw_sweep, marks, styles, setting, title, is_wide)
    return make_figure(name, caption, marks, chart_sweep(marks, styles, setting, is_wide), draw)


def _style_lines(lines: Sequence[Line]) -> dict[str, Style]:
    """Colour and marker of each line as of a variant of its method; the dash says whether it is guided."""
    found = find_styles({line.label: line.method for line in lines})
    return {line.label: replace(found[line.label], dash=DASHES[0 if line.guided else 1]) for line in lines}


def collect_sweep(lines: Sequence[Line]) -> pd.DataFrame:
    """A row for each line and value."""
    rows = [
        (line.label, value, taken.median, taken.p5, taken.p95)
        for line in lines
        for value, taken in line.points.items()
    ]
    return make_marks(rows, "variant", "setting", "value", "lower", "upper")


def draw_sweep(
    marks: pd.DataFrame, styles: Mapping[str, Style], setting: str, title: str, is_wide: bool
) -> Canvas:
    """The picture."""
    made = make_canvas(7.0, 4.4)
    axes = made.add_subplot()
    for variant, look in styles.items():
        own = select(marks, variant=variant)
        axes.plot(own["setting"], own["value"], color=look.colour, linewidth=1.6, linestyle=look.line)
        for row in list_rows(own):
            draw_interval(
                axes, "y", row["setting"], row, color=look.colour, marker=look.for_matplotlib, markersize=5,
                elinewidth=1.6, capsize=2, label=variant,
            )  # fmt: skip
    if is_wide:
        axes.set_xscale("log")
        label_log_axis(axes.xaxis)
    axes.set_yscale("log")
    label_log_axis(axes.yaxis)
    axes.set_xlabel(setting, color=INK)
    axes.set_ylabel(_AXIS, color=INK)
    axes.set_title(title, fontsize=10, color=INK)
    tidy(axes, "both")
    add_legend(made, list(styles))
    return made


def chart_sweep(marks: pd.DataFrame, styles: Mapping[str, Style], setting: str, is_wide: bool) -> Spec:
    """The chart."""
    y = scale_number("value", _AXIS, log=True)
    told = tell("variant", "setting", ("value", ".2f"), ("lower", ".2f"), ("upper", ".2f"))
    point = {"type": "point", "filled": True, "opacity": 1, "size": 60}
    return {
        "height": 320,
        "encoding": {"x": scale_number("setting", setting, log=is_wide), **encode_colour(styles)},
        "layer": [
            {"mark": {"type": "line", "strokeWidth": 1.6}, "encoding": {"y": y, **encode_dash(styles)}},
            *draw_rules(marks, "y"),
            {"mark": point, "encoding": {"y": y, **encode_marker(styles), "tooltip": told}},
        ],
    }
