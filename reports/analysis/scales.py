"""How a method's score depends on ρ or another setting: in tuning, by the ledger, and on the reported seeds."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Literal, TypeAlias

import numpy as np

from reports.analysis.declared import SOURCES
from reports.analysis.intervals import Estimate, estimate_mean
from reports.analysis.sweep_values import SweepValue
from reports.load.schema import Result
from reports.load.scores import SuiteScores
from reports.load.tried_policies import Search, TriedPolicy, collect_tried
from reports.load.tuning_schema import LedgerEntry

Where: TypeAlias = Literal["tuning", "reported"]
MEAN = "mean over tasks"


@dataclass(frozen=True)
class ScalePoint:
    """A method's score at one ρ, or at one value of another setting that is swept.

    Attributes:
        task: its name, or `MEAN` over all tasks.
        variant: of the reported results, or the method for those of tuning.
        method: its name.
        where: on tuning's seeds and episodes, or on the reported ones.
        rho: guidance scale, or the value of the other setting.
        score: mean over seeds.
        seeds, episodes: how many, the episodes of all seeds together.
        source: where a reported ρ comes from, such as `tuned` or `default`; of a sweep what declares it as well,
            `tuned, default`; empty in tuning.
        is_published: whether this ρ is SWG's published one for the task.
        is_on_curve: whether the setting is all that differs from the other points, of tuning or of a sweep.
    """

    task: str
    variant: str
    method: str
    where: Where
    rho: float
    score: Estimate
    seeds: int
    episodes: int
    source: str = ""
    is_published: bool = False
    is_on_curve: bool = False


def collect_scale_points(scores: SuiteScores, ledger: Iterable[LedgerEntry]) -> list[ScalePoint]:
    """The points of every method that was scored at two values of ρ or more on some task, ascending by ρ.

    In tuning, policies that differ in more than ρ are points of their own; those that diverged have none. What was
    tuned counts with the preset, terms and data of the reported results.

    Args:
        scores: of a control suite.
        ledger: all entries of the results folder.
    """
    tried = collect_tried(ledger)
    points: list[ScalePoint] = []
    for task in scores.tasks:
        searches: dict[Search, str] = {}
        for variant in scores.variants:
            results = scores.of(task, variant)
            points += _report(task, variant, results)
            searches.setdefault(_search_of(results[0]), results[0].method)
        for search, method in searches.items():
            known = tried.get(search)
            policies = [p for p in known.policies if p.rho is not None] if known is not None else []
            is_curve = len({policy.policy for policy in policies}) == 1
            points += [_try(task, method, policy, is_curve) for policy in policies]
    scales: dict[tuple[str, str], set[float]] = {}
    for point in points:
        scales.setdefault((point.task, point.method), set()).add(point.rho)
    several = {method for (_, method), found in scales.items() if len(found) > 1}
    return sorted(
        (p for p in points if p.method in several), key=lambda p: (scores.tasks.index(p.task), p.method, p.rho)
    )


def collect_sweep_points(
    scores: SuiteScores, values: Sequence[SweepValue], ledger: Iterable[LedgerEntry]
) -> list[ScalePoint]:
    """The points of sweeps of one setting: over all tasks, then by task; of ρ with those of tuning and beside.

    Args:
        scores: all of the suite.
        values: of these sweeps.
        ledger: all entries of the results folder.
    """
    swept = {value.variant for value in values}
    others = collect_scale_points(scores, ledger) if values[0].sweep.setting == "rho" else []
    points = [*(p for p in others if p.variant not in swept), *(p for v in values for p in _take(scores, v))]
    order = {task: place for place, task in enumerate((MEAN, *scores.tasks))}
    return sorted(points, key=lambda p: (order[p.task], p.method, p.variant not in swept, p.rho))


def _take(scores: SuiteScores, value: SweepValue) -> Iterable[ScalePoint]:
    """The reported points of a value of a sweep: over all tasks where there are several, and on each."""
    point = ScalePoint(
        task=MEAN,
        variant=value.variant,
        method=value.sweep.family,
        where="reported",
        rho=value.value,
        score=value.mean,
        seeds=len(scores.seeds),
        episodes=sum(len(r.episodes) for task in scores.tasks for r in scores.of(task, value.variant)),
        is_on_curve=True,
    )
    if len(scores.tasks) > 1:
        everywhere = set.intersection(*(set(own) for own in value.sources.values()))
        yield replace(point, source=", ".join(s for s in SOURCES if s in everywhere))
    for task in scores.tasks:
        sources = value.sources[task]
        yield replace(
            point,
            task=task,
            score=value.by_task[task],
            episodes=sum(len(result.episodes) for result in scores.of(task, value.variant)),
            source=", ".join(source for source in sources if source != "published"),
            is_published="published" in sources,
        )


def _report(task: str, variant: str, results: Sequence[Result]) -> list[ScalePoint]:
    first = results[0]
    if first.rho is None or len({result.rho for result in results}) > 1:
        return []
    return [
        ScalePoint(
            task=task,
            variant=variant,
            method=first.method,
            where="reported",
            rho=first.rho,
            score=estimate_mean(np.array([result.score for result in results])),
            seeds=len(results),
            episodes=sum(len(result.episodes) for result in results),
            source=first.rho_source or "",
            is_published=is_published(first.method, task, first.rho),
        )
    ]


def _try(task: str, method: str, policy: TriedPolicy, is_curve: bool) -> ScalePoint:
    of_seed: dict[int, list[float]] = {}
    for place, value in policy.scores.items():
        of_seed.setdefault(place.seed, []).append(value)
    rho = policy.rho
    assert rho is not None, "asked before"
    means = np.array([np.mean(of_seed[seed]) for seed in policy.seeds])
    return ScalePoint(
        task=task,
        variant=method,
        method=method,
        where="tuning",
        rho=rho,
        score=estimate_mean(means),
        seeds=len(of_seed),
        episodes=len(policy.scores),
        is_published=is_published(method, task, rho),
        is_on_curve=is_curve,
    )


def _search_of(result: Result) -> Search:
    return Search(result.suite, result.task, result.method, result.preset, result.terms, result.data.identity)


def is_published(method: str, task: str, rho: float) -> bool:
    """Whether SWG's paper took this ρ for the task, on D4RL's data."""
    return method == "swg" and _read_published().get(task) == rho


@cache
def _read_published() -> Mapping[str, float]:
    file = resources.files("reports") / "published" / "published_swg_rho.csv"
    with file.open(encoding="utf-8") as opened:
        return {row["task"]: float(row["rho"]) for row in csv.DictReader(opened)}
