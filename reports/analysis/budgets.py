"""What a search for ρ and settings had found after so many tuning episodes, in the order in which it was made.

The ledger's tuning lines are gone through as they were written. After each, the policy is chosen that the search
would have given had it stopped there: of those with the most episodes by then, since a trial that was given up
early has fewer, the one with the best mean. It is chosen by one half of the episodes and scored by the other half
of all that the ledger has of it, both ways round, as in `reports.analysis.online`; there trials are drawn at
random, here a search that learns from its trials keeps its order. One search is one draw: another order would give
another curve.

Beside it stand the reported scores, at the tuning episodes that their results say were spent, 0 where nothing was
tuned.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from reports.analysis.intervals import Estimate, estimate_mean
from reports.analysis.online import label_methods, list_searches
from reports.load.schema import Result
from reports.load.scores import SuiteScores
from reports.load.tried_policies import HALVES, Place, Search, TriedPolicy
from reports.load.tuning_schema import LedgerEntry

_GIVEN = "given"  # a scale chosen outside, by unknown tuning
_Key = tuple[str, float | None]  # hash of a policy, ρ


@dataclass(frozen=True)
class Trace:
    """What one search on one task had found.

    Attributes:
        episodes: tuning episodes spent, ascending, all seeds together; shape (points,).
        scores: of the policy that would then have been chosen, in points; shape (points,).
    """

    episodes: np.ndarray
    scores: np.ndarray

    def at(self, budgets: np.ndarray) -> np.ndarray:
        """The score with at most so many episodes, none of them under the first."""
        return self.scores[np.searchsorted(self.episodes, budgets, side="right") - 1]


@dataclass(frozen=True)
class SearchCurve:
    """The searches of one method, the mean over the tasks.

    Attributes:
        label, method: the method's name, with its terms where the suite has several, and without.
        trace: against the episodes of each task; a search that ended earlier keeps what it found.
        spent: episodes of each task, the mean.
    """

    label: str
    method: str
    trace: Trace
    spent: float


@dataclass(frozen=True)
class ReportedPoint:
    """The reported score of a variant.

    Attributes:
        label: of its method, as in `SearchCurve`.
        method: its name.
        variant: its label.
        episodes: that tuning spent on a task, the mean over the tasks, 0 where it was not tuned.
        score: mean over the tasks, with its interval over seeds.
        source: where ρ came from; of a method without `no ρ`, with what was tuned.
    """

    label: str
    method: str
    variant: str
    episodes: float
    score: Estimate
    source: str


@dataclass(frozen=True)
class BudgetAnalysis:
    """Score against tuning episodes in one suite.

    Attributes:
        scores: the suite.
        tasks: those on which every method with a curve was searched.
        curves: of the methods that were.
        reported: of variants whose ρ was not given from outside.
        given: the other variants.
    """

    scores: SuiteScores
    tasks: tuple[str, ...]
    curves: tuple[SearchCurve, ...]
    reported: tuple[ReportedPoint, ...]
    given: tuple[str, ...]


def analyse_budgets(scores: SuiteScores, ledger: Sequence[LedgerEntry]) -> BudgetAnalysis | None:
    """Score against tuning episodes; None for densities and where no search can be followed on any common task.

    Args:
        scores: the suite, whose tasks, methods, preset and data are those of the searches.
        ledger: all entries of the results folder, in their order.
    """
    if not scores.is_control:
        return None
    entries: dict[Search, list[LedgerEntry]] = {}
    for entry in ledger:
        if entry.kind == "tuning":
            search = Search(entry.suite, entry.task, entry.method, entry.preset, entry.terms, entry.data)
            entries.setdefault(search, []).append(entry)
    traces: dict[tuple[str, str], dict[str, Trace]] = {}
    for names, searches in list_searches(scores).items():
        found = {task: trace_search(entries.get(search, ())) for task, search in (searches or {}).items()}
        known = {task: trace for task, trace in found.items() if trace is not None}
        if known:
            traces[names] = known
    tasks = tuple(task for task in scores.tasks if all(task in known for known in traces.values()))
    if not traces or not tasks:
        return None
    curves = tuple(_average(*names, [known[task] for task in tasks]) for names, known in traces.items())
    given = tuple(variant for variant in scores.variants if _is_given(scores, variant))
    reported = tuple(_report(scores, variant, tasks) for variant in scores.variants if variant not in given)
    return BudgetAnalysis(scores, tasks, curves, reported, given)


def trace_search(entries: Sequence[LedgerEntry]) -> Trace | None:
    """What a search had found after each of its lines; None where nothing can be chosen and scored.

    A policy with a score that is not finite is never chosen; its episodes are spent all the same. With a line of
    version 0.2.0, which has no single episodes, a search cannot be followed.

    Args:
        entries: tuning lines of one search, in the ledger's order.
    """
    if any(len(values) != entry.episodes for entry in entries for values in entry.values):
        return None
    final: dict[_Key, dict[Place, float]] = {}
    for entry in entries:
        final.setdefault((entry.policy, entry.rho), {}).update(_list_scores(entry))
    usable = {key: own for key, own in final.items() if np.isfinite(list(own.values())).all()}
    scored = {key: halves for key, own in usable.items() if (halves := _average_halves(own)) is not None}
    known: dict[_Key, dict[Place, float]] = {key: {} for key in final}
    means: dict[_Key, tuple[float, ...]] = {}
    points: list[tuple[int, float]] = []
    for entry in entries:
        key = (entry.policy, entry.rho)
        known[key].update(_list_scores(entry))
        if key in scored and (halves := _average_halves(known[key])) is not None:
            means[key] = halves
        if means:
            most = max(len(known[other]) for other in means)
            whole = {other: halves for other, halves in means.items() if len(known[other]) == most}
            points.append((sum(map(len, known.values())), _score_chosen(whole, scored)))
    return Trace(*map(np.array, zip(*points, strict=True))) if points else None


def _list_scores(entry: LedgerEntry) -> dict[Place, float]:
    """The score of every episode of a line."""
    return {
        Place(seed, entry.purpose, episode): value
        for seed, values in zip(entry.seeds, entry.values, strict=True)
        for episode, value in enumerate(values, entry.first_episode)
    }


def _average_halves(known: Mapping[Place, float]) -> tuple[float, ...] | None:
    """The mean of each half of the episodes; None where one has none."""
    policy = TriedPolicy("", None, known)
    halves = [policy.select(half) for half in HALVES]
    return tuple(float(half.mean()) for half in halves) if all(map(len, halves)) else None


def _score_chosen(means: Mapping[_Key, tuple[float, ...]], scored: Mapping[_Key, tuple[float, ...]]) -> float:
    """The score of what would be chosen now, the mean of both ways; of several best the first that was tried."""
    best = [max(means, key=lambda key: means[key][half]) for half in HALVES]
    return float(np.mean([scored[best[half]][1 - half] for half in HALVES]))


def _average(label: str, method: str, traces: Sequence[Trace]) -> SearchCurve:
    """The mean over the tasks, from where every search has found something."""
    first = max(int(trace.episodes[0]) for trace in traces)
    budgets = np.unique(np.concatenate([trace.episodes for trace in traces]))
    budgets = budgets[budgets >= first]
    mean = np.mean([trace.at(budgets) for trace in traces], axis=0)
    return SearchCurve(label, method, Trace(budgets, mean), float(np.mean([t.episodes[-1] for t in traces])))


def _is_given(scores: SuiteScores, variant: str) -> bool:
    results = [result for task in scores.tasks for result in scores.of(task, variant)]
    return any(result.rho_source == _GIVEN and result.tuning is None for result in results)


def _name_source(result: Result) -> str:
    return result.rho_source or ("no ρ, settings tuned" if result.tuning else "no ρ")


def _report(scores: SuiteScores, variant: str, tasks: Sequence[str]) -> ReportedPoint:
    results = [scores.of(task, variant) for task in tasks]
    spent = [max(result.tuning.episodes if result.tuning else 0 for result in own) for own in results]
    score = estimate_mean(np.mean([[result.score for result in own] for own in results], axis=0))
    sources = dict.fromkeys(_name_source(result) for own in results for result in own)
    first = results[0][0]
    label = label_methods(scores)[first.method, first.terms]
    return ReportedPoint(label, first.method, variant, float(np.mean(spent)), score, " or ".join(sources))
