"""Reads a choice with numbers, written `name` or `name:field=value,field=value`."""

import dataclasses
from collections.abc import Mapping
from typing import TypeVar

from foundation.errors import unknown_name

T = TypeVar("T")


def parse_named(text: str, choices: Mapping[str, type[T]], what: str) -> T:
    """The object that `text` names.

    Args:
        text: such as `exponential:inverse_temperature=3,maximum=80`.
        choices: name → frozen dataclass whose fields are numbers.
        what: the word for the error, such as `weight`.

    Raises:
        ValueError: an unknown name, an unknown field, or a value that is no number.
    """
    name, _, arguments = text.partition(":")
    if name not in choices:
        raise unknown_name(what, name, choices)
    fields = {field.name for field in dataclasses.fields(choices[name])}  # pyright: ignore[reportArgumentType]
    values: dict[str, float] = {}
    for item in filter(None, arguments.split(",")):
        field, _, number = item.partition("=")
        if field not in fields:
            known = ", ".join(sorted(fields)) or "none"
            raise ValueError(f"{what} {name!r} has no field {field!r}; it has {known}.")
        try:
            values[field] = float(number)
        except ValueError:
            raise ValueError(f"{what} {name!r}: {field}={number!r} is not a number.") from None
    return choices[name](**values)
