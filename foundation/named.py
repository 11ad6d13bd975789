"""Reads a choice with numbers: `name`, `name:field=value,field=value`, or `name:value` of its one field."""

import dataclasses
from collections.abc import Mapping
from typing import TypeVar

from foundation.errors import unknown_name

T = TypeVar("T")


def parse_named(text: str, choices: Mapping[str, type[T]], what: str) -> T:
    """The object that `text` names.

    Args:
        text: such as `exponential:inverse_temperature=3,maximum=80`, or `first:0.5` of a choice whose one field
            has no default.
        choices: name → frozen dataclass whose fields are numbers.
        what: the word for the error, such as `weight`.

    Raises:
        ValueError: an unknown name, an unknown field, one given twice, a value that is no number, or no value
            for a field without a default.
    """
    name, _, arguments = text.partition(":")
    if name not in choices:
        raise unknown_name(what, name, choices)
    defaults = {field.name: field.default for field in dataclasses.fields(choices[name])}  # pyright: ignore
    needed = [field for field, default in defaults.items() if default is dataclasses.MISSING]
    values: dict[str, float] = {}
    for item in filter(None, arguments.split(",")):
        is_bare = "=" not in item and len(needed) == len(defaults) == 1
        field, _, number = (needed[0], "", item) if is_bare else item.partition("=")
        if field not in defaults:
            known = ", ".join(sorted(defaults)) or "none"
            raise ValueError(f"{what} {name!r} has no field {field!r}; it has {known}.")
        if field in values:
            raise ValueError(f"{what} {name!r} has its {field} twice; leave one of them out.")
        try:
            values[field] = float(number)
        except ValueError:
            raise ValueError(f"{what} {name!r}: {field}={number!r} is not a number.") from None
    for field in needed:
        if field not in values:
            raise ValueError(f"{what} {name!r} needs its {field}, a number, as in {name}:{field}=0.5.")
    return choices[name](**values)
