"""Types with bounds for settings, as in `steps: Count = 1000`.

Bounds of numbers are those of the package `annotated_types`; names from a fixed list are `Literal`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias

from annotated_types import Ge, Gt, Interval


@dataclass(frozen=True)
class Parsed:
    """The text of a field is parsed by a function, whose result may have bounded fields too.

    Attributes:
        parse: text → what it names; raises ValueError with the choices.
    """

    parse: Callable[[str], Any]


Count: TypeAlias = Annotated[int, Ge(1)]
NonNegative: TypeAlias = Annotated[float, Ge(0)]
Positive: TypeAlias = Annotated[float, Gt(0)]
Rate: TypeAlias = Annotated[float, Interval(gt=0, le=1)]
"""Above 0 and at most 1."""
Share: TypeAlias = Annotated[float, Interval(ge=0, lt=1)]
"""0 or more and below 1."""
Fraction: TypeAlias = Annotated[float, Interval(gt=0, lt=1)]
"""Between 0 and 1, without either."""
Probability: TypeAlias = Annotated[float, Interval(ge=0, le=1)]
