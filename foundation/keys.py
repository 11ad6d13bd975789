"""Which fields of a dataclass of settings are part of a key.

All are, unless their metadata says otherwise: `{"in_key": False}` is of a field that changes no number, and
`UNLESS_DEFAULT` of a setting that came later, so that what was made before it keeps its key.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

UNLESS_DEFAULT: Mapping[str, Any] = {"in_key": "unless default"}
"""Metadata of a field that is in no key while it has its default."""


def described_fields(settings: Any) -> list[dataclasses.Field[Any]]:
    """The fields of a dataclass's instance that change its numbers, in their order."""
    return [item for item in dataclasses.fields(settings) if item.metadata.get("in_key") is not False]


def keyed_fields(settings: Any) -> list[dataclasses.Field[Any]]:
    """Those of them that are part of a key now."""
    return [item for item in described_fields(settings) if not _is_left_out(item, getattr(settings, item.name))]


def _is_left_out(item: dataclasses.Field[Any], value: Any) -> bool:
    return item.metadata.get("in_key") == UNLESS_DEFAULT["in_key"] and value == item.default
