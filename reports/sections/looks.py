"""What earlier looks at a comparison, to which seeds or episodes were added, mean for its intervals."""

from collections.abc import Sequence

from reports.analysis.looks import Design, LookHistory, bound_joint_coverage
from reports.analysis.pairs import ALPHA, Pair
from reports.render.numbers import count_noun, format_p


def describe_looks(history: LookHistory, pairs: Sequence[Pair], is_density: bool) -> str:
    """Earlier looks, what is sure of the intervals after them, and what stays separated; a space before.

    Args:
        history: the looks at the suite.
        pairs: over all tasks.
        is_density: whether episodes are samples.
    """
    return _describe_earlier(history, pairs, is_density) + _describe_removed(history)


def _describe_earlier(history: LookHistory, pairs: Sequence[Pair], is_density: bool) -> str:
    if not history.earlier:
        return ""
    number, share = history.number, f"{100 * bound_joint_coverage(history):.0f} %"
    added = "seeds" if history.are_seeds_all else "seeds or episodes"
    sure = f"{share} of cases (simulated with normal differences)"
    if not history.are_seeds_all:
        sure = f"at least {share} of cases (by Bonferroni's inequality)"
    designs = " and ".join(f"at {_describe_design(d, history, is_density)}" for d in history.earlier)
    return (
        f" Look {number} at this comparison, to which {added} were added since {designs}. Every interval and p is "
        f"one for a single look: a pair's 95 % intervals at all {number} looks hold the truth together in {sure}, "
        f"and that is what is sure of the one at which looking stops.{_describe_correction(number, pairs)}"
    )


def _describe_design(design: Design, history: LookHistory, is_density: bool) -> str:
    seeds = count_noun(len(design.seeds), "seed")
    if history.are_seeds_all:
        return seeds
    unit = "samples" if is_density else "episodes"
    return f"{seeds} of {' or '.join(map(str, design.episodes))} {unit}"


def _describe_correction(number: int, pairs: Sequence[Pair]) -> str:
    """Which separated pairs stay so with Bonferroni's correction over the looks; a space before, or nothing."""
    apart = [pair for pair in pairs if pair.is_separated]
    if not apart:
        return ""
    level = ALPHA / number
    whose = "Holm's p, of the primary pair its own," if any(pair.is_primary for pair in apart) else "Holm's p"
    stay = [f"`{p.first}` and `{p.second}`" for p in apart if p.adjusted is not None and p.adjusted <= level]
    said = "; ".join(stay) if stay else "no pair"
    if len(stay) == len(apart) and len(apart) > 1:
        said = f"all {len(apart)}"
    return (
        f" Separated also with Bonferroni's correction, as for {number} planned looks ({whose} at most "
        f"{format_p(level)}): {said}."
    )


def _describe_removed(history: LookHistory) -> str:
    if not history.removed:
        return ""
    looks = count_noun(history.removed, "earlier look")
    was = "was" if history.removed == 1 else "were"
    return f" {looks[0].upper()}{looks[1:]} {was} at results since removed or replaced, and not counted."


def describe_single_look(history: LookHistory) -> str:
    """A label for intervals after other looks, with a space before; nothing at the first."""
    return (
        f" Intervals and p are those of a single look; this is look {history.number}." if history.earlier else ""
    )
