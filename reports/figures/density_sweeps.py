"""Sweeps of a suite of densities: distance, or effective β, against the setting; a panel for each β."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from reports.analysis.density_sweeps import DensityValue
from reports.analysis.distances import OVERALL
from reports.figures.canvas import INK, add_legend, draw_interval, label_log_axis, make_canvas, make_figure, tidy
from reports.figures.charts import Spec, draw_rules, encode_colour, encode_marker, keep, scale_number, tell
from reports.figures.marks import list_rows, make_marks, select
from reports.figures.scales import (
    Setting,
    describe_rings,
    draw_ring,
    draw_rings,
    encode_setting,
    make_axis,
    scale_setting,
)
from reports.figures.style import Style, find_styles
from reports.load.scores import SuiteScores
from reports.render.document import Figure

_MOST_SETS = 8  # in a picture for print
_ACROSS = 3  # panels in a row of the page


@dataclass(frozen=True)
class Measure:
    """What is drawn against the setting.

    Attributes:
        name: of the figure's files, behind that of the sweep; none for distances.
        title: of the vertical axis.
        caption: what the marks are.
        is_distance: whether it is a multiple of the noise floor, on a logarithmic axis with a line at 1; else an
            effective β, with a line at the β that was asked for.
    """

    name: str
    title: str
    caption: str
    is_distance: bool

    def find_line(self, beta: float) -> float:
        """Where the line of a panel is."""
        return 1.0 if self.is_distance else beta


DISTANCE = Measure(
    "",
    "distance / noise floor",
    "Distance to the exact target as a multiple of the noise floor (the line at 1), geometric mean over seeds "
    "with its 95 % t interval where there are three or more, one value at a time.",
    True,
)
EFFECTIVE = Measure(
    "-effective-beta",
    "effective β",
    "The β that the samples have (the line: the one that was asked for), median over seeds with the outermost "
    "ends of their 95 % intervals; an interval ends where the range that is searched does.",
    False,
)


def make_density_sweep_figure(
    scores: SuiteScores, values: Sequence[DensityValue], measure: Measure
) -> Figure | None:
    """A panel for each β with a line for each method; a list beside it chooses the set where there are several.

    None where no number is finite.

    Args:
        scores: all of the suite.
        values: of the sweeps of one setting.
        measure: `DISTANCE` or `EFFECTIVE`.
    """
    said = {source for value in values for own in value.sources.values() for source in own}
    setting = make_axis(values[0].sweep.setting, [value.value for value in values], said)
    marks = collect_density_sweep(scores, values, setting, measure)
    if marks.empty:
        return None
    styles = find_styles({value.sweep.family: value.sweep.method for value in values})
    caption = f"{measure.caption} A line for each method.{describe_rings(setting)}"
    sets = list(dict.fromkeys(marks["set"]))
    if len(sets) > _MOST_SETS:
        caption += f" The picture for print has the first {_MOST_SETS} of {len(sets)} sets."
    draw = partial(draw_density_sweep, marks, styles, setting, measure, scores.suite)
    name = f"{scores.suite}-scales{'' if setting.is_rho else f'-{setting.title}'}{measure.name}"
    return make_figure(name, caption, marks, chart_density_sweep(marks, styles, setting, measure), draw)


def collect_density_sweep(
    scores: SuiteScores, values: Sequence[DensityValue], setting: Setting, measure: Measure
) -> pd.DataFrame:
    """A row for each set (the mean over several first), method, β and value with a finite number."""
    columns = ("set", "variant", "beta", setting.column, "value", "lower", "upper", "seeds", "source")
    rows: list[tuple[object, ...]] = []
    for value in values:
        found = value.multiples if measure.is_distance else value.effective
        everywhere = set.intersection(*(set(own) for own in value.sources.values()))
        for (task, beta), one in found.items():
            sources = everywhere if task == OVERALL else value.sources[task]
            place = (task, value.sweep.family, beta, value.value)
            if np.isfinite(one.value):
                numbers = (one.value, one.lower, one.upper, len(scores.seeds))
                rows.append((*place, *numbers, ", ".join(source for source in sources)))
    order = {name: place for place, name in enumerate(values[0].sets)}
    return make_marks(sorted(rows, key=lambda row: (order[str(row[0])], row[2])), *columns)


def draw_density_sweep(
    marks: pd.DataFrame, styles: Mapping[str, Style], setting: Setting, measure: Measure, title: str
) -> Canvas:
    """The picture: a row of panels for each set."""
    sets, betas = list(dict.fromkeys(marks["set"]))[:_MOST_SETS], sorted(set(marks["beta"]))
    made = make_canvas(2.7 * max(2, len(betas)) + 0.4, 2.2 * len(sets) + 0.9)
    grid = made.subplots(len(sets), len(betas), squeeze=False)
    for line, name in zip(grid, sets, strict=True):
        for axes, beta in zip(line, betas, strict=True):
            scale_setting(axes, setting)
            _draw_panel(axes, select(marks, set=name, beta=beta), styles, setting)
            axes.axhline(measure.find_line(beta), color=INK, linewidth=0.9)
            if measure.is_distance:
                axes.set_yscale("log")
                label_log_axis(axes.yaxis)
            axes.set_title(f"{name}, β = {beta:g}", fontsize=9, color=INK)
            tidy(axes, "both")
    made.supylabel(measure.title, fontsize=9, color=INK)
    made.suptitle(title, fontsize=10, color=INK)
    add_legend(made, list(styles))
    return made


def _draw_panel(axes: Axes, marks: pd.DataFrame, styles: Mapping[str, Style], setting: Setting) -> None:
    for name, look in styles.items():
        own = select(marks, variant=name)
        axes.plot(
            own[setting.column], own["value"], color=look.colour, linewidth=1.6, linestyle=look.line, alpha=0.7
        )
        for row in list_rows(own):
            place = row[setting.column]
            draw_interval(
                axes, "y", place, row, color=look.colour, marker=look.for_matplotlib, markersize=4.5,
                elinewidth=1.2, label=name,
            )  # fmt: skip
            draw_rings(axes, place, row, setting)


def chart_density_sweep(
    marks: pd.DataFrame, styles: Mapping[str, Style], setting: Setting, measure: Measure
) -> Spec:
    """The chart; the ends of its axes are said, since a set may have no number at a β, as in learning curves."""
    sets, betas = list(dict.fromkeys(marks["set"])), sorted(set(marks["beta"]))
    choice = {"input": "select", "options": sets, "name": "Set "} if len(sets) > 1 else None
    chosen: Spec = {"name": "chosen", "value": sets[0], **({"bind": choice} if choice else {})}
    ends = {name: {f"{beta:g}": _find_ends(marks, name, beta, measure) for beta in betas} for name in sets}
    return {
        "params": [chosen, {"name": "ends", "value": ends}],
        "concat": [_chart_panel(marks, styles, setting, measure, beta) for beta in betas],
        "columns": 2 if len(betas) in (2, 4) else _ACROSS,
    }


def _find_ends(marks: pd.DataFrame, name: str, beta: float, measure: Measure) -> list[float]:
    """The least and the greatest value of a panel with its line; of distances of all panels of the set."""
    own = select(marks, set=name) if measure.is_distance else select(marks, set=name, beta=beta)
    values = own[["value", "lower", "upper"]].to_numpy(float)
    every = [*values[np.isfinite(values)].tolist(), measure.find_line(beta)]
    return [min(every), max(every)]


def _chart_panel(
    marks: pd.DataFrame, styles: Mapping[str, Style], setting: Setting, measure: Measure, beta: float
) -> Spec:
    """The panel of a β, of the set that is chosen."""
    x, y = encode_setting(setting), scale_number("value", measure.title, log=measure.is_distance)
    places = marks[setting.column].to_numpy(float)
    x["scale"] = {**x["scale"], "domain": [float(places.min()), float(places.max())], "nice": True}
    y["scale"]["domain"] = [{"expr": f"ends[chosen][{json.dumps(f'{beta:g}')}][{end}]"} for end in (0, 1)]
    numbers = ((setting.column, ".4~g"), ("value", ".2f"), ("lower", ".2f"), ("upper", ".2f"))
    told = tell("set", "variant", "beta", *numbers, "seeds", "source")
    line = {"y": {"datum": measure.find_line(beta)}, "x": {"value": 0}, "x2": {"value": "width"}}
    return {
        "title": {"text": f"β = {beta:g}", "fontSize": 12, "fontWeight": "normal"},
        "width": 260,
        "height": 180,
        "transform": keep(f"datum.set === chosen && datum.beta === {beta!r}"),
        "encoding": {"x": x, **encode_colour(styles)},
        "layer": [
            {
                "mark": {"type": "rule", "strokeWidth": 0.8},
                "encoding": {**line, "color": {"value": "#888888"}},
            },
            {"mark": {"type": "line", "strokeWidth": 2, "opacity": 0.7}, "encoding": {"y": y}},
            *draw_rules(marks, "y"),
            {
                "mark": {"type": "point", "filled": True, "opacity": 1, "size": 60},
                "encoding": {"y": y, **encode_marker(styles), "tooltip": told},
            },
            *(draw_ring(source, y) for source in setting.rings),
        ],
    }
