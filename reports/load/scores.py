"""A suite's scores as a full matrix, task × variant × seed; what is missing or does not compare is refused."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from foundation.program import program_name
from reports.errors import MissingResults, NoScores, ReportError
from reports.load.declared_scales import gather_declared
from reports.load.files import read_headers, read_result
from reports.load.partial import CellName, Matrix, Partial, choose_compared
from reports.load.plans import list_missing, read_plans
from reports.load.schema import HIGHER_IS_BETTER, FailedResult, PlanEntry, Result
from reports.load.sources import describe_data
from reports.load.variants import label_variants

_SHOWN_MISSING = 5


@dataclass(frozen=True)
class Unranked:
    """A variant with a failed cell.

    Attributes:
        failed: its failed cells.
        finished: its other results.
    """

    variant: str
    failed: tuple[FailedResult, ...]
    finished: tuple[Result, ...]


@dataclass(frozen=True)
class SuiteScores:
    """All results of one suite as a full matrix.

    Attributes:
        suite: its name.
        tasks, variants, seeds: the axes, in the order they are printed.
        cells: (task, variant, seed) to its result; every combination is there.
        unranked: variants with a failed cell, which are no part of the matrix.
        partial: what else is there, where cells are missing, and the matrix is the part that can be compared.
    """

    suite: str
    tasks: tuple[str, ...]
    variants: tuple[str, ...]
    seeds: tuple[int, ...]
    cells: Mapping[tuple[str, str, int], Result] = field(repr=False)
    unranked: "tuple[Unranked, ...]" = ()
    partial: Partial | None = field(default=None, repr=False)

    @property
    def is_control(self) -> bool:
        """Whether the scores are normalised returns (higher is better) rather than distances."""
        return self.of(self.tasks[0], self.variants[0])[0].metric == HIGHER_IS_BETTER

    @property
    def source(self) -> str | None:
        """The label of the data behind all results (see `Data.label`); None for densities, of one source."""
        return self.of(self.tasks[0], self.variants[0])[0].data.label if self.is_control else None

    def label_task(self, task: str) -> str:
        """The task with its data source, such as `hopper-medium-v2 (local)`; a density's name alone."""
        return task if self.source is None else f"{task} ({self.source})"

    def add_source(self, title: str) -> str:
        """The title with what the data are, such as `Scores, data local: made here, not D4RL's`."""
        if self.source is None:
            return title
        return f"{title}, {describe_data(result.data for result in self.results())}"

    def of(self, task: str, variant: str) -> tuple[Result, ...]:
        """The results of one task and variant, one per seed."""
        return tuple(self.cells[task, variant, seed] for seed in self.seeds)

    def matrix(self, variant: str) -> np.ndarray:
        """A variant's scores, seeds × tasks, in the metric's unit."""
        return np.array([[self.cells[t, variant, s].score for t in self.tasks] for s in self.seeds])

    def results(self) -> tuple[Result, ...]:
        """Every result once, ordered by task, variant and seed."""
        return self._results

    @cached_property
    def _results(self) -> tuple[Result, ...]:
        every = (r for task in self.tasks for variant in self.variants for r in self.of(task, variant))
        return tuple({id(result): result for result in every}.values())

    def list_left_out(self) -> tuple[Result, ...]:
        """The results that are there and not compared, since others are missing."""
        if self.partial is None:
            return ()
        compared = {id(result) for result in self._results}
        found = {id(r): r for cell in self.partial.left_out if id(r := self.partial.there[cell]) not in compared}
        return tuple(found.values())

    def list_all(self) -> tuple[Result | FailedResult, ...]:
        """Every result: compared, left out, and of variants with a failed cell, the failed ones too."""
        beside = (result for each in self.unranked for result in (*each.finished, *each.failed))
        return (*self.results(), *self.list_left_out(), *beside)

    def method(self, variant: str) -> str:
        return self.of(self.tasks[0], variant)[0].method

    def baseline(self, asked: str | None) -> str:
        """The variant others are compared with: `asked`, or `unguided`, or the first."""
        if asked is not None and asked in self.variants:
            return asked
        return "unguided" if "unguided" in self.variants else self.variants[0]


