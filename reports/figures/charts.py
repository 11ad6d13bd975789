"""Parts of Vega-Lite specifications that several charts share; their data are a figure's marks.

Colours of text, axes and background are the page's own: it has a light and a dark one.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import pandas as pd

from reports.figures.marks import has_bands
from reports.figures.style import Style

Spec: TypeAlias = dict[str, Any]


def keep(condition: str) -> list[Spec]:
    """The transform that keeps the rows for which an expression such as `datum.mark === 'seed'` holds."""
    return [{"filter": condition}]


def encode_colour(styles: Mapping[str, Style], *, lines: bool = False) -> Spec:
    """The colour of the column `variant`, with the one legend of the chart.

    Args:
        styles: of all variants that are drawn, in the order of the legend.
        lines: whether the legend shows lines rather than markers.
    """
    found = _encode(styles, [style.colour for style in styles.values()])
    if lines:
        found["legend"] = {**found["legend"], "symbolType": "stroke", "symbolSize": 200, "symbolStrokeWidth": 2}
    return {"color": found}


def encode_marker(styles: Mapping[str, Style]) -> Spec:
    """The marker, for layers of points; see `encode_colour`."""
    return {"shape": _encode(styles, [style.marker for style in styles.values()])}


def encode_dash(styles: Mapping[str, Style]) -> Spec:
    """The dash, for layers of lines; see `encode_colour`."""
    return {"strokeDash": _encode(styles, [list(style.dash) or [1, 0] for style in styles.values()])}


def _encode(styles: Mapping[str, Style], values: Sequence[Any]) -> Spec:
    legend = {"title": None, "orient": "bottom", "columns": 0, "symbolOpacity": 1, "labelLimit": 400}
    scale = {"domain": list(styles), "range": list(values)}
    return {"field": "variant", "type": "nominal", "scale": scale, "legend": legend}


def tell(*fields: str | tuple[str, str]) -> list[Spec]:
    """What is shown of a mark on hover.

    Args:
        fields: columns, or pairs of a column and Vega's number format.
    """
    pairs = [(field, None) if isinstance(field, str) else field for field in fields]
    return [{"field": name, **({"format": form, "type": "quantitative"} if form else {})} for name, form in pairs]


def scale_number(field: str, title: str | None, *, log: bool = False, zero: bool = False, **more: Any) -> Spec:
    """A quantitative axis.

    Args:
        field: the column.
        title: of the axis.
        log: whether it is logarithmic; labels are at 1, 2 and 5.
        zero: whether it begins at 0.
        more: of the axis.
    """
    scale: Spec = {"type": "log", "nice": False, "padding": 12} if log else {"zero": zero, "nice": True}
    axis: Spec = {
        "title": title,
        **({"labelExpr": _AT_1_2_5, "format": "~g", "labelOverlap": "greedy"} if log else {}),
        **more,
    }
    return {"field": field, "type": "quantitative", "scale": scale, "axis": axis}


_AT_1_2_5 = (
    "indexof([1, 2, 5], round(datum.value / pow(10, floor(log(datum.value) / LN10 + 1e-9)))) >= 0"
    " ? format(datum.value, '~g') : ''"
)


def size_bands(bands: int, lines: int = 1) -> int:
    """The height in pixels of a chart with a band for each row and lines in it.

    A number, since Vega-Lite does not fit a chart to the page's width whose height is a step for each row.
    """
    return round(_LINE * lines * bands / (1 - _BETWEEN))


_LINE, _BETWEEN = 15, 0.2  # pixels of a line; the share of a band that is empty


def draw_rules(marks: pd.DataFrame, along: str, *, where: str = "true", **encoding: Any) -> list[Spec]:
    """A layer of intervals from the column `lower` to `upper`; none where no mark has one.

    A layer without marks has no extent, of which a browser's console would warn.

    Args:
        marks: of the chart, that have it if they have an interval.
        along: the axis, `x` or `y`.
        where: the condition that these marks alone fulfil.
        encoding: more of it.
    """
    if not has_bands(marks):
        return []
    ends = {along: {"field": "lower", "type": "quantitative"}, f"{along}2": {"field": "upper"}}
    layer = {
        "transform": keep(f"({where}) && isValid(datum.lower) && isValid(datum.upper)"),
        "mark": {"type": "rule", "strokeWidth": 2},
        "encoding": {**ends, **encoding},
    }
    return [layer]


def draw_bands(marks: pd.DataFrame, title: str, **look: Any) -> list[Spec]:
    """A layer of areas between the columns `lower` and `upper`; none where no mark has both.

    Args:
        marks: of the chart.
        title: of the axis.
        look: more of the areas.
    """
    if not has_bands(marks):
        return []
    ends = {"y": {"field": "lower", "type": "quantitative", "title": title}, "y2": {"field": "upper"}}
    return [{"mark": {"type": "area", "opacity": 0.12, **look}, "encoding": ends}]
