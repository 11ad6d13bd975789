"""Refuses commands, choices, numbers and counts of values that cannot be, in one sentence, before tyro reads them.

What an option takes is read from its type hint. Unknown options are left to tyro, which suggests near ones.
"""

import dataclasses
import itertools
import types
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import tyro

from foundation.errors import UserError, unknown_name

_NUMBERS = {int: "a whole number", float: "a number"}


def find_command(commands: Mapping[str, type], data: Mapping[str, type], words: Sequence[str]) -> tuple[type, int]:
    """The options of the command that is typed, and how many words name it.

    Args:
        commands, data: name to options, of the commands and of those of `data`.
        words: the command line.

    Raises:
        UserError: no such command.
    """
    name, following = (word.replace("_", "-") for word in (*words[:2], "", "")[:2])
    if name == "data":
        if following not in data:
            raise unknown_name("command of data", following, data)
        return data[following], 2
    if name not in commands:
        raise unknown_name("command", name, [*commands, "data"])
    return commands[name], 1


def check_words(options: type, words: Sequence[str]) -> None:
    """Refuse values that an option cannot take, and too few or too many of them.

    Args:
        options: the command's.
        words: the command line behind the command's name.

    Raises:
        UserError: the first such option, what it takes and what it was given.
    """
    hints = get_type_hints(options, include_extras=True)
    places = [name for name in hints if tyro.conf.Positional in list_metadata(hints[name])]
    leading = list(itertools.takewhile(lambda word: not word.startswith("--"), words))
    for name, value in zip(places, leading, strict=False):
        check_value(name.upper(), value, hints[name])
    for flag, values in split_flags(words):
        hint = find_hint(options, flag)
        if hint is not None:
            check_values(flag, values, hint, has_places=bool(places))


def split_flags(words: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Each flag as it is typed, with the values behind it, that after `=` first."""
    starts = [number for number, word in enumerate(words) if word.startswith("--")]
    for start, end in itertools.pairwise([*starts, len(words)]):
        flag, is_joined, value = words[start].partition("=")
        yield flag, [*([value] if is_joined else []), *words[start + 1 : end]]


def find_hint(options: type, flag: str) -> Any:
    """The type hint of a flag's field, also below a group such as `--critic.steps`; None where there is none."""
    hint: Any = options
    for part in flag.removeprefix("--").replace("-", "_").split("."):
        if not dataclasses.is_dataclass(hint):
            return None
        hint = get_type_hints(hint, include_extras=True).get(part)
    return None if hint is None or dataclasses.is_dataclass(hint) else hint


def check_values(flag: str, values: Sequence[str], hint: Any, *, has_places: bool) -> None:
    """Refuse the values of a flag by its hint.

    Args:
        flag: as it is typed.
        values: behind it; the last of them may be no values of it where the command takes words of its own.
        hint: of its field.
        has_places: whether the command takes words without a flag.

    Raises:
        UserError: what is wrong.
    """
    count = count_values(hint)
    if count is None:
        return
    if len(values) < count:
        shown = next((item.metavar for item in list_metadata(hint) if getattr(item, "metavar", None)), "VALUE")
        takes = f"{count} values" if count > 1 else "a value"
        raise UserError(f"{flag} takes {takes} and got {len(values) or 'none'}: give it as in `{flag} {shown}`.")
    if len(values) > count and not has_places:
        given = " and ".join(map(repr, values))
        advice = f"; a list has commas, as in {','.join(values)}" if list_kinds(hint) == [str] else ""
        takes = f"{count} values" if count > 1 else "one value"
        raise UserError(
            f"{flag} takes {takes} and got {len(values)}, {given}: leave out what is too much{advice}."
        )
    for value in values[:count]:
        check_value(flag, value, hint)


def count_values(hint: Any) -> int | None:
    """How many values a flag takes; None where that is open, as of a switch or a list."""
    metadata = list_metadata(hint)
    for kind in list_kinds(hint):
        if get_origin(kind) is tuple and tyro.conf.UseAppendAction not in metadata:
            return None if get_args(kind)[-1] is ... else len(get_args(kind))
        if kind is bool:
            return None
    return 1


def check_value(name: str, value: str, hint: Any) -> None:
    """Refuse a word that is none of the choices, or no number, where nothing else is asked for.

    Raises:
        UserError: the word, and what it may be.
    """
    kinds = list_kinds(hint)
    if value == "None" and types.NoneType in list_arms(hint):
        return
    choices = [str(word) for kind in kinds if get_origin(kind) is Literal for word in get_args(kind)]
    if choices and all(get_origin(kind) is Literal for kind in kinds):
        if value not in choices:
            raise unknown_name(f"value of {name}", value, choices)
    elif kinds in ([int], [float]) and value not in choices:
        try:
            kinds[0](value)
        except ValueError:
            raise UserError(f"{name} {value!r} must be {_NUMBERS[kinds[0]]}.") from None


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
