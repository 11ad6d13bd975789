"""The figures of the toy sets: multiples of the noise floor over β, and samples drawn over those of the target."""

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from foundation.npz import UNREADABLE
from reports.analysis.intervals import Estimate
from reports.analysis.suite import OVERALL, DensityAnalysis
from reports.errors import ReportError
from reports.load.samples import find_samples_fault
from reports.load.schema import Result
from reports.render.document import Figure
from reports.render.figures import (
    GRID,
    INK,
    add_legend,
    describe_bars,
    label_log_axis,
    make_canvas,
    measure_error_bars,
    pick_colour,
    pick_marker,
    save_figure,
    tidy,
)

_ACROSS = 4  # panels in a row, so that the six sets and their mean take two
_SPREAD = 0.6  # of the space of a β that its variants take
_TRUTH = "#8a93a3"
_TRUTH_ROW = "truth"
_COLUMNS = (0.0, 3.0, 10.0, 20.0)
_MOST_COLUMNS = 5
_LABEL_WIDTH = 20  # characters along one row of the picture


def draw_multiples(analysis: DensityAnalysis) -> Figure:
    """A panel for each set, and for their geometric mean: every variant's multiple of the floor over β."""
    scores, betas = analysis.scores, analysis.inverse_temperatures
    panels = {
        task: [[analysis.multiples[task, b, v] for b in betas] for v in scores.variants] for task in scores.tasks
    }
    if len(scores.tasks) > 1:
        panels[OVERALL] = [[analysis.overall[b, v] for b in betas] for v in scores.variants]
    columns = min(_ACROSS, len(panels))
    lines = -(-len(panels) // columns)
    made = make_canvas((2.7 if columns == _ACROSS else 3.3) * columns + 0.4, 2.4 * lines + 0.6)
    grid = np.array(made.subplots(lines, columns, squeeze=False, sharey=True)).ravel()
    for axes in grid[len(panels) :]:
        axes.set_visible(False)
    for axes, (title, curves) in zip(grid, panels.items(), strict=False):
        _draw_panel(axes, scores.variants, curves)
        axes.set_title(title, fontsize=10, color=INK)
        axes.set_xticks(range(len(betas)), [f"{beta:g}" for beta in betas])
    for axes in grid[max(0, len(panels) - columns) : len(panels)]:
        axes.set_xlabel("inverse temperature β", color=INK)
    made.supylabel("distance / noise floor", fontsize=9, color=INK)
    add_legend(made, scores.variants)
    bars = describe_bars(len(scores.seeds))
    caption = f"Distance to the exact target as a multiple of the noise floor (the line at 1); {bars}."
    return save_figure(made, f"{scores.suite}-exactness", caption)


def _draw_panel(axes: Axes, variants: Sequence[str], curves: Sequence[Sequence[Estimate]]) -> None:
    """One set: a line for each variant, set apart sideways so that no interval hides another."""
    shifts = np.linspace(-_SPREAD / 2, _SPREAD / 2, len(variants) + 2)[1:-1]
    axes.axhline(1.0, color=INK, linewidth=0.9)
    for i, (variant, curve) in enumerate(zip(variants, curves, strict=True)):
        x = np.arange(len(curve)) + shifts[i]
        axes.plot(x, [e.value for e in curve], color=pick_colour(i), linewidth=0.8, alpha=0.5)
        for at, estimate in zip(x, curve, strict=True):
            if not np.isfinite(estimate.value):
                continue
            axes.errorbar(
                at, estimate.value, yerr=measure_error_bars(estimate), color=pick_colour(i), marker=pick_marker(i),
                markersize=4.5, linewidth=1.2, linestyle="none", label=variant,
            )  # fmt: skip
    axes.set_yscale("log")
    label_log_axis(axes.yaxis)
    tidy(axes, "y")
    for edge in range(1, len(curves[0])):
        axes.axvline(edge - 0.5, color=GRID, linewidth=0.7)


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


def _find_frame(every: Mapping[float, np.ndarray]) -> tuple[float, float, float]:
    """Centre and half-width of a square around the truth at all β, so that stray samples do not set the scale."""
    points = np.concatenate(list(every.values()))
    low, high = points.min(axis=0), points.max(axis=0)
    centre = (low + high) / 2
    return float(centre[0]), float(centre[1]), float((high - low).max() / 2 * 1.15)


def _count_outside(points: np.ndarray, frame: tuple[float, float, float]) -> int:
    """How many samples the picture does not show."""
    x, y, half = frame
    inside = (np.abs(points[:, 0] - x) <= half) & (np.abs(points[:, 1] - y) <= half)
    return int((~inside).sum())


def draw_samples(analysis: DensityAnalysis, task: str) -> Figure | None:
    """One set's samples at each β, or None where the results kept no samples.

    Raises:
        ReportError: a samples file that is named but cannot be read.
    """
    scores, betas = analysis.scores, _choose_betas(analysis)
    seed = scores.seeds[0]
    rows: list[tuple[str, dict[float, np.ndarray], str]] = []
    truth: dict[float, np.ndarray] = {}
    for i, variant in enumerate(scores.variants):
        result = scores.cells[task, variant, seed]
        if result.samples_file is None:
            continue
        samples = result.path.parent / result.samples_file
        scored = {density.inverse_temperature for density in result.densities}
        own = tuple(beta for beta in betas if beta in scored)
        rows.append((variant, _read_points(result, samples, own, "ours"), pick_colour(i)))
        if not set(own) <= set(truth):
            truth = _read_points(result, samples, own, "truth") | truth
    if not rows:
        return None
    return _draw(analysis, task, [*rows, (_TRUTH_ROW, truth, _TRUTH)], seed)


def _describe_panel(analysis: DensityAnalysis, task: str, label: str, beta: float, stray: int) -> str:
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
    frame = _find_frame(rows[-1][1])
    x, y, half = frame
    made = make_canvas(1.75 * len(betas) + 0.4, 1.72 * len(rows) + 0.4)
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
            note = _describe_panel(analysis, task, label, beta, _count_outside(found, frame))
            if note:
                box = {"facecolor": "white", "alpha": 0.8, "linewidth": 0, "pad": 1.5}
                axes.text(0.03, 0.03, note, transform=axes.transAxes, fontsize=7, color=INK, bbox=box)
    caption = (
        f"{task}: samples of seed {seed}, one row per variant, the exact target in the last row; the number is "
        f"the sliced Wasserstein distance of that seed."
    )
    return save_figure(made, f"{analysis.scores.suite}-{task}", caption)
