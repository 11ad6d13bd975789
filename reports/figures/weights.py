"""The weights of the data as an area, those predicted for draws as a line, a panel for each task."""

from collections.abc import Mapping, Sequence
from functools import partial

import pandas as pd
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import PercentFormatter

from reports.analysis.weights import WeightShares
from reports.figures.canvas import ACROSS, INK, finish_panels, make_figure, make_panels, tidy
from reports.figures.charts import Spec, encode_colour, encode_dash, keep, scale_number, tell
from reports.figures.marks import make_marks, select
from reports.figures.style import Style, style_suite
from reports.load.scores import SuiteScores
from reports.render.document import Figure

_WEIGHT, _SHARE = "weight", "share"


def make_weights_figure(scores: SuiteScores, found: Sequence[WeightShares]) -> Figure:
    """The histograms of all variants that have them; at least one."""
    marks = collect_shares(scores, found)
    drawn = {shares.variant for shares in found}
    styles = {variant: style for variant, style in style_suite(scores).items() if variant in drawn}
    caption = (
        "Weights by bin, mean over seeds. Areas: of the data, which the denoiser was trained on. Lines: predicted "
        "for what is drawn at the same states, with the reported ρ. The axes of the panels differ."
    )
    draw = partial(draw_weights, marks, styles, scores.add_source(scores.suite))
    return make_figure(f"{scores.suite}-weights", caption, marks, chart_weights(marks, styles), draw)


def collect_shares(scores: SuiteScores, found: Sequence[WeightShares]) -> pd.DataFrame:
    """A row for each bin of each histogram."""
    rows = [
        (scores.label_task(own.task), own.variant, mark, *map(float, ((low + high) / 2, low, high, share)))
        for own in found
        for mark, shares in (("data", own.learned), ("predicted", own.predicted))
        for low, high, share in zip(own.edges[:-1], own.edges[1:], shares, strict=True)
    ]
    return make_marks(rows, "task", "variant", "mark", "weight", "from", "to", "value")


def draw_weights(marks: pd.DataFrame, styles: Mapping[str, Style], title: str) -> Canvas:
    """The picture."""
    made, panels = make_panels(list(dict.fromkeys(marks["task"])))
    for task, axes in panels.items():
        for i, (variant, look) in enumerate(styles.items()):
            data, own = (select(marks, task=task, variant=variant, mark=mark) for mark in ("data", "predicted"))
            axes.fill_between(
                data["weight"], data["value"], color=look.colour, alpha=0.18, linewidth=0, step="mid"
            )
            axes.plot(
                own["weight"], own["value"], color=look.colour, linewidth=1.5, linestyle=look.line, label=variant,
                marker=look.for_matplotlib, markersize=4, drawstyle="steps-mid", markevery=(i, 8),
            )  # fmt: skip
        axes.set_xlabel(_WEIGHT, color=INK)
        axes.set_ylim(bottom=0)
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        tidy(axes, "both")
    return finish_panels(made, _SHARE, list(styles), title)


def chart_weights(marks: pd.DataFrame, styles: Mapping[str, Style]) -> Spec:
    """The chart: panels side by side, as many as the page has room for."""
    y = scale_number("value", _SHARE, zero=True, format=".2~p")
    told = tell("task", "variant", "mark", ("from", ".3f"), ("to", ".3f"), ("value", ".2%"))
    return {
        "facet": {"field": "task", "type": "nominal", "sort": list(dict.fromkeys(marks["task"])), "title": None},
        "columns": ACROSS,
        "resolve": {"scale": {"x": "independent", "y": "independent"}},
        "spec": {
            "width": 200,
            "height": 180,
            "encoding": {"x": scale_number("weight", _WEIGHT), "y": y, **encode_colour(styles, lines=True)},
            "layer": [
                {
                    "transform": keep("datum.mark === 'data'"),
                    "mark": {"type": "area", "interpolate": "step", "opacity": 0.18},
                    "encoding": {"y": {**y, "stack": None}},
                },
                {
                    "transform": keep("datum.mark === 'predicted'"),
                    "mark": {"type": "line", "interpolate": "step", "strokeWidth": 1.6},
                    "encoding": encode_dash(styles),
                },
                {
                    "mark": {"type": "point", "opacity": 0, "size": 40, "filled": True},
                    "encoding": {"tooltip": told},
                },
            ],
        },
    }
