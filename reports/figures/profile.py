"""The performance profile: the fraction of runs above each score."""

from collections.abc import Mapping
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Canvas

from reports.analysis.suite import ControlAnalysis
from reports.figures.canvas import INK, add_legend, make_canvas, make_figure, tidy
from reports.figures.charts import Spec, draw_bands, encode_colour, encode_dash, scale_number, tell
from reports.figures.marks import has_band, make_marks, select
from reports.figures.style import Style, style_suite
from reports.render.document import Figure

_POINTS = 100  # of a curve
_SCORE, _FRACTION = "score / 100, τ", "fraction of runs with score > τ"


def make_profile_figure(analysis: ControlAnalysis) -> Figure:
    """Curves with rliable's bands."""
    scores, styles, marks = analysis.scores, style_suite(analysis.scores), collect_profile(analysis)
    band = (
        "1 seed, no band"
        if len(scores.seeds) == 1
        else "bands are rliable's pointwise 95 % bootstrap intervals, too narrow for few seeds"
    )
    caption = f"Performance profile over all tasks and seeds; {band}."
    draw = partial(draw_profile, marks, styles, scores.add_source(scores.suite))
    return make_figure(f"{scores.suite}-profile", caption, marks, chart_profile(marks, styles), draw)


def collect_profile(analysis: ControlAnalysis) -> pd.DataFrame:
    """A row for each variant and threshold, of which at most `_POINTS` are drawn, evenly spaced."""
    rows = []
    for variant, found in analysis.profiles.items():
        kept = np.unique(np.linspace(0, len(found.thresholds) - 1, _POINTS).round().astype(int))
        for at in kept:
            band = (
                (None, None) if found.lower is None or found.upper is None else (found.lower[at], found.upper[at])
            )
            numbers = (float(found.thresholds[at]), float(found.curve[at]), *band)
            rows.append((variant, *numbers))
    return make_marks(rows, "variant", "threshold", "value", "lower", "upper")


def draw_profile(marks: pd.DataFrame, styles: Mapping[str, Style], title: str) -> Canvas:
    """The picture."""
    made = make_canvas(7.0, 4.4)
    axes = made.add_subplot()
    for i, (variant, look) in enumerate(styles.items()):
        own = select(marks, variant=variant)
        every = max(1, len(own) // 10)
        axes.plot(
            own["threshold"], own["value"], color=look.colour, linewidth=1.8, label=variant, linestyle=look.line,
            marker=look.for_matplotlib, drawstyle="steps-post", markersize=5,
            markevery=(every * i // len(styles), every),
        )  # fmt: skip
        if has_band(own):
            axes.fill_between(
                own["threshold"], own["lower"].astype(float), own["upper"].astype(float), color=look.colour,
                alpha=0.12, linewidth=0, step="post",
            )  # fmt: skip
    axes.set_xlabel(_SCORE, color=INK)
    axes.set_ylabel(_FRACTION, color=INK)
    axes.set_ylim(-0.02, 1.02)
    axes.margins(x=0)
    tidy(axes, "both")
    add_legend(made, list(styles))
    made.suptitle(title, fontsize=10, color=INK)
    return made


def chart_profile(marks: pd.DataFrame, styles: Mapping[str, Style]) -> Spec:
    """The chart."""
    x = scale_number("threshold", _SCORE)
    return {
        "height": 300,
        "encoding": {"x": x, **encode_colour(styles, lines=True)},
        "layer": [
            *draw_bands(marks, _FRACTION, interpolate="step-after"),
            {
                "mark": {"type": "line", "interpolate": "step-after", "strokeWidth": 2},
                "encoding": {
                    **encode_dash(styles),
                    "y": scale_number("value", _FRACTION),
                    "tooltip": tell("variant", ("threshold", ".2f"), ("value", ".2f")),
                },
            },
            {
                "mark": {"type": "point", "opacity": 0, "size": 60, "filled": True},
                "encoding": {
                    "y": scale_number("value", _FRACTION),
                    "tooltip": tell(
                        "variant", ("threshold", ".2f"), ("value", ".2f"), ("lower", ".2f"), ("upper", ".2f")
                    ),
                },
            },
        ],
    }
