"""Score against ρ: what tuning saw, and what is reported."""

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from reports.analysis.scales import ScalePoint
from reports.figures.canvas import INK, add_legend, draw_interval, make_canvas, make_figure, tidy
from reports.figures.charts import Spec, draw_rule, encode_colour, encode_marker, keep, scale_number, tell
from reports.figures.marks import list_rows, make_marks, select
from reports.figures.style import Style, style_suite
from reports.load.scores import SuiteScores
from reports.render.document import Figure

_ACROSS = 3  # panels in a row
_AXIS, _RHO = "normalised score", "guidance scale ρ"
_COLUMNS = (
    "task",
    "variant",
    "method",
    "where",
    "rho",
    "value",
    "lower",
    "upper",
    "seeds",
    "episodes",
    "source",
    "is_on_curve",
)


def make_scales_figure(scores: SuiteScores, points: Sequence[ScalePoint]) -> Figure:
    """A panel for each task: small marks joined by a line of tuning, large ones of the reported seeds.

    Args:
        scores: the suite.
        points: two or more of some method.
    """
    marks, styles = collect_scales(scores, points), _style_methods(scores, points)
    caption = (
        "Score against ρ. Large marks: reported seeds, mean with 95 % t intervals where there are three or more. "
        "Small marks: tuning's seeds and episodes, joined where ρ alone differs, and apart where other settings "
        "were tuned too. A ring: SWG's published ρ for the task."
    )
    draw = partial(draw_scales, marks, styles, scores.add_source(scores.suite))
    return make_figure(f"{scores.suite}-scales", caption, marks, chart_scales(marks, styles), draw)


def _style_methods(scores: SuiteScores, points: Sequence[ScalePoint]) -> dict[str, Style]:
    """The style of each method, that of its first variant."""
    known = style_suite(scores)
    methods = {scores.method(variant): known[variant] for variant in reversed(scores.variants)}
    there = {point.method for point in points}
    return {
        method: methods[method] for method in dict.fromkeys(map(scores.method, scores.variants)) if method in there
    }


def collect_scales(scores: SuiteScores, points: Sequence[ScalePoint]) -> pd.DataFrame:
    """A row for each point; `variant` is the method, which has one colour at every ρ."""
    rows = [
        (
            scores.label_task(point.task), point.method, point.variant, point.where, point.rho, point.score.value,
            point.score.lower, point.score.upper, point.seeds, point.episodes,
            f"{point.source}{', published' if point.is_published else ''}".removeprefix(", "),
            point.is_on_curve,
        )
        for point in points
    ]  # fmt: skip
    return make_marks(rows, *_COLUMNS).rename(columns={"method": "label"})


def draw_scales(marks: pd.DataFrame, styles: Mapping[str, Style], title: str) -> Canvas:
    """The picture."""
    tasks = list(dict.fromkeys(marks["task"]))
    columns = min(_ACROSS, len(tasks))
    lines = -(-len(tasks) // columns)
    made = make_canvas(3.4 * columns + 0.4, 2.8 * lines + 0.8)
    grid = np.array(made.subplots(lines, columns, squeeze=False)).ravel()
    for axes in grid[len(tasks) :]:
        axes.set_visible(False)
    for axes, task in zip(grid, tasks, strict=False):
        for method, look in styles.items():
            _draw_method(axes, select(marks, task=task, variant=method), method, look)
        axes.set_xscale("symlog", linthresh=0.1)
        axes.xaxis.set_major_formatter("{x:g}")
        axes.set_title(task, fontsize=10, color=INK)
        axes.set_xlabel(_RHO, color=INK)
        tidy(axes, "both")
    made.supylabel(_AXIS, fontsize=9, color=INK)
    add_legend(made, list(styles))
    made.suptitle(title, fontsize=10, color=INK)
    return made


def _draw_method(axes: Axes, marks: pd.DataFrame, method: str, look: Style) -> None:
    tuning = select(marks, is_on_curve=True)
    axes.plot(tuning["rho"], tuning["value"], color=look.colour, linewidth=1, linestyle=look.line, alpha=0.7)
    for row in list_rows(marks):
        is_reported = row["where"] == "reported"
        draw_interval(
            axes, "y", row["rho"], row, color=look.colour, marker=look.for_matplotlib,
            markersize=9 if is_reported else 3.5, elinewidth=1.8 if is_reported else 0.8,
            alpha=1.0 if is_reported else 0.7, label=method,
        )  # fmt: skip
        if "published" in row["source"]:
            axes.plot(row["rho"], row["value"], marker="o", markersize=14, fillstyle="none", color=INK)


def chart_scales(marks: pd.DataFrame, styles: Mapping[str, Style]) -> Spec:
    """The chart: panels side by side, as many as the page has room for."""
    tasks = list(dict.fromkeys(marks["task"]))
    y = scale_number("value", _AXIS)
    numbers = (("rho", ".4~g"), ("value", ".2f"), ("lower", ".2f"), ("upper", ".2f"))
    told = tell("task", "label", "where", *numbers, "seeds", "episodes", "source", "is_on_curve")
    rho = {
        "field": "rho",
        "type": "quantitative",
        "scale": {"type": "symlog", "constant": 0.1},
        "axis": {"title": _RHO, "values": [0, 0.1, 1, 10, 100], "format": "~g"},
    }
    colour, marker = encode_colour(styles), encode_marker(styles)

    def points(where: str, size: int, opacity: float) -> Spec:
        return {
            "transform": keep(f"datum.where === '{where}'"),
            "mark": {"type": "point", "filled": True, "opacity": opacity, "size": size},
            "encoding": {"y": y, **marker, "tooltip": told},
        }

    ring = {"type": "point", "shape": "circle", "filled": False, "size": 300, "color": "currentColor"}
    return {
        "facet": {"field": "task", "type": "nominal", "sort": tasks, "title": None},
        "columns": _ACROSS,
        "resolve": {"scale": {"y": "independent"}},
        "spec": {
            "width": 200,
            "height": 180,
            "encoding": {"x": rho, **colour},
            "layer": [
                {
                    "transform": keep("datum.is_on_curve"),
                    "mark": {"type": "line", "strokeWidth": 1, "opacity": 0.7},
                    "encoding": {"y": y},
                },
                draw_rule("datum.where === 'reported'", "y"),
                points("tuning", 22, 0.7),
                points("reported", 120, 1.0),
                {
                    "transform": keep("indexof(datum.source, 'published') >= 0"),
                    "mark": ring,
                    "encoding": {"y": y, "color": {"value": "#888888"}},
                },
            ],
        },
    }
