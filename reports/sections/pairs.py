"""What is separated and what is not: the report's opening sentences, pairs, groups, variance and collapse."""

from collections.abc import Sequence

import numpy as np

from reports.analysis.collapse import bound_collapse_rate
from reports.analysis.coverage import LEAST, find_coverage
from reports.analysis.intervals import FEWEST
from reports.analysis.pairs import ALPHA, MOST_SEEDS, Pair, SuitePairs, find_least_flip, find_unseparated
from reports.analysis.suite import Analysis, ControlAnalysis, SweptAnalysis
from reports.load.scores import SuiteScores, Unranked
from reports.render.document import Block, Details, Heading, Text, name_table
from reports.render.numbers import count_noun, format_p
from reports.render.pair_tables import (
    format_more_seeds,
    format_pair_difference,
    tabulate_groups,
    tabulate_pairs,
    tabulate_tasks,
    tabulate_variance,
)
from reports.sections.frozen_plan import describe_primary
from reports.sections.looks import describe_looks, describe_single_look
from reports.sections.method_sweeps import describe_swept_conclusion

_LISTED = 6  # pairs that the opening names one by one


def join_names(names: Sequence[str]) -> str:
    """`a`, `b` and `c`."""
    quoted = [f"`{name}`" for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"


def describe_conclusion(analysis: Analysis) -> str:
    """What is separated over all tasks of a suite, what is not, and what is unranked."""
    said = _describe_ranked(analysis) + describe_swept_conclusion(analysis.swept)
    return said + describe_unranked(analysis.scores)


def _describe_ranked(analysis: Analysis) -> str:
    scores, pairs = analysis.scores, analysis.pairs
    size = f"**{scores.suite}**, {count_noun(len(scores.tasks), 'task')}, {count_noun(len(scores.seeds), 'seed')}"
    if isinstance(analysis, SweptAnalysis):
        return f"{size}: no method is compared with another."
    if len(scores.variants) == 1:
        return f"{size}: one variant, so nothing is compared."
    if pairs is None:
        return f"{size}: no test, since a distance is not positive or was not measured at every β."
    if pairs.seeds < FEWEST:
        return f"{size}: no variant is said to be better, since tests and intervals need {FEWEST} seeds or more."
    rest = [pair for pair in pairs.overall if not pair.is_primary]
    apart = [pair for pair in rest if pair.is_separated]
    others = [pair for pair in rest if not pair.is_separated]
    said = _count_pairs(pairs, apart, len(rest)) if len(rest) > _LISTED else _list_pairs(pairs, apart, others)
    said = f"{describe_primary(pairs)}{said}".rstrip()
    more = f"{_describe_more_seeds(pairs)} {_describe_equivalence(pairs)}".rstrip()
    return f"{size}: {said}{more}{describe_looks(analysis.history, pairs.overall, pairs.is_ratio)}"


def describe_unranked(scores: SuiteScores) -> str:
    """Variants with a failed cell, with the mean that each would have at worst; nothing where there are none."""
    parts = []
    for unranked in scores.unranked:
        cells = [f"{c.task}, seed {c.seed}, in {c.failure.step}: {c.failure.reason}" for c in unranked.failed]
        where = "; ".join(cells)
        finished, digits = [result.score for result in unranked.finished], _count_digits(scores)
        mean = "none"
        if finished:
            mean = f"{np.mean(finished):.{digits}f} over {count_noun(len(finished), 'finished cell')}"
        parts.append(f"`{unranked.variant}` (failed on {where}; mean {mean}{_describe_worst(scores, unranked)})")
    return f" Unranked, with a failed cell: {'; '.join(parts)}." if parts else ""


def _count_digits(scores: SuiteScores) -> int:
    """Behind the point, of points or of distances."""
    return 1 if scores.is_control else 4


def _describe_worst(scores: SuiteScores, unranked: Unranked) -> str:
    """The mean with every failed cell as the worst score on its task in this report, where one is known."""
    every = [*scores.results(), *(result for other in scores.unranked for result in other.finished)]
    pick = min if scores.is_control else max
    by_task = [[r.score for r in every if r.task == cell.task] for cell in unranked.failed]
    if not all(by_task):
        return ""
    worst = [*(result.score for result in unranked.finished), *map(pick, by_task)]
    return (
        f", {np.mean(worst):.{_count_digits(scores)}f} with each failed cell as the worst score of its task here"
    )


def _list_pairs(pairs: SuitePairs, apart: Sequence[Pair], others: Sequence[Pair]) -> str:
    sentences = []
    for first in pairs.order:
        found = [pair for pair in apart if pair.first == first]
        if found and pairs.is_ratio:
            parts = [f"{format_pair_difference(pair, True)} times `{pair.second}`'s" for pair in found]
            sentences.append(f"`{first}`'s distance is {_join(parts)}.")
        elif found:
            parts = [f"`{pair.second}` by {format_pair_difference(pair, False)}" for pair in found]
            sentences.append(f"`{first}` scores above {_join(parts)} points.")
    if others and not apart:
        is_after = any(pair.is_primary for pair in pairs.overall)
        sentences.append("No other pair is separated." if is_after else "no pair is separated.")
    unit = "times" if pairs.is_ratio else "points"
    opened = [f"{_name_pair(pair)} ({format_pair_difference(pair, pairs.is_ratio)} {unit})" for pair in others]
    if others and apart:
        sentences.append(f"Not separated: {'; '.join(opened)}.")
    elif others:
        sentences.append(f"Differences: {'; '.join(opened)}.")
    return " ".join(sentences)


def _join(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _count_pairs(pairs: SuitePairs, apart: Sequence[Pair], count: int) -> str:
    best = pairs.order[0]
    near = [v for v in pairs.order if v in find_unseparated(best, pairs.overall) and v != best]
    word = "smallest distance" if pairs.is_ratio else "highest mean"
    rest = f"not separated from it: {join_names(near)}" if near else "every other variant is separated from it"
    kind = "pairs" if count == len(pairs.overall) else "other pairs"
    return f"{len(apart)} of {count} {kind} are separated. `{best}` has the {word}; {rest}."


def _name_pair(pair: Pair) -> str:
    return f"`{pair.first}` and `{pair.second}`"


def _describe_more_seeds(pairs: SuitePairs) -> str:
    """How many more seeds would separate the pairs that are not, with a space before; nothing if unknown."""
    planned = [pair for pair in pairs.overall if pair.more_seeds is not None]
    if not planned:
        return ""
    most = MOST_SEEDS - pairs.seeds
    reachable = [pair for pair in planned if (pair.more_seeds or (most, most))[0] < most]
    hopeless = len(planned) - len(reachable)
    parts = [f"{_name_pair(p)} {format_more_seeds(p, pairs.seeds)}" for p in reachable[:_LISTED]]
    if len(reachable) > _LISTED:
        parts.append(f"{count_noun(len(reachable) - _LISTED, 'further pair')} in the table")
    if hopeless:
        parts.append(f"{count_noun(hopeless, 'pair')} more than {most:,}")
    return (
        " Seeds to add that would separate them with a power of 80 %, if the true difference is the one seen: "
        f"{'; '.join(parts)}."
    )


def _describe_equivalence(pairs: SuitePairs) -> str:
    """Pairs that are equivalent within the margin, with a space behind; nothing for distances."""
    if pairs.margin is None:
        return ""
    found = [_name_pair(pair) for pair in pairs.overall if pair.is_equivalent]
    if not found:
        return f"No pair is shown to be equivalent within ± {pairs.margin:g} points. "
    return f"Equivalent within ± {pairs.margin:g} points: {'; '.join(found)}. "


def describe_test(suites: Sequence[SuitePairs]) -> str:
    """The test behind the conclusions of all suites; nothing where none is made."""
    tested = [pairs for pairs in suites if pairs.overall and pairs.seeds >= FEWEST]
    if not tested:
        return ""
    flips = [
        f"sign flips of {seeds} seeds cannot give a p below {find_least_flip(seeds):.2g}"
        for seeds in sorted({pairs.seeds for pairs in tested})
    ]
    has_primary = any(pair.is_primary for pairs in tested for pair in pairs.overall)
    aside = ", the primary one aside" if has_primary else ""
    said = (
        f"By paired t of the seeds' differences at {100 * ALPHA:.0f} %, with Holm's correction over all pairs of "
        f"a suite{aside}; an interval is 95 % for one pair. For comparison, {' and '.join(flips)}."
    )
    if any(pair.more_seeds is not None for pairs in tested for pair in pairs.overall):
        said += (
            " The range of seeds to add is from the lower to the upper end of the 95 % interval of the "
            "differences' standard deviation, at the first step of Holm's correction, and counted up to "
            f"{MOST_SEEDS:,} in all; a smaller true difference needs more."
        )
    return said


def _describe_pair_coverage(seeds: int, tasks: int) -> str:
    """The simulated coverage of a difference's interval: the lower of both variants and one of them collapsing."""
    found = find_coverage(("difference", "difference from normal"), "paired t", seeds, tasks)
    assert found is not None
    normal, ten, thirty = (100 * found.by_law[law] for law in ("normal", "10 % collapse", "30 % collapse"))
    return (
        f"Simulated with {count_noun(found.seeds, 'seed')} and {count_noun(found.tasks, 'task')}, the interval of "
        f"a difference holds the truth in {normal:.0f} % of cases with normal seeds, in {ten:.0f} % where a tenth "
        f"of the seeds collapses and in {thirty:.0f} % where 30 % do (in one variant or in both, the lower)"
        f"{LEAST if found.tasks > 1 else ''}."
    )


def make_pair_blocks(analysis: Analysis) -> list[Block]:
    """The suite's pairs and groups; nothing for one variant."""
    scores, pairs = analysis.scores, analysis.pairs
    if len(scores.variants) == 1 or pairs is None:
        return []
    heading = Heading(3, scores.add_source("Pairs"))
    if pairs.seeds < FEWEST:
        return [
            heading,
            Text(f"No test: tests and intervals need {FEWEST} seeds or more, here are {pairs.seeds}."),
        ]
    better = "lower is better" if pairs.is_ratio else "higher is better"
    first = (
        "The ratio of the two distances, of the geometric mean over sets and β"
        if pairs.is_ratio
        else "The difference of the two scores over all tasks"
    )
    alone = " (of the primary pair its own p, since it is tested alone)"
    blocks: list[Block] = [
        heading,
        Text(
            f"{first}, seed by seed ({better}), with a 95 % t interval. Separated: Holm's p"
            f"{alone if any(pair.is_primary for pair in pairs.overall) else ''} is at most "
            f"{ALPHA:.2f}. {_describe_pair_coverage(pairs.seeds, len(scores.tasks))} P(first better) is the "
            f"probability of improvement, with a score interval that takes runs for independent and all tasks for "
            f"one, and so is as a rule wider than it need be. The least p of sign flips of {pairs.seeds} seeds is "
            f"{format_p(find_least_flip(pairs.seeds))}.{describe_single_look(analysis.history)}"
        ),
        name_table(tabulate_pairs(pairs.overall, pairs), scores.suite, "pairs", splits=True),
        Text("Groups: variants that share a letter are not separated, which does not say that they are equal."),
        name_table(tabulate_groups(analysis, pairs), scores.suite, "groups"),
    ]
    if len(scores.tasks) > 1:
        note = Text("Exploratory: Holm's correction is over the pairs of one task, not over all tasks.")
        table = name_table(tabulate_tasks(pairs), scores.suite, "pairs-by-task", splits=True)
        blocks.append(Details("Pairs on single tasks", (note, table)))
    return blocks


def describe_collapse(analysis: ControlAnalysis) -> str:
    """Where a gap in the seeds is seen, and what rate of collapse is not excluded elsewhere."""
    seeds = len(analysis.scores.seeds)
    found = [
        f"`{variant}` on {task}, {count} of {seeds} (a rate up to {100 * bound_collapse_rate(count, seeds):.0f} %)"
        for (task, variant), count in analysis.collapsed.items()
        if count
    ]
    limit = f"{100 * bound_collapse_rate(0, seeds):.0f} %"
    rest = (
        f"{seeds} seeds of which none collapsed do not exclude a rate of collapse up to {limit} (95 %, one-sided)"
        if seeds > 1
        else f"1 seed that did not collapse does not exclude a rate of collapse up to {limit} (95 %, one-sided)"
    )
    if seeds < FEWEST:
        return f"{rest[0].upper()}{rest[1:]}."
    if not found:
        return (
            "No cell's seeds show a gap so wide that 1 in 100 cells of normal seeds has it, which does not say "
            f"that none collapsed: seeds that scatter widely hide it. Even {rest}."
        )
    return (
        f"Seeds below a gap, in brackets the rate of collapse that is not excluded if they did collapse: "
        f"{'; '.join(found)}. 1 in 100 cells of normal seeds shows a gap too. In every other cell, {rest}. "
        f"Intervals hold the truth less often where seeds collapse."
    )


def make_variance_blocks(analysis: ControlAnalysis) -> list[Block]:
    """The parts of every cell's variance, where there are any, and the seeds that lie apart."""
    blocks: list[Block] = [
        Heading(3, analysis.scores.add_source("Seeds and episodes")),
        Text(describe_collapse(analysis)),
    ]
    if not analysis.variances:
        return blocks
    note = Text(
        "Method of moments with seeds and their episodes as random effects, in points of normalised score; the "
        "intraclass correlation is the seeds' share of one episode's variance, from three seeds on with F's 95 % "
        "interval, which holds for normal parts. The last column is their "
        "share of the variance of a seed's score. Where the share is near 100 %, more episodes help little."
    )
    table = name_table(tabulate_variance(analysis), analysis.scores.suite, "variance", splits=True)
    return [*blocks, Details("Variance between seeds and between episodes", (note, table))]
