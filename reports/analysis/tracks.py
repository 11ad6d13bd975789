"""One method with its guidance scale ρ chosen in different ways: the tracks of a suite of tasks.

- `default`, `published`, `tuned`: the method's default; SWG's published value for the task, or that of the source
  of the settings; the choice of the tuning command.
- `one-rho`: one value for all tasks of the suite. On each task it is the one with the best mean over the others.
- `budget=K`: the expected score of the best by tuning score of K of the scales that were tried.
- `oracle`: the best by the reported episodes themselves. It enters no comparison and has no interval.

Scores are those of the reported results where there are results at the scales in question, else those of tuning
episodes in the ledger: for `one-rho` a task's own play no part in the choice for it, and for `budget=K` a scale is
chosen by one half of them and scored by the other. Intervals are over seeds, for the choice that was made.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from reports.analysis.intervals import Estimate, estimate_mean
from reports.analysis.online import expect_chosen
from reports.analysis.published import read_published_scales
from reports.load.ledger import TuningRecords
from reports.load.schema import Result
from reports.load.scores import SuiteScores
from reports.load.tried_policies import HALVES, Search, TriedPolicy, collect_tried
from reports.load.tuning_schema import Choice, LedgerEntry
from reports.load.variants import strip_rho

BUDGETS = (2, 4, 8)
ORACLE, ONE_RHO = "oracle", "one-rho"
TRACKS = ("default", "published", ONE_RHO, *(f"budget={k}" for k in BUDGETS), "tuned", ORACLE)
ALL_TASKS = "all tasks"
_SWG = ("swg", "swg-r")  # for which its authors' scales are meant
_FEWEST = 2  # scales that can be chosen among, and tasks of one value
_SOURCES: Mapping[str, tuple[str, ...]] = {
    "default": ("default",),
    "published": ("published", "preset"),
    "tuned": ("tuned",),
}
_NO_SOURCE: Mapping[str, str] = {
    "default": "no result says that its ρ is the default",
    "published": "no result is known to have a published ρ or that of the source of the settings",
    "tuned": "no result at a ρ that is known to be tuned for these settings",
}

Origin = Literal["reported", "tuning"]


@dataclass(frozen=True)
class TrackScore:
    """A method's score on a task with ρ chosen in one way.

    Attributes:
        score: in points, with a t interval over the reported seeds where there is one.
        rho: the scale, None where it is an expectation over several.
        origin: whose episodes the score is of.
        by_seed: the score of each reported seed, None for those of tuning.
    """

    score: Estimate
    rho: float | None
    origin: Origin
    by_seed: np.ndarray | None = None


@dataclass(frozen=True)
class TrackRow:
    """All tracks of one method on one task, or of their mean over the tasks.

    Attributes:
        task: its name, or `ALL_TASKS`.
        family: the variant without its ρ.
        found: track to its score.
        absent: track to why there is none.
    """

    task: str
    family: str
    found: Mapping[str, TrackScore]
    absent: Mapping[str, str]


@dataclass(frozen=True)
class _Cell:
    """What is known of one method on one task.

    Attributes:
        results: of every variant.
        sweep: scale to the reported scores of each seed; none of settings that were tuned beside ρ.
        tried: scale to its tuning episodes, with the settings of these results.
        tuned: the scale that `tune-rho` chose for these settings, None where it chose none.
        unknown: why no tuning is known, if none is.
    """

    results: tuple[tuple[Result, ...], ...]
    sweep: Mapping[float, np.ndarray]
    tried: Mapping[float, TriedPolicy]
    tuned: float | None
    unknown: str


def make_tracks(scores: SuiteScores, records: TuningRecords) -> tuple[TrackRow, ...]:
    """The tracks of a control suite's methods that have a ρ; none for densities.

    Args:
        scores: the suite.
        records: choices and ledger of the results folder.
    """
    if not scores.is_control:
        return ()
    families: dict[str, list[str]] = {}
    for variant in scores.variants:
        families.setdefault(strip_rho(variant), []).append(variant)
    rows: list[TrackRow] = []
    for family, variants in families.items():
        cells = {task: _collect_cell([scores.of(task, v) for v in variants], records) for task in scores.tasks}
        if all(r.rho is None for cell in cells.values() for own in cell.results for r in own):
            continue
        own = [_make_row(task, family, cells) for task in scores.tasks]
        rows += [*own, *([_average(own)] if len(own) > 1 else [])]
    return tuple(rows)


def _collect_cell(results: Sequence[tuple[Result, ...]], records: TuningRecords) -> _Cell:
    sweep: dict[float, np.ndarray] = {}
    for own in results:
        scales = {result.rho for result in own}
        if len(scales) == 1 and None not in scales and not any(map(_has_knobs, own)):
            sweep[float(scales.pop() or 0.0)] = np.array([result.score for result in own])
    if len({result.data.identity for own in results for result in own}) > 1:
        own_sets = "each seed has a data set of its own, and scales are tried on one"
        return _Cell(tuple(results), sweep, {}, None, own_sets)
    first = results[0][0]
    search = Search(first.suite, first.task, first.method, first.preset, first.terms, first.data.identity)
    if all(_has_knobs(result) for own in results for result in own):
        together = "other settings were tuned together with ρ, so that trials differ in more than their scale"
        return _Cell(tuple(results), sweep, {}, None, together)
    policies = _find_policies([result for own in results for result in own], search, records.ledger)
    if len(policies) != 1:
        said = "does not hold these results" if not policies else "holds these results with several policies"
        unknown = f"the ledger {said}, so that what was tried with their settings is not known"
        return _Cell(tuple(results), sweep, {}, None, unknown)
    (policy,) = policies
    tried = _find_tried(policy, search, records.ledger)
    return _Cell(tuple(results), sweep, tried, _find_tuned(policy, search, records.choices), "no scale was tried")


def _has_knobs(result: Result) -> bool:
    """Whether settings beside ρ were tuned for it, so that ρ is not all that differs from others."""
    return bool(getattr(result.tuning, "knobs", None))


def _find_policies(results: Iterable[Result], search: Search, ledger: Iterable[LedgerEntry]) -> set[str]:
    """The hashes of what results depend on but ρ and the seed; tuned settings beside ρ are left out."""
    reported = [e for e in ledger if e.kind == "reported" and _name_search(e, e.data) == search]
    swept = [result for result in results if not _has_knobs(result)]
    return {entry.policy for entry in reported if any(_fits(entry, result) for result in swept)}


def _name_search(named: LedgerEntry | Choice, data: tuple[str, str]) -> Search:
    return Search(named.suite, named.task, named.method, named.preset, named.terms, data)


def _fits(entry: LedgerEntry, result: Result) -> bool:
    """Whether a reported evaluation of the result's method on its data is that of the result."""
    if entry.rho != result.rho or result.seed not in entry.seeds:
        return False
    both = entry.settings.keys() & result.config.keys()
    return all(entry.settings[n] == result.config[n] for n in both if not n.startswith("evaluation."))


