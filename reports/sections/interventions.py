"""The section on interventions: at which levels the guidance was clipped or not finite, or that it was nowhere."""

from collections.abc import Sequence

from reports.analysis.interventions import Interventions, collect_interventions, list_unguided
from reports.figures.interventions import make_interventions_figure
from reports.load.scores import SuiteScores
from reports.render.document import Block, Heading, Text


def make_interventions_section(scores: SuiteScores) -> list[Block]:
    """The totals and a figure of each kind that there was, and a sentence on those that there were none of.

    Nothing where nothing was guided and nothing was counted.
    """
    found = collect_interventions(scores)
    if not any(each.shares or each.absent or each.unknown for each in found):
        return []
    figures = [make_interventions_figure(scores, each) for each in found if each.shares]
    return [
        Heading(3, scores.add_source("Interventions by level")),
        *_warn_of_interventions(scores),
        Text(" ".join([*_describe(found), *_describe_unguided(scores)])),
        *figures,
    ]


def _describe(found: Sequence[Interventions]) -> list[str]:
    """What an intervention is, then who had none of which, and where levels are not known."""
    said = [
        "Rows of an evaluation (one candidate at one level) in which the guidance had to be put right, such as a "
        "gradient that is not finite, which is left out, a weight clipped to its range, which has no gradient, or "
        "a score clipped to the norm that `guidance.clip` allows."
    ]
    for each in found:
        name = each.name.replace("_", " ")
        if each.absent:
            whose = ", ".join(f"`{variant}` ({rows:,} guided rows)" for variant, rows in each.absent.items())
            said.append(f"No {name}: {whose}.")
        if each.unknown:
            whose = ", ".join(f"`{variant}` on {', '.join(tasks)}" for variant, tasks in each.unknown.items())
            said.append(f"Some {name} whose guided rows by level do not follow from what is stored: {whose}.")
    return said


def _describe_unguided(scores: SuiteScores) -> list[str]:
    unguided = [f"`{variant}`" for variant in list_unguided(scores)]
    return [f"Not guided: {', '.join(unguided)}."] if unguided else []


def _warn_of_interventions(scores: SuiteScores) -> list[Block]:
    names = _list_interventions(scores)
    found = [
        f"{name.replace('_', ' ')} of `{variant}` {_format_share(count, guided)}"
        for variant in scores.variants
        for totals, guided in [_sum_interventions(scores, variant, names)]
        for name, count in totals.items()
        if count
    ]
    if not found:
        return []
    said = f"interventions in evaluation (in brackets: of all guided rows): {'; '.join(found)}."
    return [Text(said, warning=True)]


def _list_interventions(scores: SuiteScores) -> list[str]:
    return sorted({name for r in scores.results() for name in r.interventions})


def _sum_interventions(scores: SuiteScores, variant: str, names: Sequence[str]) -> tuple[dict[str, int], int]:
    """Interventions of a variant by name, and the guided rows, summed over tasks and seeds."""
    results = [r for task in scores.tasks for r in scores.of(task, variant)]
    totals = {name: sum(r.count_interventions(name) for r in results) for name in names}
    return totals, sum(r.evaluations.guided_rows for r in results)


def _format_share(count: int, rows: int) -> str:
    """`120 (1.5 %)` of the guided rows; the count alone where there is none or nothing was guided."""
    return f"{count:,} ({100 * count / rows:.1f} %)" if count and rows else f"{count:,}"
