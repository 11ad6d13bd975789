"""Marks are a data frame, a row for each mark."""

from collections.abc import Sequence
from typing import Any

import pandas as pd


def select(marks: pd.DataFrame, **values: object) -> pd.DataFrame:
    """The marks that have these values in the columns of those names."""
    kept: Any = marks
    for name, value in values.items():
        kept = kept[kept[name] == value]
    return kept


def list_rows(marks: pd.DataFrame) -> list[dict[str, Any]]:
    """Every mark by column."""
    return marks.to_dict("records")


def has_bands(marks: pd.DataFrame) -> bool:
    """Whether some mark has an interval."""
    return bool((marks["lower"].notna() & marks["upper"].notna()).to_numpy().any())


def has_band(marks: pd.DataFrame) -> bool:
    """Whether there are marks, and every one has an interval."""
    return not marks.empty and bool(marks["lower"].notna().to_numpy().all())


def make_marks(rows: Sequence[Any], *columns: str) -> pd.DataFrame:
    """The frame of rows, tuples or dictionaries, with these columns in their order."""
    return pd.DataFrame(rows, columns=pd.Index(columns))
