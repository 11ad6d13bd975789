"""Every task's mean score per variant, with its seeds and an interval."""

from collections.abc import Mapping
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Canvas

from reports.analysis.suite import ControlAnalysis
from reports.figures.canvas import INK, add_legend, describe_bars, draw_interval, make_canvas, make_figure, tidy
from reports.figures.charts import (
    Spec,
    draw_rules,
    encode_colour,
    encode_marker,
    keep,
    scale_number,
    size_bands,
    tell,
)
from reports.figures.marks import list_rows, make_marks, select
from reports.figures.style import Style, style_suite
from reports.render.document import Figure

_GAP = 0.8  # of the space of a task that its variants take
_AXIS = "normalised score (100: D4RL's reference)"


def make_scores_figure(analysis: ControlAnalysis) -> Figure:
    """Mean with a t interval, and single seeds."""
    scores, styles, marks = analysis.scores, style_suite(analysis.scores), collect_scores(analysis)
    caption = (
        f"Score by task: mean with {describe_bars(len(scores.seeds))}; the faint points are single seeds, each "
        "the mean of its episodes."
    )
    draw = partial(draw_scores, marks, styles, scores.add_source(scores.suite))
    return make_figure(f"{scores.suite}-scores", caption, marks, chart_scores(marks, styles), draw)


def collect_scores(analysis: ControlAnalysis) -> pd.DataFrame:
    """A row for each mean and, of several seeds, for each seed."""
    scores = analysis.scores
    rows = []
    for task in scores.tasks:
        for variant in scores.variants:
            found = analysis.by_task[task, variant]
            names = {"task": scores.label_task(task), "variant": variant}
            rows.append(
                {**names, "mark": "mean", "value": found.value, "lower": found.lower, "upper": found.upper}
            )
            if len(scores.seeds) > 1:
                rows += [
                    {**names, "mark": "seed", "seed": result.seed, "value": result.score}
                    for result in scores.of(task, variant)
                ]
    return make_marks(rows, "task", "variant", "mark", "seed", "value", "lower", "upper")


def draw_scores(marks: pd.DataFrame, styles: Mapping[str, Style], title: str) -> Canvas:
    """The picture."""
    tasks = list(dict.fromkeys(marks["task"]))
    made = make_canvas(7.5, 1.3 + len(tasks) * (0.3 + 0.19 * len(styles)))
    axes = made.add_subplot()
    offsets = dict(zip(styles, np.linspace(-_GAP / 2, _GAP / 2, len(styles) + 2)[1:-1], strict=True))
    for row in list_rows(marks):
        place, look = tasks.index(row["task"]) + offsets[row["variant"]], styles[row["variant"]]
        if row["mark"] == "seed":
            axes.plot(
                row["value"], place, linestyle="none", marker=look.for_matplotlib, color=look.colour, alpha=0.45,
                markersize=3.5, markeredgewidth=0,
            )  # fmt: skip
        else:
            draw_interval(
                axes, "x", place, row, color=look.colour, marker=look.for_matplotlib, markersize=6.5,
                elinewidth=1.5, label=row["variant"],
            )  # fmt: skip
    axes.set_yticks(range(len(tasks)), tasks)
    axes.set_ylim(len(tasks) - 0.5, -0.5)
    axes.set_xlabel(_AXIS, color=INK)
    tidy(axes, "x")
    for edge in range(1, len(tasks)):
        axes.axhline(edge - 0.5, color="#b9c1cf", linewidth=0.7)
    add_legend(made, list(styles))
    made.suptitle(title, fontsize=10, color=INK)
    return made


def chart_scores(marks: pd.DataFrame, styles: Mapping[str, Style]) -> Spec:
    """The chart: a band for each task, a line in it for each variant."""
    tasks, marker = list(dict.fromkeys(marks["task"])), encode_marker(styles)
    seed = {
        "transform": keep("datum.mark === 'seed'"),
        "mark": {"type": "point", "filled": True, "opacity": 0.4, "size": 22},
        "encoding": {
            **marker,
            "x": scale_number("value", _AXIS),
            "tooltip": tell("task", "variant", "seed", ("value", ".2f")),
        },
    }
    seeds = [seed] if len(select(marks, mark="seed")) else []
    return {
        "height": size_bands(len(tasks), len(styles)),
        "encoding": {
            "y": {
                "field": "task",
                "type": "nominal",
                "sort": tasks,
                "title": None,
                "scale": {"paddingInner": 0.25},
                "axis": {"labelLimit": 180},
            },
            "yOffset": {"field": "variant", "type": "nominal", "sort": list(styles)},
            **encode_colour(styles),
        },
        "layer": [
            *seeds,
            *draw_rules(marks, "x"),
            {
                "transform": keep("datum.mark === 'mean'"),
                "mark": {"type": "point", "filled": True, "opacity": 1, "size": 90},
                "encoding": {
                    **marker,
                    "x": scale_number("value", _AXIS),
                    "tooltip": tell("task", "variant", ("value", ".2f"), ("lower", ".2f"), ("upper", ".2f")),
                },
            },
        ],
    }
