"""The share of guided rows that was intervened in, by level of the schedule: a panel for each task."""

from collections.abc import Mapping
from functools import partial

import pandas as pd
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import MaxNLocator, PercentFormatter

from reports.analysis.interventions import Interventions
from reports.figures.canvas import ACROSS, INK, finish_panels, make_figure, make_panels, tidy
from reports.figures.charts import Spec, draw_bands, encode_colour, encode_dash, encode_marker, scale_number, tell
from reports.figures.marks import make_marks, select
from reports.figures.style import Style, style_suite
from reports.load.scores import SuiteScores
from reports.render.document import Figure
from reports.render.numbers import count_noun

_LEVEL, _SHARE = "level (0: least noisy)", "share of guided rows"


def make_interventions_figure(scores: SuiteScores, found: Interventions) -> Figure:
    """The shares of one kind of intervention; at least one is there."""
    marks, drawn = collect_levels(scores, found), {variant for _, variant in found.shares}
    styles = {variant: style for variant, style in style_suite(scores).items() if variant in drawn}
    seeds = len(scores.seeds)
    band = f"; bands from the least to the greatest of {count_noun(seeds, 'seed')}" if seeds > 1 else ""
    joined = any(level.last > level.first for own in found.shares.values() for level in own)
    name = found.name.replace("_", " ")
    caption = (
        f"{name[0].upper()}{name[1:]} by level of the schedule, of the rows guided there, all seeds together"
        f"{band}. The axes of the panels differ.{' Neighbouring levels are taken together.' if joined else ''}"
    )
    draw = partial(draw_levels, marks, styles, scores.add_source(scores.suite))
    return make_figure(f"{scores.suite}-{found.name}", caption, marks, chart_levels(marks, styles), draw)


def collect_levels(scores: SuiteScores, found: Interventions) -> pd.DataFrame:
    """A row for each level of each task and variant."""
    rows = [
        (scores.label_task(task), variant, at.first, at.last, at.count, at.rows, at.share, at.least, at.most)
        for (task, variant), levels in found.shares.items()
        for at in levels
    ]
    return make_marks(
        rows, "task", "variant", "level", "last_level", "interventions", "guided_rows", "value", "lower", "upper"
    )


def draw_levels(marks: pd.DataFrame, styles: Mapping[str, Style], title: str) -> Canvas:
    """The picture."""
    made, panels = make_panels(list(dict.fromkeys(marks["task"])))
    for task, axes in panels.items():
        for variant, look in styles.items():
            own = select(marks, task=task, variant=variant)
            axes.plot(
                own["level"], own["value"], color=look.colour, marker=look.for_matplotlib, markersize=4.5,
                linewidth=1.5, linestyle=look.line, markevery=max(1, len(own) // 12), label=variant,
            )  # fmt: skip
            axes.fill_between(own["level"], own["lower"], own["upper"], color=look.colour, alpha=0.12, linewidth=0)
        axes.set_xlabel(_LEVEL, color=INK)
        axes.set_ylim(bottom=0)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        tidy(axes, "both")
    return finish_panels(made, _SHARE, list(styles), title)


def chart_levels(marks: pd.DataFrame, styles: Mapping[str, Style]) -> Spec:
    """The chart: panels side by side, as many as the page has room for."""
    y = scale_number("value", _SHARE, zero=True, format=".2~p")
    told = tell(
        "task", "variant", "level", "last_level", "interventions", "guided_rows", ("value", ".3~p"),
        ("lower", ".3~p"), ("upper", ".3~p"),
    )  # fmt: skip
    return {
        "facet": {"field": "task", "type": "nominal", "sort": list(dict.fromkeys(marks["task"])), "title": None},
        "columns": ACROSS,
        "resolve": {"scale": {"y": "independent"}},
        "spec": {
            "width": 200,
            "height": 180,
            "encoding": {"x": scale_number("level", _LEVEL, tickMinStep=1), **encode_colour(styles)},
            "layer": [
                *draw_bands(marks, _SHARE),
                {"mark": {"type": "line", "strokeWidth": 1.5}, "encoding": {"y": y, **encode_dash(styles)}},
                {
                    "mark": {"type": "point", "filled": True, "opacity": 1, "size": 40},
                    "encoding": {"y": y, **encode_marker(styles), "tooltip": told},
                },
            ],
        },
    }
