"""Names that become parts of paths: of suites, tasks, methods, results and trained parts."""

import re
from typing import Annotated, Any, TypeAlias

from foundation.bounds import Parsed

NAME_PATTERN = r"^[a-z0-9][a-z0-9._-]{0,99}$"
"""What methods, suites and tasks may be called, and so what files may say that they are called."""
NAME_WORDS = "letters from a to z, digits, `.`, `_` and `-`, at most 100 of them, a letter or digit first"


def is_name(value: Any) -> bool:
    """Whether it is a text that is such a name, which is one part of a path and not `..`."""
    return isinstance(value, str) and re.fullmatch(NAME_PATTERN.strip("^$"), value) is not None


def parse_import(text: Any) -> str:
    """The name of an import, as it is given.

    Raises:
        ValueError: it is no name.
    """
    if not is_name(text):
        raise ValueError(f"{text!r} is no name of an import: it has {NAME_WORDS}.")
    return text


ImportName: TypeAlias = Annotated[str, Parsed(parse_import)]
"""A setting that names networks which were trained elsewhere."""
