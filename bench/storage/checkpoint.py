"""The files of an unfinished training, its last two states side by side, and of an unfinished computation."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
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


@dataclass(frozen=True)
class Parts:
    """The parts of a computation, a numbered file each; satisfies `training.filled_rows.PartFiles`.

    Attributes:
        path: of all parts, without their numbers.
        owner: label of the component.
        say: prints a sentence.
    """

    path: Path
    owner: str
    say: Callable[[str], None]

    @property
    def files(self) -> list[Path]:
        """Those that are kept, in their order."""
        return sorted(self.path.parent.glob(f"{self.path.name}-*"))

    def read(self) -> Iterator[tuple[str, bytes]]:
        """What is kept, by the files' paths, one after the other."""
        return ((str(path), path.read_bytes()) for path in self.files)

    def write(self, content: bytes) -> None:
        """Keep one more.

        Raises:
            UserError: the disk is full or the folder cannot be written.
        """
        write_atomically(self.path.with_name(f"{self.path.name}-{len(self.files):06}"), content)

    def refuse(self, names: Sequence[str], sentence: str) -> None:
        """Delete what cannot be gone on from, and say so."""
        self.say(f"  {sentence}")
        for name in names:
            Path(name).unlink(missing_ok=True)

    def remove(self) -> None:
        """Delete all; the component is made."""
        for path in self.files:
            path.unlink(missing_ok=True)
