"""Every figure has one look: a variant keeps its colour and marker, and each figure is saved as PNG and SVG."""

import io
from collections.abc import Sequence

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Canvas

from reports.analysis.statistics import Estimate
from reports.render.document import Figure

# Okabe and Ito's palette without its yellow, which is lost on white: told apart under colour blindness too.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#333333")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")
INK = "#1d2330"
GRID = "#d8dde6"
_DOTS_PER_INCH = 150


def colour(index: int) -> str:
    """The colour of the variant at a place in the suite."""
    return _COLOURS[index % len(_COLOURS)]


def marker(index: int) -> str:
    """The marker of the variant at a place in the suite; colour and marker repeat after 63 variants."""
    return _MARKERS[index % len(_MARKERS)]


def canvas(width: float, height: float) -> Canvas:
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


def error_bars(estimate: Estimate) -> list[list[float]] | None:
    """An estimate's interval as matplotlib's error-bar lengths."""
    if estimate.lower is None or estimate.upper is None:
        return None
    return [[max(0.0, estimate.value - estimate.lower)], [max(0.0, estimate.upper - estimate.value)]]


def legend_below(made: Canvas, axes: Axes, labels: Sequence[str]) -> None:
    """One legend under the whole figure, in as few rows as its width allows."""
    handles, names = axes.get_legend_handles_labels()
    first = dict(zip(reversed(names), reversed(handles), strict=True))
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


def saved(made: Canvas, name: str, caption: str) -> Figure:
    """The finished figure as PNG and SVG bytes, the same bytes for the same data."""
    png, svg = io.BytesIO(), io.BytesIO()
    made.savefig(png, format="png", dpi=_DOTS_PER_INCH, metadata={"Software": None})
    with matplotlib.rc_context({"svg.hashsalt": name}):
        made.savefig(svg, format="svg", dpi=_DOTS_PER_INCH, metadata={"Date": None, "Creator": None})
    return Figure(name, caption, png.getvalue(), svg.getvalue())
