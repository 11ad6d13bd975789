"""Refuses values that an option cannot take, and too few or too many of them, before tyro does."""

import types
from collections.abc import Sequence
from typing import Any, Literal, get_args, get_origin

from bench.cli.hints import count_values, is_switch, list_arms, list_kinds, show_value
from bench.cli.typed_command import TypedCommand
from foundation.errors import UserError, unknown_name

_NUMBERS = {int: "a whole number", float: "a number"}


def check_words(command: TypedCommand) -> None:
    """Refuse values that an option cannot take, and too few or too many of them.

    Raises:
        UserError: the first such option, what it takes and what it was given.
    """
    for (name, hint), value in zip(command.places.items(), command.list_loose_words(), strict=False):
        check_value(name, value, hint)
    for flag, values in command.split_flags():
        hint = command.find_hint(flag)
        if hint is not None:
            check_values(flag, values, hint, has_places=bool(command.places))


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
    if is_switch(hint):
        if values and not has_places:
            raise UserError(f"{flag} takes no value and got {' '.join(values)!r}: leave that out.")
        return
    count = count_values(hint)
    if count is None:
        for value in values:
            check_value(flag, value, hint)
        return
    if len(values) < count:
        takes = f"{count} values" if count > 1 else "a value"
        raise UserError(
            f"{flag} takes {takes} and got {len(values) or 'none'}: give it as in `{flag} {show_value(hint)}`."
        )
    if len(values) > count and not has_places:
        given = " and ".join(map(repr, values))
        advice = f"; a list has commas, as in {','.join(values)}" if list_kinds(hint) == [str] else ""
        takes = f"{count} values" if count > 1 else "one value"
        raise UserError(
            f"{flag} takes {takes} and got {len(values)}, {given}: leave out what is too much{advice}."
        )
    for value in values[:count]:
        check_value(flag, value, hint)


def check_value(name: str, value: str, hint: Any) -> None:
    """Refuse a word that is none of the choices, or no number, where nothing else is asked for.

    Raises:
        UserError: the word, and what it may be.
    """
    kinds = [get_args(kind)[0] if get_args(kind)[1:] == (...,) else kind for kind in list_kinds(hint)]
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
            none = " or None" if types.NoneType in list_arms(hint) else ""
            raise UserError(f"{name} {value!r} must be {_NUMBERS[kinds[0]]}{none}.") from None
