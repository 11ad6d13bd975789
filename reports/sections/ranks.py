"""The section on ranks: how often each variant is first, second and so on over tasks and seeds."""

from reports.analysis.intervals import FEWEST, Estimate
from reports.analysis.ranks import Ranks, rank_suite
from reports.analysis.suite import ControlAnalysis, DensityAnalysis
from reports.figures.ranks import MOST, has_shares, make_ranks_figure
from reports.render.document import Block, Heading, Table, Text, name_table
from reports.render.numbers import count_noun, describe_few_seeds, format_estimate


def make_ranks_section(analysis: ControlAnalysis | DensityAnalysis, replicates: int) -> list[Block]:
    """The table and the picture; nothing where nothing can be ranked."""
    ranks = rank_suite(analysis, replicates)
    if ranks is None:
        return []
    scores = ranks.scores
    return [
        Heading(3, scores.add_source("Ranks")),
        Text(_describe(ranks)),
        name_table(_tabulate(ranks), scores.suite, "ranks", splits=True),
        make_ranks_figure(ranks),
    ]


def _describe(ranks: Ranks) -> str:
    """What is ranked, by what, and what the brackets are."""
    scores, seeds = ranks.scores, len(ranks.scores.seeds)
    by = "its score" if scores.is_control else "the mean logarithm of its distances"
    cells = f"{count_noun(len(scores.tasks), 'task')} × {count_noun(seeds, 'seed')}"
    said = (
        f"Each variant's rank by {by} on every task and seed ({cells}), 1 the best. Variants that tie share their "
        "ranks equally, so that the mean is that of average ranks. A rank says who is ahead, not by how much."
    )
    left_out = [f"`{unranked.variant}`" for unranked in scores.unranked]
    if left_out:
        said += f" Without a rank, for a failed cell: {', '.join(left_out)}."
    if not has_shares(ranks):
        said += f" Of more than {MOST} variants the share at rank 1 and the mean alone are shown."
    if seeds < FEWEST:
        return f"{said} {describe_few_seeds(seeds)}"
    shown = [*ranks.mean.values(), *(e for own in _list_shown(ranks).values() for e in own)]
    equal = any(e.lower is None for e in shown)
    return (
        f"{said} In brackets: 95 % percentile intervals of a bootstrap that draws seeds within each task, "
        f"{ranks.replicates:,} replicates; of few seeds they are too narrow as a rule, and no conclusion rests "
        f"on them.{' A number without brackets is the same in every replicate.' if equal else ''}"
    )


def _list_shown(ranks: Ranks) -> dict[str, tuple[Estimate, ...]]:
    """The shares that the table shows."""
    return {v: own if has_shares(ranks) else own[:1] for v, own in ranks.shares.items()}


def _tabulate(ranks: Ranks) -> Table:
    """A row for each variant: its mean rank, and its share of tasks and seeds at each rank."""
    shown = _list_shown(ranks)
    header = ("variant", "mean rank", *(f"rank {at}" for at in range(1, 1 + len(next(iter(shown.values()))))))
    rows = tuple(
        (v, format_estimate(mean, 2), *(format_estimate(e, 2) for e in shown[v])) for v, mean in ranks.mean.items()
    )
    return Table(header, rows)
