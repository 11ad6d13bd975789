"""Scores in the shape that rliable's functions take: variant to its matrix of seeds × tasks."""

import io
import json
import zipfile
from collections.abc import Sequence

import numpy as np

from foundation.text import clean_line
from reports.errors import ReportError
from reports.load.scores import SuiteScores

_PERCENT = 100.0
_STAMP = (1980, 1, 1, 0, 0, 0)  # of the members, so that the same scores are the same file


def export_rliable(suites: Sequence[SuiteScores]) -> dict[str, bytes]:
    """Of each suite with scores `rliable-SUITE.npz`, a matrix for each variant, and its names in a `.json` beside.

    Scores are normalised and divided by 100, so that 1 is D4RL's reference maximum, as rliable's optimality gap
    and the report's aggregates have them.

    Raises:
        ReportError: no suite has normalised scores.
    """
    control = [scores for scores in suites if scores.is_control]
    if not control:
        raise ReportError(
            "rliable takes normalised scores, and these results are distances of densities: export them as "
            "parquet or json."
        )
    files: dict[str, bytes] = {}
    for scores in control:
        keys = {variant: _make_key(variant) for variant in scores.variants}
        matrices = {keys[variant]: scores.matrix(variant) / _PERCENT for variant in scores.variants}
        names = {
            "suite": scores.suite,
            "data": clean_line(scores.source or ""),
            "variants": list(matrices),
            "seeds": list(scores.seeds),
            "tasks": list(scores.tasks),
        }
        files[f"rliable-{scores.suite}.npz"] = _pack_arrays(matrices)
        files[f"rliable-{scores.suite}.json"] = (json.dumps(names, indent=1, ensure_ascii=False) + "\n").encode()
    return files


def _make_key(variant: str) -> str:
    """A variant as the name of a member of an archive, which is no path."""
    return clean_line(variant).replace("%", "%25").replace("/", "%2F").replace("\\", "%5C")


def _pack_arrays(arrays: dict[str, np.ndarray]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:  # np.savez takes no array that is called `file`
        for name, array in arrays.items():
            packed = io.BytesIO()
            np.lib.format.write_array(packed, array, allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", _STAMP), packed.getvalue())
    return stream.getvalue()
