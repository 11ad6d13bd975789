"""The section on single episodes: how their scores and lengths are distributed."""

from collections.abc import Iterable

import numpy as np

from reports.analysis.episodes import PERCENTILES, EpisodeSpread, find_fixed_lengths, spread_episodes
from reports.figures.episodes import make_lengths_figure, make_returns_figure
from reports.load.scores import SuiteScores
from reports.render.document import Block, Details, Heading, Table, Text, name_table


def make_episodes_section(scores: SuiteScores) -> list[Block]:
    """The distributions of a control suite's scores and lengths, with the numbers behind the former."""
    spreads = spread_episodes(scores)
    fixed = find_fixed_lengths(spreads)
    varying = [spread for spread in spreads if spread.task not in fixed]
    table = name_table(_tabulate(scores, spreads), scores.suite, "episodes", splits=True)
    said = (
        "How the scores of single episodes are distributed, of all seeds together: two variants with one mean may "
        "differ in whether all episodes are middling or some good and others failed. Episodes of a seed share its "
        "networks, so that they are not independent, and no interval is drawn."
    )
    return [
        Heading(3, scores.add_source("Single episodes")),
        Text(said),
        make_returns_figure(scores, spreads),
        Details("Percentiles of the episodes' scores", (table,)),
        *([Text(_describe_fixed(fixed))] if fixed else []),
        *([make_lengths_figure(scores, varying)] if varying else []),
    ]


def _describe_fixed(fixed: dict[str, int]) -> str:
    """The tasks whose lengths are not drawn."""
    by_length: dict[int, list[str]] = {}
    for task, length in fixed.items():
        by_length.setdefault(length, []).append(task)
    parts = [f"{length:,} environment steps on {', '.join(tasks)}" for length, tasks in by_length.items()]
    return f"Every episode takes {'; '.join(parts)}, so that the lengths there are not drawn."


def _tabulate(scores: SuiteScores, spreads: Iterable[EpisodeSpread]) -> Table:
    """Percentiles of every task and variant, and how far the medians of the seeds lie apart."""
    header = ("task", "variant", "episodes", *(f"{p} %" for p in PERCENTILES), "medians of the seeds")
    rows = tuple(
        (
            scores.label_task(s.task),
            s.variant,
            str(len(s.scores)),
            *(f"{value:.1f}" for value in np.percentile(s.scores, PERCENTILES)),
            f"{s.seed_medians.min():.1f} to {s.seed_medians.max():.1f}",
        )
        for s in spreads
    )
    return Table(header, rows, words=2)
