"""Resolves a task's settings from six rows, each overriding the one before; docs/settings.md has the same table.

In a controlled comparison all methods have one config. As published, each method has its authors' settings of the
critic, the network and the sampler too. There a size (`smoke`, `quick`) overrides the
source in all but the method's structure, and under `paper` and `official` the suite and the task yield to it.
"""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from bench.config.presets import PRESETS
from bench.config.spec import Config, SettingChoice, flatten, replace_dotted
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
        methods: the compared methods by name; as published one.
        given: by the command line, or by the experiment that it names.
    """

    preset: str
    terms: str
    suite: Suite
    task: Task
    methods: Mapping[str, type[Method]]
    given: Settings


def preset_settings(case: Case) -> Settings:
    """The preset's sizes; as published, those of `paper` and `official` are SWG's, and no other method's."""
    return {} if case.terms == OWN and case.preset in SOURCES else PRESETS[case.preset]


def source_settings(case: Case) -> Settings:
    """What each method's source sets of its fields; as published also of the shared ones, below a size."""
    sizes = preset_settings(case) if case.terms == OWN else {}
    sourced = shared_by_source(case) | {
        f"{name}.{field}": value
        for name, method in case.methods.items()
        for field, value in find_source_values(method, case.preset, case.terms, case.task).items()
        if "." not in field and field != "rho"
    }
    return {name: value for name, value in sourced.items() if name not in sizes or is_structure(name, value)}


def suite_settings(case: Case) -> Settings:
    """What the suite sets for the preset."""
    return drop_sourced(case, case.suite.settings.get(case.preset, {}), are_sizes=case.preset not in SOURCES)


def shared_by_source(case: Case) -> dict[str, Any]:
    """What the method's source sets of the shared settings, which counts as published."""
    return {
        name: value
        for method in case.methods.values()
        for name, value in find_source_values(method, case.preset, case.terms, case.task).items()
        if "." in name and case.terms == OWN
    }


def drop_sourced(case: Case, settings: Settings, are_sizes: bool = False) -> Settings:
    """Those that the method's source does not set; sizes yield to its structure alone."""
    sourced = shared_by_source(case)
    return {
        name: value
        for name, value in settings.items()
        if name not in sourced or (are_sizes and not is_structure(name, sourced[name]))
    }


def is_structure(name: str, value: Any) -> bool:
    """Whether a source's setting holds at every size: the number of noise levels, and features the method does not
    use (None)."""
    return name in STRUCTURE or value is None


TABLE: Mapping[str, Callable[[Case], Settings]] = {
    "defaults": lambda case: {},  # of the dataclasses
    "preset": preset_settings,
    "source": source_settings,
    "suite": suite_settings,
    "task": lambda case: drop_sourced(case, case.task.settings),
    "command line": lambda case: case.given,
}


def resolve_settings(case: Case) -> tuple[Config, dict[str, Method]]:
    """The settings of one task: the rows of the table, each over the one before.

    Returns:
        The shared config, and each method with its own fields set. Fields of other methods are passed over, and
        those of other kinds of critic than the one that is set have their defaults, so that presets may set them.

    Raises:
        UserError: an unknown preset, or a setting that does not exist.
    """
    if case.preset not in PRESETS:
        raise unknown_name("preset", case.preset, PRESETS)
    config, methods = Config(), {name: method() for name, method in case.methods.items()}
    shared = {field.name for field in dataclasses.fields(Config)}
    for row in TABLE.values():
        for name, value in row(case).items():
            head, _, rest = name.partition(".")
            if head in methods:
                methods[head] = replace_dotted(methods[head], {rest: value})
            elif head in shared:
                config = replace_dotted(config, {name: value})
    return dataclasses.replace(config, critic=config.critic.reset_other_kinds()), methods


def declare_settings(case: Case) -> dict[str, SettingChoice]:
    """Of each given setting the value that is taken where it alone is not given, and where that comes from."""
    declared: dict[str, SettingChoice] = {}
    for name in case.given:
        without = dataclasses.replace(case, given={n: value for n, value in case.given.items() if n != name})
        config, methods = resolve_settings(without)
        settings = flatten(config)
        for method, made in methods.items():
            settings |= flatten(made, method)
        if name in settings:
            rows = [row for row, find in TABLE.items() if name in find(without)]
            declared[name] = settings[name], "published" if rows[-1:] == ["source"] else "default"
    return declared


def find_source_values(method: type[Method] | Method, preset: str, terms: str, task: Task) -> dict[str, Any]:
    """What the method's source sets on a task under these terms, by the names in `Method.presets`.

    As published, a size has the authors' code for its source; controlled, none.
    """
    source = "official" if terms == OWN and preset not in SOURCES else preset
    settings = method.presets.get(source, {})
    return {name: value.on(task.name) for name, value in settings.items() if terms == OWN or not value.own}
