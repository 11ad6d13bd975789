"""The opening of a report on a plan that is not finished: what is there, what is missing, and what is compared."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from reports.load.partial import Partial, choose_compared
from reports.load.schema import PlanEntry
from reports.load.scores import SuiteScores
from reports.render.document import Block, Text, name_table
from reports.render.missing import tabulate_presence
from reports.render.numbers import count_noun

_RULE = (
    "A mean is over the tasks and seeds of which every variant with any result has one; what is there decides "
    "which they are, and no score does."
)
_MARK = " In tables – (1 of 3) marks what is left out, with how many of its seeds are there."


def warn_of_missing(
    suites: Sequence[SuiteScores],
    planned: Sequence[PlanEntry],
    missing: Sequence[PlanEntry],
    labels: Mapping[str, str],
    *,
    is_marked: bool = True,
) -> list[str]:
    """The sentences that a report on a part of the results opens with; none where nothing is missing.

    Args:
        suites: of the report.
        planned: the cells of the last plan; none where there is no plan.
        missing: those of them without a result.
        labels: of their variants by their paths, without ρ.
        is_marked: whether tables mark what is left out of them; those of a sweep do not.
    """
    holes = [] if missing else _find_holes(suites)
    if not missing and not holes:
        return []
    failed = len({cell.path for cell in planned} & _list_failed(suites))
    said = [_count_plan(planned, missing, labels, failed)] if planned else ["PARTIAL."]
    if holes:
        besides = "which the last plan does not name" if planned else "of tasks × variants × seeds that are there"
        have = "has" if len(holes) == 1 else "have"
        said.append(
            f"{count_noun(len(holes), 'cell')} of the tables, {besides}, {have} no result: {_count_by(holes)}."
        )
    there = {scores.suite for scores in suites}
    said += [
        f"Of suite {name} nothing is there."
        for name in dict.fromkeys(c.suite for c in missing)
        if name not in there
    ]
    return [
        " ".join([*said, _RULE]) + (_MARK if is_marked else ""),
        *(_describe_compared(s, s.partial) for s in suites if s.partial is not None),
    ]


def count_missing(suites: Sequence[SuiteScores], missing: Sequence[PlanEntry]) -> int:
    """How many results are missing, of the last plan, else of the tables; arguments as of `warn_of_missing`."""
    return len(missing) or len(_find_holes(suites))


def make_partial_blocks(suites: Sequence[SuiteScores], warnings: Sequence[str]) -> list[Block]:
    """The warnings, and a table of what is there of each suite with missing cells."""
    blocks: list[Block] = [Text(sentence, warning=True) for sentence in warnings]
    for scores in suites:
        if scores.partial is not None:
            blocks.append(Text(f"{scores.suite}: seeds that are there, by task and variant."))
            blocks.append(name_table(tabulate_presence(scores.partial), scores.suite, "presence", splits=True))
    return blocks


def _count_plan(
    planned: Sequence[PlanEntry], missing: Sequence[PlanEntry], labels: Mapping[str, str], failed: int
) -> str:
    there = len(planned) - len(missing)
    said = f"PARTIAL: {there} of the {count_noun(len(planned), 'result')} of the last plan {_are(there)} there"
    if failed:
        said += f", {failed} of them failed"
    if not missing:
        return f"{said}."
    cells = [(cell.task, labels[cell.path]) for cell in missing]
    return f"{said}; {len(missing)} {_are(len(missing))} missing: {_count_by(cells)}."


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _count_by(cells: Iterable[tuple[str, str]]) -> str:
    """`by method, swg 4, cep 6; by task, maze2d-umaze 2, maze2d-large 8`, of tasks and methods."""
    tasks, methods = zip(*cells, strict=True)
    return f"by method, {_count(methods)}; by task, {_count(tasks)}"


def _count(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}` {count}" for name, count in Counter(names).items())


def _find_holes(suites: Sequence[SuiteScores]) -> list[tuple[str, str]]:
    """Task and variant of the cells of the tables that are missing, and that no missing cell of the plan is."""
    found: list[tuple[str, str]] = []
    for scores in suites:
        if scores.partial is not None:
            own = set(scores.partial.planned)
            found += [(task, v) for task, v, seed in scores.partial.missing if (task, v, seed) not in own]
    return found


def _list_failed(suites: Sequence[SuiteScores]) -> set[str]:
    """The paths, relative to the results folder, of the failed results."""
    failed = (cell.path for scores in suites for each in scores.unranked for cell in each.failed)
    return {"/".join(path.parts[-4:]) for path in failed}


def _describe_compared(scores: SuiteScores, partial: Partial) -> str:
    """What of a suite is compared, what is not, and which variant alone keeps the most from being compared."""
    whole = partial.whole
    said = (
        f"{scores.suite}: tables and figures are of {_list(scores.variants)} on "
        f"{len(scores.tasks)} of {count_noun(len(whole.tasks), 'task')} ({', '.join(scores.tasks)}) and "
        f"{len(scores.seeds)} of {count_noun(len(whole.seeds), 'seed')} ({', '.join(map(str, scores.seeds))})."
    )
    others = [variant for variant in whole.variants if variant not in scores.variants]
    if others:
        said += f" Left out: {', '.join(f'`{v}` ({_count_cells(partial, v)})' for v in others)}."
    return said + _suggest_without(scores, partial)


def _count_cells(partial: Partial, variant: str) -> str:
    there = sum(partial.count_seeds(task, variant) for task in partial.whole.tasks)
    return f"{there} of {count_noun(len(partial.whole.tasks) * len(partial.whole.seeds), 'result')}"


def _suggest_without(scores: SuiteScores, partial: Partial) -> str:
    """The variant without which the most tasks × seeds could be compared, with a space before; else nothing."""
    size = len(scores.tasks) * len(scores.seeds)
    found: dict[str, int] = {}
    for variant in scores.variants if len(scores.variants) > 2 else ():
        rest = [cell for cell in partial.there if cell[1] in scores.variants and cell[1] != variant]
        compared = choose_compared(partial.whole, rest)
        if len(compared.variants) == len(scores.variants) - 1:
            found[variant] = len(compared.tasks) * len(compared.seeds)
    best = max(found, key=found.__getitem__, default=None)
    if best is None or found[best] <= size:
        return ""
    instead = f"{found[best]} pairs of a task and a seed, instead of {size}"
    return f" Without `{best}` ({_count_cells(partial, best)}) {instead}, could be compared."


def _list(names: Collection[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
