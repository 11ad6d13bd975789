"""Score against what one decision costs, in time or evaluations, with the variants that no other beats in both."""

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
from reports.figures.charts import Spec, draw_rules, encode_colour, encode_marker, keep, scale_number, tell
from reports.figures.marks import list_rows, make_marks, select
from reports.figures.style import Style, style_suite
from reports.render.document import Figure

_EVALUATIONS = "network evaluations per action (NFE)"


def make_costs_figure(analysis: ControlAnalysis, milliseconds: Mapping[str, float], unit: str) -> Figure:
    """Score (IQM; of one task the mean) against time.

    Args:
        analysis: the suite.
        milliseconds: variant to its cost; variants that were not timed are named in the caption.
        unit: what the cost is, for the axis.
    """
    absent = _name_absent(analysis, milliseconds, "Not timed")
    return _make_figure(analysis, collect_costs(analysis, milliseconds), "cost", unit, absent)


def make_evaluations_figure(analysis: ControlAnalysis, evaluations: Mapping[str, float]) -> Figure:
    """The same against network evaluations, which no machine changes.

    Args:
        analysis: the suite.
        evaluations: variant to those of an action; variants without are named in the caption.
    """
    absent = _name_absent(analysis, evaluations, "Without a count of evaluations and actions in their results")
    marks = collect_costs(analysis, evaluations, "evaluations")
    said = f"{_EVALUATIONS}: forward passes plus twice the gradients, whatever the network's size"
    return _make_figure(analysis, marks, "evaluations", said, absent, _EVALUATIONS)


def _name_absent(analysis: ControlAnalysis, costs: Mapping[str, float], why: str) -> str:
    absent = [variant for variant in analysis.scores.variants if variant not in costs]
    return f" {why}: {', '.join(absent)}." if absent else ""


def _make_figure(
    analysis: ControlAnalysis, marks: pd.DataFrame, name: str, said: str, absent: str, label: str | None = None
) -> Figure:
    """A figure of the marks; `said` is what the cost is, `label` the axis's if that is shorter."""
    scores, unit = analysis.scores, label or said
    styles = {v: style for v, style in style_suite(scores).items() if v in set(marks["variant"])}
    statistic = _name_statistic(analysis)
    caption = (
        f"Score against cost: {statistic} with {describe_bars(len(scores.seeds))}, over {said}. The line joins "
        f"the variants that no other beats in score and cost both, by their estimates.{absent}"
    )
    axis = f"{statistic} of score / 100"
    draw = partial(draw_costs, marks, styles, scores.add_source(scores.suite), unit, axis)
    return make_figure(f"{scores.suite}-{name}", caption, marks, chart_costs(marks, styles, unit, axis), draw)


def _name_statistic(analysis: ControlAnalysis) -> str:
    return "IQM" if len(analysis.scores.tasks) > 1 else "mean"


def collect_costs(
    analysis: ControlAnalysis, costs: Mapping[str, float], column: str = "milliseconds"
) -> pd.DataFrame:
    """A row for each variant with a cost, which stands in that column, ascending by it.

    Of several at one cost the best by estimate comes first, and it alone can be on the front.
    """
    aggregates, name = analysis.aggregates, _name_statistic(analysis)
    rows = []
    for variant in sorted(costs, key=lambda variant: (costs[variant], -aggregates[variant][name].value)):
        found = aggregates[variant][name]
        best = all(found.value > row["value"] for row in rows)
        rows.append(
            {
                "variant": variant,
                column: costs[variant],
                "value": found.value,
                "lower": found.lower,
                "upper": found.upper,
                "is_on_front": best,
            }
        )
    return make_marks(rows, *rows[0])


def _find_cost(marks: pd.DataFrame) -> str:
    """The column of the cost, the second."""
    return str(marks.columns[1])


def draw_costs(marks: pd.DataFrame, styles: Mapping[str, Style], title: str, unit: str, axis: str) -> Canvas:
    """The picture."""
    made, cost = make_canvas(7.0, 4.4), _find_cost(marks)
    axes = made.add_subplot()
    front = select(marks, is_on_front=True)
    axes.plot(front[cost], front["value"], color=INK, linewidth=0.9, drawstyle="steps-post", alpha=0.6)
    for row in list_rows(marks):
        look = styles[row["variant"]]
        draw_interval(
            axes, "y", row[cost], row, color=look.colour, marker=look.for_matplotlib, markersize=8,
            elinewidth=1.8, label=row["variant"],
        )  # fmt: skip
    axes.set_xscale("log")
    axes.set_xlim(marks[cost].min() / 1.5, marks[cost].max() * 1.5)
    label_log_axis(axes.xaxis)
    axes.set_xlabel(unit, color=INK)
    axes.set_ylabel(axis, color=INK)
    axes.margins(y=0.12)
    tidy(axes, "both")
    add_legend(made, list(styles))
    made.suptitle(title, fontsize=10, color=INK)
    return made


def chart_costs(marks: pd.DataFrame, styles: Mapping[str, Style], unit: str, axis: str) -> Spec:
    """The chart."""
    y, cost = scale_number("value", axis), _find_cost(marks)
    told = tell("variant", (cost, ".2f"), ("value", ".3f"), ("lower", ".3f"), ("upper", ".3f"))
    return {
        "height": 300,
        "encoding": {"x": scale_number(cost, unit, log=True)},
        "layer": [
            {
                "transform": keep("datum.is_on_front"),
                "mark": {"type": "line", "interpolate": "step-after", "strokeWidth": 1, "color": "#888888"},
                "encoding": {"y": y},
            },
            *draw_rules(marks, "y", **encode_colour(styles)),
            {
                "mark": {"type": "point", "filled": True, "opacity": 1, "size": 110},
                "encoding": {
                    "y": y,
                    **encode_colour(styles),
                    **encode_marker(styles),
                    "tooltip": told,
                },
            },
        ],
    }
