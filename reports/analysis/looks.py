"""How often a comparison was looked at while seeds or episodes were added, and what that does to its intervals.

A 95 % interval is one of a single look. Whoever adds seeds until a pair is separated reports the interval at which
that happened, and it excludes the truth more often (Armitage, McPherson and Rowe 1969). Whatever the rule for
stopping, the reported interval is one of those at all looks, so it holds the truth at least as often as all of
them do together. Where only seeds were added that is simulated, with normal differences and the seeds of every
look; where episodes were added too, it is at least 1 - 0.05 k at k looks (Bonferroni's inequality).
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from reports.analysis.intervals import FEWEST
from reports.analysis.pairs import ALPHA, compute_p
from reports.load.looks import Look
from reports.load.schema import Result
from reports.load.scores import SuiteScores

_SIMULATIONS, _CHUNK = 40_000, 2_000
_SEED = 0


@dataclass(frozen=True)
class Design:
    """What was there at a look.

    Attributes:
        seeds: ascending.
        episodes: numbers of episodes that variants had, ascending; as a rule one.
    """

    seeds: tuple[int, ...]
    episodes: tuple[int, ...]


@dataclass(frozen=True)
class LookHistory:
    """The looks at a suite's comparison.

    Attributes:
        present: what this report sees.
        earlier: designs of which the present results are a continuation, in the order of the looks; those with an
            interval only.
        removed: how many designs were looked at of which results have since been removed or replaced.
    """

    present: Design
    earlier: tuple[Design, ...] = ()
    removed: int = 0

    @property
    def number(self) -> int:
        """Of the look that this report is."""
        return len(self.earlier) + 1

    @property
    def are_seeds_all(self) -> bool:
        """Whether nothing but seeds was added between the looks."""
        return all(design.episodes == self.present.episodes for design in self.earlier)


def count_episodes(result: Result) -> int:
    """Episodes of a result; of a density its samples at each β."""
    return min(density.samples for density in result.densities) if result.densities else len(result.episodes)


def hash_results(results: Sequence[Result], episodes: int) -> str:
    """SHA-256 of what the results say of their first episodes, or of densities: no times, versions or settings.

    Args:
        results: in an order that does not change.
        episodes: how many of each.
    """
    said = [
        (
            result.task,
            result.seed,
            [(episode.seed, episode.normalized) for episode in result.episodes[:episodes]],
            [(d.inverse_temperature, d.samples, d.distance) for d in result.densities],
        )
        for result in results
    ]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def make_look(scores: SuiteScores) -> Look:
    """What a report of these scores sees."""
    episodes = {v: min(count_episodes(r) for r in _list_results(scores, v, scores.seeds)) for v in scores.variants}
    return Look(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        suite=scores.suite,
        tasks=tuple(sorted(scores.tasks)),
        seeds=scores.seeds,
        episodes=episodes,
        hashes={v: hash_results(_list_results(scores, v, scores.seeds), n) for v, n in episodes.items()},
    )


def _list_results(scores: SuiteScores, variant: str, seeds: Sequence[int]) -> list[Result]:
    return [scores.cells[task, variant, seed] for task in sorted(scores.tasks) for seed in seeds]


def review_looks(scores: SuiteScores, looks: Sequence[Look]) -> LookHistory:
    """The earlier looks at two or more of these variants on these tasks, by what is still there of their results.

    Args:
        scores: of this report.
        looks: the record, oldest first.
    """
    present = make_look(scores)
    earlier: dict[Design, None] = {}
    removed: set[Design] = set()
    for look in looks:
        shared = set(look.hashes) & set(present.hashes)
        if (look.suite, look.tasks) != (present.suite, present.tasks) or len(look.seeds) < FEWEST:
            continue
        kept = _find_kept(scores, look)
        now = {present.episodes[variant] for variant in kept}
        then = {look.episodes[old] for old in kept.values()}
        if len(kept) >= 2 and (look.seeds, then) != (present.seeds, now):
            earlier[Design(look.seeds, tuple(sorted(then)))] = None
        elif len(kept) < 2 <= len(shared):
            removed.add(Design(look.seeds, tuple(sorted({look.episodes[v] for v in shared}))))
    own = Design(present.seeds, tuple(sorted(set(present.episodes.values()))))
    return LookHistory(own, tuple(earlier), len(removed))


def _find_kept(scores: SuiteScores, look: Look) -> dict[str, str]:
    """Present variant to the variant of a look whose results are among its own; labels may have changed since."""
    if not set(look.seeds) <= set(scores.seeds):
        return {}
    kept: dict[str, str] = {}
    for variant in scores.variants:
        results = _list_results(scores, variant, look.seeds)
        most = min(map(count_episodes, results))
        for old, known in look.hashes.items():
            episodes = look.episodes[old]
            if episodes <= most and old not in kept.values() and hash_results(results, episodes) == known:
                kept[variant] = old
                break
    return kept


def bound_joint_coverage(history: LookHistory) -> float:
    """At least how often a pair's 95 % intervals at all looks hold the truth together.

    The value itself for normal differences where only seeds were added, else Bonferroni's bound.
    """
    if not history.are_seeds_all:
        return max(0.0, 1 - ALPHA * history.number)
    return simulate_joint_coverage([design.seeds for design in (*history.earlier, history.present)])


def simulate_joint_coverage(looks: Sequence[Sequence[int]]) -> float:
    """How often t intervals of a mean at several looks hold the truth together, with independent normal values.

    Args:
        looks: the seeds of each look, three or more.
    """
    seeds = sorted({seed for look in looks for seed in look})
    columns = [np.searchsorted(seeds, look) for look in looks]
    generator = np.random.default_rng(_SEED)
    held = 0
    for _ in range(_SIMULATIONS // _CHUNK):
        drawn = generator.normal(size=(_CHUNK, len(seeds)))
        held += int(np.all([compute_p(drawn[:, of]) > ALPHA for of in columns], axis=0).sum())
    return held / _SIMULATIONS
