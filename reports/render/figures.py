"""The look of every figure, and those of suites of tasks: each seed with its mean, an interval where there is one.

A variant keeps its colour and marker, and every figure is saved as PNG and SVG.
"""

import io
import re
from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Canvas
from matplotlib.text import Text as Words
from matplotlib.ticker import LogLocator, NullFormatter

from reports.analysis.intervals import FEWEST, Estimate
from reports.analysis.suite import ControlAnalysis
from reports.load.scores import SuiteScores
from reports.render.document import Figure
from reports.render.numbers import count_noun

_GAP = 0.8  # of the space of a task that its variants take
# Okabe and Ito's palette without its yellow, which is lost on white: told apart under colour blindness too.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#333333")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")
INK = "#1d2330"
GRID = "#d8dde6"
_DOTS_PER_INCH = 150


def pick_colour(index: int) -> str:
    """The colour of the variant at a place in the suite."""
    return _COLOURS[index % len(_COLOURS)]


def pick_marker(index: int) -> str:
    """The marker of the variant at a place in the suite; colour and marker repeat after 63 variants."""
    return _MARKERS[index % len(_MARKERS)]


def make_canvas(width: float, height: float) -> Canvas:
    """An empty figure of a size in inches, on matplotlib's raster backend (no window, no global state)."""
    made = Canvas(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(made)
    return made


def tidy(axes: Axes, grid: str) -> None:
    """Takes the frame's top and right away and puts a light grid along one axis (`x`, `y`) or `both`."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(GRID)
    axes.tick_params(colors=INK, labelsize=9, length=0, which="both")
    axes.set_axisbelow(True)
    if grid in ("x", "both"):
        axes.xaxis.grid(True, color=GRID, linewidth=0.7)
    if grid in ("y", "both"):
        axes.yaxis.grid(True, color=GRID, linewidth=0.7)


def measure_error_bars(estimate: Estimate) -> list[list[float]] | None:
    """An estimate's interval as matplotlib's error-bar lengths."""
    if estimate.lower is None or estimate.upper is None:
        return None
    return [[max(0.0, estimate.value - estimate.lower)], [max(0.0, estimate.upper - estimate.value)]]


def add_legend(made: Canvas, labels: Sequence[str]) -> None:
    """One legend under the whole figure, in as few rows as its width allows, of what is drawn in any panel."""
    found = [pair for axes in made.axes for pair in zip(*axes.get_legend_handles_labels(), strict=True)]
    first = {name: handle for handle, name in reversed(found)}
    labels = [label for label in labels if label in first]
    if not labels:
        return
    inches = 0.5 + 0.075 * max(map(len, labels))
    rows = -(-len(labels) // max(1, int(made.get_figwidth() // inches)))
    made.legend(
        [first[label] for label in labels],
        labels,
        loc="outside lower center",
        ncols=-(-len(labels) // rows),
        frameon=False,
        fontsize=9,
    )


def add_title(made: Canvas, scores: SuiteScores) -> None:
    """The suite and what its data are, above the whole figure."""
    made.suptitle(scores.add_source(scores.suite), fontsize=10, color=INK)


def save_figure(made: Canvas, name: str, caption: str) -> Figure:
    """The finished figure as PNG and SVG bytes, the same bytes for the same data; `$` and `_` are themselves.

    Its name is one part of a path, whatever it is made from.
    """
    png, svg = io.BytesIO(), io.BytesIO()
    for text in made.findobj(Words):
        text.set_parse_math(False)
        text.set_usetex(False)
    plain = matplotlib.rc_context({"svg.hashsalt": name, "text.parse_math": False, "text.usetex": False})
    with plain:  # for ticks, which are made while it is drawn
        made.savefig(png, format="png", dpi=_DOTS_PER_INCH, metadata={"Software": None})
        made.savefig(svg, format="svg", dpi=_DOTS_PER_INCH, metadata={"Date": None, "Creator": None})
    return Figure(re.sub(r"[^A-Za-z0-9._-]", "-", name), caption, pd.DataFrame(), None, png.getvalue(), svg.getvalue())


def _describe_seeds(analysis: ControlAnalysis) -> str:
    return describe_bars(len(analysis.scores.seeds))


def describe_bars(seeds: int) -> str:
    """What the bars of a figure are, if there are any."""
    if seeds < FEWEST:
        return f"no interval ({count_noun(seeds, 'seed')})"
    return f"95 % t intervals over {seeds} seeds"


def draw_scores(analysis: ControlAnalysis) -> Figure:
    """Every task's mean score per variant, with its seeds as faint points and a t interval."""
    scores = analysis.scores
    tasks, variants = scores.tasks, scores.variants
    made = make_canvas(7.5, 1.3 + len(tasks) * (0.3 + 0.19 * len(variants)))
    axes = made.add_subplot()
    offsets = np.linspace(-_GAP / 2, _GAP / 2, len(variants) + 2)[1:-1]
    for i, variant in enumerate(variants):
        rows = np.arange(len(tasks)) + offsets[i]
        matrix = scores.matrix(variant)
        if len(scores.seeds) > 1:
            axes.plot(
                matrix.ravel(), np.tile(rows, len(matrix)), linestyle="none", marker=pick_marker(i),
                color=pick_colour(i), alpha=0.45, markersize=3.5, markeredgewidth=0,
            )  # fmt: skip
        for row, task in zip(rows, tasks, strict=True):
            found = analysis.by_task[task, variant]
            axes.errorbar(
                found.value, row, xerr=measure_error_bars(found), color=pick_colour(i), marker=pick_marker(i),
                markersize=6.5, linewidth=1.5, label=variant,
            )  # fmt: skip
    axes.set_yticks(range(len(tasks)), [scores.label_task(task) for task in tasks])
    axes.set_ylim(len(tasks) - 0.5, -0.5)
    axes.set_xlabel("normalised score (100: D4RL's reference)", color=INK)
    tidy(axes, "x")
    for edge in range(1, len(tasks)):
        axes.axhline(edge - 0.5, color="#b9c1cf", linewidth=0.7)
    add_legend(made, variants)
    add_title(made, scores)
    caption = f"Score by task: mean with {_describe_seeds(analysis)}; the faint points are single seeds."
    return save_figure(made, f"{scores.suite}-scores", caption)


def draw_aggregates(analysis: ControlAnalysis) -> Figure:
    """One panel per aggregate: the estimate as a line in its interval, a row for each variant."""
    scores = analysis.scores
    variants = scores.variants
    names = tuple(analysis.aggregates[variants[0]])
    made = make_canvas(10.0 if len(names) > 1 else 5.0, 1.0 + 0.36 * len(variants))
    panels = np.atleast_1d(np.array(made.subplots(1, len(names), sharey=True)))
    for axes, name in zip(panels, names, strict=True):
        for i, variant in enumerate(variants):
            found = analysis.aggregates[variant][name]
            if found.lower is not None and found.upper is not None:
                axes.barh(
                    i, found.upper - found.lower, left=found.lower, color=pick_colour(i), alpha=0.6, height=0.6
                )
            axes.plot([found.value] * 2, [i - 0.3, i + 0.3], color=pick_colour(i), linewidth=2.5)
        axes.set_title(name, fontsize=10, color=INK)
        axes.set_yticks(range(len(variants)), variants)
        axes.set_ylim(len(variants) - 0.5, -0.5)
        axes.use_sticky_edges = False
        axes.margins(x=0.12)
        axes.locator_params(axis="x", nbins=4)
        tidy(axes, "x")
    add_title(made, scores)
    gap = " (optimality gap: lower is better)" if len(names) > 1 else ""
    made.supxlabel(f"score / 100{gap}", fontsize=9, color=INK)
    caption = f"Aggregates over seeds and tasks, scores divided by 100: estimate with {_describe_seeds(analysis)}."
    return save_figure(made, f"{scores.suite}-aggregates", caption)


def draw_profile(analysis: ControlAnalysis) -> Figure:
    """The performance profile: the fraction of runs above each score."""
    scores = analysis.scores
    made = make_canvas(7.0, 4.4)
    axes = made.add_subplot()
    for i, (variant, found) in enumerate(analysis.profiles.items()):
        every = len(found.thresholds) // 10
        axes.plot(
            found.thresholds, found.curve, color=pick_colour(i), linewidth=1.8, label=variant,
            marker=pick_marker(i), drawstyle="steps-post", markersize=5,
            markevery=(every * i // len(scores.variants), every),
        )  # fmt: skip
        if found.lower is not None and found.upper is not None:
            axes.fill_between(
                found.thresholds,
                found.lower,
                found.upper,
                color=pick_colour(i),
                alpha=0.12,
                linewidth=0,
                step="post",
            )
    axes.set_xlabel("score / 100, τ", color=INK)
    axes.set_ylabel("fraction of runs with score > τ", color=INK)
    axes.set_ylim(-0.02, 1.02)
    axes.margins(x=0)
    tidy(axes, "both")
    add_legend(made, scores.variants)
    add_title(made, scores)
    band = (
        "1 seed, no band"
        if len(scores.seeds) == 1
        else "bands are rliable's pointwise 95 % bootstrap intervals, too narrow for few seeds"
    )
    return save_figure(made, f"{scores.suite}-profile", f"Performance profile over all tasks and seeds; {band}.")


def draw_costs(analysis: ControlAnalysis, milliseconds: Mapping[str, float], unit: str) -> Figure:
    """Score (IQM; of one task the mean) against what one decision costs.

    Args:
        analysis: the suite.
        milliseconds: variant to its cost; variants that were not timed are left out.
        unit: what the cost is, for the axis.
    """
    scores = analysis.scores
    made = make_canvas(7.0, 4.4)
    axes = made.add_subplot()
    timed = [variant for variant in scores.variants if variant in milliseconds]
    name = "IQM" if len(scores.tasks) > 1 else "mean"
    for variant in timed:
        i = scores.variants.index(variant)
        found = analysis.aggregates[variant][name]
        axes.errorbar(
            milliseconds[variant], found.value, yerr=measure_error_bars(found), color=pick_colour(i),
            marker=pick_marker(i), markersize=8, linewidth=1.8, linestyle="none", label=variant,
        )  # fmt: skip
    costs = [milliseconds[variant] for variant in timed]
    axes.set_xscale("log")
    axes.set_xlim(min(costs) / 1.5, max(costs) * 1.5)
    label_log_axis(axes.xaxis)
    axes.set_xlabel(unit, color=INK)
    axes.set_ylabel(f"{name} of score / 100", color=INK)
    axes.margins(y=0.12)
    tidy(axes, "both")
    add_legend(made, timed)
    add_title(made, scores)
    caption = f"Score against cost: {name} with {_describe_seeds(analysis)}, over {unit}."
    return save_figure(made, f"{scores.suite}-cost", caption)


def label_log_axis(axis: Axis) -> None:
    """Plain numbers at 1, 2 and 5 on a logarithmic axis."""
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(NullFormatter())
