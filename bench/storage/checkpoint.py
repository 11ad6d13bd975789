"""The files of an unfinished training: its last two states, side by side."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from foundation.files import write_atomically


@dataclass(frozen=True)
class Checkpoint:
    """The last two states of a training; satisfies `training.checkpoint.CheckpointFile`.

    Attributes:
        path: of the newest, beside the component's files.
        owner: label of the component.
        say: prints a sentence.
    """

    path: Path
    owner: str
    say: Callable[[str], None]

    @property
    def earlier(self) -> Path:
        """The one before the newest."""
        return self.path.with_suffix(".earlier")

    def read(self) -> Mapping[str, bytes]:
        """What is kept, by the files' paths, the newest first."""
        return {str(path): path.read_bytes() for path in (self.path, self.earlier) if path.is_file()}

    def write(self, content: bytes) -> None:
        """Keep a state and the one before; killed anywhere in it, one of them is whole.

        Raises:
            UserError: the disk is full or the folder cannot be written.
        """
        if self.path.is_file():
            os.replace(self.path, self.earlier)
        write_atomically(self.path, content)

    def refuse(self, names: Sequence[str], sentence: str) -> None:
        """Delete what cannot be gone on from, so that it is not kept as the one before, and say so."""
        self.say(f"  {sentence}")
        for name in names:
            Path(name).unlink(missing_ok=True)

    def remove(self) -> None:
        """Delete both; the component is made."""
        self.path.unlink(missing_ok=True)
        self.earlier.unlink(missing_ok=True)
