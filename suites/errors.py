"""A user's mistake about names or data is answered in one sentence that names the choices and the remedy."""

import difflib
from collections.abc import Iterable


class DataError(ValueError):
    """Data are missing, malformed or from a source that the task does not declare."""


class UnknownName(ValueError):
    """A name that no registry knows; made by `unknown_name`."""


def unknown_name(kind: str, name: str, choices: Iterable[str]) -> UnknownName:
    """The error for a name that is not among the choices.

    Args:
        kind: what was named, in words, such as `suite` or `task of suite maze2d`.
        name: what the user typed.
        choices: every valid name, in the order to print them.

    Returns:
        An exception to raise, with near names first when there are any.
    """
    listed = tuple(choices)
    lower = {choice.lower(): choice for choice in listed}
    near = [lower[match] for match in difflib.get_close_matches(name.lower(), lower, n=3, cutoff=0.6)]
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    return UnknownName(f"unknown {kind} {name!r}: {hint}The choices are {', '.join(listed)}.")
