"""Settings that were added after components and results were kept.

Such a field's default changes nothing. Where it has that default, keys and the recorded settings leave it out, so
that they are those of what was made before.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

IN_KEY = "in_key"
ADDED: Mapping[str, Any] = {IN_KEY: "where it differs from its default"}
"""The metadata of such a field of a dataclass, as in `field(default=1, metadata=ADDED)`."""


def is_left_out(field: "dataclasses.Field[Any]", value: Any) -> bool:
    """Whether a field with this value is an added one at its default."""
    return field.metadata.get(IN_KEY) == ADDED[IN_KEY] and value == field.default
