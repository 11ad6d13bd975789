"""Score against what one decision costs, with the variants that no other beats in both."""

from collections.abc import Mapping
from functools import partial

import pandas as pd
from matplotlib.figure import Figure as Canvas

from reports.analysis.suite import ControlAnalysis
from reports.figures.canvas import (
    INK,
    add_legend,
    describe_bars,
    draw_interval,
    label_log_axis,
    make_canvas,
    make_figure,
    tidy,
)
from reports.figures.charts import Spec, draw_rule, encode_colour, encode_marker, keep, scale_number, tell
from reports.figures.marks import list_rows, make_marks, select
from reports.figures.style import Style, style_suite
from reports.render.document import Figure


def make_costs_figure(analysis: ControlAnalysis, milliseconds: Mapping[str, float], unit: str) -> Figure:
    """Score (IQM; of one task the mean) against cost.

    Args:
        analysis: the suite.
        milliseconds: variant to its cost; variants that were not timed are named in the caption.
        unit: what the cost is, for the axis.
    """
    scores, marks = analysis.scores, collect_costs(analysis, milliseconds)
    styles = {v: style for v, style in style_suite(scores).items() if v in milliseconds}
    name = "IQM" if len(scores.tasks) > 1 else "mean"
    absent = [variant for variant in scores.variants if variant not in milliseconds]
    missing = f" Not timed: {', '.join(absent)}." if absent else ""
    caption = (
        f"Score against cost: {name} with {describe_bars(len(scores.seeds))}, over {unit}. The line joins the "
        f"variants that no other beats in score and cost both, by their estimates.{missing}"
    )
    axis = f"{name} of score / 100"
    draw = partial(draw_costs, marks, styles, scores.add_source(scores.suite), unit, axis)
    return make_figure(f"{scores.suite}-cost", caption, marks, chart_costs(styles, unit, axis), draw)


def collect_costs(analysis: ControlAnalysis, milliseconds: Mapping[str, float]) -> pd.DataFrame:
    """A row for each timed variant, ascending by cost."""
    name = "IQM" if len(analysis.scores.tasks) > 1 else "mean"
    rows = []
    for variant in sorted(milliseconds, key=lambda variant: milliseconds[variant]):
        found = analysis.aggregates[variant][name]
        best = all(found.value > row["value"] for row in rows)
        rows.append(
            {
                "variant": variant,
                "milliseconds": milliseconds[variant],
                "value": found.value,
                "lower": found.lower,
                "upper": found.upper,
                "is_on_front": best,
            }
        )
    return make_marks(rows, *rows[0])


def draw_costs(marks: pd.DataFrame, styles: Mapping[str, Style], title: str, unit: str, axis: str) -> Canvas:
    """The picture."""
    made = make_canvas(7.0, 4.4)
    axes = made.add_subplot()
    front = select(marks, is_on_front=True)
    axes.plot(front["milliseconds"], front["value"], color=INK, linewidth=0.9, drawstyle="steps-post", alpha=0.6)
    for row in list_rows(marks):
        look = styles[row["variant"]]
        draw_interval(
            axes, "y", row["milliseconds"], row, color=look.colour, marker=look.for_matplotlib, markersize=8,
            elinewidth=1.8, label=row["variant"],
        )  # fmt: skip
    axes.set_xscale("log")
    axes.set_xlim(marks["milliseconds"].min() / 1.5, marks["milliseconds"].max() * 1.5)
    label_log_axis(axes.xaxis)
    axes.set_xlabel(unit, color=INK)
    axes.set_ylabel(axis, color=INK)
    axes.margins(y=0.12)
    tidy(axes, "both")
    add_legend(made, list(styles))
    made.suptitle(title, fontsize=10, color=INK)
    return made


def chart_costs(styles: Mapping[str, Style], unit: str, axis: str) -> Spec:
    """The chart."""
    y = scale_number("value", axis)
    return {
        "height": 300,
        "encoding": {"x": scale_number("milliseconds", unit, log=True)},
        "layer": [
            {
                "transform": keep("datum.is_on_front"),
                "mark": {"type": "line", "interpolate": "step-after", "strokeWidth": 1, "color": "#888888"},
                "encoding": {"y": y},
            },
            draw_rule("true", "y", **encode_colour(styles)),
            {
                "mark": {"type": "point", "filled": True, "opacity": 1, "size": 110},
                "encoding": {
                    "y": y,
                    **encode_colour(styles),
                    **encode_marker(styles),
                    "tooltip": tell(
                        "variant", ("milliseconds", ".2f"), ("value", ".3f"), ("lower", ".3f"), ("upper", ".3f")
                    ),
                },
            },
        ],
    }
