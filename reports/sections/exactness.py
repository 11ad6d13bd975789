"""Exactness is a multiple of the noise floor: 1 is what samples of the exact target themselves reach.

For each set, method and β: the sliced Wasserstein distance to the exact target, mean over seeds, over the mean
distance between two samples of the target. The papers draw these cells and print no number for them.
"""

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullFormatter

from reports.analysis.statistics import Estimate
from reports.analysis.suite import DensityAnalysis
from reports.render.document import Figure, Table
from reports.render.drawing import GRID, INK, canvas, colour, error_bars, legend_below, marker, saved, tidy
from reports.render.numbers import plain, too_few_said, with_interval

OVERALL = "geometric mean"
FLOOR = "(noise floor)"
_ACROSS = 4  # panels in a row, so that the six sets and their mean take two
_SPREAD = 0.6  # of the space of a β that its variants take


def interval_said(analysis: DensityAnalysis) -> str:
    """What stands in brackets behind a distance or a multiple."""
    seeds = len(analysis.scores.seeds)
    if seeds == 1:
        return "No interval: 1 seed."
    few = too_few_said(seeds)
    return (
        f"In brackets: 95 % intervals from {analysis.replicates:,} bootstrap replicates over {seeds} seeds.{few}"
    )


def multiple_note(analysis: DensityAnalysis) -> str:
    """What the table of multiples holds, and which of its methods are biased by construction."""
    said = (
        "sliced Wasserstein distance to the exact target as a multiple of the noise floor (two samples of the "
        f"target itself), lower is better. {interval_said(analysis)}"
    )
    scores = analysis.scores
    biased = [v for v in scores.variants if "biased" in scores.of(scores.tasks[0], v)[0].title]
    if biased:
        said += f" Biased by construction: {', '.join(biased)}."
    return said


def _by_set(analysis: DensityAnalysis, cell: Callable[[str, float, str], str]) -> list[tuple[str, ...]]:
    """A row for each set and variant, with a cell for each β."""
    return [
        (task, variant, *(cell(task, beta, variant) for beta in analysis.inverse_temperatures))
        for task in analysis.scores.tasks
        for variant in analysis.scores.variants
    ]


def _header(analysis: DensityAnalysis) -> tuple[str, ...]:
    return ("set", "variant", *(f"β = {beta:g}" for beta in analysis.inverse_temperatures))


def multiple_table(analysis: DensityAnalysis) -> Table:
    """Set and variant × β: the multiple of the floor; for several sets their geometric mean first."""
    rows = _by_set(analysis, lambda *cell: with_interval(analysis.multiples[cell], 1))
    betas = analysis.inverse_temperatures
    if len(analysis.scores.tasks) > 1:
        rows = [
            (OVERALL, v, *(with_interval(analysis.overall[beta, v], 1) for beta in betas))
            for v in analysis.scores.variants
        ] + rows
    return Table(_header(analysis), tuple(rows), words=2)


def distance_table(analysis: DensityAnalysis) -> Table:
    """Set and variant × β: the distance itself, each set's floor in a row of its own."""
    rows = _by_set(analysis, lambda *cell: with_interval(analysis.distances[cell], 4))
    floors = {
        task: (task, FLOOR, *(plain(analysis.floors[task, beta], 4) for beta in analysis.inverse_temperatures))
        for task in analysis.scores.tasks
    }
    count = len(analysis.scores.variants)
    for i, task in reversed(list(enumerate(analysis.scores.tasks))):
        rows.insert(i * count, floors[task])
    return Table(_header(analysis), tuple(rows), words=2)


def share_table(analysis: DensityAnalysis) -> Table:
    """Set and variant × β: the distance as a share of the baseline's."""
    return Table(
        _header(analysis),
        tuple(_by_set(analysis, lambda *cell: plain(analysis.of_baseline(*cell), 3))),
        words=2,
    )


def multiple_figure(analysis: DensityAnalysis) -> Figure:
    """A panel for each set, and for their geometric mean: every variant's multiple of the floor over β."""
    scores, betas = analysis.scores, analysis.inverse_temperatures
    panels = {
        task: [[analysis.multiples[task, b, v] for b in betas] for v in scores.variants] for task in scores.tasks
    }
    if len(scores.tasks) > 1:
        panels[OVERALL] = [[analysis.overall[b, v] for b in betas] for v in scores.variants]
    columns = min(_ACROSS, len(panels))
    lines = -(-len(panels) // columns)
    made = canvas((2.7 if columns == _ACROSS else 3.3) * columns + 0.4, 2.4 * lines + 0.6)
    grid = np.array(made.subplots(lines, columns, squeeze=False, sharey=True)).ravel()
    for axes in grid[len(panels) :]:
        axes.set_visible(False)
    for axes, (title, curves) in zip(grid, panels.items(), strict=False):
        _panel(axes, scores.variants, curves)
        axes.set_title(title, fontsize=10, color=INK)
        axes.set_xticks(range(len(betas)), [f"{beta:g}" for beta in betas])
    for axes in grid[max(0, len(panels) - columns) : len(panels)]:
        axes.set_xlabel("inverse temperature β", color=INK)
    made.supylabel("distance / noise floor", fontsize=9, color=INK)
    legend_below(made, grid[0], scores.variants)
    seeds = len(scores.seeds)
    bars = "1 seed, no interval" if seeds == 1 else f"bars are 95 % intervals over {seeds} seeds"
    caption = f"Distance to the exact target as a multiple of the noise floor (the line at 1); {bars}."
    return saved(made, f"{scores.suite}-exactness", caption)


def _panel(axes: Axes, variants: Sequence[str], curves: Sequence[Sequence[Estimate]]) -> None:
    """One set: a line for each variant, set apart sideways so that no interval hides another."""
    shifts = np.linspace(-_SPREAD / 2, _SPREAD / 2, len(variants) + 2)[1:-1]
    axes.axhline(1.0, color=INK, linewidth=0.9)
    for i, (variant, curve) in enumerate(zip(variants, curves, strict=True)):
        x = np.arange(len(curve)) + shifts[i]
        axes.plot(x, [e.value for e in curve], color=colour(i), linewidth=0.8, alpha=0.5)
        for at, estimate in zip(x, curve, strict=True):
            if not np.isfinite(estimate.value):
                continue
            axes.errorbar(
                at, estimate.value, yerr=error_bars(estimate), color=colour(i), marker=marker(i), markersize=4.5,
                linewidth=1.2, linestyle="none", label=variant,
            )  # fmt: skip
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter(NullFormatter())
    tidy(axes, "y")
    for edge in range(1, len(curves[0])):
        axes.axvline(edge - 0.5, color=GRID, linewidth=0.7)
