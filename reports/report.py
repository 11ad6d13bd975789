"""Write the report of a results folder: everything is computed before the first file is written."""

from collections.abc import Callable, Sequence
from pathlib import Path

from foundation.text import clean_text
from reports.analysis.looks import make_look
from reports.analysis.suite import Analysis, Options
from reports.gathered import Gathered, gather, list_results
from reports.load.looks import LOOKS, record_looks
from reports.load.scores import SuiteScores
from reports.output import write_report_files
from reports.render.csv import (
    export_aggregates,
    export_comparisons,
    export_costs,
    export_densities,
    export_exactness,
    export_online,
    export_pairs,
    export_partial,
    export_scores,
    export_sweeps,
    export_tracks,
    export_variance,
)
from reports.render.document import Block, find_tables, render_markdown
from reports.render.latex import format_latex
from reports.render.page.fit import MOST_BYTES
from reports.render.page.page import render_page
from reports.render.parquet import export_parquet
from reports.render.tables import summarize
from reports.sections.cost import select_rows
from reports.sections.online import make_online_section
from reports.sections.opening import TITLE, describe_conclusions, describe_left_out, make_opening, make_warnings
from reports.sections.partial import count_missing, make_partial_blocks, warn_of_missing
from reports.sections.provenance import make_provenance_section
from reports.sections.published import format_comparisons, make_comparison_section
from reports.sections.suite import make_suite_section
from reports.sections.tracks import make_tracks_section
from reports.timed_only import is_only_timed, make_cost_sections, write_costs

PARTIAL = "partial.csv"


def write_report(
    results: Path,
    out: Path,
    *,
    baseline: str | None = None,
    tasks: Sequence[str] | None = None,
    methods: Sequence[str] | None = None,
    options: Options | None = None,
    progress: Callable[[str], None] | None = None,
) -> list[Path]:
    """Writes report.md, index.html, summary.txt (conclusions and score tables), the other files and the figures.

    Args:
        results: the folder `bench run` wrote.
        out: the folder for the report, made if it is not there; files of an earlier report are replaced.
        baseline: the variant the others are compared with; by default `unguided`, or the first there is.
        tasks, methods: names to keep; nothing given keeps all.
        options: margin of equivalence, rule for bold, bootstrap replicates, whether figures are printed, whether
            results may be missing, and how often a browser reads the page again.
        progress: called with a line of text that says what is being worked on.

    Returns:
        The written files, report.md first.

    Raises:
        ReportError: see `load_scores`; also an unknown baseline, unreadable samples, a bad option, or an
            `out` that is a file, a damaged record of looks, or a frozen plan that was edited. Nothing has been
            written then. What a finished report saw for the first time is added to that record
            (`reports/load/looks.py`).
    """
    tell = progress or (lambda line: None)
    options = options or Options()
    if is_only_timed(results):
        return write_costs(results, out, tasks, methods, options)
    gathered = gather(results, baseline, tasks, methods, options, tell)
    left_out = describe_left_out(results, tasks, methods)
    concluded = describe_conclusions(gathered.analyses, gathered.review, left_out)
    is_marked = any(analysis.scores.partial is not None for analysis in gathered.analyses)
    lacking = warn_of_missing(
        gathered.suites, gathered.planned, gathered.missing, gathered.labels, is_marked=is_marked
    )
    blocks = [*_open(gathered, concluded, lacking), *make_comparison_section(gathered.comparisons)]
    for analysis in gathered.analyses:
        tell(f"{analysis.every.suite}: tables and figures")
        blocks += _make_suite(gathered, analysis, options, tasks, methods)
    blocks += make_cost_sections(gathered.timing, list(gathered.tracks), tasks, methods)
    blocks += make_provenance_section(gathered.suites, gathered.origins)
    text = {
        "report.md": render_markdown(blocks, options.pictures),
        "summary.txt": _summarize(gathered, [*lacking, *concluded], options),
        "index.html": render_page(TITLE, blocks, options.refresh, MOST_BYTES),
        **_export_csv(gathered),
    }
    files = {name: content.encode() for name, content in text.items() if content is not None}
    files |= _export_tables(results, gathered.suites, blocks)
    written = write_report_files(out, files, blocks, options.pictures)
    for name in text.keys() - files.keys():  # of an earlier report, which had something to say there
        (out / name).unlink(missing_ok=True)
    _record_looks(results, gathered.suites, tell)
    return written


def _open(gathered: Gathered, concluded: Sequence[str], lacking: Sequence[str]) -> list[Block]:
    """The opening and the warnings."""
    none = "none of the last plan" if gathered.unfinished else "none"
    missing = f"{count_missing(gathered.suites, gathered.missing) or none} missing"
    partial = make_partial_blocks(gathered.suites, lacking)
    return [
        *make_opening(gathered.suites, concluded, missing, partial),
        *make_warnings(gathered.suites, gathered.unfinished, gathered.labels, gathered.records),
    ]


def _make_suite(
    gathered: Gathered,
    analysis: Analysis,
    options: Options,
    tasks: Sequence[str] | None,
    methods: Sequence[str] | None,
) -> list[Block]:
    """One suite's section."""
    scores = analysis.every
    scored = {(result.method, result.terms) for result in scores.results()}
    timed = select_rows(gathered.timing, scores.suite, scored, tasks, methods)
    searched = [
        *make_online_section(gathered.online[scores.suite]),
        *make_tracks_section(scores, gathered.tracks[scores.suite]),
    ]
    parts = gathered.origins.parts[scores.suite]
    return make_suite_section(analysis, timed, gathered.records, options, searched, parts)


def _summarize(gathered: Gathered, said: Sequence[str], options: Options) -> str:
    text = [*(line.replace("**", "") for line in said), summarize(gathered.analyses, options)]
    return clean_text("\n\n".join(text)) + format_comparisons(gathered.comparisons)


def _export_csv(gathered: Gathered) -> dict[str, str | None]:
    """The CSV files of what was computed, by their names; None for one with nothing in it."""
    analyses = gathered.analyses
    return {
        "scores.csv": export_scores(analyses),
        "aggregates.csv": export_aggregates(analyses),
        "sweeps.csv": export_sweeps(analyses),
        "pairs.csv": export_pairs(analyses),
        "variance.csv": export_variance(analyses),
        "densities.csv": export_densities(analyses),
        "exactness.csv": export_exactness(analyses),
        PARTIAL: export_partial(analyses),
        "comparison.csv": export_comparisons(gathered.comparisons),
        "tracks.csv": export_tracks(gathered.tracks),
        "online.csv": export_online([found for found in gathered.online.values() if found is not None]),
        "costs.csv": export_costs(gathered.timing),
    }


def _export_tables(results: Path, suites: Sequence[SuiteScores], blocks: Sequence[Block]) -> dict[str, bytes]:
    """A LaTeX file of each named table, and the results and episodes as parquet files, by their names."""
    tables = (table for table in find_tables(blocks) if table.name)
    found = {f"{table.name}.tex": format_latex(table).encode() for table in tables}
    return found | export_parquet(results, list_results(suites))


def _record_looks(results: Path, suites: Sequence[SuiteScores], tell: Callable[[str], None]) -> None:
    """Note what this report saw for the first time, or say that it cannot be noted."""
    try:
        record_looks(results, [*map(make_look, suites)], tell)
    except OSError as error:
        tell(
            f"Warning: this look cannot be noted in {str(results / LOOKS)!r} ({error.strerror or error}), so that "
            "later reports will not count it."
        )
