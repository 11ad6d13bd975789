"""The errors that a user can correct; each is one sentence with the value, the choices and the remedy."""

import difflib
from collections.abc import Iterable


class UserError(ValueError):
    """A foreseeable mistake or missing resource; the command line prints it as one sentence and exits with 2."""


class UnknownName(UserError):
    """A name that no registry knows; made by `unknown_name`."""


def unknown_name(kind: str, name: str, choices: Iterable[object]) -> UnknownName:
    """The error for a name that is not among the choices, with the near ones first where there are any.

    Args:
        kind: what was named, in words, such as `suite` or `task of suite maze2d`.
        name: what the user typed.
        choices: every valid name, in the order to print them.
    """
    listed = [str(choice) for choice in choices]
    return UnknownName(f"unknown {kind} {name!r}; {near_names(name, listed)}choose one of {', '.join(listed)}.")


def near_names(name: str, choices: Iterable[str]) -> str:
    """`did you mean maze2d? ` for a name that is close to some of the choices, else nothing."""
    lower = {choice.lower(): choice for choice in choices}
    near = [lower[match] for match in difflib.get_close_matches(name.lower(), lower, n=3, cutoff=0.6)]
    return f"did you mean {' or '.join(near)}? " if near else ""
