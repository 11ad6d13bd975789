"""What the page's charts are drawn from: specifications and marks as JSON, and the bundled Vega-Lite."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from foundation.text import clean_line
from reports.render.document import Figure

_VEGA_LITE = "6.4"


def encode_charts(figures: Sequence[Figure]) -> str:
    """The charts as JSON that can stand in an HTML element: by name, `chart` and `marks`.

    Args:
        figures: of the page.
    """
    return join_charts(map(encode_chart, figures))


def join_charts(encoded: Iterable[str]) -> str:
    """The same of charts that are encoded each."""
    return f"{{{','.join(encoded)}}}"


def encode_chart(figure: Figure) -> str:
    """One of them with its name."""
    both = {"chart": figure.chart, "marks": _list_marks(figure)}
    encoded = (
        json.dumps(_clean(each), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        for each in (figure.name, both)
    )
    return _escape(":".join(encoded))


def bundle_vega() -> str:
    """Vega-Lite, Vega and vega-embed as one script that sets `vegaEmbed`."""
    import vl_convert  # here: it takes a moment, and a page without charts does not need it

    bundle = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=_VEGA_LITE)
    return bundle.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def _list_marks(figure: Figure) -> dict[str, Any]:
    """Columns and rows, so that names of columns are said once; what is no finite number is null.

    A row ends before its last nulls, which many rows of figures with several kinds of marks have.
    """
    encoded = figure.marks.to_json(orient="split", index=False, double_precision=15)
    assert encoded is not None, "without a path it is returned"
    marks = json.loads(encoded)
    return {**marks, "data": [_drop_last_nulls(row) for row in marks["data"]]}


def _drop_last_nulls(row: list[Any]) -> list[Any]:
    count = len(row)
    while count and row[count - 1] is None:
        count -= 1
    return row[:count]


def _clean(value: Any) -> Any:
    """The same with control characters of its texts written out."""
    match value:
        case str():
            return clean_line(value)
        case Mapping():
            return {clean_line(str(name)): _clean(inner) for name, inner in value.items()}
        case list() | tuple():
            return [_clean(inner) for inner in value]
        case _:
            return value


def _escape(text: str) -> str:
    """JSON in which no element and no comment begins or ends."""
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
