"""Learning curves of the components of one kind: a panel for each quantity, a task at a time on the page."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from foundation.text import clean_line
from reports.analysis.components import Part, group_parts
from reports.figures.canvas import INK, add_legend, label_log_axis, make_canvas, make_figure, tidy
from reports.figures.charts import Spec, encode_colour, keep, scale_number, tell
from reports.figures.marks import has_band, make_marks, select
from reports.figures.style import (
    BLUE,
    BROWN,
    DASHES,
    GREEN,
    GREY,
    ORANGE,
    PINK,
    SKY,
    VERMILION,
    VIOLET,
    Style,
)
from reports.load.component_schema import LearningCurve
from reports.render.document import Figure
from reports.render.numbers import count_noun

MOST_LINES = 60
"""Of single seeds in a figure; where there are more, their range is drawn."""
MOST_MARKS = 6000
"""Of a figure, by which the points of a line are chosen, so that the page stays small."""
_FEWEST_POINTS, _ENOUGH_POINTS = 20, 40  # of a line: at least, and for single seeds to be drawn
_WIDE = 20.0  # times the least value from which on an axis is logarithmic
_MOST_TASKS = 8  # in a picture for print
_ACROSS = 3  # panels in a row of the page
_COLUMNS = ("task", "variant", "quantity", "mark", "seed", "step", "value", "lower", "upper")
_STEP = "training step"
_HIDDEN = ("learning_rate",)
_COLOURS = (BLUE, VERMILION, GREEN, ORANGE, VIOLET, PINK, SKY, BROWN, GREY)  # neighbours are unlike


def make_curves_figure(suite: str, kind: str, parts: Sequence[Part]) -> Figure:
    """The curves of all seeds with their mean, or the mean with the range of the seeds where there are many.

    Args:
        suite: its name.
        kind: of the components.
        parts: of that kind, one with a curve at least.
    """
    marks = collect_curves(parts)
    styles, logs = style_groups(marks), find_logs(marks)
    count = int(marks.groupby(list(_COLUMNS[:5])).size().max())
    seeds = "thin lines are seeds" if has_seeds(marks) else "the band goes from the least to the greatest of them"
    caption = (
        f"Learning curves of {kind}: the thick line is the mean over seeds, where each has a number; {seeds}. "
        f"A point is the mean of neighbouring steps up to it, at most {count_noun(count, 'point')} a line."
    )
    tasks = list(dict.fromkeys(marks["task"]))
    if len(tasks) > _MOST_TASKS:
        caption += f" The picture for print has the first {_MOST_TASKS} of {len(tasks)} tasks."
    draw = partial(draw_curves, marks, styles, logs, f"{suite}: {kind}")
    return make_figure(f"{suite}-curves-{kind}", caption, marks, chart_curves(marks, styles, logs), draw)


def list_quantities(curves: Iterable[LearningCurve]) -> list[str]:
    """What is drawn of curves: all that was recorded but for the learning rates, which the settings say."""
    names = dict.fromkeys(name for curve in curves for name in curve.values)
    return [name for name in names if not name.startswith(_HIDDEN)]


def collect_curves(parts: Sequence[Part]) -> pd.DataFrame:
    """A row for each point: `mark` is `mean`, or `seed` where single seeds are few enough to be drawn.

    A mean has `lower` and `upper`, the least and the greatest of the seeds, where there are several.
    """
    lines: dict[tuple[str, str, str], dict[int, tuple[Sequence[int], Sequence[float]]]] = {}
    for task in dict.fromkeys(part.task for part in parts):
        for name, own in group_parts(part for part in parts if part.task == task).items():
            curves = {part.seed: found for part in own if (found := _find_curve(part)) is not None}
            for quantity in list_quantities(curves.values()):
                lines[task, name, clean_line(quantity)] = {
                    seed: (curve.steps, curve.values[quantity])
                    for seed, curve in curves.items()
                    if quantity in curve.values
                }
    shows_seeds = _can_show_seeds(lines)
    drawn = sum(1 + (len(of_seeds) if shows_seeds else 0) for of_seeds in lines.values())
    most = max(_FEWEST_POINTS, MOST_MARKS // max(1, drawn))
    rows: list[tuple[object, ...]] = []
    for key, of_seeds in lines.items():
        thinned = {seed: thin(*line, most) for seed, line in of_seeds.items()}
        if shows_seeds:
            rows += [(*key, "seed", str(s), *at, None, None) for s, line in thinned.items() for at in line.items()]
        rows += [(*key, "mean", "", *point) for point in average(list(thinned.values()))]
    return make_marks(rows, *_COLUMNS)


def _can_show_seeds(lines: Mapping[tuple[str, str, str], Mapping[int, object]]) -> bool:
    """Whether the lines of single seeds are few enough for a reader, and for the points that they need."""
    seeds = {key[:2]: len(of_seeds) for key, of_seeds in lines.items()}
    drawn = sum(1 + len(of_seeds) for of_seeds in lines.values())
    return sum(seeds.values()) <= MOST_LINES and MOST_MARKS // max(1, drawn) >= _ENOUGH_POINTS


def _find_curve(part: Part) -> LearningCurve | None:
    return part.record.curve if part.record is not None else None


def thin(steps: Sequence[int], values: Sequence[float], most: int) -> dict[int, float]:
    """The means of as many neighbouring values as make at most so many points, by the last step of each.

    A mean of which one value is NaN, or of both infinities, is NaN.
    """
    width = -(-len(steps) // most)
    with np.errstate(invalid="ignore", over="ignore"):  # a training that diverged
        return {
            steps[min(first + width, len(steps)) - 1]: float(np.mean(values[first : first + width]))
            for first in range(0, len(steps), width)
        }


def average(lines: Sequence[Mapping[int, float]]) -> list[tuple[int, float, float | None, float | None]]:
    """Step, mean, least and greatest over lines, at the steps at which each of them has a finite value."""
    first, *others = lines
    steps = [step for step in first if all(math.isfinite(line.get(step, math.nan)) for line in lines)]
    found = []
    for step in steps:
        values = [line[step] for line in lines]
        ends = (min(values), max(values)) if others else (None, None)
        found.append((step, float(np.mean(values)), *ends))
    return found


def style_groups(marks: pd.DataFrame) -> dict[str, Style]:
    """A colour for each group of components; with a dash where there are more than colours."""
    names = list(dict.fromkeys(marks["variant"]))
    return {
        name: Style(_COLOURS[i % len(_COLOURS)], "circle", DASHES[i // len(_COLOURS) % len(DASHES)])
        for i, name in enumerate(names)
    }


def has_seeds(marks: pd.DataFrame) -> bool:
    """Whether single seeds are drawn."""
    return "seed" in set(marks["mark"])


def find_logs(marks: pd.DataFrame) -> dict[str, bool]:
    """Quantity to whether its axis is logarithmic: all values are positive, the greatest 20 times the least."""
    found = {}
    for quantity in dict.fromkeys(marks["quantity"]):
        values = select(marks, quantity=quantity)[["value", "lower", "upper"]].to_numpy(float)
        values = values[np.isfinite(values)]
        found[quantity] = bool(values.size and values.min() > 0 and values.max() > _WIDE * values.min())
    return found


def draw_curves(marks: pd.DataFrame, styles: Mapping[str, Style], logs: Mapping[str, bool], title: str) -> Canvas:
    """The picture: a row of panels for each task."""
    tasks = list(dict.fromkeys(marks["task"]))[:_MOST_TASKS]
    made = make_canvas(3.1 * len(logs) + 0.4, 2.2 * len(tasks) + 0.9)
    grid = made.subplots(len(tasks), len(logs), squeeze=False)
    for line, task in zip(grid, tasks, strict=True):
        for axes, (quantity, is_log) in zip(line, logs.items(), strict=True):
            _draw_panel(axes, select(marks, task=task, quantity=quantity), styles)
            if is_log:
                axes.set_yscale("log")
                label_log_axis(axes.yaxis)
            axes.set_title(f"{task}: {quantity}", fontsize=9, color=INK)
            tidy(axes, "both")
    for axes in grid[-1]:
        axes.set_xlabel(_STEP, color=INK, fontsize=9)
    made.suptitle(title, fontsize=10, color=INK)
    add_legend(made, list(styles))
    return made


def _draw_panel(axes: Axes, marks: pd.DataFrame, styles: Mapping[str, Style]) -> None:
    for name, look in styles.items():
        own, seeds = select(marks, variant=name, mark="mean"), select(marks, variant=name, mark="seed")
        for seed in dict.fromkeys(seeds["seed"]):
            line = select(seeds, seed=seed)
            axes.plot(line["step"], line["value"], color=look.colour, linewidth=0.7, alpha=0.5)
        if seeds.empty and has_band(own):
            axes.fill_between(own["step"], own["lower"], own["upper"], color=look.colour, alpha=0.2, linewidth=0)
        if not own.empty:
            axes.plot(own["step"], own["value"], color=look.colour, linewidth=1.8, linestyle=look.line, label=name)


def chart_curves(marks: pd.DataFrame, styles: Mapping[str, Style], logs: Mapping[str, bool]) -> Spec:
    """The chart; a list beside it chooses the task where there are several.

    The ends of the axes are said for each task, since a browser's console warns of a panel without marks to take
    them from, as of a quantity that the chosen task lacks.
    """
    tasks = list(dict.fromkeys(marks["task"]))
    choice = {"input": "select", "options": tasks, "name": "Task "} if len(tasks) > 1 else None
    chosen: Spec = {"name": "task", "value": tasks[0], **({"bind": choice} if choice else {})}
    ends = {quantity: {task: find_ends(marks, quantity, task) for task in tasks} for quantity in logs}
    return {
        "params": [chosen, {"name": "ends", "value": ends}],
        "concat": [_chart_panel(marks, quantity, styles, is_log) for quantity, is_log in logs.items()],
        "columns": 2 if len(logs) in (2, 4) else _ACROSS,
    }


def find_ends(marks: pd.DataFrame, quantity: str, task: str) -> dict[str, list[float]]:
    """The least and the greatest `step` and `value` of a quantity on a task; of none what an axis can have."""
    own = select(marks, quantity=quantity, task=task)
    values = own[["value", "lower", "upper"]].to_numpy(float)
    finite = values[np.isfinite(values)]
    steps = (own if len(own) else marks)["step"]
    return {
        "step": [int(steps.min()), int(steps.max())],
        "value": [float(finite.min()), float(finite.max())] if finite.size else [1.0, 10.0],
    }


def _chart_panel(marks: pd.DataFrame, quantity: str, styles: Mapping[str, Style], is_log: bool) -> Spec:
    """The panel of a quantity, of the task that is chosen."""
    name = json.dumps(quantity)
    step, y = scale_number("step", _STEP, format=",d", tickCount=4), scale_number("value", quantity, log=is_log)
    for axis, field in ((step, "step"), (y, "value")):
        axis["scale"]["domain"] = [{"expr": f"ends[{name}][task].{field}[{end}]"} for end in (0, 1)]
    told = tell("task", "variant", ("step", ",d"), ("value", ".4~g"), ("lower", ".4~g"), ("upper", ".4~g"))
    mean = keep("datum.mark === 'mean'")
    thick = {"type": "line", "strokeWidth": 2.2}
    layers: list[Spec] = [
        {"transform": mean, "mark": thick, "encoding": {"y": y}},
        {
            "transform": mean,
            "mark": {"type": "point", "opacity": 0, "size": 80},
            "encoding": {"y": y, "tooltip": told},
        },
    ]
    if has_seeds(marks):
        thin_line = {"type": "line", "strokeWidth": 0.8, "opacity": 0.6}
        detail = [{"field": "seed", "type": "nominal"}]
        encoding = {"y": y, "detail": detail}
        layers.insert(0, {"transform": keep("datum.mark === 'seed'"), "mark": thin_line, "encoding": encoding})
    elif has_band(select(marks, mark="mean")):
        ends = {"y": {**y, "field": "lower"}, "y2": {"field": "upper"}}
        layers.insert(0, {"transform": mean, "mark": {"type": "area", "opacity": 0.2}, "encoding": ends})
    return {
        "width": 260,
        "height": 200,
        "transform": keep(f"datum.quantity === {name} && datum.task === task"),
        "encoding": {"x": step, **encode_colour(styles, lines=True)},
        "layer": layers,
    }
