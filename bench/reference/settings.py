"""Describes every setting as data: its flag, default, what it may be, and its text."""

import dataclasses
import types
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from bench.config.check_settings import COMPARISONS, KINDS, bounds_in, split_hint
from bench.config.spec import Config
from bench.reference.docstrings import read_attributes, read_description
from critics.losses import VALUE_LOSSES, parse_value_loss
from critics.weights import WEIGHTS, parse_weight
from foundation.bounds import Parsed
from methods.diffusion.strength import STRENGTHS, parse_strength

NAMED = {
    parse_weight: ("a weight function", WEIGHTS),
    parse_value_loss: ("a value loss", VALUE_LOSSES),
    parse_strength: ("a schedule of ρ", STRENGTHS),
}
DATA_FLAG = "data-set"  # the option --data is the source, so the data set's own settings have this prefix


@dataclass(frozen=True)
class Setting:
    """One setting.

    Attributes:
        name: dotted, as in results.
        flag: on the command line.
        default: the value of its dataclass.
        allowed: what it may be, in words.
        text: what it is, from its dataclass's docstring.
    """

    name: str
    flag: str
    default: Any
    allowed: str
    text: str


@dataclass(frozen=True)
class Group:
    """The settings of one dataclass, under the name that they share.

    Attributes:
        name: such as `critic`.
        text: the description of the dataclass.
        settings: in its order.
    """

    name: str
    text: str
    settings: tuple[Setting, ...]


def describe_shared_settings() -> tuple[Group, ...]:
    """The settings that all methods of a comparison share, by group."""
    return tuple(
        describe_group(
            field.name, getattr(Config(), field.name), DATA_FLAG if field.name == "data" else field.name
        )
        for field in dataclasses.fields(Config)
    )


def describe_group(name: str, settings: Any, flag: str) -> Group:
    """The settings of one dataclass.

    Args:
        name: their common part in results, such as `critic` or a method's name.
        settings: an instance with the defaults.
        flag: their common part on the command line.
    """
    cls = type(settings)
    texts, hints = read_attributes(cls), get_type_hints(cls, include_extras=True)
    return Group(
        name,
        read_description(cls),
        tuple(
            Setting(
                f"{name}.{field.name}",
                f"--{flag}.{field.name}".replace("_", "-"),
                getattr(settings, field.name),
                describe_hint(hints[field.name]),
                texts.get(field.name, ""),
            )
            for field in dataclasses.fields(settings)
        ),
    )


def describe_hint(hint: Any) -> str:
    """What a field of that type hint may be, in words, as `check_settings` checks it."""
    base, metadata = split_hint(hint)
    origin, arms = get_origin(base), get_args(base)
    if origin in (Union, types.UnionType):
        return " or ".join(describe_hint(Annotated[arm, *metadata] if metadata else arm) for arm in arms)
    if origin is Literal:
        return ", ".join(str(arm) for arm in arms)
    if origin is tuple:
        return f"one or more, each {describe_hint(arms[0])}"
    if base is types.NoneType:
        return "None"
    parsed = [item.parse for item in metadata if isinstance(item, Parsed)]
    if parsed:
        return _describe_named(*NAMED[parsed[0]]) if parsed[0] in NAMED else "a text"
    words = [COMPARISONS[type(bound)][1](bound) for bound in bounds_in(metadata)]
    return ", ".join(filter(None, [KINDS[base], " and ".join(words)]))


def _describe_named(kind: str, choices: Mapping[str, Any]) -> str:
    return f"{kind}: {', '.join(choices)}, each with its fields as in NAME:FIELD=VALUE"
