"""The Python interface of `report`: a results folder's report, its results in another form, or what changed."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from bench.config.check_settings import check_arguments
from bench.config.values import FilePath, Names, Paths, read_names, read_path, read_paths
from bench.progress import ProgressConsole
from bench.watching import rewrite_report
from foundation.bounds import Positive
from foundation.errors import UserError
from foundation.stopping import handle_signals

_EVERY = 60.0  # seconds


def report(  # noqa: PLR0913 (the options of a command)
    *,
    results: FilePath = "results",
    out: FilePath | None = None,
    baseline: str | None = None,
    tasks: Names = None,
    methods: Names = None,
    margin: float = 5.0,
    bold: Literal["separated", "five-percent"] = "separated",
    export: Literal["rliable", "parquet", "json"] | None = None,
    compare: Paths | None = None,
    print: bool = False,
    partial: bool = False,
    watch: bool = False,
    every: Positive | None = None,
    progress: bool = True,
) -> Path:
    """Write tables, intervals and figures of a results folder: Markdown, HTML, LaTeX, CSV, parquet and pictures.

    Args:
        results: the folder.
        out: where to write; RESULTS/report if left out, with `export` RESULTS/export.
        baseline: for the probability of improvement; `unguided`, else the first method, if left out.
        tasks, methods: names to keep; all if left out.
        margin: points of normalised score within which two methods count as equivalent.
        bold: `separated` for the methods not separated from the best by the paired test, `five-percent` for those
            within 5 % of it.
        export: instead of a report the results alone: `rliable` for a matrix of seeds × tasks of each variant,
            `parquet` for a frame of cells and one of episodes, `json` for both in one document.
        compare: two results folders: instead of a report what changed from the first to the second, as
            `compare.md` and CSV files in the second's `report`, or in `out`.
        print: draw every figure as PNG and PDF too, and put the PNG into `report.md`.
        partial: whether results of the last plan may be missing: then what is there is reported, and marked.
        watch: write the report again whenever results changed, until every planned result is there; `partial` too.
        every: with `watch`, seconds between a report and the next look, 60 if left out.
        progress: say what is being made.

    Returns:
        The report's folder; `report.md`, `index.html` and `summary.txt` are in it.

    Raises:
        UserError: results that are missing, damaged or do not belong in one table.
    """
    check_arguments(report, locals())
    kept = {"tasks": read_names("tasks", tasks), "methods": read_names("methods", methods)}
    of_reports = {"baseline": baseline, "margin": margin, "bold": bold, "print": print, "partial": partial}
    of_reports |= {"watch": watch, "every": every}
    if every is not None and not watch:
        raise UserError(
            f"every={every:g} is how often a watched report is written again: add watch, or leave it out."
        )
    folder, place = read_path("results", results), None if out is None else read_path("out", out)
    if compare is not None:
        _refuse_options("compare", {"results": results, "export": export, **of_reports})
        return _compare(compare, place, **kept)
    if export is not None:
        _refuse_options("export", of_reports)
        return _export(folder, place, export, **kept)
    from reports.analysis.suite import Options
    from reports.report import write_report

    place, tell = place or folder / "report", ProgressConsole(quiet=not progress).say
    asked = Options(margin=float(margin), bold=bold, pictures=print, partial=partial or watch)

    def write(again: int | None) -> None:
        options = replace(asked, refresh=again)
        write_report(folder, place, baseline=baseline, options=options, progress=tell, **kept)

    _write(folder, place, write, tell, float(every or _EVERY) if watch else None)
    return place


def _write(
    folder: Path,
    place: Path,
    write: Callable[[int | None], None],
    tell: Callable[[str], None],
    every: float | None,
) -> None:
    """Write a report once, or again after at least so many seconds; the rest as of `rewrite_report`."""
    with handle_signals():
        if every is None:
            write(None)
        else:
            rewrite_report(folder, place, every, write, tell)


def _refuse_options(what: str, given: Mapping[str, Any]) -> None:
    """Refuse options that what was asked for in the place of a report makes nothing of."""
    defaults = report.__kwdefaults__ or {}
    changed = [name for name, value in given.items() if str(value) != str(defaults[name])]
    if changed:
        raise UserError(f"{changed[0]} is for a report, and {what} writes none: leave out {changed[0]} or {what}.")


def _export(
    folder: Path,
    place: Path | None,
    form: Literal["rliable", "parquet", "json"],
    *,
    tasks: tuple[str, ...] | None,
    methods: tuple[str, ...] | None,
) -> Path:
    """The folder in which the results now are in that form."""
    from reports.export import write_export

    place = place or folder / "export"
    with handle_signals():
        write_export(folder, place, form, tasks=tasks, methods=methods)
    return place


def _compare(
    named: Paths,
    place: Path | None,
    *,
    tasks: tuple[str, ...] | None,
    methods: tuple[str, ...] | None,
) -> Path:
    """The folder in which it now stands what changed."""
    from reports.compare import write_comparison

    folders = read_paths("compare", named)
    if len(folders) != 2:
        raise UserError(f"compare takes two results folders and got {len(folders)}.")
    first, second = folders
    place = place or second / "report"
    with handle_signals():
        write_comparison(first, second, place, tasks=tasks, methods=methods)
    return place
