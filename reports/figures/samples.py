"""Samples of a toy set at each β, a row of panels for each variant, with those of the target in the last."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Canvas

from foundation.npz import UNREADABLE
from reports.analysis.suite import DensityAnalysis
from reports.errors import ReportError
from reports.figures.canvas import GRID, INK, make_canvas, make_figure
from reports.figures.charts import Spec, encode_colour, keep
from reports.figures.marks import list_rows, make_marks, select
from reports.figures.style import GREY, Style, style_suite
from reports.load.samples import find_samples_fault
from reports.load.schema import Result
from reports.render.document import Figure
from reports.render.numbers import describe_range

MOST_POINTS = 500
"""Of a panel."""
MOST_OF_ALL = 9000
"""Of a figure, so that the page stays small and a browser draws it at once."""
_TRUTH = Style(GREY, "circle")
_TRUTH_ROW = "truth"
_COLUMNS = (0.0, 3.0, 10.0, 20.0)
_MOST_COLUMNS = 5
_LABEL_WIDTH = 20  # characters along one row of the picture
_PANEL = 200  # pixels across
_GAP = 8  # pixels between two panels
_DIGITS = 3  # of a place
_SAMPLES, _PANELS = "isValid(datum.x)", "isValid(datum.samples)"
_NOTE = (
    "(isValid(datum.distance) ? format(datum.distance, '.3f') : '') + (datum.outside"
    " ? (isValid(datum.distance) ? ', ' : '') + format(datum.outside, ',') + ' outside' : '')"
)
Frame: TypeAlias = tuple[float, float, float]
"""Centre and half-width of a square."""


@dataclass(frozen=True)
class Row:
    """A row of panels.

    Attributes:
        label: beside it.
        points: β to (n, 2) samples.
        style: of the samples.
        distances: β to that of the samples from the target; none of the target's own.
    """

    label: str
    points: Mapping[float, np.ndarray]
    style: Style
    distances: Mapping[float, float]


def _read_points(result: Result, path: Path, betas: tuple[float, ...], whose: str) -> dict[float, np.ndarray]:
    """The (n, 2) samples of `ours` or `truth` at each β."""
    fault = find_samples_fault(result)
    if fault is not None:
        raise ReportError(
            f"the samples file {path} of result {result.path} {fault}: delete that result and run the same "
            "`bench run` command again."
        )
    try:
        with np.load(path, allow_pickle=False) as arrays:
            found = {beta: np.asarray(arrays[f"{whose}_{beta:g}"]) for beta in betas}
    except (*UNREADABLE, KeyError) as error:
        raise ReportError(
            f"the samples file {path} of result {result.path} cannot be read ({error}): delete that result and "
            f"run the same `bench run` command again."
        ) from error
    for points in found.values():
        if points.ndim != 2 or points.shape[1] != 2 or len(points) == 0 or points.dtype.kind != "f":
            raise ReportError(
                f"{path} has samples of type {points.dtype} and shape {points.shape}, not floats of (n, 2): "
                f"delete {result.path}."
            )
    return found


def _choose_betas(analysis: DensityAnalysis) -> tuple[float, ...]:
    """The β drawn: all of them, or of too many the papers' four where those are there, else the first."""
    there = analysis.inverse_temperatures
    if len(there) <= _MOST_COLUMNS:
        return there
    return _COLUMNS if set(_COLUMNS) <= set(there) else there[:_MOST_COLUMNS]


def _find_frame(every: Mapping[float, np.ndarray]) -> Frame:
    """Centre and half-width of a square around the truth at all β, so that stray samples do not set the scale."""
    points = np.concatenate(list(every.values()))
    low, high = points.min(axis=0), points.max(axis=0)
    centre = (low + high) / 2
    return float(centre[0]), float(centre[1]), float((high - low).max() / 2 * 1.15)


def _is_inside(points: np.ndarray, frame: Frame) -> np.ndarray:
    """Which samples a panel shows."""
    x, y, half = frame
    return (np.abs(points[:, 0] - x) <= half) & (np.abs(points[:, 1] - y) <= half)


