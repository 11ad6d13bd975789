"""What of a method is tuned: ρ, and those of its knobs that no option fixes and no exact target makes needless.

Whether a knob needs training is not declared but computed: whether one of its values needs a component that the
given settings do not need.
`tune --ranges` narrows what a method declares.
"""

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType

import optuna

from bench.config.request import Job
from bench.runner.nodes import Node, make_node, sort_upstream_first
from methods.core.method import Knob, KnobValue, Method, Rho
from methods.core.setup import Setup
from training import Component


def set_knobs(method: Method, values: Mapping[str, KnobValue]) -> Method:
    """The method with these of its settings."""
    return dataclasses.replace(method, **values)  # pyright: ignore[reportArgumentType]


def is_knob_value(knob: Knob | None, value: object) -> bool:
    """Whether tuning a knob can give a value, its type included; never where there is no such knob."""
    if knob is None:
        return False
    if knob.low is None or knob.high is None:
        return any(type(value) is type(choice) and value == choice for choice in knob.choices)
    if isinstance(value, bool) or not isinstance(value, int if knob.is_whole else int | float):
        return False
    return knob.low <= value <= knob.high


def list_made(method: Method, setup: Setup) -> frozenset[str]:
    """The labels of all components that have to be made for a method, whatever the data."""
    known: dict[Component, Node] = {}
    nodes = [make_node(component, "", known) for component in method.components(setup).values()]
    return frozenset(node.label for node in sort_upstream_first(nodes))


def needs_training(method: Method, name: str, knob: Knob, setup: Setup) -> bool:
    """Whether a value of the method's knob of that name needs a component that the method as it is does not."""
    made = list_made(method, setup)
    return any(list_made(set_knobs(method, {name: end}), setup) - made for end in knob.ends)


def narrow_knob(knob: Knob, ends: tuple[float, float] | None) -> Knob:
    """The knob with these ends, of its own kind of numbers; as it is without them."""
    if ends is None or ends == (knob.low, knob.high):
        return knob
    low, high = map(int, ends) if knob.is_whole else ends
    return dataclasses.replace(knob, low=low, high=high)


def narrow_rho(rho: Rho | None, ends: tuple[float, float] | None) -> Rho | None:
    """The scale with these ends of its continuous range; as it is without them."""
    return rho if rho is None or ends is None else dataclasses.replace(rho, low=ends[0], high=ends[1])


def find_knobs(
    job: Job,
    name: str,
    setup: Setup,
    training: bool = False,
    ranges: Mapping[str, tuple[float, float]] = MappingProxyType({}),
) -> dict[str, Knob]:
    """The knobs of a job's method that tuning may set.

    Args:
        job: with the method and what is fixed in it.
        name: of the method.
        setup: of the task.
        training: whether those that need training are among them.
        ranges: knob's name to the ends that replace its own.

    Returns:
        Field's name to its knob; none where the exact target is known, and only those that are not given. A number
        of candidates is no knob where the comparison sets it for every method.
    """
    method = job.methods[name]
    if job.task.rho is not None:
        return {}
    fixed = {"candidates"} if setup.candidates is not None else set[str]()
    narrowed = {field: narrow_knob(knob, ranges.get(field)) for field, knob in method.knobs.items()}
    return {
        field: knob
        for field, knob in narrowed.items()
        if field not in fixed
        and f"{name}.{field}" not in job.given
        and (training or not needs_training(method, field, knob, setup))
    }


def list_tunable(job: Job, name: str, setup: Setup) -> tuple[str, ...]:
    """What `tune` may set of a method on a task without training: ρ, and knobs by their names."""
    has_scale = job.methods[name].rho is not None and job.task.rho is None
    return (*(["rho"] if has_scale else []), *find_knobs(job, name, setup))


def suggest(trial: optuna.Trial, name: str, knob: Knob) -> KnobValue:
    """A knob's value in a trial."""
    if knob.low is None or knob.high is None:
        chosen = trial.suggest_categorical(name, list(knob.choices))
        assert chosen is not None, "None is no choice of a knob"
        return chosen
    if knob.is_whole:
        return trial.suggest_int(name, int(knob.low), int(knob.high), log=knob.log)
    return trial.suggest_float(name, knob.low, knob.high, log=knob.log)
