"""A plan names every component that a comparison needs, each once, in the order in which they can be made.

A component's key is the hash of everything that made it: kind, code version, how its random numbers are named,
settings, the keys of its upstream components and the data set's fingerprint.
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.config.code import describe_task, hash_method
from bench.config.precedence import SHARED
from bench.config.request import Job, Request, RunDetails
from bench.config.spec import Cell, flatten
from bench.runner.blocks import EVALUATION
from bench.runner.choose_rho import (
    Purpose,
    choose,
    explain_unused,
    find_tuned,
    make_purpose,
    refuse_tuned_seeds,
)
from bench.runner.data import LoadedData, group_by_data, make_setup
from bench.runner.protocol import Tuned, count_trials
from bench.storage.components import ComponentStore, hash_json
from bench.storage.results import ResultStore
from methods.core.method import MethodError
from methods.core.setup import Setup
from reports.load.schema import FORMAT, ExperimentEntry, PlanEntry, TuningCost
from suites.task import Task
from training import Component, Computed, Trained
from training.seeds import STREAMS

KEY_LENGTH = 16
UNTUNED = ("preset", "published", "default")  # a tuned ρ would have come before these


@dataclass(frozen=True)
class Node:
    """A component with its key.

    Attributes:
        component: what it is.
        label: `<kind>-<key>`, its folder's name.
        upstream: the nodes it is made from, by its own names for them.
    """

    component: Component
    label: str
    upstream: Mapping[str, "Node"]

    @property
    def made(self) -> bool:
        """Whether it has to be trained or computed at all; a known critic has not."""
        return isinstance(self.component, Trained | Computed)


def make_node(component: Component, fingerprint: str, known: dict[Component, Node]) -> Node:
    """The node of a component and, through `known`, one node for equal components.

    Raises:
        MethodError: a field that cannot be written as JSON, so that it has no place in a key.
    """
    if component not in known:
        upstream = {name: make_node(other, fingerprint, known) for name, other in component.upstream().items()}
        labels = {name: node.label for name, node in upstream.items()}
        cls = type(component)
        made_by = [component.kind, component.version, STREAMS, f"{cls.__module__}.{cls.__qualname__}"]
        key = hash_json([*made_by, collect_fields(component), labels, fingerprint])
        known[component] = Node(component, f"{component.kind}-{key[:KEY_LENGTH]}", upstream)
    return known[component]


def collect_fields(component: Component) -> dict[str, Any]:
    """A component's settings as JSON values, without its upstream components, which enter by their keys."""
    return {
        item.name: as_json(getattr(component, item.name), f"{component.kind}.{item.name}")
        for item in dataclasses.fields(component)  # pyright: ignore[reportArgumentType]
        if not isinstance(getattr(component, item.name), Component) and item.metadata.get("in_key") is not False
    }


def as_json(value: Any, name: str) -> Any:
    """A field's value as JSON; a nested dataclass with the name of its type.

    Raises:
        MethodError: a value that JSON does not know.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {item.name: getattr(value, item.name) for item in dataclasses.fields(value)}
        return {"type": type(value).__name__, **as_json(fields, name)}
    if isinstance(value, Mapping):
        return {str(key): as_json(each, f"{name}.{key}") for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_json(each, f"{name}[{place}]") for place, each in enumerate(value)]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise MethodError(
        f"component field {name} holds a {type(value).__name__}, which has no place in a key; use numbers, texts, "
        "tuples and frozen dataclasses of them, or mark the field with metadata={'in_key': False}."
    )


def sort_upstream_first(nodes: Iterable[Node]) -> list[Node]:
    """Every node once, upstream first; those that are known rather than made are left out."""
    found: dict[str, Node] = {}

    def visit(node: Node) -> None:
        for other in node.upstream.values():
            visit(other)
        if node.made:
            found.setdefault(node.label, node)

    for node in nodes:
        visit(node)
    return list(found.values())


@dataclass(frozen=True)
class PlannedCell:
    """A cell with the components it stands on.

    Attributes:
        cell: what is run.
        setup: what its method shares with the others of its job.
        models: its method's components by the method's names.
        label: `<method>-<key>`: the same for all seeds of a method with one ρ and one data set.
        data: key and source of its data.
    """

    cell: Cell
    setup: Setup
    models: Mapping[str, Node]
    label: str
    data: tuple[str, str] = ("", "")

    def entry(self, results: ResultStore) -> PlanEntry:
        """The cell, and the path of its result in the folder."""
        cell = self.cell
        return PlanEntry(
            suite=cell.task.suite,
            task=cell.task.name,
            method=cell.name,
            rho=cell.rho,
            seed=cell.seed,
            path=str(results.file(cell.task.name, self.label, cell.seed).relative_to(results.root)),
        )


def plan_cell(cell: Cell, setup: Setup, loaded: LoadedData, known: dict[Component, Node]) -> PlannedCell:
    """The cell with its nodes and the label of its result."""
    components = cell.method.components(setup)
    models = {name: make_node(component, loaded.key, known) for name, component in components.items()}
    planned = PlannedCell(cell, setup, models, "", (loaded.key, loaded.about.source))
    return dataclasses.replace(planned, label=label_cell(planned))


def label_cell(planned: PlannedCell) -> str:
    """The label by all that makes the result; its source of data tells equal data of two sources apart."""
    cell, labels = planned.cell, {name: node.label for name, node in planned.models.items()}
    made_by = [FORMAT, EVALUATION, cell.task.name, cell.name, cell.settings(), cell.rho, labels, *planned.data]
    made_by += [describe_task(cell.task), hash_method(cell.method)]
    made_by += [cell.terms] if cell.terms != SHARED else []
    return f"{cell.name}-{hash_json(made_by)[:KEY_LENGTH]}"


@dataclass(frozen=True)
class TaskPlan:
    """A task's cells and components.

    Attributes:
        task: where.
        job: one of its jobs, for what they have in common.
        data: of each training seed.
        cells: all of them.
        open: those without a result.
        missing: components still to be made, upstream first, with the seeds that miss them.
        ready: number of components that are there.
        notes: what the user should know of this task's ρ.
        tuned: the trials of every method that has something to tune.
    """

    task: Task
    job: Job
    data: Mapping[int, LoadedData]
    cells: list[PlannedCell]
    open: list[PlannedCell]
    missing: list[tuple[Node, tuple[int, ...]]]
    ready: int
    notes: tuple[str, ...] = ()
    tuned: tuple[Tuned, ...] = ()


def plan_task(
    request: Request[RunDetails], jobs: Sequence[Job], data: Mapping[int, LoadedData], results: ResultStore
) -> TaskPlan:
    """The cells of one task's jobs, the components they need, and what of both is there already."""
    task = jobs[0].task
    cells: list[PlannedCell] = []
    notes: list[str] = []
    tuned: list[Tuned] = []
    for loaded, seeds in group_by_data(data):
        known = dict[Component, Node]()
        for job in jobs:
            setup = make_setup(task, job.config, loaded.about.action_low, loaded.about.action_high)
            purposes = {name: find_purpose(request, job, name, setup, loaded, known) for name in job.methods}
            tuned += count_trials(request, job, purposes)
            made = make_cells(request, job, purposes, seeds)
            cells += [plan_cell(cell, setup, loaded, known) for cell in made]
            used = {cell.name: (cell.rho, cell.rho_source) for cell in made if cell.rho_source in UNTUNED}
            said = (explain_unused(request.results, purposes[name], choice) for name, choice in used.items())
            notes += filter(None, said)
    # Two settings of an experiment are one where a flag sets what would tell them apart; its row, if any, stays.
    by_row = sorted(cells, key=lambda p: p.cell.row is not None)
    kept = {(p.label, p.cell.seed): p for p in by_row}
    cells = [kept[key] for key in dict.fromkeys((p.label, p.cell.seed) for p in cells)]
    still_open = [p for p in cells if not results.file(task.name, p.label, p.cell.seed).is_file()]
    missing, ready = find_missing(still_open, ComponentStore(request.artifacts))
    said_once, counted = tuple(dict.fromkeys(notes)), tuple(dict.fromkeys(tuned))
    return TaskPlan(task, jobs[0], data, cells, still_open, missing, ready, said_once, counted)


