"""A plan names every component that a comparison needs, each once, in the order in which they can be made."""

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from bench.config.code import describe_task, hash_method
from bench.config.precedence import SHARED
from bench.config.request import Job, Request, RunDetails
from bench.config.spec import Cell, SettingChoice, flatten
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
from bench.runner.finished import Damaged, find_damage, is_failed
from bench.runner.imports import refuse_idle_imports, refuse_to_train
from bench.runner.knobs import list_tunable, set_knobs
from bench.runner.nodes import KEY_LENGTH, Node, make_node, sort_upstream_first
from bench.runner.protocol import Tuned, count_trials
from bench.storage.components import ComponentStore, hash_json
from bench.storage.results import ResultStore
from methods.core.setup import Setup
from reports.load.schema import FORMAT, ExperimentEntry, PlanEntry, TuningCost
from reports.load.tuning_schema import Choice, describe_values
from suites.task import Task
from training import Component


@dataclass(frozen=True)
class PlannedCell:
    """A cell with the components it stands on.

    Attributes:
        cell: what is run.
        setup: what its method shares with the others of its job.
        models: its method's components by the method's names.
        label: `<method>-<key>`: the same for all seeds of a method with one ρ and one data set.
        data: key and source of its data.
        data_set: name of its data at their source.
    """

    cell: Cell
    setup: Setup
    models: Mapping[str, Node]
    label: str
    data: tuple[str, str] = ("", "")
    data_set: str | None = None

    def entry(self, results: ResultStore) -> PlanEntry:
        """The cell, and the path of its result in the folder."""
        cell = self.cell
        return PlanEntry(
            suite=cell.task.suite,
            task=cell.task.name,
            method=cell.name,
            rho=cell.rho,
            seed=cell.seed,
            path=str(self.file(results).relative_to(results.root)),
            components=tuple(node.label for node in sort_upstream_first(self.models.values())),
            data=self.data_set,
            terms=cell.terms,
            config=json.loads(json.dumps(cell.settings())),  # as a file gives them back
        )

    def file(self, results: ResultStore) -> Path:
        """Where its result lies."""
        return results.file(self.cell.task.name, self.label, self.cell.seed)

    @property
    def components(self) -> dict[str, str]:
        """The labels of its models by the method's names."""
        return {name: node.label for name, node in self.models.items()}


def plan_cell(cell: Cell, setup: Setup, loaded: LoadedData, known: dict[Component, Node]) -> PlannedCell:
    """The cell with its nodes and the label of its result.

    Raises:
        UserError: a setting names an import that the method does not use.
    """
    components = cell.method.components(setup)
    models = {name: make_node(component, loaded.key, known) for name, component in components.items()}
    refuse_idle_imports(cell.name, models.values(), cell.config)
    planned = PlannedCell(cell, setup, models, "", (loaded.key, loaded.about.source), loaded.about.name)
    return dataclasses.replace(planned, label=label_cell(planned))


def label_cell(planned: PlannedCell) -> str:
    """The label by all that makes the result; its source of data tells equal data of two sources apart."""
    cell, labels = planned.cell, planned.components
    settings = cell.key_settings()
    made_by = [FORMAT, EVALUATION, cell.task.name, cell.name, settings, cell.rho, labels, *planned.data]
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
        open: those without a finished result; a failed one is finished, unless failed ones are tried again.
        missing: components still to be made, upstream first, with the seeds that miss them.
        ready: number of components that are there.
        notes: what the user should know of this task's ρ and of what was tuned.
        tuned: the trials of every method that has something to tune.
        damaged: files that are no results in the places of some that are open.
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
    damaged: tuple[Damaged, ...] = ()


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
            tunable = {name: list_tunable(job, name, setup) for name in job.methods}
            tuned += count_trials(request, job, purposes, tunable)
            declared = {name: find_declared(request, job, name, setup, loaded, known) for name in job.methods}
            made = make_cells(request, job, purposes, tunable, seeds, declared)
            cells += [plan_cell(cell, setup, loaded, known) for cell in made]
            notes += explain_tuning(request, made, purposes)
    # Two settings of an experiment are one where a flag sets what would tell them apart; its row, if any, stays.
    by_row = sorted(cells, key=lambda p: p.cell.row is not None)
    kept = {(p.label, p.cell.seed): p for p in by_row}
    cells = [kept[key] for key in dict.fromkeys((p.label, p.cell.seed) for p in cells)]
    damaged = {file: found for p in cells if (found := find_damage(file := p.file(results), p.cell, p.components))}
    still_open = [p for p in cells if p.file(results) in damaged or is_open(p, results, request.details)]
    missing, ready = find_missing(still_open, ComponentStore(request.artifacts))
    said_once, counted = tuple(dict.fromkeys(notes)), tuple(dict.fromkeys(tuned))
    kept_aside = tuple(damaged.values())
    return TaskPlan(task, jobs[0], data, cells, still_open, missing, ready, said_once, counted, kept_aside)


def is_open(planned: PlannedCell, results: ResultStore, details: RunDetails) -> bool:
    """Whether a cell, in whose place nothing damaged lies, is to be computed."""
    file = planned.file(results)
    return not file.is_file() or (details.retry_failed and is_failed(file))


def find_purpose(
    request: Request[Any], job: Job, name: str, setup: Setup, loaded: LoadedData, known: dict[Component, Node]
) -> Purpose:
    """What a ρ and settings of this method of a job are for; an experiment's settings are all given."""
    components = job.methods[name].components(setup).items()
    labels = {part: make_node(component, loaded.key, known).label for part, component in components}
    purpose = make_purpose(job, request.preset, name, labels, loaded.about)
    given = purpose.given if request.experiment is None else frozenset(job.methods[name].knobs)
    return dataclasses.replace(purpose, given=given)


