"""What a cell of a table of scores unfolds to on the page: the episodes behind each seed's score."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial

import numpy as np

from reports.load.schema import Result
from reports.render.document import Unfolded
from reports.render.numbers import count_noun
from reports.render.parquet import EPISODES

_FEWEST_LETTERS = 5  # of an episode: `1.0, `

Place = tuple[int, int]
"""Row and column of a cell."""


def list_episodes(cells: Mapping[Place, Sequence[Result]]) -> dict[Place, Unfolded]:
    """Lines on the episodes of each cell, those of every seed in one; or, of less room, their range and median.

    Args:
        cells: the results of one task and variant, one for each seed, by the cell that they are behind.
    """
    return {
        place: Unfolded(
            every=partial(_list_each, results),
            brief=partial(_summarize_each, results),
            size=_FEWEST_LETTERS * sum(len(result.episodes) for result in results),
        )
        for place, results in cells.items()
    }


def _list_each(results: Sequence[Result]) -> tuple[str, ...]:
    lines = (
        f"seed {result.seed}: {', '.join(f'{each.normalized:.1f}' for each in result.episodes)}"
        for result in results
    )
    return ("Scores of the episodes, in their order:", *lines)


def _summarize_each(results: Sequence[Result]) -> tuple[str, ...]:
    return (f"Scores of the episodes, too many for the page; each is in {EPISODES}:", *_list_ranges(results))


def _list_ranges(results: Sequence[Result]) -> Iterable[str]:
    for result in results:
        values = np.array([each.normalized for each in result.episodes])
        least, median, greatest = (f"{of(values):.1f}" for of in (np.min, np.median, np.max))
        yield (
            f"seed {result.seed}: {count_noun(len(values), 'episode')} from {least} to {greatest}, median {median}"
        )
