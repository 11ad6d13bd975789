"""The distribution of each variant's rank over tasks and seeds, and its mean."""

from collections.abc import Mapping
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import PercentFormatter

from reports.analysis.intervals import FEWEST
from reports.analysis.ranks import Ranks
from reports.figures.canvas import GRID, INK, add_legend, draw_interval, make_canvas, make_figure, tidy
from reports.figures.charts import Spec, draw_rules, encode_colour, encode_marker, keep, scale_number, tell
from reports.figures.marks import list_rows, make_marks, select
from reports.figures.style import Style, style_suite
from reports.render.document import Figure
from reports.render.numbers import describe_few_seeds

_SHARE, _MEAN, _RANK = "share of tasks × seeds", "mean rank (1: best)", "rank (1: best)"
_SPREAD = 0.8  # of the room of a rank that its variants take


def make_ranks_figure(ranks: Ranks) -> Figure:
    """The share at each rank, and the mean rank; of more than `MOST` variants the mean alone."""
    scores, styles, marks = ranks.scores, style_suite(ranks.scores), collect_ranks(ranks)
    seeds = len(scores.seeds)
    bars = "bars are 95 % bootstrap intervals, seeds drawn within each task"
    shown = "Ranks over tasks × seeds: the share at each rank, and the mean" if has_shares(ranks) else "Mean rank"
    caption = f"{shown}; {bars}." if seeds >= FEWEST else f"{shown}. {describe_few_seeds(seeds)}"
    draw = partial(draw_ranks, marks, styles, scores.add_source(scores.suite))
    return make_figure(f"{scores.suite}-ranks", caption, marks, chart_ranks(marks, styles), draw)


MOST = 12  # variants whose distributions can be told apart


def has_shares(ranks: Ranks) -> bool:
    """Whether there are few enough variants to show their distributions."""
    return len(ranks.mean) <= MOST


def collect_ranks(ranks: Ranks) -> pd.DataFrame:
    """A row for each share of a variant at a rank, and for each mean, which has no rank."""
    rows = [(v, "mean", None, e.value, e.lower, e.upper) for v, e in ranks.mean.items()]
    for variant, shares in ranks.shares.items() if has_shares(ranks) else ():
        rows += [(variant, "share", at, e.value, e.lower, e.upper) for at, e in enumerate(shares, 1)]
    return make_marks(rows, "variant", "mark", "rank", "value", "lower", "upper")


def draw_ranks(marks: pd.DataFrame, styles: Mapping[str, Style], title: str) -> Canvas:
    """The picture."""
    shares, variants = select(marks, mark="share"), list(styles)
    count = len(variants)
    made = make_canvas(10.0 if len(shares) else 5.0, max(3.6, 1.2 + 0.36 * count))
    panels = made.subplots(1, 2, width_ratios=(2, 1)) if len(shares) else np.array([made.add_subplot()])
    offsets = dict(zip(variants, np.linspace(-_SPREAD / 2, _SPREAD / 2, count + 2)[1:-1], strict=True))
    for row in list_rows(marks):
        look, is_share = styles[row["variant"]], row["mark"] == "share"
        place = row["rank"] + offsets[row["variant"]] if is_share else variants.index(row["variant"])
        draw_interval(
            panels[0 if is_share else -1], "y" if is_share else "x", place, row, color=look.colour,
            marker=look.for_matplotlib, markersize=5.5, elinewidth=1.5, label=row["variant"],
        )  # fmt: skip
    if len(shares):
        axes = panels[0]
        axes.set_xticks(range(1, count + 1))
        axes.set_ylim(-0.02, 1.02)
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        axes.set_xlabel(_RANK, color=INK)
        axes.set_ylabel(_SHARE, color=INK)
        tidy(axes, "y")
        for edge in range(1, count):
            axes.axvline(edge + 0.5, color=GRID, linewidth=0.7)
    panels[-1].set_yticks(range(count), variants)
    panels[-1].set_ylim(count - 0.5, -0.5)
    panels[-1].set_xlim(0.8, count + 0.2)
    panels[-1].set_xlabel(_MEAN, color=INK)
    tidy(panels[-1], "x")
    if len(shares):
        add_legend(made, variants)
    made.suptitle(title, fontsize=10, color=INK)
    return made


def chart_ranks(marks: pd.DataFrame, styles: Mapping[str, Style]) -> Spec:
    """The chart: both panels side by side, or below each other."""
    variants, count = list(styles), len(styles)
    scale = {"domain": [0.8, count + 0.2], "nice": False, "zero": False}
    mean = {
        "width": 200,
        "height": max(120, 20 * count),
        "transform": keep("datum.mark === 'mean'"),
        "encoding": {
            "y": {"field": "variant", "type": "nominal", "sort": variants, "title": None},
            **encode_colour(styles),
        },
        "layer": [
            *draw_rules(select(marks, mark="mean"), "x"),
            {
                "mark": {"type": "point", "filled": True, "opacity": 1, "size": 80},
                "encoding": {
                    "x": {**scale_number("value", _MEAN, tickMinStep=1), "scale": scale},
                    **encode_marker(styles),
                    "tooltip": tell("variant", ("value", ".2f"), ("lower", ".2f"), ("upper", ".2f")),
                },
            },
        ],
    }
    if not len(select(marks, mark="share")):
        return mean
    share = {
        "width": 420,
        "height": max(240, 20 * count),
        "transform": keep("datum.mark === 'share'"),
        "encoding": {
            "x": {"field": "rank", "type": "ordinal", "title": _RANK, "axis": {"labelAngle": 0}},
            "xOffset": {"field": "variant", "type": "nominal", "sort": variants},
            **encode_colour(styles),
        },
        "layer": [
            *draw_rules(select(marks, mark="share"), "y"),
            {
                "mark": {"type": "point", "filled": True, "opacity": 1, "size": 60},
                "encoding": {
                    "y": {**scale_number("value", _SHARE, format="%"), "scale": {"domain": [0, 1]}},
                    **encode_marker(styles),
                    "tooltip": tell("variant", "rank", ("value", ".1%"), ("lower", ".1%"), ("upper", ".1%")),
                },
            },
        ],
    }
    return {"concat": [share, {**mean, "height": share["height"]}], "columns": 2}