def _find_tried(policy: str, search: Search, ledger: Iterable[LedgerEntry]) -> dict[float, TriedPolicy]:
    """The scales that were tried with these settings and have episodes in both halves."""
    known = collect_tried(e for e in ledger if (e.task, e.method) == (search.task, search.method)).get(search)
    own = [p for p in known.policies if p.policy == policy] if known is not None else []
    return {p.rho: p for p in own if p.rho is not None and all(len(p.select(half)) for half in HALVES)}


def _find_tuned(policy: str, search: Search, choices: Iterable[Choice]) -> float | None:
    made = [c for c in choices if _name_search(c, c.data.identity) == search and c.policy == policy]
    return next((c.rho for c in made if not getattr(c, "knobs", None)), None)


def _make_row(task: str, family: str, cells: Mapping[str, _Cell]) -> TrackRow:
    """Every track of one method on one task."""
    found: dict[str, TrackScore] = {}
    absent: dict[str, str] = {}
    for track in TRACKS:
        made = _make_track(track, task, cells)
        if isinstance(made, str):
            absent[track] = made
        else:
            found[track] = made
    return TrackRow(task, family, found, absent)


def _make_track(track: str, task: str, cells: Mapping[str, _Cell]) -> TrackScore | str:
    """One track, or why there is none."""
    cell = cells[task]
    if track in _SOURCES:
        return _take_source(track, cell)
    if track == ONE_RHO:
        return _take_one_rho(task, cells)
    if track == ORACLE:
        if len(cell.sweep) < _FEWEST:
            return "fewer than two scales are reported"
        rho = _choose({rho: float(own.mean()) for rho, own in cell.sweep.items()})
        return TrackScore(Estimate(float(cell.sweep[rho].mean())), rho, "reported", cell.sweep[rho])
    return _expect_budget(int(track.partition("=")[2]), cell)