def check_filters(
    tasks: Sequence[str] | None, methods: Sequence[str] | None, there: Sequence[tuple[str, str]]
) -> None:
    """Refuse names to keep that no result has.

    Args:
        tasks, methods: names to keep; None for all.
        there: task and method of every result, and of what is planned.

    Raises:
        ReportError: the first such name, and those that there are.
    """
    _check_filter("task", tasks, [task for task, _ in there])
    _check_filter("method", methods, [method for _, method in there])


def _check_filter(what: str, asked: Sequence[str] | None, there: Iterable[str]) -> None:
    names = sorted(set(there))
    for name in asked or ():
        if name not in names:
            raise ReportError(f"no {what} {name!r} among the results; there are: {', '.join(names)}.")


def _is_kept(task: str, method: str, tasks: Sequence[str] | None, methods: Sequence[str] | None) -> bool:
    return (not tasks or task in tasks) and (not methods or method in methods)


_COLUMN: Mapping[str, Callable[[Result], str | None]] = {
    "metrics": lambda r: r.metric,
    "presets": lambda r: r.preset,
    "data sets": lambda r: r.data.recipe,
    "data sets of one and of each seed": lambda r: "one for each seed" if r.data.per_seed else "one for all seeds",
    # A set's noise floor falls with the number of samples, and the report has one floor for a set and β.
    "numbers of samples": lambda r: " or ".join(f"{n:,}" for n in sorted({d.samples for d in r.densities})),
    "versions of mujoco": lambda r: r.versions.get("mujoco"),
    "versions of gymnasium": lambda r: r.versions.get("gymnasium"),
    "versions of gymnasium-robotics": lambda r: r.versions.get("gymnasium-robotics"),
}


def _check_source(suite: str, results: Sequence[Result]) -> None:
    """What stands in one table was made on data of one source."""
    first = results[0]
    for other in results[1:]:
        if first.data.label != other.data.label:
            one, two = (f"{r.data.label} ({r.task}, {r.method}, seed {r.seed})" for r in (first, other))
            raise ReportError(
                f"suite {suite} mixes data sources: {one} and {two} do not belong in one table; keep each in a "
                f"folder of its own (`--results`), or leave one out with `--tasks` or `--methods`."
            )


def _check_column(task: str, results: Sequence[Result]) -> None:
    """What is compared on one task was made on the same data, preset and simulator.

    Where each seed has a data set of its own, the same data are those of one recipe, and of a seed one set.
    """
    for what, value in _COLUMN.items():
        _refuse_mixed(task, what, results, value)
    by_seed: dict[int | None, list[Result]] = {}
    for result in results:
        by_seed.setdefault(result.seed if result.data.per_seed else None, []).append(result)
    for of_one_set in by_seed.values():
        _refuse_mixed(task, "data fingerprints", of_one_set, lambda r: r.data.fingerprint)


def _refuse_mixed(task: str, what: str, results: Sequence[Result], value: Callable[[Result], str | None]) -> None:
    first = results[0]
    for other in results[1:]:
        if value(first) != value(other):
            raise ReportError(
                f"task {task} mixes {what}: {value(first)} ({first.method}, seed {first.seed}) and "
                f"{value(other)} ({other.method}, seed {other.seed}) do not belong in one column; keep each "
                f"in a folder of its own (`--results`), or leave one out with `--tasks` or `--methods`."
            )


def _report_missing(lacking: Sequence[str]) -> MissingResults:
    shown = "; ".join(lacking[:_SHOWN_MISSING])
    more = f" and {len(lacking) - _SHOWN_MISSING} more" if len(lacking) > _SHOWN_MISSING else ""
    return MissingResults(
        f"{len(lacking)} result(s) are missing: {shown}{more}",
        f"run `{program_name()} run` with these tasks, methods and seeds together (what is finished is kept), "
        "report on what is there with `--partial`, or on less with `--tasks` and `--methods`.",
    )


def _list_failed(failed: Sequence[FailedResult]) -> str:
    parts = [f"{r.task}, {r.method}, seed {r.seed} in {r.failure.step}: {r.failure.reason}" for r in failed]
    more = [f"and {len(parts) - _SHOWN_MISSING} more"] if len(parts) > _SHOWN_MISSING else []
    return "; ".join([*parts[:_SHOWN_MISSING], *more])


