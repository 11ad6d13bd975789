"""Multiples of the noise floor over β, a panel for each toy set and for their geometric mean."""

from collections.abc import Mapping
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from reports.analysis.distances import OVERALL
from reports.analysis.suite import DensityAnalysis
from reports.figures.canvas import (
    GRID,
    INK,
    add_legend,
    describe_bars,
    draw_interval,
    label_log_axis,
    make_canvas,
    make_figure,
    tidy,
)
from reports.figures.charts import Spec, draw_rules, encode_colour, encode_marker, scale_number, tell
from reports.figures.marks import list_rows, make_marks, select
from reports.figures.style import Style, style_suite
from reports.render.document import Figure

_ACROSS = 4  # panels in a row, so that the six sets and their mean take two
_SPREAD = 0.6  # of the space of a β that its variants take
_AXIS, _BETA = "distance / noise floor", "inverse temperature β"


def make_exactness_figure(analysis: DensityAnalysis) -> Figure:
    """Every variant's distance to the exact target."""
    scores, styles, marks = analysis.scores, style_suite(analysis.scores), collect_exactness(analysis)
    bars = describe_bars(len(scores.seeds))
    caption = f"Distance to the exact target as a multiple of the noise floor (the line at 1); {bars}."
    draw = partial(draw_exactness, marks, styles)
    return make_figure(f"{scores.suite}-exactness", caption, marks, chart_exactness(marks, styles), draw)


def collect_exactness(analysis: DensityAnalysis) -> pd.DataFrame:
    """A row for each set (and for all of them together), variant and β with a finite multiple."""
    scores = analysis.scores
    panels = {task: {(b, v): analysis.multiples[task, b, v] for b, v in analysis.overall} for task in scores.tasks}
    if len(scores.tasks) > 1:
        panels[OVERALL] = dict(analysis.overall)
    rows = [
        (task, variant, beta, found[beta, variant].value, found[beta, variant].lower, found[beta, variant].upper)
        for task, found in panels.items()
        for variant in scores.variants
        for beta in analysis.inverse_temperatures
        if np.isfinite(found[beta, variant].value)
    ]
    return make_marks(rows, "task", "variant", "beta", "value", "lower", "upper")


def draw_exactness(marks: pd.DataFrame, styles: Mapping[str, Style]) -> Canvas:
    """The picture."""
    tasks, betas = list(dict.fromkeys(marks["task"])), sorted(set(marks["beta"]))
    columns = max(1, min(_ACROSS, len(tasks)))
    lines = max(1, -(-len(tasks) // columns))
    made = make_canvas((2.7 if columns == _ACROSS else 3.3) * columns + 0.4, 2.4 * lines + 0.6)
    grid = np.array(made.subplots(lines, columns, squeeze=False, sharey=True)).ravel()
    for axes in grid[len(tasks) :]:
        axes.set_visible(False)
    for axes, task in zip(grid, tasks, strict=False):
        _draw_panel(axes, select(marks, task=task), betas, styles)
        axes.set_title(task, fontsize=10, color=INK)
        axes.set_xticks(range(len(betas)), [f"{beta:g}" for beta in betas])
    for axes in grid[max(0, len(tasks) - columns) : len(tasks)]:
        axes.set_xlabel(_BETA, color=INK)
    made.supylabel(_AXIS, fontsize=9, color=INK)
    add_legend(made, list(styles))
    return made


def _draw_panel(axes: Axes, marks: pd.DataFrame, betas: list[float], styles: Mapping[str, Style]) -> None:
    """One set: a line for each variant, set apart sideways so that no interval hides another."""
    shifts = np.linspace(-_SPREAD / 2, _SPREAD / 2, len(styles) + 2)[1:-1]
    axes.axhline(1.0, color=INK, linewidth=0.9)
    for shift, (variant, look) in zip(shifts, styles.items(), strict=True):
        own = select(marks, variant=variant)
        places = [betas.index(beta) + shift for beta in own["beta"]]
        axes.plot(places, own["value"], color=look.colour, linewidth=0.8, alpha=0.5, linestyle=look.line)
        for place, row in zip(places, list_rows(own), strict=True):
            draw_interval(
                axes, "y", place, row, color=look.colour, marker=look.for_matplotlib, markersize=4.5,
                elinewidth=1.2, label=variant,
            )  # fmt: skip
    axes.set_yscale("log")
    label_log_axis(axes.yaxis)
    tidy(axes, "y")
    for edge in range(1, len(betas)):
        axes.axvline(edge - 0.5, color=GRID, linewidth=0.7)


def chart_exactness(marks: pd.DataFrame, styles: Mapping[str, Style]) -> Spec:
    """The chart: panels side by side, as many as the page has room for."""
    tasks, y = list(dict.fromkeys(marks["task"])), scale_number("value", _AXIS, log=True)
    told = tell("task", "variant", "beta", ("value", ".2f"), ("lower", ".2f"), ("upper", ".2f"))
    point = {"type": "point", "filled": True, "opacity": 1, "size": 50}
    beta = {"field": "beta", "type": "ordinal", "title": _BETA, "axis": {"labelAngle": 0}}
    apart = {"field": "variant", "sort": list(styles)}
    floor = {"y": {"datum": 1}, "x": {"value": 0}, "x2": {"value": "width"}, "xOffset": {"value": 0}}
    return {
        "facet": {"field": "task", "type": "nominal", "sort": tasks, "title": None},
        "columns": 3,
        "spec": {
            "width": 200,
            "height": 170,
            "encoding": {"x": beta, "xOffset": apart, **encode_colour(styles)},
            "layer": [
                {
                    "mark": {"type": "rule", "strokeWidth": 0.8},
                    "encoding": {**floor, "color": {"value": "#888888"}},
                },
                {"mark": {"type": "line", "strokeWidth": 1, "opacity": 0.6}, "encoding": {"y": y}},
                *draw_rules(marks, "y"),
                {"mark": point, "encoding": {"y": y, **encode_marker(styles), "tooltip": told}},
            ],
        },
    }
