"""Score against tuning episodes: what each search had found, and what was reported after it."""

from collections.abc import Mapping
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Canvas

from reports.analysis.budgets import BudgetAnalysis
from reports.figures.canvas import INK, add_legend, describe_bars, draw_interval, make_canvas, make_figure, tidy
from reports.figures.charts import (
    Spec,
    draw_rules,
    encode_colour,
    encode_dash,
    encode_marker,
    keep,
    scale_number,
    tell,
)
from reports.figures.marks import list_rows, make_marks, select
from reports.figures.style import Style, find_styles
from reports.render.document import Figure
from reports.render.numbers import count_noun

_POINTS = 100  # of a curve
_X, _Y = "tuning episodes, of each task", "normalised score"


def make_budgets_figure(budgets: BudgetAnalysis) -> Figure:
    """A curve for each search, and a large mark for each reported variant."""
    scores, marks = budgets.scores, collect_budgets(budgets)
    styles = find_styles({each.label: each.method for each in (*budgets.reported, *budgets.curves)})
    caption = (
        f"Score against tuning episodes, mean over {count_noun(len(budgets.tasks), 'task')}. Lines: the policy "
        "that the search would have given after so many, chosen by half of its tuning episodes and scored by the "
        "others; one search each, so that there is no interval. Large marks: reported seeds, mean with "
        f"{describe_bars(len(scores.seeds))}, at what tuning spent, 0 where nothing was tuned on these data."
    )
    draw = partial(draw_budgets, marks, styles, scores.add_source(scores.suite))
    return make_figure(f"{scores.suite}-budget", caption, marks, chart_budgets(marks, styles), draw)


def collect_budgets(budgets: BudgetAnalysis) -> pd.DataFrame:
    """A row for each change of each curve, at most `_POINTS` of them, and for each reported variant."""
    rows: list[tuple[object, ...]] = []
    for own in budgets.curves:
        count = len(own.trace.episodes)
        for at in np.unique(np.linspace(0, count - 1, min(count, _POINTS)).round().astype(int)):
            numbers = (float(own.trace.episodes[at]), float(own.trace.scores[at]), None, None)
            rows.append((own.label, own.label, "search", *numbers, None))
    for point in budgets.reported:
        e = point.score
        numbers = (point.episodes, e.value, e.lower, e.upper)
        rows.append((point.label, point.variant, "reported", *numbers, point.source))
    return make_marks(rows, "variant", "label", "mark", "episodes", "value", "lower", "upper", "source")


def draw_budgets(marks: pd.DataFrame, styles: Mapping[str, Style], title: str) -> Canvas:
    """The picture."""
    made = make_canvas(7.0, 4.6)
    axes = made.add_subplot()
    for variant, look in styles.items():
        own = select(marks, variant=variant, mark="search")
        axes.plot(
            own["episodes"], own["value"], color=look.colour, linewidth=1.3, linestyle=look.line,
            drawstyle="steps-post", alpha=0.8,
        )  # fmt: skip
        for row in list_rows(select(marks, variant=variant, mark="reported")):
            draw_interval(
                axes, "y", row["episodes"], row, color=look.colour, marker=look.for_matplotlib, markersize=9,
                elinewidth=1.8, label=variant,
            )  # fmt: skip
    axes.set_xlabel(_X, color=INK)
    axes.set_ylabel(_Y, color=INK)
    axes.margins(x=0.04)
    tidy(axes, "both")
    add_legend(made, list(styles))
    made.suptitle(title, fontsize=10, color=INK)
    return made


def chart_budgets(marks: pd.DataFrame, styles: Mapping[str, Style]) -> Spec:
    """The chart."""
    y = scale_number("value", _Y)
    told = tell(
        "label", "mark", ("episodes", ",.0f"), ("value", ".2f"), ("lower", ".2f"), ("upper", ".2f"), "source"
    )
    reported = {
        "transform": keep("datum.mark === 'reported'"),
        "mark": {"type": "point", "filled": True, "opacity": 1, "size": 130},
        "encoding": {"y": y, **encode_marker(styles), "tooltip": told},
    }
    return {
        "height": 300,
        "encoding": {"x": scale_number("episodes", _X, zero=True), **encode_colour(styles)},
        "layer": [
            {
                "transform": keep("datum.mark === 'search'"),
                "mark": {"type": "line", "interpolate": "step-after", "strokeWidth": 1.4, "opacity": 0.8},
                "encoding": {"y": y, **encode_dash(styles)},
            },
            {
                "transform": keep("datum.mark === 'search'"),
                "mark": {"type": "point", "opacity": 0, "size": 50, "filled": True},
                "encoding": {"y": y, "tooltip": told},
            },
            *draw_rules(marks, "y"),
            *([reported] if len(select(marks, mark="reported")) else []),
        ],
    }
