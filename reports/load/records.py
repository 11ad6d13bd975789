"""A JSON record is read field by field: what is missing or of another type is named with its file."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from reports.errors import ReportError


@dataclass(frozen=True)
class Record:
    """One JSON object and the file it came from.

    Attributes:
        values: the object.
        path: its file, for messages.
        prefix: dotted name of the object inside the file, empty at the top.
    """

    values: Mapping[str, Any]
    path: Path
    prefix: str = ""

    def _value(self, name: str) -> Any:
        if name not in self.values:
            raise self.error(f"lacks the field `{self.prefix}{name}`")
        return self.values[name]

    def error(self, problem: str) -> ReportError:
        """The error that says this file has `problem` and how to get rid of it."""
        return ReportError(
            f"result file {self.path} {problem}: it was cut short or edited; delete it and run the same "
            f"`bench` command again."
        )

    def text(self, name: str) -> str:
        """A string field."""
        value = self._value(name)
        if not isinstance(value, str):
            raise self.error(f"has {value!r} where the text `{self.prefix}{name}` belongs")
        return value

    def optional_text(self, name: str) -> str | None:
        """A string field that may be null."""
        return None if self._value(name) is None else self.text(name)

    def integer(self, name: str) -> int:
        """A whole-number field."""
        value = self._value(name)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.error(f"has {value!r} where the whole number `{self.prefix}{name}` belongs")
        return value

    def number(self, name: str) -> float:
        """A finite number: NaN passes rliable without a word, so it stops here."""
        value = self._value(name)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self.error(f"has {value!r} where the number `{self.prefix}{name}` belongs")
        if not math.isfinite(value):
            raise ReportError(
                f"result file {self.path} has {value} for `{self.prefix}{name}`: the run diverged, and a report "
                f"averages over none; leave it out with `--tasks` or `--methods`, or run with other settings "
                f"into another folder (`--results`)."
            )
        return float(value)

    def optional_number(self, name: str) -> float | None:
        """A finite number that may be null."""
        return None if self._value(name) is None else self.number(name)

    def flag(self, name: str) -> bool:
        """A true or false field."""
        value = self._value(name)
        if not isinstance(value, bool):
            raise self.error(f"has {value!r} where true or false `{self.prefix}{name}` belongs")
        return value

    def mapping(self, name: str) -> Mapping[str, Any]:
        """An object field, as it stands."""
        value = self._value(name)
        if not isinstance(value, dict):
            raise self.error(f"has {value!r} where the object `{self.prefix}{name}` belongs")
        return cast("dict[str, Any]", value)

    def within(self, name: str) -> "Record":
        """An object field as a record of its own."""
        return Record(self.mapping(name), self.path, f"{self.prefix}{name}.")

    def each(self, name: str) -> tuple["Record", ...]:
        """A list-of-objects field as records."""
        value = self._value(name)
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise self.error(f"has {value!r} where the list of objects `{self.prefix}{name}` belongs")
        return tuple(Record(item, self.path, f"{self.prefix}{name}[{i}].") for i, item in enumerate(value))


def read_record(path: Path) -> Record:
    """The JSON object in a file.

    Raises:
        ReportError: the file holds no JSON object.
    """
    empty = Record({}, path)
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise empty.error("is not JSON") from error
    if not isinstance(values, dict):
        raise empty.error("holds no JSON object")
    return Record(values, path)
