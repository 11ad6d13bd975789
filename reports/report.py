"""Write the report of a results folder: everything is computed before the first file is written."""

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from foundation.text import clean_text
from reports.analysis.deviations import PlanReview, review_plan
from reports.analysis.equal_terms import check_terms
from reports.analysis.looks import is_seen, make_look
from reports.analysis.online import analyse_online
from reports.analysis.published import compare
from reports.analysis.recorded import refuse_copied_seeds, refuse_unlike_records
from reports.analysis.suite import BOLD_RULES, Analysis, Options, analyse
from reports.analysis.tracks import make_tracks
from reports.errors import ReportError
from reports.load.files import EXPERIMENTS, TIMING, check_folder, read_headers, read_optional
from reports.load.frozen_plan import FROZEN, read_frozen_plan
from reports.load.ledger import LEDGER, TuningRecords, read_ledger, read_tuning_records
from reports.load.looks import LOOKS, read_looks, record_looks
from reports.load.schema import Experiments, FailedResult, PlanEntry, Result
from reports.load.scores import find_planned, find_unfinished, load_scores
from reports.load.timing_schema import Timing, TimingRow
from reports.output import write_files
from reports.render.csv import (
    export_aggregates,
    export_comparisons,
    export_costs,
    export_densities,
    export_exactness,
    export_marks,
    export_online,
    export_pairs,
    export_partial,
    export_scores,
    export_tracks,
    export_variance,
)
from reports.render.document import Block, Figure, Heading, Text, find_tables, render_markdown
from reports.render.latex import format_latex
from reports.render.page.page import render_page
from reports.render.parquet import export_parquet
from reports.render.tables import summarize
from reports.sections.cost import make_cost_section, select_rows
from reports.sections.frozen_plan import describe_frozen_plan
from reports.sections.online import make_online_section
from reports.sections.pairs import describe_conclusion, describe_test
from reports.sections.partial import count_missing, make_partial_blocks, warn_of_missing
from reports.sections.plans import warn_of_unfinished
from reports.sections.published import format_comparisons, make_comparison_section
from reports.sections.suite import make_suite_section
from reports.sections.tracks import make_tracks_section
from reports.sections.tuning import find_tuning_warnings

_TITLE = "Diffusion guidance: report"
PARTIAL = "partial.csv"


def _make_opening(
    analyses: Sequence[Analysis], said: Sequence[str], missing: str, partial: Sequence[Block]
) -> list[Block]:
    suites = [analysis.scores for analysis in analyses]
    results = [result for scores in suites for result in scores.results()]
    cells = "; ".join(
        f"{s.add_source(s.suite)}: {len(s.tasks)} task(s) × {len(s.variants)} variant(s) × {len(s.seeds)} seed(s)"
        for s in suites
    )
    count = sum(len(unranked.failed) for scores in suites for unranked in scores.unranked)
    failed = f" and {count} failed" if count else ""
    left_out = sum(len(scores.list_left_out()) for scores in suites)
    beside = f" and {left_out} that are not compared" if left_out else ""
    newest = max(result.created for result in results)
    return [
        Heading(1, _TITLE),
        *partial,
        *(Text(line) for line in said),
        Text(f"{len(results)} results{failed}{beside}, {missing} ({cells}); the newest is of {newest}."),
    ]


def _open(
    results: Path,
    analyses: Sequence[Analysis],
    said: Sequence[str],
    kept: tuple[Sequence[str] | None, Sequence[str] | None],
    has_unfinished: bool,
) -> tuple[list[str], list[Block]]:
    """The sentences on what is missing, and the opening with them.

    Args:
        results: the folder.
        analyses, said: of its suites, and the conclusions.
        kept: tasks and methods.
        has_unfinished: whether earlier plans lack results.
    """
    suites, planned = [analysis.scores for analysis in analyses], find_planned(results, *kept)
    seen = {result.path for result in _list_results(analyses)}
    due = [cell for cell in planned if results / cell.path not in seen]
    lacking = warn_of_missing(suites, planned, due)
    none = "none of the last plan" if has_unfinished else "none"
    missing = f"{count_missing(suites, due) or none} missing"
    return lacking, _make_opening(analyses, said, missing, make_partial_blocks(suites, lacking))


def _warn(analyses: Sequence[Analysis], unfinished: Sequence[PlanEntry], records: TuningRecords) -> Iterator[Text]:
    """What earlier runs left undone, then what tells how the methods of a suite were tuned apart."""
    tuning = (find_tuning_warnings(analysis.scores, records) for analysis in analyses)
    for sentence in itertools.chain(warn_of_unfinished(unfinished), *tuning):
        yield Text(sentence, warning=True)


def _describe_conclusions(
    analyses: Sequence[Analysis], review: PlanReview | None, left_out: str | None
) -> list[str]:
    """A paragraph on the frozen plan, if there is one, one for each suite, on the test and on what is left out."""
    test = describe_test([a.pairs for a in analyses if a.pairs is not None])
    plan = [describe_frozen_plan(review)] if review is not None else []
    return [*plan, *map(describe_conclusion, analyses), *(line for line in (test, left_out) if line)]


