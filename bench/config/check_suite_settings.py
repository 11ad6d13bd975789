"""Checks the settings that a suite and its tasks declare, before any of them is used."""

from collections.abc import Iterator, Mapping
from typing import Any

from bench.config.check_settings import check_bounds
from bench.config.moved_settings import refuse_moved
from bench.config.presets import PRESETS
from bench.config.spec import Config, flatten, replace_dotted
from foundation.errors import UserError, unknown_name
from methods.core.registry import get_method, method_names
from suites.task import Suite


def check_suite_settings(suite: Suite) -> None:
    """Refuse a preset or a setting that does not exist, and a value out of its bounds.

    Raises:
        UserError: names the suite or the task, the setting and the choices.
    """
    for preset in suite.settings:
        if preset not in PRESETS:
            raise unknown_name(f"preset of suite {suite.name}", preset, PRESETS)
    for where, settings in _iterate_settings(suite):
        for name, value in settings.items():
            try:
                check_setting(name, value)
            except UserError as error:
                raise UserError(f"{where} has a setting that does not work: {error}") from error


def check_setting(name: str, value: Any) -> None:
    """Refuse one setting, by its dotted name."""
    refuse_moved(name)
    head, _, rest = name.partition(".")
    shared = flatten(Config())
    if name in shared:
        check_bounds(replace_dotted(Config(), {name: value}))
    elif rest and head in method_names():
        check_bounds(replace_dotted(get_method(head)(), {rest: value}), head)
    else:
        raise unknown_name("setting", name, [*shared, *(f"{method}.*" for method in method_names())])


def _iterate_settings(suite: Suite) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for preset, settings in suite.settings.items():
        yield f"suite {suite.name!r} under preset {preset}", settings
    for task in suite.tasks:
        yield f"task {task.name!r}", task.settings
