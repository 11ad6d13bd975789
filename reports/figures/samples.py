"""Samples of a toy set at each β, with those of the target below; pictures alone, also in the page."""

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
from reports.figures.marks import list_rows, make_marks
from reports.figures.style import style_suite
from reports.load.samples import find_samples_fault
from reports.load.schema import Result
from reports.render.document import Figure

_TRUTH = "#8a93a3"
_TRUTH_ROW = "truth"
_COLUMNS = (0.0, 3.0, 10.0, 20.0)
_MOST_COLUMNS = 5
_LABEL_WIDTH = 20  # characters along one row of the picture
Frame: TypeAlias = tuple[float, float, float]
"""Centre and half-width of a square."""


@dataclass(frozen=True)
class Row:
    """A row of the picture.

    Attributes:
        label: beside it.
        points: β to (n, 2) samples.
        colour: of the samples.
        distances: β to that of the samples from the target; none of the target's own.
    """

    label: str
    points: Mapping[float, np.ndarray]
    colour: str
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


def _count_outside(points: np.ndarray, frame: Frame) -> int:
    """How many samples the picture does not show."""
    x, y, half = frame
    inside = (np.abs(points[:, 0] - x) <= half) & (np.abs(points[:, 1] - y) <= half)
    return int((~inside).sum())


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
        rows.append(Row(variant, _read_points(result, samples, own, "ours"), style.colour, distances))
        if not set(own) <= set(truth):
            truth = _read_points(result, samples, own, "truth") | truth
    if not rows:
        return None
    rows.append(Row(_TRUTH_ROW, truth, _TRUTH, {}))
    frame = _find_frame(truth)
    marks = collect_panels(rows, frame)
    caption = (
        f"{task}: samples of seed {seed}, one row per variant, the exact target in the last row; the number is "
        f"the sliced Wasserstein distance of that seed."
    )
    draw = partial(draw_panels, rows, marks, frame)
    return make_figure(f"{scores.suite}-{task}", caption, marks, None, draw)


def collect_panels(rows: Sequence[Row], frame: Frame) -> pd.DataFrame:
    """A row for each panel: how many samples there are, how many the picture does not show, and their distance."""
    found = [
        (row.label, beta, len(points), _count_outside(points, frame), row.distances.get(beta))
        for row in rows
        for beta, points in sorted(row.points.items())
    ]
    return make_marks(found, "variant", "beta", "samples", "outside", "distance")


def draw_panels(rows: Sequence[Row], marks: pd.DataFrame, frame: Frame) -> Canvas:
    """The picture, of a row for each variant and a column for each β."""
    betas = tuple(sorted(rows[-1].points))
    notes = {(row["variant"], row["beta"]): _describe_panel(row) for row in list_rows(marks)}
    x, y, half = frame
    made = make_canvas(1.75 * len(betas) + 0.4, 1.72 * len(rows) + 0.4)
    grid = np.array(made.subplots(len(rows), len(betas), squeeze=False))
    for line, row in zip(grid, rows, strict=True):
        for axes, beta in zip(line, betas, strict=True):
            # Thousands of points as vectors make a file of megabytes.
            found = row.points.get(beta, np.empty((0, 2)))
            axes.scatter(*found.T, s=1.6, color=row.colour, alpha=0.55, linewidths=0, rasterized=True)
            axes.set(xlim=(x - half, x + half), ylim=(y - half, y + half), xticks=[], yticks=[], aspect="equal")
            axes.spines[:].set_color(GRID)
            if row is rows[0]:
                axes.set_title(f"β = {beta:g}", fontsize=10, color=INK)
            if note := notes.get((row.label, beta)):
                box = {"facecolor": "white", "alpha": 0.8, "linewidth": 0, "pad": 1.5}
                axes.text(0.03, 0.03, note, transform=axes.transAxes, fontsize=7, color=INK, bbox=box)
        line[0].set_ylabel(textwrap.fill(row.label, _LABEL_WIDTH), fontsize=9, color=INK)
    return made


def _describe_panel(row: Mapping[str, Any]) -> str:
    """The distance of the drawn seed, and how many of its samples fall outside the picture."""
    distance = [f"{row['distance']:.3f}"] if pd.notna(row["distance"]) else []
    return ", ".join([*distance, *([f"{row['outside']} outside"] if row["outside"] else [])])
