"""The control figures show every seed beside its mean, and an interval wherever there is one."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullFormatter

from reports.analysis.statistics import AGGREGATES
from reports.analysis.suite import ControlAnalysis
from reports.render.document import Figure
from reports.render.drawing import INK, canvas, colour, error_bars, legend_below, marker, saved, tidy

_GAP = 0.8  # of the space of a task that its variants take


def _seeds_said(analysis: ControlAnalysis) -> str:
    seeds = len(analysis.scores.seeds)
    return "1 seed, no interval" if seeds == 1 else f"95 % intervals over {seeds} seeds"


def score_figure(analysis: ControlAnalysis) -> Figure:
    """Every task's mean score per variant, with its seeds as faint points and a bootstrap interval."""
    scores = analysis.scores
    tasks, variants = scores.tasks, scores.variants
    made = canvas(7.5, 1.3 + len(tasks) * (0.3 + 0.19 * len(variants)))
    axes = made.add_subplot()
    offsets = np.linspace(-_GAP / 2, _GAP / 2, len(variants) + 2)[1:-1]
    for i, variant in enumerate(variants):
        rows = np.arange(len(tasks)) + offsets[i]
        matrix = scores.matrix(variant)
        if len(scores.seeds) > 1:
            axes.plot(
                matrix.ravel(), np.tile(rows, len(matrix)), linestyle="none", marker=marker(i),
                color=colour(i), alpha=0.45, markersize=3.5, markeredgewidth=0,
            )  # fmt: skip
        for row, task in zip(rows, tasks, strict=True):
            found = analysis.by_task[task, variant]
            axes.errorbar(
                found.value, row, xerr=error_bars(found), color=colour(i), marker=marker(i), markersize=6.5,
                linewidth=1.5, label=variant,
            )  # fmt: skip
    axes.set_yticks(range(len(tasks)), tasks)
    axes.set_ylim(len(tasks) - 0.5, -0.5)
    axes.set_xlabel("normalised score (100: D4RL's reference)", color=INK)
    tidy(axes, "x")
    for edge in range(1, len(tasks)):
        axes.axhline(edge - 0.5, color="#b9c1cf", linewidth=0.7)
    legend_below(made, axes, variants)
    caption = f"Score by task: mean with {_seeds_said(analysis)}; the faint points are single seeds."
    return saved(made, f"{scores.suite}-scores", caption)


def aggregate_figure(analysis: ControlAnalysis) -> Figure:
    """One panel per aggregate: the estimate as a line in its interval, a row for each variant."""
    scores = analysis.scores
    variants = scores.variants
    made = canvas(10.0, 1.0 + 0.36 * len(variants))
    panels = np.atleast_1d(np.array(made.subplots(1, len(AGGREGATES), sharey=True)))
    for axes, name in zip(panels, AGGREGATES, strict=True):
        for i, variant in enumerate(variants):
            found = analysis.aggregates[variant][name]
            if found.lower is not None and found.upper is not None:
                axes.barh(i, found.upper - found.lower, left=found.lower, color=colour(i), alpha=0.6, height=0.6)
            axes.plot([found.value] * 2, [i - 0.3, i + 0.3], color=colour(i), linewidth=2.5)
        axes.set_title(name, fontsize=10, color=INK)
        axes.set_yticks(range(len(variants)), variants)
        axes.set_ylim(len(variants) - 0.5, -0.5)
        axes.use_sticky_edges = False
        axes.margins(x=0.12)
        axes.locator_params(axis="x", nbins=4)
        tidy(axes, "x")
    made.supxlabel("score / 100 (optimality gap: lower is better)", fontsize=9, color=INK)
    caption = f"Aggregates over tasks, scores divided by 100: estimate with {_seeds_said(analysis)}."
    return saved(made, f"{scores.suite}-aggregates", caption)


def profile_figure(analysis: ControlAnalysis) -> Figure:
    """The performance profile: the fraction of runs above each score."""
    scores = analysis.scores
    made = canvas(7.0, 4.4)
    axes = made.add_subplot()
    for i, (variant, found) in enumerate(analysis.profiles.items()):
        every = len(found.thresholds) // 10
        axes.plot(
            found.thresholds, found.curve, color=colour(i), linewidth=1.8, label=variant, marker=marker(i),
            drawstyle="steps-post", markersize=5, markevery=(every * i // len(scores.variants), every),
        )  # fmt: skip
        if found.lower is not None and found.upper is not None:
            axes.fill_between(
                found.thresholds, found.lower, found.upper, color=colour(i), alpha=0.12, linewidth=0, step="post"
            )
    axes.set_xlabel("score / 100, τ", color=INK)
    axes.set_ylabel("fraction of runs with score > τ", color=INK)
    axes.set_ylim(-0.02, 1.02)
    axes.margins(x=0)
    tidy(axes, "both")
    legend_below(made, axes, scores.variants)
    band = "1 seed, no band" if len(scores.seeds) == 1 else "bands are pointwise 95 % intervals"
    return saved(made, f"{scores.suite}-profile", f"Performance profile over all tasks and seeds; {band}.")


def cost_figure(analysis: ControlAnalysis, milliseconds: Mapping[str, float], unit: str) -> Figure:
    """Score (IQM) against what one decision costs.

    Args:
        analysis: the suite.
        milliseconds: variant to its cost; variants that were not timed are left out.
        unit: what the cost is, for the axis.
    """
    scores = analysis.scores
    made = canvas(7.0, 4.4)
    axes = made.add_subplot()
    timed = [variant for variant in scores.variants if variant in milliseconds]
    for variant in timed:
        i = scores.variants.index(variant)
        found = analysis.aggregates[variant]["IQM"]
        axes.errorbar(
            milliseconds[variant], found.value, yerr=error_bars(found), color=colour(i), marker=marker(i),
            markersize=8, linewidth=1.8, linestyle="none", label=variant,
        )  # fmt: skip
    _cost_axis(axes, [milliseconds[variant] for variant in timed], unit)
    axes.set_ylabel("IQM of score / 100", color=INK)
    axes.margins(y=0.12)
    tidy(axes, "both")
    legend_below(made, axes, timed)
    caption = f"Score against cost: IQM with {_seeds_said(analysis)}, over {unit}."
    return saved(made, f"{scores.suite}-cost", caption)


def _cost_axis(axes: Axes, costs: list[float], unit: str) -> None:
    """A logarithmic axis in plain numbers: costs differ by factors."""
    axes.set_xscale("log")
    axes.set_xlim(min(costs) / 1.5, max(costs) * 1.5)
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel(unit, color=INK)