def _sort_naturally(label: str) -> list[tuple[float, str]]:
    """A sort key by which `rho=5` stands before `rho=10`."""
    return [(float(n or 0), text) for text, n in re.findall(r"([^\d]+)(\d+(?:\.\d+)?)?", label)]


def _set_failed_apart(
    every: Sequence[Result], failed: Sequence[FailedResult], labels: Mapping[Path, str]
) -> tuple[list[Result], tuple[Unranked, ...]]:
    """The results of variants without a failed cell, and the other variants."""
    names = sorted({labels[cell.path] for cell in failed}, key=_sort_naturally)
    unranked = tuple(
        Unranked(
            name,
            tuple(cell for cell in failed if labels[cell.path] == name),
            tuple(result for result in every if labels[result.path] == name),
        )
        for name in names
    )
    return [result for result in every if labels[result.path] not in names], unranked


def _arrange_suite(
    name: str,
    every: Sequence[Result],
    failed: Sequence[FailedResult],
    plan: Sequence[PlanEntry],
    open_cells: Mapping[Path, PlanEntry] | None,
) -> SuiteScores:
    """A suite's full matrix.

    Args:
        name: of the suite.
        every, failed: its results.
        plan: the cells of the last plan.
        open_cells: those without a result, by its path, where a part of the matrix will do; else None.
    """
    own = {path: cell for path, cell in (open_cells or {}).items() if cell.suite == name}
    labels = label_variants([*every, *failed], own)
    results, unranked = _set_failed_apart(every, failed, labels)
    if not results:
        raise NoScores(
            f"every variant of suite {name} has a failed cell ({_list_failed(failed)}): run the same `bench run` "
            "command again with --retry-failed, or report on less with `--tasks` and `--methods`."
        )
    cells: dict[tuple[str, str, int], Result] = {}
    labels, shared = gather_declared(results, labels)
    for label, result in (*((labels[result.path], result) for result in results), *shared):
        key = (result.task, label, result.seed)
        if key in cells:
            raise ReportError(
                f"{cells[key].path} and {result.path} are two results for {key[0]}, {key[1]}, seed {key[2]}: "
                f"delete the one that is not wanted."
            )
        cells[key] = result
    apart = {each.variant for each in unranked}
    rest = {(c.task, labels[path], c.seed): c.method for path, c in own.items() if labels[path] not in apart}
    whole = _order_axes(
        {key: result.method for key, result in cells.items()} | rest, [c for c in plan if c.suite == name]
    )
    lacking = [
        f"{task}, {variant}, seed {seed}"
        for task, variant, seed in whole.cells
        if (task, variant, seed) not in cells
    ]
    if not lacking:
        return SuiteScores(name, whole.tasks, whole.variants, whole.seeds, cells, unranked)
    if open_cells is None:
        raise _report_missing(lacking)
    return _select_compared(
        SuiteScores(name, whole.tasks, whole.variants, whole.seeds, cells, unranked), frozenset(rest)
    )


def _order_axes(methods: Mapping[tuple[str, str, int], str], plan: Sequence[PlanEntry]) -> Matrix:
    """The axes of cells, tasks and methods as planned.

    Args:
        methods: (task, variant, seed) to the method of every cell.
        plan: the suite's cells of the last plan.
    """
    known = set(methods.values())
    planned = [cell for cell in plan if cell.method in known]
    tasks = tuple(dict.fromkeys([*(c.task for c in planned), *sorted({task for task, _, _ in methods})]))
    # `unguided` is what guidance is measured against: it leads, so that every suite shows it in one colour.
    order = list(dict.fromkeys([*(known & {"unguided"}), *(c.method for c in planned), *sorted(known)]))
    places = {variant: (order.index(name), _sort_naturally(variant)) for (_, variant, _), name in methods.items()}
    seeds = tuple(sorted({seed for _, _, seed in methods}))
    return Matrix(tasks, tuple(sorted(places, key=places.__getitem__)), seeds)


