"""Write what changed between two results folders: everything is computed before the first file is written."""

from collections.abc import Sequence
from pathlib import Path

from reports.analysis.changes import Changes, FolderCells, arrange_cells, find_changes
from reports.errors import ReportError
from reports.export import read_kept
from reports.load.files import read_headers
from reports.load.scores import check_filters
from reports.output import write_files
from reports.render.csv import format_csv
from reports.render.document import render_markdown
from reports.sections.changes import list_seeds, make_change_blocks, name_outcome

_ROWS = "suite,task,variant,outcome,unit,seeds,first,second,difference,lower,upper,p,p_holm"
_ORIGINS = "kind,name,first,second,cells"
_ALONE = "suite,task,variant,first_alone,second_alone"


def write_comparison(
    first: Path,
    second: Path,
    out: Path,
    *,
    tasks: Sequence[str] | None = None,
    methods: Sequence[str] | None = None,
) -> list[Path]:
    """Writes compare.md, and its tables as compare.csv, compare-origins.csv and compare-alone.csv.

    Args:
        first, second: results folders; differences are the second's minus the first's.
        out: the folder for the files, made if it is not there.
        tasks, methods: names to keep; nothing given keeps all.

    Returns:
        The written files, compare.md first.

    Raises:
        ReportError: a folder without results or with damaged ones, a name that neither has, two results of one
            cell, or an `out` that is a file.
    """
    changes = find_changes(*_read_both(first, second, tasks, methods))
    text = render_markdown(make_change_blocks(changes, first, second))
    files = {"compare.md": text, **_export_changes(changes)}
    return write_files(out, {name: content.encode() for name, content in files.items()})


def _read_both(
    first: Path, second: Path, tasks: Sequence[str] | None, methods: Sequence[str] | None
) -> tuple[FolderCells, FolderCells]:
    for folder in (first, second):
        if not folder.is_dir():
            raise ReportError(
                f"there is no results folder at {str(folder)!r}; name two that there are to compare."
            )
    headers = {folder: read_headers(folder) for folder in (first, second)}
    there = [(header.task, header.method) for own in headers.values() for header in own.values()]
    check_filters(tasks, methods, there)
    one, other = (arrange_cells(read_kept(headers[folder], tasks, methods)) for folder in (first, second))
    return one, other


def _export_changes(changes: Changes) -> dict[str, str]:
    rows = [
        (
            *row.row,
            name_outcome(row),
            "points" if row.is_control else "distance",
            len(row.seeds),
            *row.means,
            *(row.difference.value, row.difference.lower, row.difference.upper),
            *(row.p, row.adjusted),
        )
        for row in changes.rows
    ]
    origins = [(each.kind, each.name, each.first, each.second, each.cells) for each in changes.origins]
    alone = [(*each.row, list_seeds(each.first), list_seeds(each.second)) for each in changes.alone]
    return {
        "compare.csv": format_csv(_ROWS, rows),
        "compare-origins.csv": format_csv(_ORIGINS, origins),
        "compare-alone.csv": format_csv(_ALONE, alone),
    }
