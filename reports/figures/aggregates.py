"""A suite's aggregates with their intervals, a panel for each aggregate."""

from collections.abc import Mapping
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Canvas

from reports.analysis.suite import ControlAnalysis
from reports.figures.canvas import INK, describe_bars, draw_interval, make_canvas, make_figure, tidy
from reports.figures.charts import Spec, draw_rules, encode_colour, encode_marker, scale_number, size_bands, tell
from reports.figures.marks import list_rows, make_marks
from reports.figures.style import Style, style_suite
from reports.render.document import Figure


def make_aggregates_figure(analysis: ControlAnalysis) -> Figure:
    """Scores divided by 100, over seeds and tasks."""
    scores, styles, marks = analysis.scores, style_suite(analysis.scores), collect_aggregates(analysis)
    caption = (
        "Aggregates over seeds and tasks, scores divided by 100: estimate with "
        f"{describe_bars(len(scores.seeds))}; of the optimality gap less is better."
    )
    draw = partial(draw_aggregates, marks, styles, scores.add_source(scores.suite))
    return make_figure(f"{scores.suite}-aggregates", caption, marks, chart_aggregates(marks, styles), draw)


def collect_aggregates(analysis: ControlAnalysis) -> pd.DataFrame:
    """A row for each aggregate of each variant."""
    rows = [
        {"aggregate": name, "variant": variant, "value": e.value, "lower": e.lower, "upper": e.upper}
        for variant, own in analysis.aggregates.items()
        for name, e in own.items()
    ]
    return make_marks(rows, "aggregate", "variant", "value", "lower", "upper")


def draw_aggregates(marks: pd.DataFrame, styles: Mapping[str, Style], title: str) -> Canvas:
    """The picture."""
    names, variants = list(dict.fromkeys(marks["aggregate"])), list(styles)
    made = make_canvas(10.0 if len(names) > 1 else 5.0, 1.0 + 0.36 * len(variants))
    panels = dict(zip(names, np.atleast_1d(np.array(made.subplots(1, len(names), sharey=True))), strict=True))
    for row in list_rows(marks):
        look = styles[row["variant"]]
        draw_interval(
            panels[row["aggregate"]], "x", variants.index(row["variant"]), row, color=look.colour,
            marker=look.for_matplotlib, markersize=7, elinewidth=2,
        )  # fmt: skip
    for name, axes in panels.items():
        axes.set_title(name, fontsize=10, color=INK)
        axes.set_yticks(range(len(variants)), variants)
        axes.set_ylim(len(variants) - 0.5, -0.5)
        axes.margins(x=0.12)
        axes.locator_params(axis="x", nbins=4)
        tidy(axes, "x")
    made.suptitle(title, fontsize=10, color=INK)
    gap = " (optimality gap: lower is better)" if len(names) > 1 else ""
    made.supxlabel(f"score / 100{gap}", fontsize=9, color=INK)
    return made


def chart_aggregates(marks: pd.DataFrame, styles: Mapping[str, Style]) -> Spec:
    """The chart: a row of variants for each aggregate."""
    names = list(dict.fromkeys(marks["aggregate"]))
    return {
        "height": size_bands(len(names), len(styles)),
        "encoding": {
            "y": {"field": "aggregate", "type": "nominal", "sort": names, "title": None},
            "yOffset": {"field": "variant", "type": "nominal", "sort": list(styles)},
            **encode_colour(styles),
        },
        "layer": [
            *draw_rules(marks, "x"),
            {
                "mark": {"type": "point", "filled": True, "opacity": 1, "size": 80},
                "encoding": {
                    **encode_marker(styles),
                    "x": scale_number("value", "score / 100"),
                    "tooltip": tell("aggregate", "variant", ("value", ".3f"), ("lower", ".3f"), ("upper", ".3f")),
                },
            },
        ],
    }
