"""Which share of the guided rows was intervened in, by level of the schedule.

A result counts interventions by level, and guided rows over all levels together. The sampler asks the denoiser
once at each of the levels that it visits, `sampler.steps` of them evenly spread over the schedule, or all, and
every row that is guided is guided at each, or at those that `guidance.schedule` leaves; so the guided rows of a
level are their total over these levels.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from reports.load.schema import Result
from reports.load.scores import SuiteScores

POINTS = 100  # of a curve
_STEPS, _SCHEDULE = "sampler.steps", "guidance.schedule"
_SHARE = re.compile(r"(first|last):(?:share=)?([0-9.eE+-]+)")


@dataclass(frozen=True)
class LevelShare:
    """Of one level, or of neighbouring ones together.

    Attributes:
        first, last: levels, 0 the least noisy; the same where it is one.
        count: interventions of all seeds.
        rows: guided rows of all seeds.
        least, most: shares of the single seeds, the least and the greatest.
    """

    first: int
    last: int
    count: int
    rows: int
    least: float
    most: float

    @property
    def share(self) -> float:
        return self.count / self.rows


@dataclass(frozen=True)
class Interventions:
    """The interventions of one name in a suite.

    Attributes:
        name: such as `nan_gradients`.
        shares: task and variant to its levels, of variants with one on any task, where rows by level are known.
        absent: variants that count them and have none, with their guided rows over all levels.
        unknown: variants with some, on tasks where rows by level do not follow from what is stored.
    """

    name: str
    shares: Mapping[tuple[str, str], tuple[LevelShare, ...]]
    absent: Mapping[str, int]
    unknown: Mapping[str, tuple[str, ...]]


def list_visited(levels: int, steps: int | None) -> list[int]:
    """The levels that a sampler visits, ascending, as `sampler.steps` says.

    Args:
        levels: of the schedule.
        steps: how many are visited, at most that many; None for all.
    """
    if steps is None or steps >= levels:
        return list(range(levels))
    if steps == 1:
        return [levels - 1]
    # As `torch.linspace` computes them, in single precision from both ends, on which ties of the rounding depend.
    step, places = np.float32(1 - levels) / np.float32(steps - 1), np.arange(steps, dtype=np.float32)
    places = np.where(places < steps // 2, levels - 1 + step * places, -step * (steps - 1 - places))
    return sorted({int(level) for level in places.round()})


def list_guided(visited: list[int], schedule: object) -> list[int]:
    """The levels at which rows are guided, ascending; none where the schedule is not known.

    Args:
        visited: levels, ascending.
        schedule: as `guidance.schedule` has it, None in results from before there was one: guided at every level.
    """
    if schedule in (None, "constant", "sigma"):
        return visited
    found = _SHARE.fullmatch(schedule) if isinstance(schedule, str) else None
    try:
        steps = max(1, math.floor(float(found[2]) * len(visited) + 0.5)) if found else 0
    except (ValueError, OverflowError):
        return []
    return visited[-steps:] if found and found[1] == "first" else visited[:steps]


def list_unguided(scores: SuiteScores) -> tuple[str, ...]:
    """Variants of which no row was guided."""
    return tuple(
        variant
        for variant in scores.variants
        if not any(result.evaluations.guided_rows for task in scores.tasks for result in scores.of(task, variant))
    )


def collect_interventions(scores: SuiteScores) -> tuple[Interventions, ...]:
    """What a suite's results count, by name."""
    names = sorted({name for result in scores.results() for name in result.interventions})
    return tuple(_collect(scores, name) for name in names)


def _collect(scores: SuiteScores, name: str) -> Interventions:
    shares: dict[tuple[str, str], tuple[LevelShare, ...]] = {}
    absent: dict[str, int] = {}
    unknown: dict[str, tuple[str, ...]] = {}
    for variant in scores.variants:
        by_task = {task: scores.of(task, variant) for task in scores.tasks}
        results = [result for own in by_task.values() for result in own]
        rows = sum(result.evaluations.guided_rows for result in results)
        if not any(result.count_interventions(name) for result in results):
            if rows and any(name in result.interventions for result in results):
                absent[variant] = rows
            continue
        for task, own in by_task.items():
            found = _share_by_level(own, name)
            if found:
                shares[task, variant] = found
            elif any(result.count_interventions(name) for result in own):
                unknown[variant] = (*unknown.get(variant, ()), task)
    return Interventions(name, shares, absent, unknown)


def _share_by_level(results: tuple[Result, ...], name: str) -> tuple[LevelShare, ...]:
    """The levels of one task and variant; none where they do not follow, or nothing was guided."""
    counts = [np.array(result.interventions.get(name, ()), dtype=np.int64) for result in results]
    if len({len(own) for own in counts}) != 1 or not len(counts[0]):
        return ()
    (first, schedule), *others = ((result.config.get(_STEPS), result.config.get(_SCHEDULE)) for result in results)
    is_known = first is None or (type(first) is int and first >= 1)
    if not is_known or any(each != (first, schedule) for each in others):
        return ()
    guided = np.array(list_guided(list_visited(len(counts[0]), first), schedule))
    if not len(guided):
        return ()
    rows = [divmod(result.evaluations.guided_rows, len(guided)) for result in results]
    hidden = np.setdiff1d(np.arange(len(counts[0])), guided)
    if any(rest or not each or own.max() > each or own[hidden].any()
           for (each, rest), own in zip(rows, counts, strict=True)):  # fmt: skip
        return ()
    by_level, each = np.stack(counts), np.array([whole for whole, _ in rows])
    groups = np.array_split(guided, min(POINTS, len(guided)))
    return tuple(_join_levels(by_level[:, group], each, group) for group in groups)


def _join_levels(counts: np.ndarray, rows: np.ndarray, levels: np.ndarray) -> LevelShare:
    """Counts of shape (seeds, levels), guided rows of each seed at one level."""
    by_seed, all_rows = counts.sum(1), rows * len(levels)
    shares = by_seed / all_rows
    ends = (int(levels[0]), int(levels[-1]))
    return LevelShare(*ends, int(by_seed.sum()), int(all_rows.sum()), float(shares.min()), float(shares.max()))
