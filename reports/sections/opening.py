"""The opening of a report: the conclusions, what is missing, and what tells the methods of a suite apart."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from reports.analysis.deviations import PlanReview
from reports.analysis.suite import Analysis
from reports.load.files import read_headers
from reports.load.ledger import TuningRecords
from reports.load.schema import PlanEntry
from reports.load.scores import SuiteScores
from reports.render.document import Block, Heading, Text
from reports.sections.frozen_plan import describe_frozen_plan
from reports.sections.imported import warn_of_imports
from reports.sections.pairs import describe_conclusion, describe_test
from reports.sections.plans import warn_of_unfinished
from reports.sections.tuning import find_tuning_warnings

TITLE = "Diffusion guidance: report"


def make_opening(
    suites: Sequence[SuiteScores], said: Sequence[str], missing: str, partial: Sequence[Block]
) -> list[Block]:
    """The title, the conclusions, and how many results there are.

    Args:
        suites: with every result.
        said: the conclusions, a paragraph each.
        missing: how many results are missing, such as `none missing`.
        partial: what a report on a part of the results says first.
    """
    results = [result for scores in suites for result in scores.results()]
    cells = "; ".join(
        f"{s.add_source(s.suite)}: {len(s.tasks)} task(s) × {len(s.variants)} variant(s) × {len(s.seeds)} seed(s)"
        for s in suites
    )
    count = sum(len(unranked.failed) for scores in suites for unranked in scores.unranked)
    failed = f" and {count} failed" if count else ""
    left_out = sum(len(scores.list_left_out()) for scores in suites)
    beside = f" and {left_out} that are not compared" if left_out else ""
    newest = max(result.created for result in results)
    return [
        Heading(1, TITLE),
        *partial,
        *(Text(line) for line in said),
        Text(f"{len(results)} results{failed}{beside}, {missing} ({cells}); the newest is of {newest}."),
    ]


def make_warnings(
    suites: Sequence[SuiteScores],
    unfinished: Sequence[PlanEntry],
    labels: Mapping[str, str],
    records: TuningRecords,
) -> Iterator[Text]:
    """What earlier runs left undone, what was trained elsewhere, and what tells apart how methods were tuned.

    Args:
        suites: of the report.
        unfinished, labels: as of `warn_of_unfinished`.
        records: how ρ and settings were tuned.
    """
    of_suites = ([*warn_of_imports(scores), *find_tuning_warnings(scores, records)] for scores in suites)
    for sentence in itertools.chain(warn_of_unfinished(unfinished, labels), *of_suites):
        yield Text(sentence, warning=True)


def describe_conclusions(
    analyses: Sequence[Analysis], review: PlanReview | None, left_out: str | None
) -> list[str]:
    """A paragraph on the frozen plan, if there is one, one for each suite, on the test and on what is left out."""
    test = describe_test([a.pairs for a in analyses if a.pairs is not None])
    plan = [describe_frozen_plan(review)] if review is not None else []
    return [*plan, *map(describe_conclusion, analyses), *(line for line in (test, left_out) if line)]


def describe_left_out(results: Path, tasks: Sequence[str] | None, methods: Sequence[str] | None) -> str | None:
    """What the folder has and this report was asked to leave out; None where that is nothing."""
    if tasks is None and methods is None:
        return None
    headers = read_headers(results).values()
    parts = []
    for kind, every, kept in (
        ("method", [h.method for h in headers], methods),
        ("task", [h.task for h in headers], tasks),
    ):
        names = [f"`{name}`" for name in dict.fromkeys(every) if kept is not None and name not in kept]
        parts += [f"the {kind}{'s' if len(names) > 1 else ''} {', '.join(names)}"] if names else []
    if not parts:
        return None
    return (
        f"Left out on request, though results of it are there: {' and '.join(parts)}. Tests and corrections are "
        "of what is shown alone; chosen after a look at the rest, it separates too easily."
    )