def _describe_left_out(results: Path, tasks: Sequence[str] | None, methods: Sequence[str] | None) -> str | None:
    """What the folder has and this report was asked to leave out; None where that is nothing."""
    headers = read_headers(results).values()
    parts = []
    for kind, every, kept in (
        ("method", [h.method for h in headers], methods),
        ("task", [h.task for h in headers], tasks),
    ):
        names = [f"`{name}`" for name in dict.fromkeys(every) if kept is not None and name not in kept]
        parts += [f"the {kind}{'s' if len(names) > 1 else ''} {', '.join(names)}"] if names else []
    if not parts:
        return None
    return (
        f"Left out on request, though results of it are there: {' and '.join(parts)}. Tests and corrections are "
        "of what is shown alone; chosen after a look at the rest, it separates too easily."
    )


def _analyse_suites(
    results: Path,
    baseline: str | None,
    tasks: Sequence[str] | None,
    methods: Sequence[str] | None,
    options: Options,
    progress: Callable[[str], None],
) -> tuple[list[Analysis], PlanReview | None]:
    _check_options(options)
    suites = load_scores(results, tasks=tasks, methods=methods, partial=options.partial)
    labels = sorted({variant for scores in suites for variant in scores.variants})
    if baseline is not None and baseline not in labels:
        raise ReportError(f"no variant {baseline!r} to compare with; there are: {', '.join(labels)}.")
    for scores in suites:
        check_terms(scores)  # so that a refusal does not wait for the bootstraps
    looks, plan, ledger = read_looks(results), read_frozen_plan(results / FROZEN), read_ledger(results / LEDGER)
    for scores in suites:
        every = (*scores.results(), *scores.list_left_out())
        refuse_copied_seeds(every)
        refuse_unlike_records(every, ledger)
    review = review_plan(plan, suites, ledger) if plan is not None else None
    analyses = []
    for scores in suites:
        progress(f"{scores.suite}: {len(scores.results())} results, {options.replicates:,} bootstrap replicates")
        primary = review.find_primary(scores) if review is not None else None
        analyses.append(analyse(scores, baseline, options, looks, primary))
    return analyses, review


def _check_options(options: Options) -> None:
    if options.replicates < 100:
        raise ReportError(
            f"{options.replicates} bootstrap replicates are too few for a 95 % interval: give 100 or more."
        )
    if not (math.isfinite(options.margin) and options.margin > 0):
        raise ReportError(
            f"{options.margin:g} is no margin of equivalence: give a positive number of points, such as 5."
        )
    if options.bold not in BOLD_RULES:
        raise ReportError(f"{options.bold!r} is no rule for bold: give {' or '.join(BOLD_RULES)}.")


def _summarize(analyses: Sequence[Analysis], said: Sequence[str], options: Options) -> str:
    text = [*(line.replace("**", "") for line in said), summarize(analyses, options)]
    return clean_text("\n\n".join(text))


def _export_analyses(analyses: Sequence[Analysis]) -> dict[str, str | None]:
    """The CSV files of what was computed of the suites, by their names; None for one with nothing in it."""
    return {
        "scores.csv": export_scores(analyses),
        "aggregates.csv": export_aggregates(analyses),
        "pairs.csv": export_pairs(analyses),
        "variance.csv": export_variance(analyses),
        "densities.csv": export_densities(analyses),
        "exactness.csv": export_exactness(analyses),
    }


def _record_looks(results: Path, analyses: Sequence[Analysis], tell: Callable[[str], None]) -> None:
    """Note what this report saw for the first time, or say that it cannot be noted."""
    try:
        known = read_looks(results)
        looks = [make_look(analysis.scores) for analysis in analyses]
        record_looks(results, [look for look in looks if not is_seen(look, known)])
    except OSError as error:
        tell(
            f"Warning: this look cannot be noted in {str(results / LOOKS)!r} ({error.strerror or error}), so that "
            "later reports will not count it."
        )


def _export_tables(results: Path, analyses: Sequence[Analysis], blocks: Sequence[Block]) -> dict[str, bytes]:
    """A LaTeX file of each named table, and the results and episodes as parquet files, by their names."""
    tables = (table for table in find_tables(blocks) if table.name)
    found = {f"{table.name}.tex": format_latex(table).encode() for table in tables}
    return found | export_parquet(results, _list_results(analyses))


def _list_results(analyses: Sequence[Analysis]) -> list[Result | FailedResult]:
    """Every result that is reported, failed ones and those beside them too, in the order of their files."""
    found: list[Result | FailedResult] = []
    for scores in (analysis.scores for analysis in analyses):
        found += [*scores.results(), *scores.list_left_out()]
        found += [result for each in scores.unranked for result in (*each.failed, *each.finished)]
    return sorted(found, key=lambda result: result.path)


def _collect_figures(blocks: Sequence[Block], pictures: bool) -> dict[str, bytes]:
    """The files of all figures."""
    found = [block for block in blocks if isinstance(block, Figure)]
    files = {f"{figure.name}.csv": export_marks(figure).encode() for figure in found}
    for figure in found if pictures else ():
        files |= {f"{figure.name}.png": figure.draw("png"), f"{figure.name}.pdf": figure.draw("pdf")}
    return files


