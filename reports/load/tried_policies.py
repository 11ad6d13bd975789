"""The policies that tuning tried, with the score of each of their episodes, from the ledger's lines."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from reports.load.tuning_schema import LedgerEntry

HALVES = (0, 1)


class Search(NamedTuple):
    """What policies are tried for, the same fields in choices, results and the ledger."""

    suite: str
    task: str
    method: str
    preset: str
    terms: str
    data: tuple[str, str]


class Place(NamedTuple):
    """Which episode a score is of: training seed, random streams of resets and actions, number."""

    seed: int
    purpose: str
    episode: int


@dataclass(frozen=True)
class TriedPolicy:
    """A method with its settings and a ρ, which was evaluated with one or more training seeds.

    Attributes:
        policy: hash of what it depends on but ρ and the seed.
        rho: guidance scale.
        scores: normalised score of each episode.
    """

    policy: str
    rho: float | None
    scores: Mapping[Place, float]

    @property
    def seeds(self) -> tuple[int, ...]:
        """The training seeds, ascending."""
        return tuple(sorted({place.seed for place in self.scores}))

    @property
    def mean(self) -> float:
        """Over all episodes of all seeds."""
        return float(np.mean(list(self.scores.values())))

    def select(self, half: int, seed: int | None = None) -> np.ndarray:
        """The scores of one half of the episodes, 0 or 1.

        Neighbouring episodes are in different halves. An episode is in the same half for every policy, so that
        policies which met the same resets are also compared on the same ones.

        Args:
            half: which.
            seed: to have those of one training seed alone.
        """
        wanted = (place for place in self.scores if seed in (None, place.seed))
        return np.array([self.scores[p] for p in sorted(wanted) if (p.seed + p.episode) % len(HALVES) == half])


@dataclass(frozen=True)
class TriedPolicies:
    """All policies that were tried for one search.

    Attributes:
        policies: those whose scores are all finite, in the order in which they were tried.
        diverged: how many others there are.
        means_alone: lines of the ledger that version 0.2.0 wrote, which hold no single episodes.
    """

    policies: tuple[TriedPolicy, ...]
    diverged: int
    means_alone: int


def collect_tried(ledger: Iterable[LedgerEntry]) -> dict[Search, TriedPolicies]:
    """The policies of every search that the ledger has tuning evaluations of.

    An episode that two searches evaluated counts once; it has the same score in both.
    """
    scores: dict[Search, dict[tuple[str, float | None], dict[Place, float]]] = {}
    means_alone: dict[Search, int] = {}
    for entry in ledger:
        if entry.kind != "tuning":
            continue
        search = Search(entry.suite, entry.task, entry.method, entry.preset, entry.terms, entry.data)
        of_search = scores.setdefault(search, {})
        if any(len(values) != entry.episodes for values in entry.values):
            means_alone[search] = means_alone.get(search, 0) + 1
            continue
        known = of_search.setdefault((entry.policy, entry.rho), {})
        for seed, values in zip(entry.seeds, entry.values, strict=True):
            for episode, value in enumerate(values, entry.first_episode):
                known[Place(seed, entry.purpose, episode)] = value
    return {search: _arrange(found, means_alone.get(search, 0)) for search, found in scores.items()}


def _arrange(scores: Mapping[tuple[str, float | None], Mapping[Place, float]], means_alone: int) -> TriedPolicies:
    finite = {key: known for key, known in scores.items() if np.isfinite(list(known.values())).all()}
    policies = tuple(TriedPolicy(*key, known) for key, known in finite.items())
    return TriedPolicies(policies, len(scores) - len(finite), means_alone)
