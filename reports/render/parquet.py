"""The results as parquet files: one row for each cell, and one for each of its episodes."""

import io
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from foundation.text import clean_line, clean_value
from reports.load.frames import list_rows, make_frame
from reports.load.schema import FailedResult, Result

CELLS, EPISODES = "scores.parquet", "episodes.parquet"


def export_parquet(folder: Path, results: Sequence[Result | FailedResult]) -> dict[str, bytes]:
    """Both files by their names, with the columns that `bench.load_results` gives.

    Args:
        folder: of the results, which their paths are relative to.
        results: finished and failed ones, in the order of the rows.
    """
    return {
        CELLS: format_parquet(make_frame(list_rows(folder, results))),
        EPISODES: format_parquet(make_frame(list_rows(folder, results, by="episode"))),
    }


def _clean_column(column: pd.Series) -> pd.Series:
    """The column with its texts cleaned; most have few different ones."""
    if column.dtype != object:
        return column
    cleaned = {value: clean_value(value) for value in {v for v in column if isinstance(v, str)}}
    if all(value == text for value, text in cleaned.items()):
        return column
    return column.map(lambda value: cleaned[value] if isinstance(value, str) else value)


def format_parquet(frame: pd.DataFrame) -> bytes:
    """The frame as a parquet file without its index; control characters in its texts are written out."""
    cleaned = frame.apply(_clean_column)
    names = [clean_line(str(name)) for name in frame.columns]
    cleaned.columns = pd.Index([f"{n} ({i})" if n in names[:i] else n for i, n in enumerate(names)])
    stream = io.BytesIO()
    cleaned.to_parquet(stream, engine="pyarrow", index=False)
    return stream.getvalue()