def find_declared(
    request: Request[Any], job: Job, name: str, setup: Setup, loaded: LoadedData, known: dict[Component, Node]
) -> dict[str, SettingChoice | None]:
    """What the given settings of a job's method are where they are not given; None where that changes others too.

    A setting of the method that was tuned by itself is then the tuned one; one that was tuned with ρ or other
    settings would bring these along.
    """
    method = job.methods[name]
    found: dict[str, SettingChoice | None] = {
        setting: choice
        for setting, choice in job.declared.items()
        if setting.partition(".")[0] not in job.methods or setting.startswith(f"{name}.")
    }
    for knob in method.knobs:
        setting = f"{name}.{knob}"
        if setting not in found:
            continue
        value, _ = job.declared[setting]
        others = {**job.methods, name: set_knobs(method, {knob: value})}
        without = dataclasses.replace(job, methods=others, given=job.given - {setting})
        tuned = find_tuned(request.results, find_purpose(request, without, name, setup, loaded, known))
        if tuned is not None and tuned.knobs:
            is_alone = tuned.rho is None and set(tuned.knobs) == {knob}
            found[setting] = (tuned.knobs[knob], "tuned") if is_alone else None
    return found


def explain_tuning(
    request: Request[RunDetails], cells: Sequence[Cell], purposes: Mapping[str, Purpose]
) -> list[str]:
    """A sentence for each method whose settings are tuned, and for each with a tuned choice that is not used."""
    said: dict[str, str | None] = {}
    for cell in cells:
        if cell.tuning is None:
            said[cell.name] = explain_unused(request.results, purposes[cell.name], (cell.rho, cell.rho_source))
        elif cell.tuning.knobs:
            said[cell.name] = f"{cell.name}: {describe_values(cell.rho, cell.tuning.knobs)} (tuned)"
    return [sentence for sentence in said.values() if sentence is not None]


def make_cells(
    request: Request[RunDetails],
    job: Job,
    purposes: Mapping[str, Purpose],
    tunable: Mapping[str, tuple[str, ...]],
    seeds: Sequence[int],
    declared: Mapping[str, Mapping[str, SettingChoice | None]] = MappingProxyType({}),
) -> list[Cell]:
    """Every (method, ρ, seed) of one job on one data set, with the settings that were tuned.

    Args:
        request, job: what is run.
        purposes: of each method.
        tunable: what tuning may set of each method.
        seeds: the training seeds that have the data set.
        declared: of each method what its given settings are where they are not given.

    Raises:
        UserError: a method was tuned on one of these seeds and data.
    """
    cells: list[Cell] = []
    for name, method in job.methods.items():
        is_of_table = job.part.holds(flatten(job.config) | flatten(method, name))
        scales = () if request.details.rhos else job.part.scales(method, job.task)
        purpose = purposes[name]
        refuse_tuned_seeds(request, purpose, seeds)
        tuned = find_tuned(request.results, purpose)
        choices = scales or choose(method, job.task, purpose, request.details.rhos, request.results)
        (declared_rho,) = choose(method, job.task, purpose, (), request.results)
        has_knobs = tuned is not None and bool(tuned.knobs)  # which another ρ than the tuned one goes without
        for rho, rho_source in choices:
            chosen = tuned if rho_source in ("tuned", None) else None
            cells += [
                Cell(
                    task=job.task,
                    name=name,
                    method=method if chosen is None else set_knobs(method, chosen.knobs),
                    config=job.config,
                    rho=rho,
                    rho_source=rho_source,
                    seed=seed,
                    preset=request.preset,
                    terms=job.terms,
                    declared_rho=(None, None) if has_knobs and chosen is None else declared_rho,
                    declared_settings=declared.get(name, {}),
                    tuning=None if chosen is None else make_cost(chosen),
                    tunable=tunable[name],
                    row=job.part.row(name, rho, rho_source, bool(request.details.rhos)) if is_of_table else None,
                )
                for seed in seeds
            ]
    return cells


def make_cost(choice: Choice) -> TuningCost:
    """What a result says of the tuning behind it."""
    names = ("episodes", "trials", "knobs", "training_steps", "seconds", "trial_episodes")
    return TuningCost(**{name: getattr(choice, name) for name in names})


def find_missing(
    still_open: Sequence[PlannedCell], store: ComponentStore
) -> tuple[list[tuple[Node, tuple[int, ...]]], int]:
    """The components to be made, upstream first, with the seeds that miss them, and how many are there already.

    Raises:
        UserError: one of them is to be imported and is not there.
    """
    needed: dict[str, list[int]] = {}
    nodes = sort_upstream_first(node for p in still_open for node in p.models.values())
    for p in still_open:
        for node in sort_upstream_first(p.models.values()):
            needed.setdefault(node.label, []).append(p.cell.seed)
    missing = [(node, store.missing(node.label, sorted(set(needed[node.label])))) for node in nodes]
    missing = [(node, seeds) for node, seeds in missing if seeds]
    refuse_to_train(missing)
    return missing, len(nodes) - len(missing)


def group_cells(cells: Iterable[PlannedCell]) -> list[list[PlannedCell]]:
    """The cells that are evaluated together: a method with its settings, all its seeds and scales."""
    groups: dict[str, list[PlannedCell]] = {}
    for planned in cells:
        without_scale = dataclasses.replace(planned, cell=dataclasses.replace(planned.cell, rho=None))
        groups.setdefault(label_cell(without_scale), []).append(planned)
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