def _select_compared(suite: SuiteScores, planned: frozenset[CellName]) -> SuiteScores:
    """The part of a suite that can be compared, with what else is there.

    Args:
        suite: in whose matrix cells are missing.
        planned: those of them that the last plan names.
    """
    whole, there = Matrix(suite.tasks, suite.variants, suite.seeds), suite.cells
    compared = choose_compared(whole, there)
    kept = set(compared.cells)
    left_out = tuple(cell for cell in whole.cells if cell in there and cell not in kept)
    return replace(
        suite,
        tasks=compared.tasks,
        variants=compared.variants,
        seeds=compared.seeds,
        cells={cell: there[cell] for cell in compared.cells},
        partial=Partial(whole, there, left_out, planned),
    )


def describe_entry(cell: PlanEntry, labels: Mapping[str, str]) -> str:
    """`maze2d-umaze, swg, seed 0`, with ρ `maze2d-umaze, swg, seed 0, ρ = 5`; labels are by path, without ρ."""
    scale = "" if cell.rho is None else f", ρ = {cell.rho:g}"
    return f"{cell.task}, {labels[cell.path]}, seed {cell.seed}{scale}"


def load_scores(
    results: Path,
    *,
    tasks: Sequence[str] | None = None,
    methods: Sequence[str] | None = None,
    partial: bool = False,
) -> tuple[SuiteScores, ...]:
    """Every suite in a results folder, checked and complete.

    Args:
        results: the folder `bench run` wrote.
        tasks, methods: names to keep; nothing given keeps all. They apply before the checks.
        partial: whether cells may be missing: of such a suite the part that can be compared, see `Partial`.

    Raises:
        ReportError: unreadable results, a name that is not there, results that do not belong in one column,
            a missing cell of the matrix or of the last plan, or a failed cell of every variant.
    """
    headers, plans = read_headers(results), read_plans(results)
    plan = plans.newest
    there = [(each.task, each.method) for each in (*headers.values(), *plan)]
    check_filters(tasks, methods, there)
    read = [read_result(path) for path, h in headers.items() if _is_kept(h.task, h.method, tasks, methods)]
    plan = [cell for cell in plan if _is_kept(cell.task, cell.method, tasks, methods)]
    found = [result for result in read if isinstance(result, Result)]
    failed = [result for result in read if isinstance(result, FailedResult)]
    lacking = [cell for cell in plan if results / cell.path not in headers]  # not those that came since
    if lacking and not partial:
        raise _report_missing([describe_entry(cell, plans.labels) for cell in lacking])
    open_cells = {results / cell.path: cell for cell in lacking} if partial else None
    for suite in sorted({r.suite for r in found}):
        _check_source(suite, [r for r in found if r.suite == suite])
    for task in sorted({(r.suite, r.task) for r in found}):
        _check_column(task[1], [r for r in found if (r.suite, r.task) == task])
    if not found and not failed:
        raise NoScores(f"no results in {results} match the tasks and methods asked for together.")
    there = {r.suite for r in (*found, *failed)}
    names = dict.fromkeys([*(c.suite for c in plan if c.suite in there), *sorted(there)])
    return tuple(
        _arrange_suite(
            name, [r for r in found if r.suite == name], [r for r in failed if r.suite == name], plan, open_cells
        )
        for name in names
    )


def find_unfinished(
    results: Path, tasks: Sequence[str] | None = None, methods: Sequence[str] | None = None
) -> list[PlanEntry]:
    """The cells of plans before the last whose results are not there, of the tasks and methods that are kept.

    Raises:
        ReportError: a damaged record of plans.
    """
    kept = [cell for cell in read_plans(results).earlier if _is_kept(cell.task, cell.method, tasks, methods)]
    return list_missing(kept, results)


def find_planned(
    results: Path, tasks: Sequence[str] | None = None, methods: Sequence[str] | None = None
) -> list[PlanEntry]:
    """The cells of the last plan, of the tasks and methods that are kept.

    Raises:
        ReportError: a damaged record of plans.
    """
    return [cell for cell in read_plans(results).newest if _is_kept(cell.task, cell.method, tasks, methods)]
