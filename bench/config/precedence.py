"""The settings of a task come from six rows, each over the one before; docs/settings.md has the same table.

Under shared terms all methods of a comparison have one config. Under own terms each method has its authors': what
its source says of the critic, the network and the sampler too. There a size (`smoke`, `quick`) overrides the
source in all but the method's structure, and under `paper` and `official` the suite and the task yield to it.
"""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from bench.config.presets import PRESETS
from bench.config.spec import Config, replace_dotted
from foundation.errors import unknown_name
from methods.core.method import Method
from suites.task import Suite, Task

SHARED, OWN = "shared", "own"
TERMS = {"controlled": SHARED, "as-published": OWN, SHARED: SHARED, OWN: OWN}  # as typed → as stored
SOURCES = ("paper", "official")
STRUCTURE = frozenset({"denoiser.levels"})

Settings: TypeAlias = Mapping[str, Any]
"""By dotted name: the shared ones, and a method's own after its name."""


@dataclass(frozen=True)
class Case:
    """What settings are resolved for.

    Attributes:
        preset: a name in `PRESETS`.
        terms: `shared` or `own`.
        suite, task: where.
        methods: the compared methods by name; under own terms one.
        given: by the command line, or by the experiment that it names.
    """

    preset: str
    terms: str
    suite: Suite
    task: Task
    methods: Mapping[str, type[Method]]
    given: Settings


def preset_size(case: Case) -> Settings:
    """The preset's sizes."""
    return PRESETS[case.preset]


def own_preset_size(case: Case) -> Settings:
    """The preset's sizes; under `paper` and `official` none, since those are SWG's."""
    return {} if case.preset in SOURCES else preset_size(case)


def source(case: Case) -> Settings:
    """What each method's source sets: its own fields, under own terms shared ones too."""
    return {
        field if "." in field else f"{name}.{field}": value
        for name, method in case.methods.items()
        for field, value in values_of(method, case.preset, case.terms, case.task).items()
        if field != "rho" and (case.terms == OWN or "." not in field)
    }


def shared_source(case: Case) -> Settings:
    """What the sources set of the shared settings."""
    return {name: value for name, value in source(case).items() if name.partition(".")[0] not in case.methods}


def own_source(case: Case) -> Settings:
    """What the method's source sets, except for what a size changes."""
    sizes = own_preset_size(case)
    return {name: value for name, value in source(case).items() if name not in sizes or is_kept(name, value)}


def suite_sizes(case: Case) -> Settings:
    """What the suite sets for the preset."""
    return case.suite.settings.get(case.preset, {})


def own_suite_sizes(case: Case) -> Settings:
    """The suite's sizes but for a method's structure; under `paper` and `official` where its source is silent."""
    sourced = shared_source(case)
    return {
        name: value
        for name, value in suite_sizes(case).items()
        if name not in sourced or (case.preset not in SOURCES and not is_kept(name, sourced[name]))
    }


def task_settings(case: Case) -> Settings:
    """What the task sets."""
    return case.task.settings


def own_task_settings(case: Case) -> Settings:
    """What the task sets where the method's source is silent."""
    sourced = shared_source(case)
    return {name: value for name, value in task_settings(case).items() if name not in sourced}


def is_kept(name: str, value: Any) -> bool:
    """Whether no size changes what a source sets: the number of levels, and what the method goes without."""
    return name in STRUCTURE or value is None


@dataclass(frozen=True)
class Row:
    """Where settings come from.

    Attributes:
        name: as in docs/settings.md.
        shared, own: the settings under each terms.
    """

    name: str
    shared: Callable[[Case], Settings]
    own: Callable[[Case], Settings]


TABLE = (
    Row("defaults", shared=lambda case: {}, own=lambda case: {}),
    Row("preset", shared=preset_size, own=own_preset_size),
    Row("source", shared=source, own=own_source),
    Row("suite", shared=suite_sizes, own=own_suite_sizes),
    Row("task", shared=task_settings, own=own_task_settings),
    Row("command line", shared=lambda case: case.given, own=lambda case: case.given),
)


def resolve_settings(case: Case) -> tuple[Config, dict[str, Method]]:
    """The settings of one task: the rows of the table, each over the one before.

    Returns:
        The shared config, and each method with its own fields set. Fields of other methods are passed over.

    Raises:
        UserError: an unknown preset, or a setting that does not exist.
    """
    if case.preset not in PRESETS:
        raise unknown_name("preset", case.preset, PRESETS)
    config, methods = Config(), {name: method() for name, method in case.methods.items()}
    for row in TABLE:
        settings = row.own(case) if case.terms == OWN else row.shared(case)
        config, methods = override_settings(config, methods, settings)
    return config, methods


def override_settings(
    config: Config, methods: Mapping[str, Method], settings: Settings
) -> tuple[Config, dict[str, Method]]:
    """The config and the methods with these settings; those of other methods are passed over."""
    shared, changed = {field.name for field in dataclasses.fields(Config)}, dict(methods)
    for name, value in settings.items():
        head, _, rest = name.partition(".")
        if head in changed:
            changed[head] = replace_dotted(changed[head], {rest: value})
        elif head in shared:
            config = replace_dotted(config, {name: value})
    return config, changed


def source_of(preset: str, terms: str) -> str | None:
    """Whose values a method takes: `paper`, `official`, or None for its dataclass's defaults."""
    if preset in SOURCES:
        return preset
    return "official" if terms == OWN else None


def values_of(method: type[Method] | Method, preset: str, terms: str, task: Task) -> dict[str, Any]:
    """What the method's source sets on a task under these terms, by the names in `Method.presets`."""
    settings = method.presets.get(source_of(preset, terms) or "", {})
    return {name: value.on(task.name) for name, value in settings.items() if terms == OWN or not value.own}
