"""The files of an unfinished training, its last two states side by side, and of an unfinished computation."""

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from foundation.files import write_atomically


@dataclass(frozen=True)
class UnfinishedWork(ABC):
    """Files of what is done of a component.

    Attributes:
        path: of them, beside the component's files.
        owner: label of the component.
        say: prints a sentence.
    """

    path: Path
    owner: str
    say: Callable[[str], None]

    @abstractmethod
    def write(self, content: bytes) -> None:
        """Keep what is done.

        Raises:
            UserError: the disk is full or the folder cannot be written.
        """

    @abstractmethod
    def remove(self) -> None:
        """Delete all; the component is made."""

    def refuse(self, names: Sequence[str], sentence: str) -> None:
        """Delete what cannot be gone on from, so that it is not taken for sound again, and say so."""
        self.say(f"  {sentence}")
        for name in names:
            Path(name).unlink(missing_ok=True)


class Checkpoint(UnfinishedWork):
    """The last two states of a training, the newest at `path`; satisfies `training.checkpoint.CheckpointFile`."""

    @property
    def earlier(self) -> Path:
        """The one before the newest."""
        return self.path.with_suffix(".earlier")

    def read(self) -> Mapping[str, bytes]:
        """What is kept, by the files' paths, the newest first."""
        return {str(path): path.read_bytes() for path in (self.path, self.earlier) if path.is_file()}

    def write(self, content: bytes) -> None:
        """Keep a state and the one before; killed anywhere in it, one of them is whole."""
        if self.path.is_file():
            os.replace(self.path, self.earlier)
        write_atomically(self.path, content)

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)
        self.earlier.unlink(missing_ok=True)


class Parts(UnfinishedWork):
    """The parts of a computation, a file each, `path` and a number; satisfies `training.filled_rows.PartFiles`."""

    @property
    def files(self) -> list[Path]:
        """Those that are kept, in their order."""
        return sorted(self.path.parent.glob(f"{self.path.name}-*"))

    def read(self) -> Iterator[tuple[str, bytes]]:
        """What is kept, by the files' paths, one after the other."""
        return ((str(path), path.read_bytes()) for path in self.files)

    def write(self, content: bytes) -> None:
        """Keep one more."""
        write_atomically(self.path.with_name(f"{self.path.name}-{len(self.files):06}"), content)

    def remove(self) -> None:
        for path in self.files:
            path.unlink(missing_ok=True)
