"""A node is a component with its key, and the nodes that it is made from.

The key is the hash of everything that made the component: kind, code version, how its random numbers are named,
settings, the keys of its upstream components and the data set's fingerprint. A setting that was added later is in
it where it differs from its default (`foundation.keys`). The name of an import is such a setting, so that what is
imported never has the key of what is trained here.
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from bench.storage.components import hash_json
from foundation.keys import described_fields, keyed_fields
from methods.core.method import MethodError
from training import Component, Computed, Trained
from training.seeds import STREAMS

KEY_LENGTH = 16
Fields: TypeAlias = Callable[[Any], Sequence[dataclasses.Field[Any]]]
"""A dataclass's instance → those of its fields that count."""


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
        above = {} if is_imported(component) else component.upstream()
        upstream = {name: make_node(other, fingerprint, known) for name, other in above.items()}
        labels = {name: node.label for name, node in upstream.items()}
        cls = type(component)
        made_by = [component.kind, component.version, STREAMS, f"{cls.__module__}.{cls.__qualname__}"]
        key = hash_json([*made_by, collect_fields(component, keyed_fields), labels, fingerprint])
        known[component] = Node(component, f"{component.kind}-{key[:KEY_LENGTH]}", upstream)
    return known[component]


def is_imported(component: Component) -> bool:
    """Whether its weights were trained elsewhere and imported, so that nothing is trained for them here."""
    return isinstance(component, Trained) and component.imported is not None


def collect_fields(component: Component, fields: Fields = described_fields) -> dict[str, Any]:
    """A component's settings as JSON values, without its upstream components, which enter by their keys.

    Args:
        component: whose.
        fields: of the component and of each dataclass below it: `described_fields`, or `keyed_fields` for a key.
    """
    return {
        item.name: as_json(getattr(component, item.name), f"{component.kind}.{item.name}", fields)
        for item in fields(component)
        if not isinstance(getattr(component, item.name), Component)
    }


def as_json(value: Any, name: str, fields: Fields) -> Any:
    """A field's value as JSON; a nested dataclass with the name of its type.

    Raises:
        MethodError: a value that JSON does not know.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        held = {item.name: getattr(value, item.name) for item in fields(value)}
        return {"type": type(value).__name__, **as_json(held, name, fields)}
    if isinstance(value, Mapping):
        return {str(key): as_json(each, f"{name}.{key}", fields) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_json(each, f"{name}[{place}]", fields) for place, each in enumerate(value)]
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
