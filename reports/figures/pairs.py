"""Every pair of variants: the difference of their scores, and how probably one run is better than the other."""

from collections.abc import Mapping
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure as Canvas

from reports.analysis.suite import ControlAnalysis
from reports.figures.canvas import INK, make_canvas, make_figure
from reports.figures.charts import Spec, tell
from reports.figures.marks import list_rows, make_marks
from reports.render.document import Figure

_ROW = 32  # pixels
_LESS, _NONE, _MORE = "#D55E00", "#8b8f96", "#0072B2"
_COLUMNS = ("row", "column", "difference", "lower", "upper", "p_holm", "improvement", "is_separated")
_TITLE = "row − column, points"


def make_pairs_figure(analysis: ControlAnalysis) -> Figure:
    """A cell for each ordered pair, over all tasks."""
    scores, marks = analysis.scores, collect_pairs(analysis)
    variants = list(scores.variants)
    caption = (
        "Difference of the mean scores, row minus column, over all tasks; bold where the pair is separated "
        "(Holm's correction). The probability that a run of the row scores above one of the column stands in "
        "brackets in print, and appears on hover in the page."
    )
    draw = partial(draw_pairs, marks, variants, scores.add_source(scores.suite))
    return make_figure(f"{scores.suite}-pairs", caption, marks, chart_pairs(marks, variants), draw)


def collect_pairs(analysis: ControlAnalysis) -> pd.DataFrame:
    """Two rows for each pair, one from either side."""
    rows = []
    for pair in analysis.pairs.overall:
        d, better = pair.difference, pair.improvement
        numbers = (pair.adjusted, better.value, pair.is_separated)
        rows.append((pair.first, pair.second, d.value, d.lower, d.upper, *numbers))
        lower, upper = (None if d.upper is None else -d.upper), (None if d.lower is None else -d.lower)
        turned = (pair.adjusted, 1 - better.value, pair.is_separated)
        rows.append((pair.second, pair.first, -d.value, lower, upper, *turned))
    return make_marks(rows, *_COLUMNS)


def draw_pairs(marks: pd.DataFrame, variants: list[str], title: str) -> Canvas:
    """The picture."""
    size = len(variants)
    made = make_canvas(1.6 + 0.95 * size, 1.2 + 0.55 * size)
    axes = made.add_subplot()
    grid = np.full((size, size), np.nan)
    for row in list_rows(marks):
        grid[variants.index(row["row"]), variants.index(row["column"])] = row["difference"]
    most = max(1.0, float(np.nanmax(np.abs(grid))))
    axes.imshow(grid, cmap="PuOr", norm=TwoSlopeNorm(0.0, -most, most), alpha=0.6, aspect="auto")
    for row in list_rows(marks):
        place = variants.index(row["column"]), variants.index(row["row"])
        said = f"{row['difference']:+.1f} ({row['improvement']:.2f})"
        weight = "bold" if row["is_separated"] else "normal"
        axes.text(*place, said, ha="center", va="center", fontsize=7.5, color=INK, fontweight=weight)
    axes.set_xticks(range(size), variants, rotation=30, ha="left")
    axes.set_yticks(range(size), variants)
    axes.xaxis.tick_top()
    axes.tick_params(colors=INK, labelsize=9, length=0)
    axes.spines[:].set_visible(False)
    made.suptitle(title, fontsize=10, color=INK)
    return made


def chart_pairs(marks: pd.DataFrame, variants: list[str]) -> Spec:
    """The chart."""
    most = max(1.0, float(marks["difference"].abs().max()))

    def place(field: str, **axis: object) -> Spec:
        return {"field": field, "type": "nominal", "sort": variants, "title": None, "axis": axis}

    numbers: Mapping[str, str] = dict.fromkeys(("difference", "lower", "upper"), "+.1f")
    told = tell("row", "column", *numbers.items(), ("p_holm", ".3f"), ("improvement", ".2f"))
    number = {"field": "difference", "type": "quantitative"}
    scale = {"domain": [-most, 0, most], "range": [_LESS, _NONE, _MORE], "interpolate": "rgb"}
    text = {
        "type": "text",
        "fontSize": 11,
        "color": "currentColor",
        "fontWeight": {"expr": "datum.is_separated ? 'bold' : 'normal'"},
    }
    return {
        "title": {"text": _TITLE, "fontSize": 12, "color": "currentColor", "fontWeight": "normal"},
        "height": _ROW * len(variants),
        "encoding": {"x": place("column", orient="top", labelAngle=0), "y": place("row"), "tooltip": told},
        "layer": [
            {
                "mark": {"type": "rect", "opacity": 0.55},
                "encoding": {"color": {**number, "scale": scale, "legend": None}},
            },
            {"mark": text, "encoding": {"text": {**number, "format": "+.1f"}}},
        ],
    }
