"""Reads a record of independent lines, each with its own hash: `looks.jsonl` and `commands.jsonl`."""

from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from reports.errors import ReportError
from reports.load.base_schema import Sealed
from reports.load.files import read_lines
from reports.load.ledger import split_lines
from reports.load.seals import CHANGED, is_intact

Line = TypeVar("Line", bound=Sealed)


class DamagedLine(ReportError):
    """A line that is not as it was written, in a file that can be read.

    Attributes:
        fault: what is wrong with which line, without a remedy.
    """

    def __init__(self, fault: str, remedy: str):
        super().__init__(f"{fault}; {remedy}")
        self.fault = fault


def read_sealed_lines(file: Path, kind: type[Line], what: str, loss: str) -> tuple[Line, ...]:
    """The lines of a file that a folder may lack, oldest first; a last line that was cut short is passed over.

    Args:
        file: the record.
        kind: of its lines.
        what: a line is, for the error, such as `a look`.
        loss: what is no longer known without the file, for the error.

    Raises:
        DamagedLine: a line that is none of that kind, or is not as it was written.
        ReportError: the file cannot be read.
    """
    lines, _ = split_lines(read_lines(file))
    found: list[Line] = []
    for number, line in enumerate(lines, 1):
        try:
            each = kind.model_validate_json(line)
        except ValidationError as error:
            raise _report_damage(file, number, f"is not {what}", loss) from error
        if not is_intact(line, each.sha256, is_line=True):
            raise _report_damage(file, number, CHANGED, loss)
        found.append(each.model_copy(update={"sha256": None}))
    return tuple(found)


def _report_damage(file: Path, number: int, fault: str, loss: str) -> DamagedLine:
    return DamagedLine(
        f"line {number} of {str(file)!r} {fault}: the file was edited, or another version wrote it",
        f"restore it from a copy, or delete it, and {loss}.",
    )
