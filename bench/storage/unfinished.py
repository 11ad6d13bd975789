"""The file of an unfinished evaluation: a SHA-256 of what follows, then JSON; gone once the result is there."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from foundation.files import write_atomically
from reports.errors import ReportError
from reports.load.files import read_bytes
from reports.load.unfinished_schema import UnfinishedEvaluation

UNFINISHED = ".unfinished-"
"""How the names of these files begin."""


class UnfinishedError(ValueError):
    """Why an evaluation cannot go on from a file, as the end of a sentence that begins with its name."""


@dataclass(frozen=True)
class UnfinishedFile:
    """Where one evaluation keeps what is done of it.

    Attributes:
        path: beside its result, or in the folder of the tuning.
        of: what it is an evaluation of, as JSON has it.
    """

    path: Path
    of: dict[str, Any]

    def read(self) -> UnfinishedEvaluation | None:
        """What is kept; None where nothing is.

        Raises:
            UnfinishedError: it is damaged, or of another evaluation.
        """
        if not self.path.exists():
            return None
        try:
            content = read_bytes(self.path)
        except ReportError as error:
            raise UnfinishedError(f"cannot be read ({error})") from error
        digest, _, text = content.partition(b"\n")
        if digest != hashlib.sha256(text).hexdigest().encode():
            raise UnfinishedError("is damaged: its SHA-256 is another")
        try:
            found = UnfinishedEvaluation.model_validate_json(text)
        except ValidationError as error:
            raise UnfinishedError("is of another version") from error
        others = [name for name in {**self.of, **found.of} if self.of.get(name) != found.of.get(name)]
        if others:
            raise UnfinishedError(f"was begun with another `{others[0]}`")
        return found

    def write(self, content: UnfinishedEvaluation) -> None:
        """Keep this in the place of what was kept before.

        Raises:
            UserError: the disk is full or the folder cannot be written.
        """
        text = content.model_dump_json(by_alias=True).encode()
        write_atomically(self.path, hashlib.sha256(text).hexdigest().encode() + b"\n" + text)

    def remove(self) -> None:
        """Forget what is kept."""
        self.path.unlink(missing_ok=True)
