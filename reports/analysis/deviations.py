"""What of a report's results is not as their frozen plan has it, and whether the plan was frozen before them.

A result of a method on a task is compared with the frozen entry of that method and task from whose settings it
differs least. What deviates for one of the two methods of the primary comparison keeps that from being one that
was decided on before; a difference of versions alone does not.
"""

import json
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from reports.analysis.looks import count_episodes
from reports.load.frozen_plan import FrozenMethod, FrozenPlan
from reports.load.schema import Cell, FailedResult, Result
from reports.load.scores import SuiteScores
from reports.load.tuning_schema import LedgerEntry
from reports.load.variants import name_terms

EPISODES = "evaluation.episodes"  # the number of episodes itself is compared
UNSET = "unset"


@dataclass(frozen=True)
class Deviation:
    """One thing that is not as planned.

    Attributes:
        what: in words.
        where: the methods and tasks that it is of, in words; empty where that goes without saying.
        methods: that it is of; none where it is of versions.
    """

    what: str
    where: str
    methods: frozenset[str]


@dataclass(frozen=True)
class PlanReview:
    """A frozen plan beside the results of a report.

    Attributes:
        plan: as it was frozen.
        first: when the first of its evaluations was made that the ledger or a result has; None without any.
        others: how many of the ledger's evaluations of its methods and tasks, on other seeds, were made before it.
        deviations: of the results from the plan.
        has_code: whether the code of the methods was compared too, by the ledger.
    """

    plan: FrozenPlan
    first: str | None
    others: int
    deviations: tuple[Deviation, ...]
    has_code: bool

    @property
    def is_before(self) -> bool:
        """Whether the plan was frozen before the first of its evaluations."""
        return self.first is None or _read_time(self.plan.created) <= _read_time(self.first)

    @property
    def keeps_primary(self) -> bool:
        """Whether the primary comparison was decided on before and made as planned."""
        pair = set(self.plan.primary or ())
        return self.is_before and not any(pair & deviation.methods for deviation in self.deviations)

    def find_primary(self, scores: SuiteScores) -> tuple[str, str] | None:
        """The two variants of the primary comparison in a suite, where it is shown without a correction."""
        if self.plan.primary is None or scores.suite not in {entry.suite for entry in self.plan.methods}:
            return None
        found = [[v for v in scores.variants if scores.method(v) == name] for name in self.plan.primary]
        if not self.keeps_primary or any(len(own) != 1 for own in found):
            return None
        return found[0][0], found[1][0]


def _read_time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def review_plan(plan: FrozenPlan, suites: Sequence[SuiteScores], ledger: Sequence[LedgerEntry]) -> PlanReview:
    """Compare the results of a report, failed ones too, with the plan that was frozen for them.

    Args:
        plan: its hash checked.
        suites: of the report.
        ledger: of the results folder.
    """
    cells: list[Cell] = [result for scores in suites for result in scores.list_all()]
    planned = {(entry.task, entry.method, entry.data) for entry in plan.methods}
    reported = [e for e in ledger if e.kind == "reported" and (e.task, e.method, e.data) in planned]
    own = [entry for entry in reported if set(entry.seeds) & set(plan.seeds)]
    made = [c for c in cells if (c.task, c.method, c.data.identity) in planned and c.seed in plan.seeds]
    created = _read_time(plan.created)
    times = sorted([*(entry.created for entry in own), *(cell.created for cell in made)], key=_read_time)
    others = [e for e in reported if e not in own and _read_time(e.created) < created]
    found = Comparison(plan, tuple(cells), tuple(own))
    return PlanReview(plan, times[0] if times else None, len(others), found.list_deviations(), found.has_code)


