"""How the episodes' scores or lengths are distributed, a panel for each task and a curve for each variant."""

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import PercentFormatter

from reports.analysis.episodes import POINTS, EpisodeSpread, trace_distribution
from reports.figures.canvas import ACROSS, INK, finish_panels, make_figure, make_panels, tidy
from reports.figures.charts import Spec, encode_colour, encode_dash, scale_number, tell
from reports.figures.marks import make_marks, select
from reports.figures.style import Style, style_suite
from reports.load.scores import SuiteScores
from reports.render.document import Figure

_SHARE = "share of episodes"
_SCORE, _LENGTH = "normalised score", "environment steps"


def make_returns_figure(scores: SuiteScores, spreads: Sequence[EpisodeSpread]) -> Figure:
    """The distribution of normalised scores."""
    caption = (
        "Episodes of all seeds: the share that scores at most so much, by task. A step is a score that many "
        f"episodes share, a level stretch a range that none has; at most {POINTS} points of a curve are drawn."
    )
    values = {(spread.task, spread.variant): spread.scores for spread in spreads}
    return _make_figure(scores, values, f"{scores.suite}-episode-scores", caption, _SCORE)


def make_lengths_figure(scores: SuiteScores, spreads: Sequence[EpisodeSpread]) -> Figure:
    """The distribution of lengths; `spreads` are those of the tasks to be shown."""
    caption = (
        "Episodes of all seeds: the share that takes at most so many environment steps, by task; at most "
        f"{POINTS} points of a curve are drawn."
    )
    values = {(spread.task, spread.variant): spread.lengths for spread in spreads}
    return _make_figure(scores, values, f"{scores.suite}-episode-lengths", caption, _LENGTH)


def _make_figure(
    scores: SuiteScores, values: Mapping[tuple[str, str], np.ndarray], name: str, caption: str, axis: str
) -> Figure:
    marks, drawn = collect_distributions(scores, values), {variant for _, variant in values}
    styles = {variant: style for variant, style in style_suite(scores).items() if variant in drawn}
    draw = partial(draw_distributions, marks, styles, scores.add_source(scores.suite), axis)
    return make_figure(name, caption, marks, chart_distributions(marks, styles, axis), draw)


def collect_distributions(scores: SuiteScores, values: Mapping[tuple[str, str], np.ndarray]) -> pd.DataFrame:
    """A row for each corner of each curve.

    Args:
        scores: the suite.
        values: of the episodes, by task and variant.
    """
    rows = [
        (scores.label_task(task), variant, float(corner), float(share))
        for (task, variant), own in values.items()
        for corner, share in zip(*trace_distribution(own), strict=True)
    ]
    return make_marks(rows, "task", "variant", "at_most", "value")


def draw_distributions(marks: pd.DataFrame, styles: Mapping[str, Style], title: str, axis: str) -> Canvas:
    """The picture."""
    made, panels = make_panels(list(dict.fromkeys(marks["task"])), sharey=True)
    for task, axes in panels.items():
        for i, (variant, look) in enumerate(styles.items()):
            own = select(marks, task=task, variant=variant)
            every = max(1, len(own) // 6)
            axes.plot(
                own["at_most"], own["value"], color=look.colour, linewidth=1.5, label=variant, linestyle=look.line,
                marker=look.for_matplotlib, drawstyle="steps-post", markersize=4,
                markevery=(every * i // len(styles), every),
            )  # fmt: skip
        axes.set_xlabel(axis, color=INK)
        axes.set_ylim(-0.02, 1.02)
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        tidy(axes, "both")
    return finish_panels(made, _SHARE, list(styles), title)


def chart_distributions(marks: pd.DataFrame, styles: Mapping[str, Style], axis: str) -> Spec:
    """The chart: panels side by side, as many as the page has room for."""
    y = {**scale_number("value", _SHARE, format="%"), "scale": {"domain": [0, 1]}}
    told = tell("task", "variant", ("at_most", ".5~g"), ("value", ".1%"))
    return {
        "facet": {"field": "task", "type": "nominal", "sort": list(dict.fromkeys(marks["task"])), "title": None},
        "columns": ACROSS,
        "resolve": {"scale": {"x": "independent"}},
        "spec": {
            "width": 200,
            "height": 180,
            "encoding": {"x": scale_number("at_most", axis), "y": y, **encode_colour(styles, lines=True)},
            "layer": [
                {
                    "mark": {"type": "line", "interpolate": "step-after", "strokeWidth": 1.6},
                    "encoding": encode_dash(styles),
                },
                {
                    "mark": {"type": "point", "opacity": 0, "size": 40, "filled": True},
                    "encoding": {"tooltip": told},
                },
            ],
        },
    }
