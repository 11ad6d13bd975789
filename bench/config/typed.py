"""Writes options and settings as they are typed on the command line, for sentences that name a command."""

import inspect
import os
import shlex
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from bench.config.values import DATA_SET, read_names, read_numbers, read_paths, read_ranges, read_seeds

REPEATED = ("suite", "tasks", "methods", "preset", "terms", "data", "results", "artifacts", "plugin")
"""The options that say what is compared, and where it is kept."""
_UNTYPED = frozenset({"progress", "precision", "settings"})  # a precision is among the settings by then


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


def format_command(function: Callable[..., Any], given: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    """A call of the Python interface as the command line that does the same, without the program's name.

    Args:
        function: one of `run`, `tune_rho`, `tune` and `time`.
        given: its arguments; those that have their default are left out.
        settings: by dotted name.

    Raises:
        UserError: an argument that does not parse.
    """
    words = [function.__name__.replace("_", "-")]
    for name, parameter in inspect.signature(function).parameters.items():
        if name in _UNTYPED or parameter.kind is parameter.VAR_KEYWORD:
            continue
        value, default = (_type_value(name, each) for each in (given.get(name), parameter.default))
        if value == default or value is None:
            continue
        flag = f"--{name.replace('_', '-')}"
        words += [flag] if value == ("True",) else [word for each in value for word in (flag, each)]
    for name, value in settings.items():
        words += _format_setting(name, value)
    return shlex.join(words)


def _type_value(name: str, value: Any) -> tuple[str, ...] | None:
    """What follows the option, once for each time that it is typed; None for what is left out."""
    if value is None:
        return None
    match name:
        case "tasks" | "methods":
            return (",".join(read_names(name, value) or ()),)
        case "seeds":
            return (_type_seeds(value),)
        case "rho" | "grid" | "batches":
            return (",".join(map(_type_number, read_numbers(name, value, float))),)
        case "ranges":
            ends = {each: map(_type_number, pair) for each, pair in read_ranges(value).items()}
            return (",".join(f"{each}={':'.join(pair)}" for each, pair in ends.items()),)
        case "plugin":
            return tuple(map(str, read_paths(name, value)))
        case _:
            return (os.fspath(value) if isinstance(value, os.PathLike) else str(value),)


def _type_seeds(value: Any) -> str:
    """Seeds as a count or a list; one seed has its comma."""
    seeds = read_seeds(value)
    if seeds == tuple(range(len(seeds))):
        return str(len(seeds))
    return f"{','.join(map(str, seeds))}{',' if len(seeds) == 1 else ''}"


def _type_number(number: float) -> str:
    return text if float(text := f"{number:g}") == number else repr(number)


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
