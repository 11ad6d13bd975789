"""Write the report of a results folder: everything is computed before the first file is written."""

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from foundation.text import clean_text
from reports.analysis.declared import SweptSuite, review_sweeps
from reports.analysis.deviations import PlanReview, review_plan
from reports.analysis.equal_terms import check_terms
from reports.analysis.looks import is_seen, make_look
from reports.analysis.online import analyse_online
from reports.analysis.published import compare
from reports.analysis.recorded import refuse_copied_seeds, refuse_unlike_records
from reports.analysis.suite import BOLD_RULES, Analysis, Options, analyse_swept
from reports.analysis.tracks import TrackRow, make_tracks
from reports.errors import ReportError
from reports.figures.kept import FOLDER, KeptPictures
from reports.load.files import EXPERIMENTS, TIMING, check_folder, read_headers, read_optional
from reports.load.frozen_plan import FROZEN, read_frozen_plan
from reports.load.ledger import TuningRecords, read_tuning_records
from reports.load.looks import LOOKS, read_looks, record_looks
from reports.load.schema import Experiments, FailedResult, PlanEntry, Result
from reports.load.scores import find_unfinished, load_scores
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
    export_scores,
    export_sweeps,
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
from reports.sections.plans import warn_of_unfinished
from reports.sections.published import format_comparisons, make_comparison_section
from reports.sections.suite import make_suite_section
from reports.sections.tracks import make_tracks_section
from reports.sections.tuning import find_tuning_warnings

_TITLE = "Diffusion guidance: report"


def _make_opening(analyses: Sequence[Analysis], said: Sequence[str], missing: str) -> list[Block]:
    suites = [analysis.every for analysis in analyses]
    results = [result for scores in suites for result in scores.results()]
    cells = "; ".join(
        f"{s.add_source(s.suite)}: {len(s.tasks)} task(s) × {len(s.variants)} variant(s) × {len(s.seeds)} seed(s)"
        for s in suites
    )
    count = sum(len(unranked.failed) for scores in suites for unranked in scores.unranked)
    failed = f" and {count} failed" if count else ""
    newest = max(result.created for result in results)
    return [
        Heading(1, _TITLE),
        *(Text(line) for line in said),
        Text(f"{len(results)} results{failed}, {missing} ({cells}); the newest is of {newest}."),
    ]


def _warn(analyses: Sequence[Analysis], unfinished: Sequence[PlanEntry], records: TuningRecords) -> Iterator[Text]:
    """What earlier runs left undone, then what tells how the methods of a suite were tuned apart."""
    tuning = (find_tuning_warnings(analysis.every, records) for analysis in analyses)
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
    if tasks is None and methods is None:
        return None
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
) -> tuple[list[Analysis], PlanReview | None, TuningRecords, dict[str, tuple[TrackRow, ...]]]:
    """Every suite's numbers, and what the folder knows of how they were planned and tuned."""
    _check_options(options)
    suites, records = load_scores(results, tasks=tasks, methods=methods), read_tuning_records(results)
    tracks = {scores.suite: make_tracks(scores, records) for scores in suites}
    swept = [review_sweeps(scores, tracks[scores.suite]) for scores in suites]
    _check_baseline(baseline, swept)
    for scores in suites:
        check_terms(scores)  # so that a refusal does not wait for the bootstraps
    looks, plan, ledger = read_looks(results), read_frozen_plan(results / FROZEN), records.ledger
    for scores in suites:
        refuse_copied_seeds(scores.results())
        refuse_unlike_records(scores.results(), ledger)
    review = review_plan(plan, suites, ledger) if plan is not None else None
    analyses = []
    for suite in swept:
        scores = suite.scores
        progress(f"{scores.suite}: {len(scores.results())} results, {options.replicates:,} bootstrap replicates")
        primary = review.find_primary(scores) if review is not None else None
        analyses.append(analyse_swept(suite, baseline, options, looks, primary))
    return analyses, review, records, tracks


