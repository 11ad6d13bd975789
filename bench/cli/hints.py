"""Reads from the type hints of a command's dataclass what options it has and what each of them takes."""

import dataclasses
import types
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import tyro

_CALLED = {Path: "PATH", int: "INT", float: "FLOAT"}


def list_flags(options: type, above: str = "--") -> dict[str, Any]:
    """Every flag of a command, as `--critic.batch-size` → its type hint; a switch has a second flag with `no-`.

    Args:
        options: the command's, or those of a group of settings.
        above: what stands before the names of the group's, such as `--critic.`.
    """
    hints = get_type_hints(options, include_extras=True)
    found: dict[str, Any] = {}
    for field in dataclasses.fields(options):
        hint, name = hints[field.name], field.name.replace("_", "-")
        if isinstance(hint, type) and dataclasses.is_dataclass(hint):
            found |= list_flags(hint, f"{above}{name}.")
        elif tyro.conf.Positional not in list_metadata(hint):
            found[f"{above}{name}"] = hint
            if is_switch(hint):
                found[f"{above}no-{name}"] = hint
    return found


def list_places(options: type) -> dict[str, Any]:
    """The words that a command takes without an option, by name, such as `TASK`, in their order → type hint."""
    hints = get_type_hints(options, include_extras=True)
    return {
        find_metavar(hints[field.name]) or field.name.upper(): hints[field.name]
        for field in dataclasses.fields(options)
        if tyro.conf.Positional in list_metadata(hints[field.name])
    }


def list_needed(options: type) -> list[str]:
    """What a command cannot do without, as `TASK` or `--to PATH`: the options that have no default."""
    hints = get_type_hints(options, include_extras=True)
    needed = []
    for field in dataclasses.fields(options):
        hint = hints[field.name]
        if field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING:
            continue
        if tyro.conf.Positional in list_metadata(hint):
            needed.append(find_metavar(hint) or field.name.upper())
        else:
            needed.append(f"--{field.name.replace('_', '-')} {show_value(hint)}")
    return needed


def is_switch(hint: Any) -> bool:
    """Whether a flag takes no value."""
    return list_kinds(hint) == [bool]


def find_metavar(hint: Any) -> str | None:
    """What the value of an option is called in the help, where its hint says so."""
    return next((item.metavar for item in list_metadata(hint) if getattr(item, "metavar", None)), None)


def show_value(hint: Any) -> str:
    """What the value of an option is called in the help, such as `NAME`, `PATH` or `INT`."""
    kinds = list_kinds(hint)
    return find_metavar(hint) or (_CALLED.get(kinds[0], "VALUE") if len(kinds) == 1 else "VALUE")


def count_values(hint: Any) -> int | None:
    """How many values a flag takes; None where that is open, as of a switch or a list."""
    metadata = list_metadata(hint)
    for kind in list_kinds(hint):
        if get_origin(kind) is tuple and tyro.conf.UseAppendAction not in metadata:
            return None if get_args(kind)[-1] is ... else len(get_args(kind))
        if kind is bool:
            return None
    return 1


def list_arms(hint: Any) -> list[Any]:
    """The types that a hint is a union of, without what is annotated."""
    if get_origin(hint) is Annotated:
        return list_arms(hint.__origin__)
    if get_origin(hint) in (Union, types.UnionType):
        return [arm for each in get_args(hint) for arm in list_arms(each)]
    return [hint]


def list_kinds(hint: Any) -> list[Any]:
    """The same without None."""
    return [arm for arm in list_arms(hint) if arm is not types.NoneType]


def list_metadata(hint: Any) -> list[Any]:
    """What a hint is annotated with, also within a union."""
    if get_origin(hint) is Annotated:
        return [*hint.__metadata__, *list_metadata(hint.__origin__)]
    if get_origin(hint) in (Union, types.UnionType):
        return [item for each in get_args(hint) for item in list_metadata(each)]
    return []
