"""The weights of the data as an area, those that a method predicts for its draws as a line, a panel for each task."""

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import PercentFormatter

from reports.analysis.weights import WeightShares
from reports.figures.canvas import INK, add_legend, make_canvas, make_figure, tidy
from reports.figures.charts import Spec, encode_colour, encode_dash, keep, scale_number, tell
from reports.figures.marks import list_rows, make_marks, select
from reports.figures.style import Style, style_suite
from reports.load.scores import SuiteScores
from reports.render.document import Figure

_ACROSS = 3  # panels in a row
_WEIGHT, _SHARE = "weight", "share, log scale"
_LEAST = 1e-4  # share that is drawn


def make_weights_figure(scores: SuiteScores, found: Sequence[WeightShares]) -> Figure:
    """The histograms of all variants that have them; at least one."""
    marks = collect_shares(scores, found)
    drawn = {shares.variant for shares in found}
    styles = {variant: style for variant, style in style_suite(scores).items() if variant in drawn}
    caption = (
        "Weights by bin, mean over seeds. Areas: of the data, which the denoiser was trained on. Lines: predicted for "
        f"what is drawn at the same states with the reported ρ. Shares under {_LEAST:g} are drawn at that."
    )
    draw = partial(draw_weights, marks, styles, scores.add_source(scores.suite))
    return make_figure(f"{scores.suite}-weights", caption, marks, chart_weights(marks, styles), draw)


def collect_shares(scores: SuiteScores, found: Sequence[WeightShares]) -> pd.DataFrame:
    """A row for each bin of each histogram."""
    rows = [
        (scores.label_task(own.task), own.variant, mark, float(low), float(high), float((low + high) / 2), float(share))
        for own in found
        for mark, shares in (("data", own.learned), ("predicted", own.predicted))
        for low, high, share in zip(own.edges[:-1], own.edges[1:], shares, strict=True)
    ]
    marks = make_marks(rows, "task", "variant", "mark", "from", "to", "weight", "share")
    return marks.assign(value=np.maximum(marks["share"], _LEAST), least=_LEAST)
