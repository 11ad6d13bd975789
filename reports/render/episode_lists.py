"""What a cell of a table of scores unfolds to on the page: the episodes behind each seed's score."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from reports.load.schema import Result
from reports.render.numbers import count_noun
from reports.render.parquet import EPISODES

MOST_EPISODES = 60_000
"""Of a table; where there are more, each seed has their range and median, so that the page stays small."""

Place = tuple[int, int]
"""Row and column of a cell."""


def list_episodes(cells: Mapping[Place, Sequence[Result]]) -> dict[Place, tuple[str, ...]]:
    """Lines on the episodes of each cell, those of every seed in one.

    Args:
        cells: the results of one task and variant, one for each seed, by the cell that they are behind.
    """
    count = sum(len(result.episodes) for results in cells.values() for result in results)
    describe = _list_each if count <= MOST_EPISODES else _summarize_each
    return {place: tuple(describe(results)) for place, results in cells.items()}


def _list_each(results: Sequence[Result]) -> Iterable[str]:
    yield "Scores of the episodes, in their order:"
    for result in results:
        yield f"seed {result.seed}: {', '.join(f'{each.normalized:.1f}' for each in result.episodes)}"


def _summarize_each(results: Sequence[Result]) -> Iterable[str]:
    yield f"Scores of the episodes, too many for the page; each is in {EPISODES}:"
    for result in results:
        values = np.array([each.normalized for each in result.episodes])
        least, median, greatest = (f"{of(values):.1f}" for of in (np.min, np.median, np.max))
        yield (
            f"seed {result.seed}: {count_noun(len(values), 'episode')} from {least} to {greatest}, median {median}"
        )
