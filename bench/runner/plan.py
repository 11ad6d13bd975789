"""A plan names every component that a comparison needs, each once, in the order in which they can be made.

A component's key is the hash of everything that made it: kind, code version, settings, the keys of its
upstream components and the data set's fingerprint.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bench.config.precedence import SHARED
from bench.config.spec import Cell
from bench.runner.data import LoadedData
from bench.storage.components import digest
from methods.core.setup import Setup
from reports.load.schema import FORMAT
from suites.task import Task
from training.component import Component, Computed, Trained

KEY_LENGTH = 16


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


def node_of(component: Component, fingerprint: str, known: dict[Component, Node]) -> Node:
    """The node of a component and, through `known`, one node for equal components."""
    if component not in known:
        upstream = {name: node_of(other, fingerprint, known) for name, other in component.upstream().items()}
        labels = {name: node.label for name, node in upstream.items()}
        key = digest([component.kind, component.version, own_fields(component), labels, fingerprint])
        known[component] = Node(component, f"{component.kind}-{key[:KEY_LENGTH]}", upstream)
    return known[component]


def own_fields(component: Component) -> dict[str, Any]:
    """A component's settings without its upstream components, which enter by their keys."""
    fields: dict[str, Any] = {}
    for item in dataclasses.fields(component):  # pyright: ignore[reportArgumentType]
        value = getattr(component, item.name)
        if isinstance(value, Component) or item.metadata.get("in_key") is False:
            continue
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            value = {"type": type(value).__name__, **dataclasses.asdict(value)}
        fields[item.name] = value
    return fields


def ordered(nodes: Iterable[Node]) -> list[Node]:
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
        label: `<method>-<key>`: the same for all seeds of a method with one ρ.
    """

    cell: Cell
    setup: Setup
    models: Mapping[str, Node]
    label: str


def plan_cell(
    cell: Cell, setup: Setup, fingerprint: str, source: str, known: dict[Component, Node]
) -> PlannedCell:
    """The cell with its nodes and the label of its result, which also tells equal data of two sources apart."""
    components = cell.method.components(setup)
    models = {name: node_of(component, fingerprint, known) for name, component in components.items()}
    labels = {name: node.label for name, node in models.items()}
    made_by = [FORMAT, cell.task.name, cell.name, cell.settings(), cell.rho, labels, fingerprint, source]
    made_by += [cell.terms] if cell.terms != SHARED else []
    return PlannedCell(cell, setup, models, f"{cell.name}-{digest(made_by)[:KEY_LENGTH]}")


@dataclass(frozen=True)
class TaskPlan:
    """A task's cells and components.

    Attributes:
        task: where.
        data: which all its cells have in common.
        cells: all of them.
        open: those without a result.
        missing: components still to be made, upstream first, with the seeds that miss them.
        ready: number of components that are there.
        seconds: how long the rest is expected to take, or 0.
    """

    task: Task
    data: LoadedData
    cells: list[PlannedCell]
    open: list[PlannedCell]
    missing: list[tuple[Node, tuple[int, ...]]]
    ready: int
    seconds: float


def group_cells(cells: Iterable[PlannedCell]) -> list[list[PlannedCell]]:
    """The cells that are evaluated together: a method at one ρ, all its seeds."""
    groups: dict[str, list[PlannedCell]] = {}
    for planned in cells:
        groups.setdefault(planned.label, []).append(planned)
    return list(groups.values())