@dataclass(frozen=True)
class Comparison:
    """A plan and what was made.

    Attributes:
        plan: as frozen.
        cells: every result of the report.
        ledger: its evaluations of the plan's methods, tasks, data and seeds.
    """

    plan: FrozenPlan
    cells: tuple[Cell, ...]
    ledger: tuple[LedgerEntry, ...]

    @property
    def has_code(self) -> bool:
        """Whether the ledger has the policy behind every planned result, with the settings as frozen."""
        pairs = [pair for pairs in self._matched.values() for pair in pairs]
        return all(self._find_policies(entry, cells) for entry, cells in pairs if cells)

    def list_deviations(self) -> tuple[Deviation, ...]:
        """Every deviation, those of whole tasks and methods first."""
        return (
            *self._compare_tasks(),
            *self._compare_methods(),
            *self._compare_cells(),
            *self._compare_versions(),
        )

    @cached_property
    def _planned(self) -> dict[tuple[str, str], list[FrozenMethod]]:
        """Task and method to its frozen entries."""
        found: dict[tuple[str, str], list[FrozenMethod]] = {}
        for entry in self.plan.methods:
            found.setdefault((entry.task, entry.method), []).append(entry)
        return found

    @cached_property
    def _matched(self) -> dict[tuple[str, str], list[tuple[FrozenMethod, list[Cell]]]]:
        """Planned task and method that is there to its frozen entries, each with the results nearest to it."""
        found: dict[tuple[str, str], list[Cell]] = {}
        for cell in self._planned_cells():
            found.setdefault((cell.task, cell.method), []).append(cell)
        return {key: _match(self._planned[key], cells) for key, cells in found.items()}

    def _planned_cells(self) -> list[Cell]:
        return [cell for cell in self.cells if (cell.task, cell.method) in self._planned]

    def _compare_tasks(self) -> Iterable[Deviation]:
        planned = dict.fromkeys(entry.task for entry in self.plan.methods)
        suites = {entry.suite for entry in self.plan.methods}
        methods = frozenset(entry.method for entry in self.plan.methods)
        there = {cell.task: cell.suite for cell in self.cells}
        for task in planned:
            if task not in there:
                yield Deviation(f"missing task {task}", "", methods)
        for task, suite in there.items():
            if suite in suites and task not in planned:
                yield Deviation(f"added task {task}", "", methods)
        for suite in dict.fromkeys(suite for suite in there.values() if suite not in suites):
            yield Deviation(f"added suite {suite}", "", frozenset())

    def _compare_methods(self) -> Iterable[Deviation]:
        tasks = {task for task, _ in self._planned} & {cell.task for cell in self.cells}
        there = dict.fromkeys((cell.task, cell.method) for cell in self.cells if cell.task in tasks)
        planned = [key for key in self._planned if key[0] in tasks]
        for what, keys in (
            ("missing", [key for key in planned if key not in there]),
            ("added", [key for key in there if key not in self._planned]),
        ):
            for method in dict.fromkeys(method for _, method in keys):
                own = [task for task, name in keys if name == method]
                where = "" if set(own) == tasks else f"on {_join(own)}"
                yield Deviation(f"{what} method {method}", where, frozenset({method}))

    def _compare_cells(self) -> Iterable[Deviation]:
        """What deviates in methods and tasks that were planned and are there, equal things put together."""
        found: dict[str, list[tuple[str, str]]] = {}
        for key, pairs in self._matched.items():
            for entry, own in pairs:
                for what in self._compare_entry(entry, own):
                    found.setdefault(what, []).append(key)
        there = {(cell.task, cell.method) for cell in self._planned_cells()}
        for what, keys in found.items():
            yield Deviation(what, _describe_place(keys, there), frozenset(method for _, method in keys))

    def _compare_entry(self, entry: FrozenMethod, cells: Sequence[Cell]) -> Iterable[str]:
        """What of the results that one frozen entry fits best is not as it has it."""
        if not cells:
            yield "settings that were frozen were not run"
            return
        plan, failed = self.plan, sorted({cell.seed for cell in cells if isinstance(cell, FailedResult)})
        yield from _compare_values("preset", plan.preset, {cell.preset for cell in cells})
        yield from _compare_values("terms", name_terms(plan.terms), {name_terms(cell.terms) for cell in cells})
        yield from _compare_values("data", _name_data(entry.data), {_name_data(c.data.identity) for c in cells})
        yield from _compare_sets("seeds", plan.seeds, {cell.seed for cell in cells})
        if failed:
            yield f"failed seeds {_join(failed)}"
        episodes = {count_episodes(cell) for cell in cells if isinstance(cell, Result)}
        yield from _compare_values("episodes of each seed", entry.episodes, episodes)
        yield from _compare_rho(entry, cells)
        yield from _compare_tuning(entry, cells)
        differing = _list_settings(entry, cells)
        yield from differing
        data = {cell.data.identity for cell in cells}
        if not differing and data == {entry.data}:
            yield from self._compare_code(entry, cells)

    def _compare_code(self, entry: FrozenMethod, cells: Sequence[Cell]) -> Iterable[str]:
        """Whether equal settings and data were made by the same code."""
        if any(cell.components != entry.components for cell in cells):
            yield "another version of the code of the components"
            return
        if self._find_policies(entry, cells) - {entry.policy}:
            yield "another version of the code of the method"

    def _find_policies(self, entry: FrozenMethod, cells: Sequence[Cell]) -> set[str]:
        """The policies with the settings as frozen that the ledger has on seeds of these results."""
        seeds = {cell.seed for cell in cells}
        return {
            known.policy
            for known in self.ledger
            if (known.task, known.method) == (entry.task, entry.method)
            and seeds & set(known.seeds)
            and not _differ(entry.acting_settings, known.settings)
        }

    def _compare_versions(self) -> Iterable[Deviation]:
        cells = self._planned_cells()
        for name in dict.fromkeys([*self.plan.versions, *(n for cell in cells for n in cell.versions)]):
            frozen = self.plan.versions.get(name, UNSET)
            for what in _compare_values(name, frozen, {cell.versions.get(name, UNSET) for cell in cells}):
                yield Deviation(what, "", frozenset())


