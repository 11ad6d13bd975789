"""How a method looks in every figure: colour, marker and dash, by its name.

A method has its own in the table below, the same in every report. One from a plug-in has one by a hash of its
name; where that is taken in a report, it has the next that is free. Variants of one method have its colour.
"""

import itertools
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reports.load.scores import SuiteScores

GREY, BLUE, SKY, VERMILION, PINK, GREEN, ORANGE, VIOLET, BROWN = (
    "#757575",
    "#0072B2",
    "#56B4E9",
    "#D55E00",
    "#CC79A7",
    "#009E73",
    "#E69F00",
    "#7B61C9",
    "#8C6D31",
)
"""Okabe and Ito's palette without its yellow and black, which are lost on white and on dark, and three more."""
COLOURS = (GREY, BLUE, SKY, VERMILION, PINK, GREEN, ORANGE, VIOLET, BROWN)
MARKERS: Mapping[str, str] = {
    "circle": "o",
    "square": "s",
    "triangle-up": "^",
    "diamond": "D",
    "triangle-down": "v",
    "cross": "P",
    "triangle-left": "<",
    "triangle-right": ">",
}
"""Vega's names to matplotlib's."""
DASHES: tuple[tuple[int, ...], ...] = ((), (6, 3), (2, 2), (8, 3, 2, 3))
"""Lengths of strokes and gaps in points; the first is a solid line."""


@dataclass(frozen=True)
class Style:
    """How a variant looks.

    Attributes:
        colour: such as `#0072B2`.
        marker: a name of `MARKERS`.
        dash: one of `DASHES`.
    """

    colour: str
    marker: str
    dash: tuple[int, ...] = ()

    @property
    def for_matplotlib(self) -> str:
        """The marker as matplotlib names it."""
        return MARKERS[self.marker]

    @property
    def line(self) -> Any:
        """The dash as matplotlib's line style."""
        return (0, self.dash) if self.dash else "-"


STYLES: Mapping[str, Style] = {
    "unguided": Style(GREY, "circle"),
    "swg": Style(BLUE, "circle"),
    "swg-r": Style(SKY, "triangle-up", DASHES[1]),
    "cep": Style(VERMILION, "square"),
    "mse": Style(VERMILION, "cross", DASHES[2]),
    "ddice": Style(PINK, "diamond"),
    "idql": Style(GREEN, "triangle-down"),
    "sfbc": Style(GREEN, "square", DASHES[1]),
    "aepo": Style(ORANGE, "diamond"),
    "dps": Style(ORANGE, "cross", DASHES[2]),
    "dql": Style(VIOLET, "square"),
    "bc": Style(GREY, "square", DASHES[1]),
    "iql": Style(BROWN, "triangle-left"),
    "td3-bc": Style(BROWN, "triangle-right", DASHES[1]),
    "cql": Style(BROWN, "cross", DASHES[2]),
}


def find_styles(variants: Mapping[str, str]) -> dict[str, Style]:
    """The style of every variant; no two share colour, marker and dash while there are enough.

    Args:
        variants: label to the name of its method, all of a report.
    """
    found: dict[str, Style] = {}
    taken = {STYLES[method] for method in variants.values() if method in STYLES}
    by_method: dict[str, Style] = {}
    for method in sorted(set(variants.values())):
        by_method[method] = STYLES.get(method) or _find_free(_list_from_hash(method), taken)
        taken.add(by_method[method])
    for label, method in variants.items():
        own = by_method[method]
        if own in found.values():
            own = _find_free([Style(own.colour, m, d) for d in DASHES for m in MARKERS], taken)
            taken.add(own)
        found[label] = own
    return found


def style_suite(scores: SuiteScores) -> dict[str, Style]:
    """The style of every variant of a suite."""
    return find_styles({variant: scores.method(variant) for variant in scores.variants})


def _list_from_hash(method: str) -> list[Style]:
    """Every style, in an order that begins at a place by the name's hash."""
    every = [Style(c, m, d) for d, m, c in itertools.product(DASHES, MARKERS, COLOURS)]
    place = zlib.crc32(method.encode()) % len(every)
    return every[place:] + every[:place]


def _find_free(wanted: list[Style], taken: set[Style]) -> Style:
    return next((style for style in wanted if style not in taken), wanted[0])
