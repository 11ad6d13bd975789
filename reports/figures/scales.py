"""Score against ρ, or against another setting that is swept: what tuning saw, and what is reported."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from reports.analysis.scales import ScalePoint
from reports.analysis.sweep_values import SweepValue
from reports.figures.canvas import ACROSS, INK, draw_interval, finish_panels, make_figure, make_panels, tidy
from reports.figures.charts import Spec, draw_rules, encode_colour, encode_marker, keep, scale_number, tell
from reports.figures.marks import list_rows, make_marks, select
from reports.figures.style import Style, find_styles, style_suite
from reports.load.scores import SuiteScores
from reports.load.sweeps import RHO
from reports.render.document import Figure

_AXIS, _RHO = "normalised score", "guidance scale ρ"
_WIDE = 20  # times the least value from which on the axis of another setting is logarithmic
RINGS: Mapping[str, tuple[str, str]] = {
    "exact": ("triangle-up", "^"),
    "published": ("circle", "o"),
    "tuned": ("square", "s"),
    "default": ("diamond", "D"),
}
"""Source of a declared value to the shape around its mark, as Vega and as matplotlib name it."""
_COLUMNS = (
    "task",
    "variant",
    "method",
    "where",
    "rho",
    "value",
    "lower",
    "upper",
    "seeds",
    "episodes",
    "source",
    "is_on_curve",
)


@dataclass(frozen=True)
class Setting:
    """The axis of a figure.

    Attributes:
        column: of the marks.
        title: of the axis.
        is_wide: whether it is logarithmic; ρ, which may be 0, has an axis of its own kind.
        rings: sources whose values are marked.
    """

    column: str = "rho"
    title: str = _RHO
    is_wide: bool = False
    rings: tuple[str, ...] = ("published",)

    @property
    def is_rho(self) -> bool:
        """Whether it is the guidance scale."""
        return self.column == RHO


def make_scales_figure(scores: SuiteScores, points: Sequence[ScalePoint]) -> Figure:
    """A panel for each task: small marks joined by a line of tuning, large ones of the reported seeds.

    Args:
        scores: the suite.
        points: two or more of some method.
    """
    marks, styles = collect_scales(scores, points), _style_methods(scores, points)
    caption = (
        "Score against ρ. Large marks: reported seeds, mean with 95 % t intervals where there are three or more. "
        "Small marks: tuning's seeds and episodes, joined where ρ alone differs, and apart where other settings "
        "were tuned too. A ring: SWG's published ρ for the task."
    )
    draw = partial(draw_scales, marks, styles, scores.add_source(scores.suite))
    return make_figure(f"{scores.suite}-scales", caption, marks, chart_scales(marks, styles), draw)


def make_sweep_figure(scores: SuiteScores, values: Sequence[SweepValue], points: Sequence[ScalePoint]) -> Figure:
    """A panel for the mean over tasks and one for each task: the reported means, joined along each sweep.

    Args:
        scores: all of the suite.
        values: of the sweeps of one setting.
        points: of these sweeps, see `collect_sweep_points`.
    """
    setting = choose_axis(values, points)
    families = {value.sweep.family: value.sweep.method for value in values}
    styles = find_styles({**families, **{p.method: p.method for p in points if p.method not in families}})
    marks = collect_scales(scores, points).rename(columns={RHO: setting.column})
    has_tuning = any(point.where == "tuning" for point in points)
    caption = (
        f"Score against {'ρ' if setting.is_rho else setting.title}, a line for each method. Marks: mean over the "
        "reported seeds with its 95 % t interval where there are three or more, one value at a time."
        + describe_rings(setting)
        + (" Small marks: tuning's seeds and episodes." if has_tuning else "")
    )
    name = f"{scores.suite}-scales{'' if setting.is_rho else f'-{setting.title}'}"
    draw = partial(draw_scales, marks, styles, scores.add_source(scores.suite), setting)
    return make_figure(name, caption, marks, chart_scales(marks, styles, setting), draw)


def describe_rings(setting: Setting) -> str:
    """What the shapes around marks say, with a space before it; nothing where there are none."""
    shapes = {source: RINGS[source][0].removesuffix("-up") for source in setting.rings}
    rings = ", ".join(f"a {shapes[source]} for the {source} one" for source in setting.rings)
    return f" Around a declared value: {rings}." if rings else ""


def choose_axis(values: Sequence[SweepValue], points: Sequence[ScalePoint]) -> Setting:
    """The axis of a sweep; rings for the sources that some point has."""
    said = {word for p in points for word in (*p.source.split(", "), "published" if p.is_published else "")}
    return make_axis(values[0].sweep.setting, [value.value for value in values], said)


def make_axis(setting: str, numbers: Sequence[float], sources: Collection[str]) -> Setting:
    """The axis of a sweep.

    Args:
        setting: `rho`, or a dotted name.
        numbers: its values.
        sources: that declare some of them.
    """
    rings = tuple(source for source in RINGS if source in sources)
    if setting == RHO:
        return Setting(rings=rings)
    return Setting("setting", setting, min(numbers) > 0 and max(numbers) > _WIDE * min(numbers), rings)


def _style_methods(scores: SuiteScores, points: Sequence[ScalePoint]) -> dict[str, Style]:
    """The style of each method, that of its first variant."""
    known = style_suite(scores)
    methods = {scores.method(variant): known[variant] for variant in reversed(scores.variants)}
    there = {point.method for point in points}
    return {
        method: methods[method] for method in dict.fromkeys(map(scores.method, scores.variants)) if method in there
    }


def collect_scales(scores: SuiteScores, points: Sequence[ScalePoint]) -> pd.DataFrame:
    """A row for each point; `variant` is the method, which has one colour at every ρ."""
    rows = [
        (
            scores.label_task(point.task) if point.task in scores.tasks else point.task, point.method,
            point.variant, point.where, point.rho, point.score.value,
            point.score.lower, point.score.upper, point.seeds, point.episodes,
            f"{point.source}{', published' if point.is_published else ''}".removeprefix(", "),
            point.is_on_curve,
        )
        for point in points
    ]  # fmt: skip
    return make_marks(rows, *_COLUMNS).rename(columns={"method": "label"})


def draw_scales(
    marks: pd.DataFrame, styles: Mapping[str, Style], title: str, setting: Setting | None = None
) -> Canvas:
    """The picture."""
    setting = setting or Setting()
    made, panels = make_panels(list(dict.fromkeys(marks["task"])))
    for task, axes in panels.items():
        scale_setting(axes, setting)
        for method, look in styles.items():
            _draw_method(axes, select(marks, task=task, variant=method), method, look, setting)
        tidy(axes, "both")
    return finish_panels(made, _AXIS, list(styles), title)


def scale_setting(axes: Axes, setting: Setting) -> None:
    """The horizontal axis of a sweep in a picture."""
    if setting.is_rho:
        axes.set_xscale("symlog", linthresh=0.1)
    elif setting.is_wide:
        axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_xlabel(setting.title, color=INK)


def _draw_method(axes: Axes, marks: pd.DataFrame, method: str, look: Style, setting: Setting) -> None:
    for where, width in (("tuning", 1.0), ("reported", 1.6)):
        joined = select(marks, is_on_curve=True, where=where)
        axes.plot(
            joined[setting.column], joined["value"], color=look.colour, linewidth=width, linestyle=look.line,
            alpha=0.7,
        )  # fmt: skip
    is_line = bool(len(select(marks, is_on_curve=True, where="reported")))
    for row in list_rows(marks):
        is_reported, place = row["where"] == "reported", row[setting.column]
        draw_interval(
            axes, "y", place, row, color=look.colour, marker=look.for_matplotlib,
            markersize=(5.5 if is_line else 9) if is_reported else 3.5, elinewidth=1.8 if is_reported else 0.8,
            alpha=1.0 if is_reported else 0.7, label=method,
        )  # fmt: skip
        draw_rings(axes, place, row, setting)


def draw_rings(axes: Axes, place: float, row: Mapping[str, Any], setting: Setting) -> None:
    """The shapes around a mark of a picture whose value some sources declare."""
    for source in (source for source in setting.rings if source in row["source"]):
        axes.plot(place, row["value"], marker=RINGS[source][1], markersize=14, fillstyle="none", color=INK)


def chart_scales(marks: pd.DataFrame, styles: Mapping[str, Style], setting: Setting | None = None) -> Spec:
    """The chart: panels side by side, as many as the page has room for."""
    setting = setting or Setting()
    is_line = bool(len(select(marks, is_on_curve=True, where="reported")))
    return {
        "concat": [
            {
                "title": {"text": task, "fontSize": 12, "fontWeight": "normal"},
                "width": 200,
                "height": 180,
                "transform": keep(f"datum.task === {json.dumps(task)}"),
                "encoding": {"x": encode_setting(setting), **encode_colour(styles)},
                "layer": _draw_panel(select(marks, task=task), styles, setting, is_line),
            }
            for task in dict.fromkeys(marks["task"])
        ],
        "columns": ACROSS,
        "resolve": {"scale": {"x": "shared"}},
    }


def _draw_panel(marks: pd.DataFrame, styles: Mapping[str, Style], setting: Setting, is_line: bool) -> list[Spec]:
    """The layers of a task, those with marks alone.

    Args:
        marks: of the task.
        styles, setting: of the chart.
        is_line: whether reported means are joined in some panel, and their marks are smaller.
    """
    y, there = scale_number("value", _AXIS), set(marks["where"])
    numbers = ((setting.column, ".4~g"), ("value", ".2f"), ("lower", ".2f"), ("upper", ".2f"))
    told = tell("task", "label", "where", *numbers, "seeds", "episodes", "source", "is_on_curve")
    widths, looks = {"tuning": 1, "reported": 2}, {"tuning": (22, 0.7), "reported": (60 if is_line else 120, 1.0)}

    def points(where: str, size: int, opacity: float) -> Spec:
        return {
            "transform": keep(f"datum.where === '{where}'"),
            "mark": {"type": "point", "filled": True, "opacity": opacity, "size": size},
            "encoding": {"y": y, **encode_marker(styles), "tooltip": told},
        }

    return [
        *(
            _draw_line(where, y, width)
            for where, width in widths.items()
            if len(select(marks, is_on_curve=True, where=where))
        ),
        *draw_rules(select(marks, where="reported"), "y", where="datum.where === 'reported'"),
        *(points(where, *look) for where, look in looks.items() if where in there),
        *(draw_ring(source, y) for source in setting.rings if any(source in each for each in marks["source"])),
    ]


def _draw_line(where: str, y: Spec, width: int) -> Spec:
    """The line that joins the points where the setting alone differs."""
    return {
        "transform": keep(f"datum.is_on_curve && datum.where === '{where}'"),
        "mark": {"type": "line", "strokeWidth": width, "opacity": 0.7},
        "encoding": {"y": y},
    }


def draw_ring(source: str, y: Spec) -> Spec:
    """The layer of the shapes around the marks whose value a source declares."""
    shape = RINGS[source][0]
    return {
        "transform": keep(f"indexof(datum.source, '{source}') >= 0"),
        "mark": {"type": "point", "shape": shape, "filled": False, "size": 300, "color": "currentColor"},
        "encoding": {"y": y, "color": {"value": "#888888"}},
    }


def encode_setting(setting: Setting) -> Spec:
    """The horizontal axis of a sweep."""
    if not setting.is_rho:
        return scale_number(setting.column, setting.title, log=setting.is_wide)
    axis: dict[str, Any] = {"title": _RHO, "values": [0, 0.1, 1, 10, 100], "format": ".4~g"}
    scale = {"type": "symlog", "constant": 0.1}
    return {"field": setting.column, "type": "quantitative", "scale": scale, "axis": axis}