def _describe_place(keys: Sequence[tuple[str, str]], there: Set[tuple[str, str]]) -> str:
    """`swg, cep on hopper-medium-v2`; the tasks or all of it left out where it is so everywhere."""
    if set(keys) == there:
        return ""
    tasks, methods = (tuple(dict.fromkeys(key[i] for key in keys)) for i in (0, 1))
    everywhere = {task for task, method in there if method in methods}
    return _join(methods) + ("" if set(tasks) == everywhere else f" on {_join(tasks)}")


def _match(entries: Sequence[FrozenMethod], cells: Sequence[Cell]) -> list[tuple[FrozenMethod, list[Cell]]]:
    """Each frozen entry of a method and task with the results that are nearest to it."""
    own: list[list[Cell]] = [[] for _ in entries]
    for cell in cells:
        nearest = min(
            range(len(entries)),
            key=lambda i: (
                len(set(_differ(entries[i].acting_settings, cell.config)) - _list_chosen(entries[i], cell)),
                cell.rho_source != entries[i].rho.source,
                cell.rho not in entries[i].rho.values,
            ),
        )
        own[nearest].append(cell)
    return list(zip(entries, own, strict=True))


def _differ(frozen: Mapping[str, Any], made: Mapping[str, Any]) -> list[str]:
    """The names of settings with different values, that of the number of episodes aside."""
    names = dict.fromkeys([*frozen, *made])
    return [name for name in names if name != EPISODES and _write(frozen, name) != _write(made, name)]


def _write(settings: Mapping[str, Any], name: str) -> str:
    value = settings.get(name, UNSET)
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _list_settings(entry: FrozenMethod, cells: Sequence[Cell]) -> list[str]:
    found: dict[str, set[str]] = {}
    for cell in cells:
        chosen = _list_chosen(entry, cell)
        for name in (name for name in _differ(entry.acting_settings, cell.config) if name not in chosen):
            found.setdefault(name, set()).add(_write(cell.config, name))
    return [what for name, values in found.items() for what in _compare_values(
        f"`{name}`", _write(entry.acting_settings, name), values
    )]  # fmt: skip


def _list_chosen(entry: FrozenMethod, cell: Cell) -> set[str]:
    """The settings of a result that tuning chose, as its plan left to it, by dotted name."""
    if entry.tuning is None or cell.tuning is None:
        return set()
    return {f"{entry.method}.{name}" for name in entry.tuning.open if name in cell.tuning.knobs}


def _compare_rho(entry: FrozenMethod, cells: Sequence[Cell]) -> Iterable[str]:
    """Where ρ came from, and which it was where that was known."""
    rule = entry.rho
    for source in sorted({str(cell.rho_source) for cell in cells if cell.rho_source != rule.source}):
        values = {f"{c.rho:g}" for c in cells if c.rho is not None and str(c.rho_source) == source}
        yield f"ρ is {source} {_join(sorted(values))}, frozen as {rule.describe()}"
    as_planned = {cell.rho for cell in cells if cell.rho_source == rule.source and cell.rho is not None}
    if rule.values and as_planned:
        yield from _compare_sets("ρ", rule.values, as_planned)


def _compare_tuning(entry: FrozenMethod, cells: Sequence[Cell]) -> Iterable[str]:
    """Whether there were as many trials of tuning as planned."""
    trials = {cell.tuning.trials if cell.tuning is not None else 0 for cell in cells}
    if entry.tuning is not None and min(trials) < entry.tuning.trials:
        made = f"tuned with {min(trials)} trials" if min(trials) else "not tuned"
        yield f"{made}, frozen as tuned with {entry.tuning.trials} trials or more"


def _compare_values(what: str, frozen: object, made: Iterable[object]) -> Iterable[str]:
    others = sorted(str(value) for value in made if value != frozen)
    if others:
        yield f"{what} {_join(others)}, frozen as {frozen}"


def _compare_sets(what: str, frozen: Iterable[float], made: Iterable[float]) -> Iterable[str]:
    planned, there = set(frozen), set(made)
    for word, values in (("missing", planned - there), ("added", there - planned)):
        if values:
            yield f"{word} {what} {_join(f'{value:g}' for value in sorted(values))}"


def _name_data(identity: tuple[str, str]) -> str:
    source, fingerprint = identity
    return f"{source} {fingerprint[:12]}"


def _join(items: Iterable[object]) -> str:
    return ", ".join(map(str, items))
