"""How good a policy is found by running a method's policies, against the number of evaluations.

Two curves for each method, from the tuning episodes that the ledger holds. A policy is chosen by one half of its
episodes and scored by the other half, both ways round, so that the choice does not flatter the score.

The bandit protocol of Jackson et al. (arXiv 2504.11453): of a method's trained policies some are drawn, UCB pulls
the one with the greatest mean + √(2 ln t / n) at pull t after n of its own, in points; its reward is the score of
an episode drawn with replacement, and after each pull the policy with the greatest mean is recommended.
Deviation: in the authors' code it is scored by the episodes that the bandit draws from.
Deviation: every method has the same number of policies drawn; there each has 8, or as many as there are.

The expected best of k of n trials, drawn without replacement: with the trials in ascending order of what they are
chosen by, the i-th is the greatest of C(i - 1, k - 1) of the C(n, k) draws (Dodge et al., arXiv 1909.03004, take
draws with replacement).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from reports.load.scores import SuiteScores
from reports.load.tried_policies import HALVES, Search, TriedPolicies, TriedPolicy, collect_tried
from reports.load.tuning_schema import LedgerEntry
from reports.load.variants import name_terms

DRAWN, REPEATS, PULLS, EXPLORATION = 8, 1_000, 200, 2.0
BAND = (25.0, 75.0)  # percentiles of the repeats
_FEWEST = 2  # policies that can be chosen among
_SEED = 0


@dataclass(frozen=True)
class Curve:
    """Scores against a budget of 1, 2, ..., in points.

    Attributes:
        score: shape (budgets,).
        lower, upper: the band of the repeats, None where nothing is drawn at random.
    """

    score: np.ndarray
    lower: np.ndarray | None = None
    upper: np.ndarray | None = None


@dataclass(frozen=True)
class OnlineMethod:
    """What running one method's policies finds, averaged over the tasks.

    Attributes:
        label: the method's name, with its terms where the suite has several.
        method: its name.
        policies: of each task, the trained policies: one for each trial and training seed.
        diverged: trials without a finite score, which are left out, on all tasks.
        episodes: fewest and most in one half of a trained policy's.
        seeds: that were trained on, ascending.
        bandit: against evaluation episodes.
        best: against trials, on the other half of the episodes; up to the fewest trials of a task.
        flattered: the same on the half that they were chosen by.
    """

    label: str
    method: str
    policies: tuple[int, ...]
    diverged: int
    episodes: tuple[int, int]
    seeds: tuple[int, ...]
    bandit: Curve
    best: Curve
    flattered: Curve


@dataclass(frozen=True)
class OnlineAnalysis:
    """The curves of one suite.

    Attributes:
        scores: the suite.
        tasks: those on which every method here was tuned.
        methods: those that have a curve.
        absent: label to why it has none.
        drawn: policies that a bandit chooses among, the same number for every method and task.
    """

    scores: SuiteScores
    tasks: tuple[str, ...]
    methods: tuple[OnlineMethod, ...]
    absent: Mapping[str, str]
    drawn: int


@dataclass(frozen=True)
class _Pool:
    """A method's usable trials on one task, its trained policies as (trial, seed), how many diverged."""

    trials: tuple[TriedPolicy, ...]
    trained: tuple[tuple[TriedPolicy, int], ...]
    diverged: int


def weigh_best(count: int, budget: int) -> np.ndarray:
    """The chance of each of `count` trials, in ascending order, to be the best of `budget` drawn of them."""
    return np.array([math.comb(i, budget - 1) for i in range(count)]) / math.comb(count, budget)


def expect_chosen(chosen_by: np.ndarray, scored: np.ndarray, budget: int) -> float:
    """The mean score of the best of `budget` trials drawn without replacement.

    Args:
        chosen_by: of each trial, what it is chosen by; one of several greatest is chosen at random.
        scored: of each trial, what the chosen one is scored by.
        budget: how many are drawn.
    """
    order = np.argsort(chosen_by, kind="stable")
    _, ties = np.unique(chosen_by[order], return_inverse=True)
    means = np.bincount(ties, scored[order]) / np.bincount(ties)
    return float(weigh_best(len(order), budget) @ means[ties])


