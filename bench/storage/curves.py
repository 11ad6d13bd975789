"""Thins a component's learning curve, `seed-N.csv`, to what a results folder keeps of it."""

import csv
import io
import math
from collections.abc import Iterable

from pydantic import ValidationError

from reports.load.component_schema import MOST_POINTS, LearningCurve

_DIGITS = 6
_AXES = ("step", "seconds")


def thin_curve(text: str) -> LearningCurve:
    """A learning curve of at most 1,000 rows in at most 100 bins of equally many rows, the last with fewer.

    Args:
        text: CSV with the columns `step` and `seconds` and a column for each quantity.

    Raises:
        ValueError: no row, a column that is missing, or a field that is no number.
    """
    try:
        return _thin(text)
    except csv.Error as error:
        raise ValueError(f"it is no CSV file ({error})") from error
    except ValidationError as error:
        raise ValueError("its steps or seconds do not rise, or it has too many columns") from error


def _thin(text: str) -> LearningCurve:
    rows = list(csv.DictReader(io.StringIO(text)))
    if not rows or not set(_AXES) <= set(rows[0]):
        raise ValueError("it has no rows, or no columns `step` and `seconds`")
    if any(None in row or None in row.values() for row in rows):
        raise ValueError("a row of it has more or fewer fields than its first line")
    width = -(-len(rows) // MOST_POINTS)
    bins = [rows[first : first + width] for first in range(0, len(rows), width)]
    quantities = [name for name in rows[0] if name not in _AXES]
    return LearningCurve(
        steps=tuple(int(each[-1]["step"]) for each in bins),
        seconds=tuple(float(each[-1]["seconds"]) for each in bins),
        rows=len(rows),
        values={name: tuple(_average(row[name] for row in each) for each in bins) for name in quantities},
    )


def _average(texts: Iterable[str]) -> float:
    """The mean of numbers to six digits; NaN where one is left empty or is no finite number."""
    numbers = [float(text) if text else math.nan for text in texts]
    if not all(map(math.isfinite, numbers)):
        return math.nan
    mean = math.fsum(number / len(numbers) for number in numbers)  # the sum itself may be too large for a number
    return float(f"{mean:.{_DIGITS}g}")