def find_purpose(
    request: Request[Any], job: Job, name: str, setup: Setup, loaded: LoadedData, known: dict[Component, Node]
) -> Purpose:
    """What a ρ of this method of a job is for."""
    components = job.methods[name].components(setup).items()
    labels = {part: make_node(component, loaded.key, known).label for part, component in components}
    return make_purpose(job, request.preset, name, labels, loaded.about)


def make_cells(
    request: Request[RunDetails], job: Job, purposes: Mapping[str, Purpose], seeds: Sequence[int]
) -> list[Cell]:
    """Every (method, ρ, seed) of one job, on one data set.

    Raises:
        UserError: a ρ was tuned on one of these seeds and these data.
    """
    cells: list[Cell] = []
    for name, method in job.methods.items():
        is_of_table = job.part.holds(flatten(job.config) | flatten(method, name))
        scales = () if request.details.rhos else job.part.scales(method, job.task)
        purpose = purposes[name]
        refuse_tuned_seeds(request, purpose, seeds)
        tuned = find_tuned(request.results, purpose)
        cost = TuningCost(episodes=tuned.episodes, trials=tuned.trials) if tuned is not None else None
        choices = scales or choose(method, job.task, purpose, request.details.rhos, request.results)
        cells += [
            Cell(
                task=job.task,
                name=name,
                method=method,
                config=job.config,
                rho=rho,
                rho_source=rho_source,
                seed=seed,
                preset=request.preset,
                terms=job.terms,
                tuning=cost if rho_source == "tuned" else None,
                row=job.part.row(name, rho, bool(request.details.rhos)) if is_of_table else None,
            )
            for rho, rho_source in choices
            for seed in seeds
        ]
    return cells


def find_missing(
    still_open: Sequence[PlannedCell], store: ComponentStore
) -> tuple[list[tuple[Node, tuple[int, ...]]], int]:
    """The components to be made, upstream first, with the seeds that miss them, and how many are there already."""
    needed: dict[str, list[int]] = {}
    nodes = sort_upstream_first(node for p in still_open for node in p.models.values())
    for p in still_open:
        for node in sort_upstream_first(p.models.values()):
            needed.setdefault(node.label, []).append(p.cell.seed)
    missing = [(node, store.missing(node.label, sorted(set(needed[node.label])))) for node in nodes]
    missing = [(node, seeds) for node, seeds in missing if seeds]
    return missing, len(nodes) - len(missing)


def group_cells(cells: Iterable[PlannedCell]) -> list[list[PlannedCell]]:
    """The cells that are evaluated together: a method at one ρ, all its seeds."""
    groups: dict[str, list[PlannedCell]] = {}
    for planned in cells:
        groups.setdefault(planned.label, []).append(planned)
    return list(groups.values())


def enter_experiment(
    name: str, table: str, plans: Iterable[TaskPlan], results: ResultStore
) -> list[ExperimentEntry]:
    """The cells of an experiment that have a row of its table."""
    return [
        ExperimentEntry(experiment=name, table=table, row=planned.cell.row, **dict(planned.entry(results)))
        for plan in plans
        for planned in plan.cells
        if planned.cell.row is not None
    ]
