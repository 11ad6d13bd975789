"""The rows of a leaderboard over contributed runs: which scores stand together, and why others have no row.

A row is a variant of one run on a task, or its mean over the run's tasks, with ρ chosen in one way (its track).
What two rows of a group have in common is in `Group`: suite, tasks, data sets, terms, preset, the settings that
controlled results share, the track, and the simulator's versions. Nothing is averaged over runs, and rows of
different runs are not compared: differences are taken within a run alone, of each variant and `unguided` on the
same seeds.

A scale that was chosen by the reported episodes themselves (`oracle` in `reports.analysis.tracks`), and what is
expected of a budget, are no rows: the one is too good, the other was not run.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from reports.analysis.intervals import Estimate, estimate_mean
from reports.analysis.leaderboard_groups import (
    POINTS,
    Group,
    describe_processor,
    find_difference,
    group_results,
    name_multiple,
    name_track,
)
from reports.analysis.suite import analyse_densities
from reports.analysis.tracks import ALL_TASKS, ONE_RHO, TrackScore, make_tracks
from reports.load.declared_scales import is_declared
from reports.load.ledger import TuningRecords
from reports.load.schema import Result
from reports.load.scores import SuiteScores
from reports.load.variants import strip_rho

BASELINE = "unguided"
_DERIVED = ("published", "tuned", ONE_RHO)  # tracks that the results of a sweep can have


@dataclass(frozen=True)
class Row:
    """A variant of a run on a task, or over its tasks.

    Attributes:
        run: the contributed run's id.
        variant: the method, with the settings that set it apart from others of that method on the site.
        score: over the seeds, with its 95 % interval.
        gain: the same minus that of `unguided` of the same run, paired by seed; None where there is none.
        seeds: how many.
        episodes: of a seed on a task, the fewest and the most; on a density samples.
        scales: the ρ of the tasks, each once.
        trials, tuning_episodes: that choosing ρ and settings took, over the tasks; None where nothing was tuned.
        processors: that it was evaluated on.
    """

    run: str
    group: Group
    variant: str
    score: Estimate
    gain: Estimate | None
    seeds: int
    episodes: tuple[int, int]
    scales: tuple[float, ...]
    trials: int | None
    tuning_episodes: int | None
    processors: tuple[str, ...]


@dataclass(frozen=True)
class Absent:
    """What a run has or planned and no row shows.

    Attributes:
        run: its id.
        suite, task, variant: of what.
        why: there is no row.
    """

    run: str
    suite: str
    task: str
    variant: str
    why: str


@dataclass(frozen=True)
class _Results:
    """The results of a variant on one task with one track, one for each seed."""

    results: tuple[Result, ...]
    track: str


def make_rows(
    run: str, scores: SuiteScores, labels: Mapping[Path, str], records: TuningRecords
) -> tuple[list[Row], list[Absent]]:
    """The rows of a run's suite, and what has none.

    Args:
        run: its id.
        scores: the suite.
        labels: of the results of all runs of the site, by their paths, see `label_variants`.
        records: choices and ledger of the run.
    """
    absent = [
        Absent(run, scores.suite, cell.task, labels[cell.path], f"failed in {cell.failure.step}, "
               f"seed {cell.seed}: {cell.failure.reason}")
        for unranked in scores.unranked
        for cell in unranked.failed
    ]  # fmt: skip
    cells: dict[tuple[str, str], _Results] = {}
    shown: set[tuple[Path, str]] = set()
    for variant in sorted(scores.variants, key=lambda each: not _find_source(scores, each)):
        for task in scores.tasks:
            results = scores.of(task, variant)
            tracks = _find_tracks(scores, variant, results)
            ways = {(result.path, track) for result in results for track in tracks}
            if ways & shown:  # it stands under another variant
                continue
            shown |= ways
            if len(tracks) > 1:
                why = f"its seeds have different tracks: {' and '.join(tracks)}"
                absent.append(Absent(run, scores.suite, task, labels[results[0].path], why))
            else:
                cells[variant, task] = _Results(results, tracks[0])
    found = _make_point_rows if scores.is_control else _make_density_rows
    rows, lacking = found(run, scores, cells, labels)
    derived = _make_derived_rows(run, scores, rows, labels, records) if scores.is_control else []
    return [*rows, *derived], [*absent, *lacking]


def _find_tracks(scores: SuiteScores, variant: str, results: Sequence[Result]) -> list[str]:
    """The tracks of a variant's results on a task.

    That of `swg rho=tuned` is `tuned` also where the result is a sweep's own, see `gather_declared`.
    """
    source = _find_source(scores, variant)
    named = [result.model_copy(update={"rho_source": source}) for result in results] if source else results
    return sorted({name_track(result) for result in named})


def _find_source(scores: SuiteScores, variant: str) -> str:
    """The source of a scale that is each task's own, as `tuned` of `swg rho=tuned`; empty of other variants."""
    source = variant[len(strip_rho(variant)) :].removeprefix(" rho=")
    every = (result for task in scores.tasks for result in scores.of(task, variant))
    return source if source and all(is_declared(result, source) for result in every) else ""


