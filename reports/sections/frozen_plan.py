"""What the report says of a frozen plan: when it was frozen, what deviates from it, and the primary comparison."""

from reports.analysis.deviations import PlanReview
from reports.analysis.pairs import ALPHA, SuitePairs
from reports.load.frozen_plan import FROZEN
from reports.render.numbers import count_noun, format_p
from reports.render.pair_tables import format_pair_difference

_SHOWN = 20  # deviations


def describe_frozen_plan(review: PlanReview) -> str:
    """One paragraph on the plan, when it was frozen, and every deviation from it."""
    plan = review.plan
    return (
        f"**Plan frozen** at {plan.created} (`{FROZEN}`, SHA-256 {plan.hash}), {_describe_time(review)}"
        f"{_describe_deviations(review)}{_describe_primary_rule(review)}"
    )


def _describe_time(review: PlanReview) -> str:
    if review.first is None:
        said = "of whose evaluations none is here."
    elif review.is_before:
        said = f"before the first of its evaluations that the ledger or a result has, of {review.first}."
    else:
        said = (
            f"**after** the first of its evaluations that the ledger or a result has, of {review.first}: no plan "
            "made beforehand."
        )
    if review.others:
        evaluations = count_noun(review.others, "earlier evaluation")
        said += f" The ledger has {evaluations} of its methods and tasks on other seeds."
    return said


def _describe_deviations(review: PlanReview) -> str:
    if not review.deviations:
        code = " and, by the ledger, the code of the methods" if review.has_code else ""
        return (
            " No deviation: tasks, methods, data, preset, terms, seeds, episodes, every setting, the source of ρ, "
            f"trials of tuning, versions of components and packages{code} are as frozen."
        )
    shown = [f"{d.what} ({d.where})" if d.where else d.what for d in review.deviations[:_SHOWN]]
    more = len(review.deviations) - _SHOWN
    rest = f"; and {more} more" if more > 0 else ""
    return f" {count_noun(len(review.deviations), 'deviation')} from it: {'; '.join(shown)}{rest}."


def _describe_primary_rule(review: PlanReview) -> str:
    if review.plan.primary is None:
        return ""
    first, second = review.plan.primary
    said = f" The primary comparison is `{first}` with `{second}`"
    if review.keeps_primary:
        return f"{said}: one comparison, decided on beforehand, so its p is not corrected; all other pairs' are."
    why = "it deviates from the plan" if review.is_before else "it was not frozen beforehand"
    return f"{said}; its p is corrected like all others, since {why}."


def describe_primary(pairs: SuitePairs) -> str:
    """What is found of a primary comparison that is not corrected, with a space behind; nothing without one."""
    found = next((pair for pair in pairs.overall if pair.is_primary), None)
    if found is None:
        return ""
    said = "separated" if found.is_separated else "not separated"
    unit = "times the distance" if pairs.is_ratio else "points"
    difference = format_pair_difference(found, pairs.is_ratio)
    return (
        f"Primary comparison, frozen beforehand and tested alone at {100 * ALPHA:.0f} %: `{found.first}` with "
        f"`{found.second}`, {difference} {unit}, p {format_p(found.p)}, {said}. "
    )