def run_bandit(
    rewards: Sequence[np.ndarray], scored: np.ndarray, drawn: int, repeats: int, generator: np.random.Generator
) -> np.ndarray:
    """Repeats of the bandit protocol.

    Args:
        rewards: of each policy, what its pulls draw from, one or more.
        scored: of each policy, what it is scored by if it is recommended; shape (policies,).
        drawn: policies that a repeat draws.
        repeats: how many.
        generator: of the draws.

    Returns:
        The recommended policy's score after each pull, shape (repeats, pulls).
    """
    sizes, rows = np.array([len(own) for own in rewards]), np.arange(repeats)
    padded = np.zeros((len(rewards), sizes.max()))
    for own, row in zip(rewards, padded, strict=True):
        row[: len(own)] = own
    # In random order, so that the first of several equal arms is one at random.
    arms = generator.permuted(np.tile(np.arange(len(rewards)), (repeats, 1)), axis=1)[:, :drawn]
    counts, totals = np.zeros(arms.shape), np.zeros(arms.shape)
    found = np.empty((repeats, PULLS))
    for pull in range(PULLS):
        tried, fewest = counts > 0, np.maximum(counts, 1)
        bounds = totals / fewest + np.sqrt(EXPLORATION * np.log(pull + 1) / fewest)
        chosen = np.where(tried, bounds, np.inf).argmax(axis=1)
        arm = arms[rows, chosen]
        totals[rows, chosen] += padded[arm, (generator.random(repeats) * sizes[arm]).astype(int)]
        counts[rows, chosen] += 1
        means = np.where(counts > 0, totals / np.maximum(counts, 1), -np.inf)
        found[:, pull] = scored[arms[rows, means.argmax(axis=1)]]
    return found


def analyse_online(scores: SuiteScores, ledger: Sequence[LedgerEntry]) -> OnlineAnalysis | None:
    """The curves of a control suite's methods; None for densities.

    Args:
        scores: the suite, whose tasks, methods, preset and data are those of the curves.
        ledger: all entries of the results folder.
    """
    if not scores.is_control:
        return None
    pools, absent = _collect_pools(scores, collect_tried(ledger))
    tasks = tuple(task for task in scores.tasks if pools and all(task in own for own in pools.values()))
    if not tasks:
        apart = "no task on which every method that was tuned has two or more"
        return OnlineAnalysis(scores, (), (), absent | {label[0]: apart for label in pools}, 0)
    drawn = min(DRAWN, *(len(own[task].trained) for own in pools.values() for task in tasks))
    methods = tuple(_analyse_method(*names, [own[task] for task in tasks], drawn) for names, own in pools.items())
    return OnlineAnalysis(scores, tasks, methods, absent, drawn)


def _collect_pools(
    scores: SuiteScores, tried: Mapping[Search, TriedPolicies]
) -> tuple[dict[tuple[str, str], dict[str, _Pool]], dict[str, str]]:
    """Of each (label, method) the pool of every task that has one, and of the other labels the reason."""
    pools: dict[tuple[str, str], dict[str, _Pool]] = {}
    absent: dict[str, str] = {}
    for names, searches in list_searches(scores).items():
        if searches is None:
            absent[names[0]] = "each seed has a data set of its own"
            continue
        found = {task: tried[search] for task, search in searches.items() if search in tried}
        usable = {task: pool for task, known in found.items() if (pool := _select_usable(known)) is not None}
        if usable:
            pools[names] = usable
        else:
            absent[names[0]] = _explain_absence(tuple(found.values()))
    return pools, absent


def label_methods(scores: SuiteScores) -> dict[tuple[str, str], str]:
    """(method, terms) → the method's name, with its terms where the suite has several."""
    names = dict.fromkeys((result.method, result.terms) for result in scores.results())
    several = {method for method, _ in names if len({terms for name, terms in names if name == method}) > 1}
    return {(m, terms): f"{m} ({name_terms(terms)})" if m in several else m for m, terms in names}


