"""What running the tried policies finds: the score against evaluations, and against trials."""

from collections.abc import Mapping
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import MaxNLocator

from reports.analysis.online import PULLS, REPEATS, Curve, OnlineAnalysis
from reports.figures.canvas import INK, add_legend, label_log_axis, make_canvas, make_figure, tidy
from reports.figures.charts import Spec, draw_bands, encode_colour, encode_dash, keep, scale_number, tell
from reports.figures.marks import has_band, make_marks, select
from reports.figures.style import Style, find_styles
from reports.render.document import Figure
from reports.render.numbers import count_noun

_LEAST_HEIGHT = 2.0  # points
_POINTS = 100  # of a curve
_AXIS = "normalised score of the policy found"
_TITLES: Mapping[str, tuple[str, str]] = {
    "bandit": ("bandit", "evaluation episodes, of each task"),
    "best": ("best of so many trials", "trials, of each task"),
}


def make_online_figure(online: OnlineAnalysis) -> Figure:
    """All methods of a suite: the bandit's curve with its band beside the expected best of so many trials."""
    marks, styles = collect_online(online), find_styles({own.label: own.method for own in online.methods})
    caption = (
        f"Score of the policy that is found, mean over {count_noun(len(online.tasks), 'task')}. Bandit: among "
        f"{online.drawn} trained policies, mean of {REPEATS:,} repeats; the bands hold the middle half of "
        "the repeats and are no confidence intervals. Trials: the best of so many, chosen by half of its "
        "episodes and scored by the others."
    )
    draw = partial(draw_online, marks, styles, online.scores.add_source(online.scores.suite))
    return make_figure(f"{online.scores.suite}-online", caption, marks, chart_online(marks, styles), draw)


def collect_online(online: OnlineAnalysis) -> pd.DataFrame:
    """A row for each method, curve and budget, of the bandit's at most `_POINTS`, evenly spaced by ratio."""
    kept = np.unique(np.geomspace(1, PULLS, _POINTS).round().astype(int))
    rows = []
    for own in online.methods:
        for name, curve, budgets in (
            ("bandit", own.bandit, kept),
            ("best", own.best, np.arange(1, len(own.best.score) + 1)),
        ):
            rows += [(own.label, name, int(budget), *_read_curve(curve, int(budget) - 1)) for budget in budgets]
    return make_marks(rows, "variant", "curve", "budget", "value", "lower", "upper")


def _read_curve(curve: Curve, at: int) -> tuple[float, float | None, float | None]:
    if curve.lower is None or curve.upper is None:
        return float(curve.score[at]), None, None
    return float(curve.score[at]), float(curve.lower[at]), float(curve.upper[at])


def draw_online(marks: pd.DataFrame, styles: Mapping[str, Style], title: str) -> Canvas:
    """The picture."""
    made = make_canvas(10.0, 4.6)
    panels = dict(zip(_TITLES, made.subplots(1, 2, sharey=True), strict=True))
    for (name, axes), (head, budget) in zip(panels.items(), _TITLES.values(), strict=True):
        for variant, look in styles.items():
            own = select(marks, variant=variant, curve=name)
            axes.plot(
                own["budget"], own["value"], color=look.colour, marker=look.for_matplotlib, markersize=5,
                linewidth=1.8, linestyle=look.line, markevery=max(1, len(own) // 10), label=variant,
            )  # fmt: skip
            if has_band(own):
                lower, upper = own["lower"].astype(float), own["upper"].astype(float)
                axes.fill_between(own["budget"], lower, upper, color=look.colour, alpha=0.12, linewidth=0)
        axes.set_title(head, fontsize=10, color=INK)
        axes.set_xlabel(budget, color=INK)
        tidy(axes, "both")
    panels["bandit"].set_xscale("log")
    label_log_axis(panels["bandit"].xaxis)
    panels["best"].xaxis.set_major_locator(MaxNLocator(integer=True))
    panels["bandit"].set_ylabel(_AXIS, color=INK)
    _open_axis(panels["bandit"])
    add_legend(made, list(styles))
    made.suptitle(title, fontsize=10, color=INK)
    return made


def _open_axis(axes: Axes) -> None:
    """Keep the axis from being filled by rounding where all policies score the same."""
    low, high = axes.get_ylim()
    if high - low < _LEAST_HEIGHT:
        axes.set_ylim((low + high - _LEAST_HEIGHT) / 2, (low + high + _LEAST_HEIGHT) / 2)


def chart_online(marks: pd.DataFrame, styles: Mapping[str, Style]) -> Spec:
    """The chart: both curves side by side, or below each other."""

    def panel(name: str, is_log: bool) -> Spec:
        title, budget = _TITLES[name]
        line = {"mark": {"type": "line", "strokeWidth": 2, "point": {"size": 25, "opacity": 0.8}}}
        told = tell("variant", "budget", ("value", ".2f"))
        return {
            "title": {"text": title, "color": "currentColor", "fontSize": 12},
            "width": 320,
            "height": 260,
            "transform": keep(f"datum.curve === '{name}'"),
            "encoding": {"x": scale_number("budget", budget, log=is_log), **encode_colour(styles, lines=True)},
            "layer": [
                *draw_bands(select(marks, curve=name), _AXIS),
                {**line, "encoding": {"y": scale_number("value", _AXIS), **encode_dash(styles), "tooltip": told}},
            ],
        }

    return {"concat": [panel("bandit", True), panel("best", False)], "columns": 2}