def _make_point_rows(
    run: str, scores: SuiteScores, cells: Mapping[tuple[str, str], _Results], labels: Mapping[Path, str]
) -> tuple[list[Row], list[Absent]]:
    rows, absent = [], []
    for variant in scores.variants:
        own = {task: cells[variant, task] for task in scores.tasks if (variant, task) in cells}
        for task, cell in own.items():
            values = np.array([result.score for result in cell.results])
            rows.append(
                _make_row(run, [cell], POINTS, estimate_mean(values), _compare(scores, variant, [task]), labels)
            )
        if len(scores.tasks) == 1 or len(own) < len(scores.tasks):
            continue
        why = find_difference([group_results([cell.results[0]], POINTS, cell.track) for cell in own.values()])
        if why:
            first = next(iter(own.values())).results[0]
            absent.append(Absent(run, scores.suite, ALL_TASKS, labels[first.path], why))
            continue
        mean = estimate_mean(scores.matrix(variant).mean(axis=1))
        rows.append(
            _make_row(run, list(own.values()), POINTS, mean, _compare(scores, variant, scores.tasks), labels)
        )
    return rows, absent


def _compare(
    scores: SuiteScores, variant: str, tasks: Sequence[str], values: np.ndarray | None = None
) -> Estimate | None:
    """A variant minus `unguided` of the same terms, paired by seed; None where there is none or it is itself.

    Args:
        scores: the suite.
        variant: whose terms they are.
        tasks: that the difference is the mean over.
        values: of each seed, in the place of the variant's mean over these tasks.
    """
    terms = _list_terms(scores, variant, tasks)
    same = [other for other in scores.variants if _list_terms(scores, other, tasks) == terms]
    others = [other for other in same if scores.method(other) == BASELINE]
    if len(others) != 1 or others[0] == variant:
        return None
    columns = [scores.tasks.index(task) for task in tasks]
    own, other = (scores.matrix(name)[:, columns].mean(axis=1) for name in (variant, others[0]))
    return estimate_mean((own if values is None else values) - other)


def _list_terms(scores: SuiteScores, variant: str, tasks: Sequence[str]) -> set[str]:
    return {result.terms for task in tasks for result in scores.of(task, variant)}


def _make_density_rows(
    run: str, scores: SuiteScores, cells: Mapping[tuple[str, str], _Results], labels: Mapping[Path, str]
) -> tuple[list[Row], list[Absent]]:
    analysis = analyse_densities(scores, None)
    rows, absent = [], []
    for (variant, task), cell in cells.items():
        for beta in analysis.inverse_temperatures:
            multiple = analysis.multiples[task, beta, variant]
            if np.isfinite(multiple.value):
                rows.append(_make_row(run, [cell], name_multiple(beta), multiple, None, labels))
            else:
                why = f"a seed was not scored at β = {beta:g}, or its distance is not positive"
                absent.append(Absent(run, scores.suite, task, labels[cell.results[0].path], why))
    return rows, absent


def _make_derived_rows(
    run: str, scores: SuiteScores, rows: Sequence[Row], labels: Mapping[Path, str], records: TuningRecords
) -> list[Row]:
    """Rows of tracks that results have at the scales of a sweep, where no result says that it is of that track."""
    known = {(row.variant, row.group.tasks, row.group.track) for row in rows}
    found = []
    for track_row in make_tracks(scores, records):
        tasks = scores.tasks if track_row.task == ALL_TASKS else (track_row.task,)
        variants = [variant for variant in scores.variants if strip_rho(variant) == track_row.family]
        own = [labels[scores.of(tasks[0], variant)[0].path] for variant in variants]
        for track, score in track_row.found.items():
            has_row = any((label, tasks, track) in known for label in own)
            if track not in _DERIVED or score.origin != "reported" or has_row:
                continue
            chosen = [_find_cell(scores, task, variants, track, score, found) for task in tasks]
            if all(cell is not None for cell in chosen):
                whole = [cell for cell in chosen if cell is not None]
                gain = _compare(scores, variants[0], tasks, score.by_seed)
                found.append((_make_row(run, whole, POINTS, score.score, gain, labels), whole))
    return [row for row, _ in found]


def _find_cell(
    scores: SuiteScores,
    task: str,
    variants: Sequence[str],
    track: str,
    score: TrackScore,
    made: Iterable[tuple[Row, Sequence[_Results]]],
) -> _Results | None:
    """The results of a task at a track's scale; for a mean over tasks those of the task's own row."""
    if score.rho is None:
        own = [cells[0] for row, cells in made if row.group.track == track and row.group.tasks == (task,)]
        return own[-1] if own else None
    for variant in variants:
        results = scores.of(task, variant)
        if all(result.rho == score.rho for result in results):
            return _Results(results, track)
    return None


def _make_row(
    run: str,
    cells: Sequence[_Results],
    unit: str,
    score: Estimate,
    gain: Estimate | None,
    labels: Mapping[Path, str],
) -> Row:
    results = [result for cell in cells for result in cell.results]
    counts = [count for result in results for count in _count_episodes(result)]
    tuning = [cell.results[0].tuning for cell in cells]
    spent = [cost for cost in tuning if cost is not None]
    return Row(
        run=run,
        group=group_results([cell.results[0] for cell in cells], unit, cells[0].track),
        variant=labels[results[0].path],
        score=score,
        gain=gain,
        seeds=len(cells[0].results),
        episodes=(min(counts), max(counts)),
        scales=tuple(dict.fromkeys(r.rho for r in results if r.rho is not None)),
        trials=sum(cost.trials for cost in spent) if spent else None,
        tuning_episodes=sum(cost.episodes for cost in spent) if spent else None,
        processors=tuple(sorted({describe_processor(result) for result in results})),
    )


def _count_episodes(result: Result) -> list[int]:
    """The episodes of a result; of a density the samples at each β."""
    return [density.samples for density in result.densities] or [len(result.episodes)]