def _remove_pictures(blocks: Sequence[Block], out: Path) -> None:
    """Remove what an earlier report drew of the same figures, which may show other numbers."""
    for block in blocks:
        if isinstance(block, Figure):
            for kind in ("png", "pdf"):
                (out / f"{block.name}.{kind}").unlink(missing_ok=True)


def _remove_stale(blocks: Sequence[Block], out: Path, files: Mapping[str, bytes], pictures: bool) -> None:
    """Remove what an earlier report wrote and this one, of these files, did not."""
    if not pictures:
        _remove_pictures(blocks, out)
    if PARTIAL not in files:
        (out / PARTIAL).unlink(missing_ok=True)


def read_timing(results: Path) -> tuple[TimingRow, ...]:
    """What `time` measured into a results folder."""
    found = read_optional(results / TIMING, Timing)
    return found.rows if found is not None else ()


def _is_only_timed(results: Path) -> bool:
    """Whether a folder has measurements of `time` and no results."""
    return (results / TIMING).is_file() and next((results / "runs").glob("*/*/seed-*.json"), None) is None


def _make_cost_sections(
    timing: Sequence[TimingRow],
    scored: Sequence[str],
    tasks: Sequence[str] | None,
    methods: Sequence[str] | None,
) -> list[Block]:
    """A section for each timed suite without scores."""
    blocks: list[Block] = []
    for suite in dict.fromkeys(row.suite for row in timing if row.suite not in scored):
        timed = select_rows(timing, suite, (), tasks, methods)
        order = tuple(dict.fromkeys(row.method for row in timed))
        blocks += [Heading(2, suite), *make_cost_section(timed, order)] if timed else []
    return blocks


def _write_costs(
    results: Path, out: Path, tasks: Sequence[str] | None, methods: Sequence[str] | None, pictures: bool
) -> list[Path]:
    """The report of a folder in which nothing but `time` has run."""
    check_folder(results)
    timing = read_timing(results)
    said = "No results: nothing was run into this folder, and what `time` measured is all that is reported."
    blocks = [Heading(1, _TITLE), Text(said), *_make_cost_sections(timing, (), tasks, methods)]
    text = {
        "report.md": render_markdown(blocks, pictures),
        "summary.txt": f"{said}\n",
        "index.html": render_page(_TITLE, blocks),
        "costs.csv": export_costs(timing),
    }
    files = {name: content.encode() for name, content in text.items() if content is not None}
    written = write_files(out, {**files, **_collect_figures(blocks, pictures)})
    if not pictures:
        _remove_pictures(blocks, out)
    return written


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
    tell, options = progress or (lambda line: None), options or Options()
    if _is_only_timed(results):
        return _write_costs(results, out, tasks, methods, options.pictures)
    analyses, review = _analyse_suites(results, baseline, tasks, methods, options, tell)
    unfinished = find_unfinished(results, tasks, methods)
    timing, records = read_timing(results), read_tuning_records(results)
    experiments = read_optional(results / EXPERIMENTS, Experiments)
    every = [result for analysis in analyses for result in analysis.scores.results()]
    comparisons = compare(results, experiments.cells if experiments else (), every)
    concluded = _describe_conclusions(analyses, review, _describe_left_out(results, tasks, methods))
    lacking, opening = _open(results, analyses, concluded, (tasks, methods), bool(unfinished))
    blocks = [*opening, *_warn(analyses, unfinished, records)]
    blocks += make_comparison_section(comparisons)
    tracks = {a.scores.suite: make_tracks(a.scores, records) for a in analyses}
    online = {a.scores.suite: analyse_online(a.scores, records.ledger) for a in analyses}
    for analysis in analyses:
        tell(f"{analysis.scores.suite}: tables and figures")
        scored = {(result.method, result.terms) for result in analysis.scores.results()}
        timed = select_rows(timing, analysis.scores.suite, scored, tasks, methods)
        suite = analysis.scores.suite
        searched = [*make_online_section(online[suite]), *make_tracks_section(analysis.scores, tracks[suite])]
        blocks += make_suite_section(analysis, timed, records, options, searched)
    blocks += _make_cost_sections(timing, list(tracks), tasks, methods)
    text = {
        "report.md": render_markdown(blocks, options.pictures),
        "summary.txt": _summarize(analyses, [*lacking, *concluded], options) + format_comparisons(comparisons),
        "index.html": render_page(_TITLE, blocks, options.refresh),
        **_export_analyses(analyses),
        PARTIAL: export_partial(analyses),
        "comparison.csv": export_comparisons(comparisons),
        "tracks.csv": export_tracks(tracks),
        "online.csv": export_online([found for found in online.values() if found is not None]),
        "costs.csv": export_costs(timing),
    }
    files = {name: content.encode() for name, content in text.items() if content is not None}
    files |= _export_tables(results, analyses, blocks)
    written = write_files(out, {**files, **_collect_figures(blocks, options.pictures)})
    _remove_stale(blocks, out, files, options.pictures)
    _record_looks(results, analyses, tell)
    return written
