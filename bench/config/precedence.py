"""Settings come in layers, each over the one before.

Shared terms, one config for all methods: the dataclasses' defaults, the preset, under `paper` and `official` the
fields of each method as that source has them (but not a critic of its own), the suite's fields for the preset, the
task's fields, the command line.

Own terms, one config for each method: the dataclasses' defaults, everything that the paper (`--preset paper`) or
else the authors' code sets for the method, the critic, the network and the sampler among it, then the sizes of
`smoke` or `quick`, the suite's among them, the task's fields, the command line. What a size may not change is the
method's structure: its number of noise levels, and what it goes without (an average of the weights, a decay). What
a task, or a suite under `paper` and `official`, sets for all methods yields to what the method's source sets.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from bench.config.presets import PRESETS
from bench.config.spec import Config, joined, replace_dotted
from foundation.errors import UserError
from methods.core.method import Method
from suites.task import Suite, Task

SHARED, OWN = "shared", "own"
TERMS = (SHARED, OWN)
SOURCES = ("paper", "official")
STRUCTURE = frozenset({"denoiser.levels"})


def source_of(preset: str, terms: str) -> str | None:
    """Whose values a method takes: `paper`, `official`, or None for its dataclass's defaults."""
    if preset in SOURCES:
        return preset
    return "official" if terms == OWN else None


def values_of(method: type[Method] | Method, preset: str, terms: str, task: Task) -> dict[str, Any]:
    """What the method's source sets on a task under these terms, by the names in `Method.presets`."""
    settings = method.presets.get(source_of(preset, terms) or "", {})
    return {name: value.on(task.name) for name, value in settings.items() if terms == OWN or not value.own}


def layered(
    preset: str,
    suite: Suite,
    task: Task,
    methods: Mapping[str, type[Method]],
    terms: str = SHARED,
    focus: str | None = None,
) -> tuple[Config, dict[str, Method]]:
    """The settings of one task before the command line.

    Args:
        preset: a name in `PRESETS`.
        suite, task: whose fields apply.
        methods: the compared methods by name; fields of other methods are passed over.
        terms: `shared` or `own`.
        focus: under own terms, the method whose config it is.

    Returns:
        The shared config, and each method with its own fields set.

    Raises:
        UserError: an unknown preset, or a preset's setting that does not exist.
    """
    if preset not in PRESETS:
        raise UserError(f"unknown preset {preset!r}; choose one of {joined(PRESETS)}.")
    values = {name: values_of(cls, preset, terms, task) for name, cls in methods.items()}
    own = {f"{name}.{field}": value for name, found in values.items() for field, value in undotted(found).items()}
    size, of_suite, of_task = PRESETS[preset], suite.settings.get(preset, {}), task.settings
    if terms == OWN:
        dotted = {name: value for name, value in values.get(focus or "", {}).items() if "." in name}
        # Under paper and official the shared sizes are SWG's, which a method on its own terms has no part in.
        size = {} if preset in SOURCES else sizes_for(size, dotted)
        of_suite = without(of_suite, dotted) if preset in SOURCES else sizes_for(of_suite, dotted)
        layers = (dotted, own, size, of_suite, without(of_task, dotted))
    else:
        layers = (size, own, of_suite, of_task)
    config, made = Config(), {name: cls() for name, cls in methods.items()}
    for layer in layers:
        config, made = put(config, made, layer)
    return config, made


def undotted(values: Mapping[str, Any]) -> dict[str, Any]:
    """The method's own fields among its values."""
    return {name: value for name, value in values.items() if "." not in name and name != "rho"}


def sizes_for(sizes: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """The sizes that may go over a method's own values: all but those of its structure."""
    return {
        name: value
        for name, value in sizes.items()
        if name not in own or (name not in STRUCTURE and own[name] is not None)
    }


def without(fields: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that a method's source does not set itself."""
    return {name: value for name, value in fields.items() if name not in own}


def put(config: Config, made: Mapping[str, Method], layer: Mapping[str, Any]) -> tuple[Config, dict[str, Method]]:
    """One layer over the config and the methods; fields of methods that are not compared are passed over."""
    shared, methods = {item.name for item in dataclasses.fields(Config)}, dict(made)
    for name, value in layer.items():
        head, _, rest = name.partition(".")
        if head in methods:
            methods[head] = replace_dotted(methods[head], {rest: value})
        elif head in shared:
            config = replace_dotted(config, {name: value})
    return config, methods