def _take_source(track: str, cell: _Cell) -> TrackScore | str:
    """The reported score at a scale by where it came from; a tuned or SWG's published one also from a sweep."""
    for own in cell.results:
        if all(result.rho_source in _SOURCES[track] and result.rho is not None for result in own):
            by_seed = np.array([result.score for result in own])
            return TrackScore(estimate_mean(by_seed), own[0].rho, "reported", by_seed)
    elsewhere = cell.tuned if track == "tuned" else _find_published(cell) if track == "published" else None
    rho = _find_declared(track, cell) if elsewhere is None else elsewhere
    if rho in cell.sweep and rho is not None:
        return _score_sweep(cell.sweep, rho)
    return _NO_SOURCE[track]


def _find_declared(track: str, cell: _Cell) -> float | None:
    """The scale that the results say is taken where none is given, if it comes from that track's source."""
    declared = [r.declared_rho for own in cell.results for r in own if not _has_knobs(r)]
    found = {each.rho for each in declared if each is not None and each.source in _SOURCES[track]}
    return found.pop() if len(found) == 1 else None


def _find_published(cell: _Cell) -> float | None:
    """SWG's published scale, for its methods on its tasks with the expectile weight, which it was tuned for."""
    first = cell.results[0][0]
    if first.method not in _SWG or first.data.canonical is None:
        return None
    if "-expectile" not in str(first.config.get(f"{first.method}.weight", "-expectile")):
        return None
    return read_published_scales().get(re.sub(r"-v\d+$", "", first.data.canonical.name))


def _score_sweep(sweep: Mapping[float, np.ndarray], rho: float) -> TrackScore:
    return TrackScore(estimate_mean(sweep[rho]), rho, "reported", sweep[rho])


def _choose(means: Mapping[float, float]) -> float:
    """The scale with the greatest mean, the least of several."""
    return min(means, key=lambda rho: (-means[rho], rho))


def _take_one_rho(task: str, cells: Mapping[str, _Cell]) -> TrackScore | str:
    """One scale for all tasks, chosen on the others: by the sweeps, or where they lack it by the ledger."""
    others = [cell for name, cell in cells.items() if name != task]
    if not others:
        return "one value for all tasks needs two tasks"
    swept = set.intersection(*(set(cell.sweep) for cell in cells.values()))
    if len(swept) >= _FEWEST:
        means = {rho: float(np.mean([cell.sweep[rho].mean() for cell in others])) for rho in swept}
        return _score_sweep(cells[task].sweep, _choose(means))
    tried = set.intersection(*(set(cell.tried) for cell in cells.values()))
    if len(tried) >= _FEWEST:
        rho = _choose({rho: float(np.mean([cell.tried[rho].mean for cell in others])) for rho in tried})
        return TrackScore(Estimate(cells[task].tried[rho].mean), rho, "tuning")
    return "all tasks have fewer than two scales in common, in results and in tuning"


def _expect_budget(budget: int, cell: _Cell) -> TrackScore | str:
    """The best of so many of the scales that were tried, by tuning score."""
    if not cell.tried:
        return cell.unknown
    if len(cell.tried) < budget:
        return f"fewer scales were tried ({len(cell.tried)})"
    scales = sorted(cell.tried)
    if all(rho in cell.sweep for rho in scales):
        tuned, reported = np.array([cell.tried[rho].mean for rho in scales]), [cell.sweep[rho] for rho in scales]
        by_seed = np.array([expect_chosen(tuned, of_seed, budget) for of_seed in np.array(reported).T])
        return TrackScore(estimate_mean(by_seed), None, "reported", by_seed)
    halves = [np.array([cell.tried[rho].select(half).mean() for rho in scales]) for half in HALVES]
    ways = [expect_chosen(halves[half], halves[1 - half], budget) for half in HALVES]
    return TrackScore(Estimate(float(np.mean(ways))), None, "tuning")


def _average(rows: Sequence[TrackRow]) -> TrackRow:
    """The mean over the tasks of every track that all of them have from episodes of one kind."""
    found: dict[str, TrackScore] = {}
    absent: dict[str, str] = {}
    for track in TRACKS:
        own = [row.found[track] for row in rows if track in row.found]
        seeded = [score.by_seed for score in own if score.by_seed is not None]
        if len(own) < len(rows):
            absent[track] = "a task lacks it"
        elif len({score.origin for score in own}) > 1:
            absent[track] = "some tasks have it from reported episodes, others from those of tuning"
        elif seeded:
            by_seed = np.mean(seeded, axis=0)
            score = Estimate(float(by_seed.mean())) if track == ORACLE else estimate_mean(by_seed)
            found[track] = TrackScore(score, None, "reported", by_seed)
        else:
            mean = float(np.mean([score.score.value for score in own]))
            found[track] = TrackScore(Estimate(mean), None, "tuning")
    return TrackRow(ALL_TASKS, rows[0].family, found, absent)
