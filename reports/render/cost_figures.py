"""The picture of a sweep of `bench time`: milliseconds over the setting, guided and unguided."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reports.load.timing_schema import Milliseconds
from reports.render.document import Figure
from reports.render.figures import (
    INK,
    add_legend,
    label_log_axis,
    make_canvas,
    pick_colour,
    pick_marker,
    save_figure,
    tidy,
)

_WIDE = 20  # times the least value from which on the axis is logarithmic


@dataclass(frozen=True)
class Line:
    """A policy over a sweep.

    Attributes:
        label: for the legend.
        guided: whether its guidance is on.
        points: value of the setting → what a call took.
    """

    label: str
    guided: bool
    points: Mapping[int, Milliseconds]


def draw_sweep(lines: Sequence[Line], setting: str, name: str, title: str) -> Figure:
    """Median with bars from the 5th to the 95th percentile; unguided lines are dashed.

    Args:
        lines: at least one.
        setting: what varies, for the axis.
        name: of the file.
        title: of the picture.
    """
    made = make_canvas(7.0, 4.4)
    axes = made.add_subplot()
    for i, line in enumerate(lines):
        values, taken = list(line.points), list(line.points.values())
        bars = [[t.median - t.p5 for t in taken], [t.p95 - t.median for t in taken]]
        axes.errorbar(
            values, [t.median for t in taken], yerr=bars, color=pick_colour(i), marker=pick_marker(i),
            markersize=5, linewidth=1.6, linestyle="-" if line.guided else "--", capsize=2, label=line.label,
        )  # fmt: skip
    every = [value for line in lines for value in line.points]
    if max(every) > _WIDE * min(every):
        axes.set_xscale("log")
        label_log_axis(axes.xaxis)
    axes.set_yscale("log")
    label_log_axis(axes.yaxis)
    axes.set_xlabel(setting, color=INK)
    axes.set_ylabel("milliseconds per call", color=INK)
    axes.set_title(title, fontsize=10, color=INK)
    tidy(axes, "both")
    add_legend(made, [line.label for line in lines])
    caption = f"{title}: median of a call with bars from the 5th to the 95th percentile; dashed without guidance."
    return save_figure(made, name, caption)
