"""Writes options and settings as they are typed on the command line, for sentences that name a command."""

import inspect
import os
import shlex
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from bench.config.values import DATA_SET

REPEATED = ("suite", "tasks", "methods", "preset", "terms", "data", "results", "artifacts", "plugin")
"""The options that say what is compared, and where it is kept."""


def format_options(function: Callable[..., Any], given: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    """The options of a call that differ from their defaults, and its settings, as a command line has them.

    Args:
        function: whose defaults they are.
        given: its arguments.
        settings: by dotted name.
    """
    words: list[str] = []
    parameters = inspect.signature(function).parameters
    for name in REPEATED:
        value = given.get(name)
        typed = os.fspath(value) if isinstance(value, os.PathLike) else value
        if name in parameters and value is not None and typed != parameters[name].default:
            words += _format_option(name, value)
    for name, value in settings.items():
        words += _format_setting(name, value)
    return shlex.join(words)


def _format_option(name: str, value: Any) -> list[str]:
    """One flag; files are given one by one, names with commas."""
    if isinstance(value, (str, os.PathLike)):
        return [f"--{name}", os.fspath(value)]
    items: list[str] = [os.fspath(item) for item in value] if isinstance(value, Iterable) else [str(value)]
    if name == "plugin":
        return [word for item in items for word in (f"--{name}", item)]
    return [f"--{name}", ",".join(items)] if items else []


def _format_setting(name: str, value: Any) -> list[str]:
    head, _, rest = name.partition(".")
    flag = f"{DATA_SET if head == 'data' else head}.{rest}".replace("_", "-")
    if isinstance(value, bool):
        path, _, last = flag.rpartition(".")
        return [f"--{flag}" if value else f"--{path}.no-{last}"]
    values = value if isinstance(value, (tuple, list)) else [value]
    return [f"--{flag}", *map(str, values)]
