"""Protocols: the least seeds, episodes and trials of tuning of a comparison, and whether results have them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from reports.load.scores import SuiteScores
from reports.load.variants import quote_variants


@dataclass(frozen=True)
class Protocol:
    """What a comparison has at least.

    Attributes:
        name: as it is asked for.
        seeds: training seeds of every method.
        episodes: of every seed on every task.
        trials: that every method with something to tune is tuned with, on every task.
        tuning_episodes: of each tuning seed, for every trial of `tune` that is held to the protocol.
    """

    name: str
    seeds: int
    episodes: int
    trials: int
    tuning_episodes: int

    def describe(self) -> str:
        """What it asks for, in words."""
        return (
            f"{self.seeds} seeds, {self.episodes} episodes, and for every method with something to tune the same "
            f"number of trials, {self.trials} or more of {self.tuning_episodes} episodes a seed"
        )


FAIR = Protocol("fair", seeds=10, episodes=50, trials=12, tuning_episodes=20)
PROTOCOLS: Mapping[str, Protocol] = {FAIR.name: FAIR}


def list_shortfalls(scores: SuiteScores, protocol: Protocol) -> tuple[str, ...]:
    """What a suite's results lack of a protocol, in words; none where they have all of it.

    Episodes are those of a simulator; on a density every result has many samples in their place.
    """
    found: list[str] = []
    if len(scores.seeds) < protocol.seeds:
        found.append(f"{len(scores.seeds)} of {protocol.seeds} seeds")
    if scores.is_control:
        fewest = min(len(result.episodes) for result in scores.results())
        if fewest < protocol.episodes:
            found.append(f"{fewest} of {protocol.episodes} episodes")
    return (*found, *_list_tuning_shortfalls(scores, protocol))


def _list_tuning_shortfalls(scores: SuiteScores, protocol: Protocol) -> list[str]:
    """What tuning lacks: a variant's fewest trials over its tasks and seeds count, of all that can be tuned."""
    trials: dict[str, int] = {}
    left: dict[str, list[str]] = {}
    for variant in scores.variants:
        results = [result for task in scores.tasks for result in scores.of(task, variant) if result.tunable]
        if results:
            trials[variant] = min(r.tuning.trials if r.tuning is not None else 0 for r in results)
            tuned = [(r.tunable, {"rho", *r.tuning.knobs}) for r in results if r.tuning is not None]
            left[variant] = list(dict.fromkeys(n for names, chosen in tuned for n in names if n not in chosen))
    short = dict(_list_short_trials(scores, protocol))
    partly = [f"{variant} without {' and '.join(names)}" for variant, names in left.items() if names]
    untuned = [n.replace("`", "") for n in quote_variants(v for v, count in trials.items() if count == 0)]
    tuned = {variant: count for variant, count in trials.items() if count}
    few = [f"{name} with {n} of {protocol.trials} trials" for name, n in tuned.items() if n < protocol.trials]
    unequal = ", ".join(f"{name} {count}" for name, count in tuned.items()) if len(set(tuned.values())) > 1 else ""
    return [
        *([f"not tuned: {', '.join(untuned)}"] if untuned else []),
        *([f"tuned too little: {', '.join(few)}"] if few else []),
        *([f"tuned on too few episodes: {', '.join(short.values())}"] if short else []),
        *([f"tuned in part: {', '.join(partly)}"] if partly else []),
        *([f"different numbers of trials: {unequal}"] if unequal and not few else []),
    ]


def _list_short_trials(scores: SuiteScores, protocol: Protocol) -> Iterator[tuple[str, str]]:
    """Variants whose trials had fewer episodes of each seed than the protocol asks for, and how many."""
    for variant in scores.variants:
        costs = [result.tuning for task in scores.tasks for result in scores.of(task, variant)]
        known = [cost.trial_episodes for cost in costs if cost is not None and cost.trial_episodes is not None]
        if known and min(known) < protocol.tuning_episodes:
            yield variant, f"{variant} with {min(known)} of {protocol.tuning_episodes} of a seed in a trial"
