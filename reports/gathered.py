"""All that a report is made from: the results of a folder and its records, read, checked and analysed."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from reports.analysis.components import list_named, list_parts
from reports.analysis.declared import SweptSuite, review_sweeps
from reports.analysis.deviations import PlanReview, review_plan
from reports.analysis.equal_terms import check_terms
from reports.analysis.online import OnlineAnalysis, analyse_online
from reports.analysis.published import Comparison, compare
from reports.analysis.recorded import refuse_copied_seeds, refuse_unlike_records
from reports.analysis.suite import BOLD_RULES, Analysis, Options, analyse_swept
from reports.analysis.tracks import TrackRow, make_tracks
from reports.errors import NoScores, ReportError
from reports.load.components import read_records
from reports.load.files import EXPERIMENTS, read_optional
from reports.load.frozen_plan import FROZEN, read_frozen_plan
from reports.load.ledger import TuningRecords, read_tuning_records
from reports.load.looks import read_looks
from reports.load.origins import read_command_history, read_method_records
from reports.load.plans import read_plans
from reports.load.schema import Experiments, FailedResult, PlanEntry, Result
from reports.load.scores import SuiteScores, find_planned, find_unfinished, load_scores
from reports.load.timing_schema import TimingRow
from reports.sections.provenance import Origins
from reports.timed_only import read_timing


@dataclass(frozen=True)
class Gathered:
    """What a report is made from.

    Attributes:
        analyses: of the suites.
        review: of the frozen plan, where there is one.
        records: how ρ and settings were tuned.
        tracks: of each suite.
        online: expected online performance of each suite, None where nothing was tuned.
        timing: what `time` measured.
        unfinished: cells of earlier plans without a result.
        planned, missing: the cells of the last plan, and those of them without a result.
        labels: variant, without ρ, of the cells of all plans by their paths.
        comparisons: with published tables, of experiments.
        origins: what the folder says of where its results come from.
    """

    analyses: Sequence[Analysis]
    review: PlanReview | None
    records: TuningRecords
    tracks: Mapping[str, Sequence[TrackRow]]
    online: Mapping[str, OnlineAnalysis | None]
    timing: Sequence[TimingRow]
    unfinished: Sequence[PlanEntry]
    planned: Sequence[PlanEntry]
    missing: Sequence[PlanEntry]
    labels: Mapping[str, str]
    comparisons: Sequence[Comparison]
    origins: Origins

    @property
    def suites(self) -> list[SuiteScores]:
        """Every suite with all its results, those of sweeps too."""
        return [analysis.every for analysis in self.analyses]


def gather(
    results: Path,
    baseline: str | None,
    tasks: Sequence[str] | None,
    methods: Sequence[str] | None,
    options: Options,
    tell: Callable[[str], None],
) -> Gathered:
    """Read, check and analyse a results folder; arguments and errors are those of `write_report`."""
    _check_options(options)
    suites, records = (
        load_scores(results, tasks=tasks, methods=methods, partial=options.partial),
        read_tuning_records(results),
    )
    tracks = {scores.suite: make_tracks(scores, records) for scores in suites}
    swept = [review_sweeps(scores, tracks[scores.suite]) for scores in suites]
    _check_baseline(baseline, swept)
    _check_suites(suites, records)
    looks, plan = read_looks(results), read_frozen_plan(results / FROZEN)
    review = review_plan(plan, suites, records.ledger) if plan is not None else None
    analyses = []
    for suite in swept:
        scores = suite.scores
        tell(f"{scores.suite}: {len(scores.results())} results, {options.replicates:,} bootstrap replicates")
        primary = review.find_primary(suite.compared or scores) if review is not None else None
        analyses.append(analyse_swept(suite, baseline, options, looks, primary))
    reported = list_results(suites)
    planned, seen = find_planned(results, tasks, methods), {result.path for result in reported}
    experiments = read_optional(results / EXPERIMENTS, Experiments)
    every = [result for scores in suites for result in scores.results()]
    return Gathered(
        analyses,
        review,
        records,
        tracks,
        {scores.suite: analyse_online(scores, records.ledger) for scores in suites},
        read_timing(results),
        find_unfinished(results, tasks, methods),
        planned,
        [cell for cell in planned if results / cell.path not in seen],
        read_plans(results).labels,
        compare(results, experiments.cells if experiments else (), every),
        _read_origins(results, suites, reported),
    )


def list_results(suites: Sequence[SuiteScores]) -> list[Result | FailedResult]:
    """Every result that is reported, failed ones and those beside them too, in the order of their files."""
    return sorted((result for scores in suites for result in scores.list_all()), key=lambda result: result.path)


def _check_suites(suites: Sequence[SuiteScores], records: TuningRecords) -> None:
    """Refuse what is not on equal terms, copied or unlike its records, before the bootstraps."""
    for scores in suites:
        check_terms(scores)
    for scores in suites:
        every = (*scores.results(), *scores.list_left_out())
        refuse_copied_seeds(every)
        refuse_unlike_records(every, records.ledger)


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
    planned = {v for suite in suites if suite.scores.partial for v in suite.scores.partial.whole.variants}
    error = NoScores if asked in planned else ReportError
    raise error(f"no variant {asked!r} to compare with; there are: {', '.join(compared)}.")


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


def _read_origins(
    results: Path, suites: Sequence[SuiteScores], reported: Sequence[Result | FailedResult]
) -> Origins:
    """What the folder says of the commands, the methods and the components behind what is reported."""
    plans = read_plans(results)
    cells = (*plans.newest, *plans.earlier)
    named = list_named(reported, cells)
    records = read_records(results, ((label, r.seed) for r in reported for label in named[r.path]))
    return Origins(
        parts={scores.suite: list_parts(scores, cells, records) for scores in suites},
        commands=read_command_history(results),
        methods=read_method_records(results, dict.fromkeys(result.method for result in reported)),
    )