def make_samples_figure(analysis: DensityAnalysis, task: str) -> Figure | None:
    """One set's samples at each β, or None where the results kept no samples.

    Raises:
        ReportError: a samples file that is named but cannot be read.
    """
    scores, betas = analysis.scores, _choose_betas(analysis)
    seed = scores.seeds[0]
    rows: list[Row] = []
    truth: dict[float, np.ndarray] = {}
    for variant, style in style_suite(scores).items():
        result = scores.cells[task, variant, seed]
        if result.samples_file is None:
            continue
        samples = result.path.parent / result.samples_file
        distances = {d.inverse_temperature: d.distance for d in result.densities}
        own = tuple(beta for beta in betas if beta in distances)
        rows.append(Row(variant, _read_points(result, samples, own, "ours"), style, distances))
        if not set(own) <= set(truth):
            truth = _read_points(result, samples, own, "truth") | truth
    if not rows:
        return None
    rows.append(Row(_TRUTH_ROW, truth, _TRUTH, {}))
    frame, styles = _find_frame(truth), {row.label: row.style for row in rows}
    marks = collect_samples(rows, frame)
    caption = (
        f"{task}: samples of seed {seed}, a row of panels for each variant, the exact target in the last. "
        f"{describe_drawn(marks)} The number is the sliced Wasserstein distance of all samples of that seed."
    )
    draw = partial(draw_samples, marks, styles, frame)
    return make_figure(f"{scores.suite}-{task}", caption, marks, chart_samples(marks, styles, frame), draw)


