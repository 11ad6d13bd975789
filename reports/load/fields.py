"""The types of fields in result files: names that are parts of paths, paths that stay inside, whole numbers."""

from typing import Annotated

from pydantic import Field, StringConstraints

from foundation.names import NAME_PATTERN

LABEL_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$"
DIGEST_PATTERN = r"^[0-9a-f]{64}$"
FILE_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*$"
PATH_PATTERN = r"^runs/[a-z0-9][a-z0-9._-]{0,99}/[A-Za-z0-9][A-Za-z0-9._-]{0,199}/seed-[0-9]{1,20}\.json$"

Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
"""Of a suite, a task or a method."""
Label = Annotated[str, StringConstraints(pattern=LABEL_PATTERN)]
"""`<name>-<key>` of a trained part, or a file's name: one part of a path."""
ResultPath = Annotated[str, StringConstraints(pattern=PATH_PATTERN)]
"""`runs/TASK/METHOD-KEY/seed-N.json`, relative to the results folder."""
Digest = Annotated[str, StringConstraints(pattern=DIGEST_PATTERN)]
"""A SHA-256 in hexadecimal."""
RelativePath = Annotated[str, StringConstraints(pattern=FILE_PATTERN)]
"""Of a file within a folder, with `/`; no part begins with a dot."""
Whole = Annotated[int, Field(ge=0, lt=2**64)]
"""A number from 0 up that NumPy can hold."""
Count = Annotated[int, Field(ge=1, lt=2**63)]
"""A number from 1 up."""
NotNegative = Annotated[float, Field(ge=0)]
"""Of a guidance scale."""
Diverging = Annotated[float, Field(allow_inf_nan=True)]
"""A number that is NaN where a run diverged; every other one is finite."""

PATTERNS = {
    NAME_PATTERN: "a name of letters from a to z, digits, `.`, `_` and `-`",
    LABEL_PATTERN: "a name of letters, digits, `.`, `_` and `-`",
    DIGEST_PATTERN: "a SHA-256 of 64 hexadecimal digits",
    FILE_PATTERN: "a relative path whose parts begin with a letter or digit",
    PATH_PATTERN: "a path such as runs/TASK/METHOD-KEY/seed-0.json",
}
"""What each pattern asks for, in words."""
