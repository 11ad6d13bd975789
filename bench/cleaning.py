"""The Python interface of `clean`: lists what can be removed of artifacts and results, and removes it."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bench.cli.table import format_table
from bench.config.check_settings import check_arguments
from bench.config.values import FilePath, Paths, read_path, read_paths
from bench.progress import ProgressConsole
from foundation.program import program_name

if TYPE_CHECKING:
    import pandas as pd

    from bench.storage.leftovers import Found

COLUMNS = ("kind", "path", "bytes", "changed", "note", "is_removed")
HEADER = ("kind", "where", "size", "unchanged for", "")


def clean(
    *,
    results: Paths = "results",
    artifacts: FilePath = "artifacts",
    remove: bool = False,
    data_sets: bool = False,
    progress: bool = True,
) -> "pd.DataFrame":
    """List what no result refers to and what killed processes left, with sizes; nothing is removed unless asked.

    Downloaded data, the ledger and the choices of ρ always stay, and so does what an open cell of a plan needs.

    Args:
        results: every results folder that uses the artifacts; components are judged by these alone.
        artifacts: folder of data sets and trained components.
        remove: whether to remove what is listed, but for data sets that were made here.
        data_sets: whether to remove these too; they take minutes to make again.
        progress: print the list.

    Returns:
        One row for each file or folder: kind, path, bytes, changed, note, is_removed.

    Raises:
        UserError: a folder that is not there or of another version, or a file that does not say what it refers to.
    """
    import pandas as pd

    from bench.storage.unreferred import DATA_SET, find_other_results, list_removable, remove_found

    check_arguments(clean, locals())
    folders, place = read_paths("results", results) or (Path("results"),), read_path("artifacts", artifacts)
    console = ProgressConsole(quiet=not progress)
    found = list_removable(folders, place)
    console.say(describe(found))
    others = find_other_results(folders, place)
    if others:
        console.say(
            f"There are other results folders, {', '.join(map(str, others))}: what they alone refer to is listed "
            "too; name each that counts with --results."
        )
    wanted = [each for each in found if remove and (data_sets or each.kind != DATA_SET)]
    removed = [each for each in wanted if remove_found(each)]
    if found:
        console.say(describe_removal(found, removed, remove))
    rows = [
        {
            "kind": each.kind,
            "path": str(each.path),
            "bytes": each.size,
            "changed": pd.Timestamp(each.changed, unit="s", tz="UTC"),
            "note": each.note,
            "is_removed": each in removed,
        }
        for each in found
    ]
    return pd.DataFrame(rows, columns=None if rows else pd.Index(COLUMNS))


def describe(found: Sequence["Found"]) -> str:
    """A table of what can be removed."""
    from bench.storage.leftovers import format_size

    if not found:
        return "Nothing to remove: results refer to all that is there."
    now = time.time()
    rows = [
        (each.kind, str(each.path), format_size(each.size), _format_age(now - each.changed), each.note)
        for each in found
    ]
    total = ("", "in all", format_size(sum(each.size for each in found)), "", "")
    return format_table("What no result refers to", HEADER, [*rows, total])


def describe_removal(found: Sequence["Found"], removed: Sequence["Found"], asked: bool) -> str:
    """What was removed, or how to have it removed."""
    from bench.storage.leftovers import format_size
    from bench.storage.unreferred import DATA_SET

    sets = any(each.kind == DATA_SET for each in found if each not in removed)
    if not asked:
        kept = "; data sets stay unless you add --data-sets" if sets else ""
        return f"`{program_name()} clean --remove`, with the same folders, removes them{kept}."
    kept = "; data sets stay, --data-sets removes them too" if sets else ""
    return f"Removed {len(removed)} of {len(found)}, {format_size(sum(each.size for each in removed))}{kept}."


def _format_age(seconds: float) -> str:
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        count = int(seconds // length)
        if count:
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return "seconds"