def collect_samples(rows: Sequence[Row], frame: Frame) -> pd.DataFrame:
    """A row for each panel, with its counts and distance, then one for each sample that is drawn.

    Of a panel so many samples are taken, evenly spaced in the order of the file, that no more than `MOST_POINTS`
    of it and `MOST_OF_ALL` of the figure are drawn; those of them outside the panel are not.

    Args:
        rows: of the figure.
        frame: what a panel shows.
    """
    panels = [(row, beta) for row in rows for beta in sorted(row.points)]
    most = max(1, min(MOST_POINTS, MOST_OF_ALL // len(panels)))
    counts, places = list[tuple[object, ...]](), list[tuple[object, ...]]()
    for row, beta in panels:
        points = row.points[beta]
        taken = thin(points, most)
        taken = taken[_is_inside(taken, frame)]
        outside = int((~_is_inside(points, frame)).sum())
        counts.append((row.label, beta, None, None, len(points), len(taken), outside, row.distances.get(beta)))
        places += [(row.label, beta, round(float(x), _DIGITS), round(float(y), _DIGITS)) for x, y in taken]
    columns = ("variant", "beta", "x", "y", "samples", "drawn", "outside", "distance")
    empty = (None,) * (len(columns) - 4)
    return make_marks([*counts, *((*place, *empty) for place in places)], *columns)


def thin(points: np.ndarray, most: int) -> np.ndarray:
    """At most so many of the samples, evenly spaced in their order, the first and the last among them.

    Args:
        points: shape (samples, 2).
        most: one or more.
    """
    if len(points) <= most:
        return points
    return points[np.linspace(0, len(points) - 1, most).round().astype(int)]


def describe_drawn(marks: pd.DataFrame) -> str:
    """How many samples of a panel are drawn, of how many."""
    panels = [row for row in list_rows(marks) if pd.notna(row["samples"])]
    counts, drawn = ([int(row[name]) for row in panels] for name in ("samples", "drawn"))
    outside = any(row["outside"] for row in panels)
    if drawn == counts:
        return f"All {describe_range(counts)} samples of a panel are drawn."
    if all(n + row["outside"] == count for n, count, row in zip(drawn, counts, panels, strict=True)):
        return f"Of a panel's {describe_range(counts)} samples those that lie in it are drawn."
    besides = ", without those outside it" if outside else ""
    return (
        f"Drawn are {describe_range(drawn)} of the {describe_range(counts)} samples of a panel, evenly spaced in "
        f"their order{besides}."
    )


def draw_samples(marks: pd.DataFrame, styles: Mapping[str, Style], frame: Frame) -> Canvas:
    """The picture, of a row for each variant and a column for each β."""
    panels = {(row["variant"], row["beta"]): row for row in list_rows(marks) if pd.notna(row["samples"])}
    betas = sorted({beta for _, beta in panels})
    x, y, half = frame
    made = make_canvas(1.75 * len(betas) + 0.4, 1.72 * len(styles) + 0.4)
    grid = np.array(made.subplots(len(styles), len(betas), squeeze=False))
    for line, (variant, look) in zip(grid, styles.items(), strict=True):
        for axes, beta in zip(line, betas, strict=True):
            # Thousands of points as vectors make a file of megabytes.
            found = select(marks, variant=variant, beta=beta)
            axes.scatter(found["x"], found["y"], s=3, color=look.colour, alpha=0.6, linewidths=0, rasterized=True)
            axes.set(xlim=(x - half, x + half), ylim=(y - half, y + half), xticks=[], yticks=[], aspect="equal")
            axes.spines[:].set_color(GRID)
            if line is grid[0]:
                axes.set_title(f"β = {beta:g}", fontsize=10, color=INK)
            if (variant, beta) in panels and (note := _describe_panel(panels[variant, beta])):
                box = {"facecolor": "white", "alpha": 0.8, "linewidth": 0, "pad": 1.5}
                axes.text(0.03, 0.03, note, transform=axes.transAxes, fontsize=7, color=INK, bbox=box)
        line[0].set_ylabel(textwrap.fill(variant, _LABEL_WIDTH), fontsize=9, color=INK)
    return made


def _describe_panel(row: Mapping[str, Any]) -> str:
    """The distance of the drawn seed, and how many of its samples fall outside the picture."""
    distance = [f"{row['distance']:.3f}"] if pd.notna(row["distance"]) else []
    return ", ".join([*distance, *([f"{row['outside']:,.0f} outside"] if row["outside"] else [])])


def chart_samples(marks: pd.DataFrame, styles: Mapping[str, Style], frame: Frame) -> Spec:
    """The chart: the same grid of panels at every width.

    The samples of a panel are one line with a gap after each, whose round ends are dots: an element of the page
    for each of thousands of samples would take a browser seconds.
    """
    x, y, half = frame

    def scale(field: str, middle: float) -> Spec:
        domain = [middle - half, middle + half]
        return {"field": field, "type": "quantitative", "axis": None, "scale": {"domain": domain, "nice": False}}

    header = {"title": None, "labelFontSize": 12}
    rows = {"field": "variant", "type": "nominal", "sort": list(styles), "header": {**header, "labelPadding": 6}}
    columns = {"field": "beta", "type": "ordinal", "header": {**header, "labelExpr": "'β = ' + datum.value"}}
    colour = encode_colour(styles)["color"] | {"legend": None}
    dots = {"type": "line", "order": False, "strokeCap": "round", "strokeWidth": 2.4, "opacity": 1}
    note = {
        "type": "text", "x": 0, "y": -2, "align": "left", "baseline": "bottom", "fontSize": 10,
        "limit": {"expr": "width"},
    }  # fmt: skip
    return {
        "facet": {"row": rows, "column": columns},
        "spacing": {"row": 16, "column": _GAP},
        "usermeta": {"aspect": 1, "across": marks["beta"].nunique(), "gap": _GAP},
        "spec": {
            "width": _PANEL,
            "height": _PANEL,
            "view": {"stroke": "currentColor", "strokeOpacity": 0.2},
            "layer": [
                {
                    "transform": [*keep(_SAMPLES), {"fold": ["x", "gap"], "as": ["of", "at"]}],
                    "mark": {**dots, "invalid": "break-paths-filter-domains"},
                    "encoding": {"x": scale("at", x), "y": scale("y", y), "color": colour},
                },
                {
                    "transform": [*keep(_PANELS), {"calculate": _NOTE, "as": "note"}],
                    "mark": note,
                    "encoding": {"text": {"field": "note", "type": "nominal"}},
                },
            ],
        },
    }
