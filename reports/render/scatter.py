"""The toy figures put a method's samples over samples of the target: one row per variant, the truth last."""

import textwrap
from collections.abc import Mapping
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from reports.analysis.suite import DensityAnalysis
from reports.errors import ReportError
from reports.load.results import Result
from reports.render.document import Figure
from reports.render.drawing import GRID, INK, canvas, colour, saved

_TRUTH = "#8a93a3"
_TRUTH_ROW = "truth"
_COLUMNS = (0.0, 3.0, 10.0, 20.0)
_MOST_COLUMNS = 5
_LABEL_WIDTH = 20  # characters along one row of the picture


def _points(result: Result, path: Path, betas: tuple[float, ...], whose: str) -> dict[float, np.ndarray]:
    """The (n, 2) samples of `ours` or `truth` at each β."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            found = {beta: np.asarray(arrays[f"{whose}_{beta:g}"]) for beta in betas}
    except (KeyError, ValueError, OSError, BadZipFile) as error:
        raise ReportError(
            f"the samples file {path} of result {result.path} cannot be read ({error}): delete that result and "
            f"run the same `bench run` command again."
        ) from error
    for points in found.values():
        if points.ndim != 2 or points.shape[1] != 2 or len(points) == 0:
            raise ReportError(f"{path} has samples of shape {points.shape}, not (n, 2): delete {result.path}.")
    return found


def _shown(analysis: DensityAnalysis) -> tuple[float, ...]:
    """The β drawn: all of them, or of too many the papers' four where those are there, else the first."""
    there = analysis.inverse_temperatures
    if len(there) <= _MOST_COLUMNS:
        return there
    return _COLUMNS if set(_COLUMNS) <= set(there) else there[:_MOST_COLUMNS]


def _frame(every: Mapping[float, np.ndarray]) -> tuple[float, float, float]:
    """Centre and half-width of a square around the truth at all β, so that stray samples do not set the scale."""
    points = np.concatenate(list(every.values()))
    low, high = points.min(axis=0), points.max(axis=0)
    centre = (low + high) / 2
    return float(centre[0]), float(centre[1]), float((high - low).max() / 2 * 1.15)


def _outside(points: np.ndarray, frame: tuple[float, float, float]) -> int:
    """How many samples the picture does not show."""
    x, y, half = frame
    inside = (np.abs(points[:, 0] - x) <= half) & (np.abs(points[:, 1] - y) <= half)
    return int((~inside).sum())


def scatter_figure(analysis: DensityAnalysis, task: str) -> Figure | None:
    """One set's samples at each β, or None where the results kept no samples.

    Raises:
        ReportError: a samples file that is named but cannot be read.
    """
    scores, betas = analysis.scores, _shown(analysis)
    seed = scores.seeds[0]
    rows: list[tuple[str, dict[float, np.ndarray], str]] = []
    truth: dict[float, np.ndarray] = {}
    for i, variant in enumerate(scores.variants):
        result = scores.cells[task, variant, seed]
        if result.samples_file is None:
            continue
        scored = {density.inverse_temperature for density in result.densities}
        own = tuple(beta for beta in betas if beta in scored)
        rows.append((variant, _points(result, result.samples_file, own, "ours"), colour(i)))
        if not set(own) <= set(truth):
            truth = _points(result, result.samples_file, own, "truth") | truth
    if not rows:
        return None
    return _draw(analysis, task, [*rows, (_TRUTH_ROW, truth, _TRUTH)], seed)


def _note(analysis: DensityAnalysis, task: str, label: str, beta: float, stray: int) -> str:
    """The distance of the drawn seed, and how many of its samples fall outside the picture."""
    distances = [
        f"{density.distance:.3f}"
        for density in (analysis.scores.of(task, label)[0].densities if label != _TRUTH_ROW else ())
        if density.inverse_temperature == beta
    ]
    return ", ".join([*distances, *([f"{stray} outside"] if stray else [])])


def _draw(
    analysis: DensityAnalysis, task: str, rows: list[tuple[str, dict[float, np.ndarray], str]], seed: int
) -> Figure:
    betas = tuple(sorted(rows[-1][1]))
    frame = _frame(rows[-1][1])
    x, y, half = frame
    made = canvas(1.75 * len(betas) + 0.4, 1.72 * len(rows) + 0.4)
    grid = np.array(made.subplots(len(rows), len(betas), squeeze=False))
    for row, (label, points, ink) in enumerate(rows):
        for column, beta in enumerate(betas):
            axes = grid[row, column]
            found = points.get(beta, np.empty((0, 2)))
            # Thousands of points as vectors make an SVG of megabytes.
            axes.scatter(*found.T, s=1.6, color=ink, alpha=0.55, linewidths=0, rasterized=True)
            axes.set(xlim=(x - half, x + half), ylim=(y - half, y + half), xticks=[], yticks=[], aspect="equal")
            axes.spines[:].set_color(GRID)
            if row == 0:
                axes.set_title(f"β = {beta:g}", fontsize=10, color=INK)
            if column == 0:
                axes.set_ylabel(textwrap.fill(label, _LABEL_WIDTH), fontsize=9, color=INK)
            note = _note(analysis, task, label, beta, _outside(found, frame))
            if note:
                box = {"facecolor": "white", "alpha": 0.8, "linewidth": 0, "pad": 1.5}
                axes.text(0.03, 0.03, note, transform=axes.transAxes, fontsize=7, color=INK, bbox=box)
    caption = (
        f"{task}: samples of seed {seed}, one row per variant, the exact target in the last row; the number is "
        f"the sliced Wasserstein distance of that seed."
    )
    return saved(made, f"{analysis.scores.suite}-{task}", caption)