def _check_baseline(asked: str | None, suites: Sequence[SweptSuite]) -> None:
    """Refuse a baseline that is no variant, or a value of a sweep that no comparison has."""
    compared = sorted({v for suite in suites if suite.compared is not None for v in suite.compared.variants})
    if asked is None or asked in compared:
        return
    if any(asked in suite.scores.variants for suite in suites):
        raise ReportError(
            f"{asked!r} is a value of a sweep, which is compared at its declared value alone; there are: "
            f"{', '.join(compared) or 'none'}."
        )
    raise ReportError(f"no variant {asked!r} to compare with; there are: {', '.join(compared)}.")


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
        "sweeps.csv": export_sweeps(analyses),
        "pairs.csv": export_pairs(analyses),
        "variance.csv": export_variance(analyses),
        "densities.csv": export_densities(analyses),
        "exactness.csv": export_exactness(analyses),
    }


def _record_looks(results: Path, analyses: Sequence[Analysis], tell: Callable[[str], None]) -> None:
    """Note what this report saw for the first time, or say that it cannot be noted."""
    try:
        known = read_looks(results)
        looks = [make_look(analysis.every) for analysis in analyses]
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
    for scores in (analysis.every for analysis in analyses):
        found += [*scores.results(), *(r for each in scores.unranked for r in (*each.failed, *each.finished))]
    return sorted(found, key=lambda result: result.path)


def _write(out: Path, files: Mapping[str, bytes], blocks: Sequence[Block], pictures: bool) -> list[Path]:
    """Write a report's files and those of its figures, and keep the pictures for the next report.

    Without pictures those that an earlier report drew of the same figures are removed: they may be of other
    numbers.
    """
    found, kept = [block for block in blocks if isinstance(block, Figure)], KeptPictures(out / FOLDER)
    files = {**files, **{f"{figure.name}.csv": export_marks(figure).encode() for figure in found}}
    for figure in found if pictures else ():
        files |= {f"{figure.name}.png": kept.draw(figure, "png"), f"{figure.name}.pdf": kept.draw(figure, "pdf")}
    written = write_files(out, files)
    if pictures:
        write_files(kept.folder, kept.list_new())
        kept.remove_unused()
        return written
    for figure in found:
        for kind in ("png", "pdf"):
            (out / f"{figure.name}.{kind}").unlink(missing_ok=True)
    return written


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
    return _write(out, files, blocks, pictures)


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
        options: margin of equivalence, rule for bold, bootstrap replicates, whether figures are printed.
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
    if _is_only_timed(results):
        return _write_costs(results, out, tasks, methods, options.pictures)
    analyses, review, records, tracks = _analyse_suites(results, baseline, tasks, methods, options, tell)
    unfinished, timing = find_unfinished(results, tasks, methods), read_timing(results)
    experiments = read_optional(results / EXPERIMENTS, Experiments)
    every = [result for analysis in analyses for result in analysis.every.results()]
    comparisons = compare(results, experiments.cells if experiments else (), every)
    concluded = _describe_conclusions(analyses, review, _describe_left_out(results, tasks, methods))
    missing = "none of the last plan missing" if unfinished else "none missing"
    blocks = [*_make_opening(analyses, concluded, missing), *_warn(analyses, unfinished, records)]
    blocks += make_comparison_section(comparisons)
    online = {a.every.suite: analyse_online(a.every, records.ledger) for a in analyses}
    for analysis in analyses:
        tell(f"{analysis.scores.suite}: tables and figures")
        suite = analysis.every.suite
        scored = {(result.method, result.terms) for result in analysis.every.results()}
        timed = select_rows(timing, suite, scored, tasks, methods)
        searched = [*make_online_section(online[suite]), *make_tracks_section(analysis.every, tracks[suite])]
        blocks += make_suite_section(analysis, timed, records, options, searched)
    blocks += _make_cost_sections(timing, list(tracks), tasks, methods)
    text = {
        "report.md": render_markdown(blocks, options.pictures),
        "summary.txt": _summarize(analyses, concluded, options) + format_comparisons(comparisons),
        "index.html": render_page(_TITLE, blocks),
        **_export_analyses(analyses),
        "comparison.csv": export_comparisons(comparisons),
        "tracks.csv": export_tracks(tracks),
        "online.csv": export_online([found for found in online.values() if found is not None]),
        "costs.csv": export_costs(timing),
    }
    files = {name: content.encode() for name, content in text.items() if content is not None}
    files |= _export_tables(results, analyses, blocks)
    written = _write(out, files, blocks, options.pictures)
    _record_looks(results, analyses, tell)
    return written
