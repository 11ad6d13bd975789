"""Describes a method as data: its definition, and what its paper and its authors' code set, side by side."""

import inspect
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.config.spec import Config, flatten
from bench.conformance.subject import small_setup
from bench.reference.deviations import MARK, Deviation, find_deviations
from bench.reference.docstrings import Law, is_law, read_description, read_law
from bench.runner.knobs import needs_training
from bench.runner.nodes import Node, make_node, sort_upstream_first
from critics.iql import CriticComponent
from methods.core.method import Method, Rho, SlotMethod
from methods.core.registry import get_method
from methods.core.setup import Setup
from methods.core.slots import NetGuidance, ThroughDenoiser
from methods.presets.value import TOY, Value
from training import Component, Computed, Trained


@dataclass(frozen=True)
class Sourced:
    """What a source sets.

    Attributes:
        value: the setting's value.
        source: where it stands; empty for the value on some tasks alone, whose source is that of the others.
        own: holds with `--terms as-published` alone.
    """

    value: Any
    source: str = ""
    own: bool = False


@dataclass(frozen=True)
class SettingRow:
    """A setting by its sources, on all tasks or on some.

    Attributes:
        name: plain for the method's own, dotted for a shared one.
        tasks: pattern of the tasks that the row is about, or None for all but those of the rows below it.
        default: of the code; None where the row is about some tasks.
        paper, official: what the paper and the authors' code set, or None where they set nothing.
    """

    name: str
    tasks: str | None
    default: Any
    paper: Sourced | None
    official: Sourced | None


@dataclass(frozen=True)
class KnobRow:
    """A setting that `tune` tries.

    Attributes:
        name: of the method's setting.
        values: the range or the choices in words.
        trains: whether it needs `--training`, at the method's default settings.
    """

    name: str
    values: str
    trains: bool


@dataclass(frozen=True)
class MethodDescription:
    """Everything about one method.

    Attributes:
        name, title, paper: as typed, as printed, and where it is defined.
        slots: the description of its class: objective, guidance and selection, and what tuning tries.
        law: whether its actions have the law that it aims at, and why; None where it does not say.
        definition: the docstring of its file, without the deviations.
        trained: kinds of the components that are trained for it at its default settings, in their order.
        further: those of them that are neither a critic nor what acts, such as a guidance network.
        gradient: through what the gradient of its guidance goes, in words; None where no gradient is known.
        parts: name → description of each function and class of its file that has one, the method's class left out.
        rho: its guidance scale, or None.
        knobs: what `tune` tries beside it.
        rows: its settings, then the shared ones that a source sets.
        deviations: those that concern it, of its own file and of what methods share.
    """

    name: str
    title: str
    paper: str
    slots: str
    law: Law | None
    definition: str
    trained: tuple[str, ...]
    further: tuple[str, ...]
    gradient: str | None
    parts: Mapping[str, str]
    rho: Rho | None
    knobs: tuple[KnobRow, ...]
    rows: tuple[SettingRow, ...]
    deviations: tuple[Deviation, ...]


def describe_method(name: str) -> MethodDescription:
    """The description of the method of that name.

    Raises:
        UnknownName: no method has it; near names are suggested.
    """
    cls = get_method(name)
    module = sys.modules[cls.__module__]
    return MethodDescription(
        name=name,
        title=cls.title,
        paper=cls.paper,
        slots="\n\n".join(p for p in drop_deviations(read_description(cls)).split("\n\n") if not is_law(p)),
        law=read_law(cls),
        definition=drop_deviations(inspect.getdoc(module) or ""),
        trained=list_trained(cls()),
        further=list_further(cls()),
        gradient=describe_gradient(cls()),
        parts={
            part.__name__: drop_deviations(read_description(part))
            for part in vars(module).values()
            if getattr(part, "__module__", None) == cls.__module__ and part is not cls and _has_docstring(part)
        },
        rho=cls.rho,
        knobs=tuple(
            KnobRow(field, knob.describe(), needs_training(cls(), field, knob, small_setup()))
            for field, knob in cls.knobs.items()
        ),
        rows=make_rows(cls),
        deviations=find_deviations(cls, name),
    )


def list_trained(method: Method) -> tuple[str, ...]:
    """The kinds of the components that are trained for a method, where no critic is known, upstream first."""
    return tuple(component.kind for component in find_trained(method, small_setup()))


def list_further(method: Method) -> tuple[str, ...]:
    """The kinds of those that are neither a critic nor what acts."""
    acting = {name: c for name, c in method.components(small_setup()).items() if name in ("denoiser", "actor")}
    wholes = [whole for c in acting.values() if isinstance(c, Computed) for whole in c.upstream().values()]
    return tuple(
        component.kind
        for component in find_trained(method, small_setup())
        if not isinstance(component, CriticComponent) and component not in (*acting.values(), *wholes)
    )


def find_trained(method: Method, setup: Setup) -> list[Trained[Any]]:
    """The components that are trained for a method, upstream first."""
    known: dict[Component, Node] = {}
    nodes = [make_node(component, "data", known) for component in method.components(setup).values()]
    made = [node.component for node in sort_upstream_first(nodes)]
    return [component for component in made if isinstance(component, Trained)]


def describe_gradient(method: Method) -> str | None:
    """Through what the gradient of a method's guidance goes; None where it has no guidance or does not say."""
    match method.guidance() if isinstance(method, SlotMethod) else None:
        case NetGuidance():
            return "a network of its own"
        case ThroughDenoiser():
            return "the denoiser"
    return None


def drop_deviations(text: str) -> str:
    """The paragraphs that are no deviation."""
    return "\n\n".join(part for part in text.split("\n\n") if not MARK.match(part))


def _has_docstring(part: Any) -> bool:
    """Whether a class or function was documented by hand; a dataclass documents itself by its signature."""
    written = getattr(part, "__doc__", None) or ""
    by_hand = written != "" and not written.startswith(f"{part.__name__}(")
    return by_hand and (inspect.isclass(part) or inspect.isfunction(part))


def make_rows(cls: type[Method]) -> tuple[SettingRow, ...]:
    """A row for every setting that the method has or a source sets, and one for each exception on some tasks."""
    paper, official = (cls.presets.get(source, {}) for source in ("paper", "official"))
    defaults = find_defaults(cls)
    own = [name for name in defaults if "." not in name]
    names = dict.fromkeys([*own, *paper, *official])
    rows = []
    for name in names:
        values = (paper.get(name), official.get(name))
        first, second = (Sourced(value.value, value.source, value.own) if value else None for value in values)
        rows.append(SettingRow(name, None, defaults[name], first, second))
        rows += find_exceptions(name, values)
    return tuple(rows)


def find_defaults(cls: type[Method]) -> dict[str, Any]:
    """The method's own settings by plain names, ρ if it has one, and the shared ones by dotted names."""
    rho = {} if cls.rho is None else {"rho": cls.rho.default}
    return flatten(cls()) | rho | flatten(Config())


def find_exceptions(name: str, values: Sequence[Value | None]) -> Iterator[SettingRow]:
    """The rows of a setting on some tasks: a pattern each, the toy sets under one title."""
    groups: dict[str, str] = {}
    for pattern in dict.fromkeys(pattern for value in values if value for pattern in value.where):
        groups.setdefault("the toy sets" if pattern in TOY else pattern, pattern)
    for title, pattern in groups.items():
        paper, official = (Sourced(value.where.get(pattern, value.value)) if value else None for value in values)
        yield SettingRow(name, title, None, paper, official)