def list_searches(scores: SuiteScores) -> dict[tuple[str, str], dict[str, Search] | None]:
    """Of each (label, method) the search of every task; None where each seed has a data set of its own."""
    results = scores.results()
    found: dict[tuple[str, str], dict[str, Search] | None] = {}
    for (method, terms), label in label_methods(scores).items():
        searches: dict[str, set[Search]] = {}
        for r in results:
            if (r.method, r.terms) == (method, terms):
                search = Search(r.suite, r.task, r.method, r.preset, r.terms, r.data.identity)
                searches.setdefault(r.task, set()).add(search)
        is_one = all(len(of_task) == 1 for of_task in searches.values())
        found[label, method] = {task: one for task, (one,) in searches.items()} if is_one else None
    return found


def _select_usable(known: TriedPolicies) -> _Pool | None:
    """The trials and trained policies with an episode in both halves; None where there is no choice among them."""
    trials = tuple(p for p in known.policies if all(len(p.select(half)) for half in HALVES))
    trained = tuple(
        (p, seed) for p in known.policies for seed in p.seeds if all(len(p.select(half, seed)) for half in HALVES)
    )
    return _Pool(trials, trained, known.diverged) if min(len(trials), len(trained)) >= _FEWEST else None


def _explain_absence(found: Sequence[TriedPolicies]) -> str:
    """Why a method has no curve."""
    if not found:
        return "no tuning of it on these data is in the ledger"
    if any(known.means_alone for known in found):
        return "the ledger, which version 0.2.0 wrote, has no single episodes of it"
    if max(len(known.policies) for known in found) < _FEWEST:
        return "fewer than two scales or settings of it were tried, or all others diverged"
    return "fewer than two episodes of each training seed were scored in tuning"


def _analyse_method(label: str, method: str, pools: Sequence[_Pool], drawn: int) -> OnlineMethod:
    """The curves of one method, the mean over the tasks' pools."""
    repeats = np.mean([_repeat_bandit(pool, drawn, i) for i, pool in enumerate(pools)], axis=0)
    lower, upper = np.percentile(repeats, BAND, axis=0)
    budgets = range(1, min(len(pool.trials) for pool in pools) + 1)
    best, flattered = (
        Curve(np.array([np.mean([_expect_best(pool, k, same=same) for pool in pools]) for k in budgets]))
        for same in (False, True)
    )
    sizes = [len(p.select(half, seed)) for pool in pools for p, seed in pool.trained for half in HALVES]
    return OnlineMethod(
        label,
        method,
        policies=tuple(len(pool.trained) for pool in pools),
        diverged=sum(pool.diverged for pool in pools),
        episodes=(min(sizes), max(sizes)),
        seeds=tuple(sorted({seed for pool in pools for _, seed in pool.trained})),
        bandit=Curve(repeats.mean(axis=0), lower, upper),
        best=best,
        flattered=flattered,
    )


def _repeat_bandit(pool: _Pool, drawn: int, task: int) -> np.ndarray:
    """Repeats on one task, half of them with the halves of the episodes exchanged."""
    # The draws of one task are the same for every method: fixed seed, so that a report can be made again.
    generator = np.random.default_rng([_SEED, task])
    halves = [[p.select(half, seed) for p, seed in pool.trained] for half in HALVES]
    means = [np.array([own.mean() for own in of_half]) for of_half in halves]
    found = [
        run_bandit(halves[half], means[1 - half], drawn, REPEATS // len(HALVES), generator) for half in HALVES
    ]
    return np.concatenate(found)


def _expect_best(pool: _Pool, budget: int, *, same: bool) -> float:
    """The best of `budget` trials, scored by the half it was chosen by or by the other, the mean of both ways."""
    means = [np.array([p.select(half).mean() for p in pool.trials]) for half in HALVES]
    return float(
        np.mean([expect_chosen(means[half], means[half if same else 1 - half], budget) for half in HALVES])
    )
