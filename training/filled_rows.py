"""A computation that goes on: the rows that are filled are kept in parts, each with those since the last part."""

import time
from collections.abc import Iterator, Sequence
from typing import Any, Protocol, runtime_checkable

from torch import Tensor, nn

from foundation import stopping
from training.component import Computed, Progress
from training.saved_state import Owner, SavedState, SavedStateError, check_tensors, pack_state, unpack_state


@runtime_checkable
class PartFiles(Protocol):
    """Where the parts of an unfinished computation are kept, each whole or not at all."""

    @property
    def owner(self) -> str:
        """What is computed, by a name that nothing else has."""
        ...

    def read(self) -> Iterator[tuple[str, bytes]]:
        """The parts and their files' names, in the order in which they were written."""
        ...

    def write(self, content: bytes) -> None:
        """Keep one more."""
        ...

    def refuse(self, names: Sequence[str], sentence: str) -> None:
        """Forget parts that cannot be gone on from, and tell the user why, and what follows."""
        ...


class FilledRows:
    """The rows of a module's buffers, (seed, row, ...), in the order in which they are filled.

    Args:
        component: whose `filled` names the buffers.
        module: with the buffers.
        seeds: in the order of the leading axis.
        data: key of the data set.
        files: where the rows are kept.
        seconds: after which those that were filled are kept.
    """

    def __init__(
        self,
        component: Computed,
        module: nn.Module,
        seeds: Sequence[int],
        data: str,
        files: PartFiles,
        seconds: float,
    ):
        self.rows = {name: module.get_buffer(name).flatten(0, 1) for name in component.filled}
        self.files, self.seconds = files, seconds
        total = min(len(rows) for rows in self.rows.values())
        self.owner = Owner(files.owner, tuple(seeds), data, total)
        self.done = 0
        self._kept_at = time.monotonic()

    def resume(self) -> int:
        """Fill the rows that are kept; returns how many they are."""
        refused: dict[str, str] = {}
        for name, content in self.files.read():
            if refused:
                refused[name] = ""
                continue
            try:
                self._take(unpack_state(content, self.owner))
            except SavedStateError as error:
                refused[name] = str(error)
        if refused:
            name, why = next(iter(refused.items()))
            goes_on = f"goes on after row {self.done:,}" if self.done else "begins at its start"
            sentence = f"part {name!r} {why}; the computation of {self.owner.component} {goes_on}"
            self.files.refuse(tuple(refused), sentence)
        return self.done

    def _take(self, saved: SavedState) -> None:
        count = saved.step - self.done
        if count <= 0:
            raise SavedStateError(f"ends at row {saved.step}, and {self.done} are filled before it")
        places = slice(self.done, saved.step)
        check_tensors(saved.tensors, {name: rows[places] for name, rows in self.rows.items()}, {})
        for name, rows in self.rows.items():
            rows[places] = saved.tensors[name].to(rows.device)
        self.done = saved.step

    def follow(self, progress: Progress) -> Progress:
        """The same progress, by which rows are kept that are filled, and the computation ended by a signal."""

        def followed(done: int, total: int) -> None:
            progress(done, total)
            if stopping.is_asked() or time.monotonic() - self._kept_at > self.seconds:
                self._keep(done)
            stopping.check()

        return followed

    def _keep(self, done: int) -> None:
        if done <= self.done:
            return
        tensors: dict[str, Tensor] = {name: rows[self.done : done] for name, rows in self.rows.items()}
        about: dict[str, Any] = {}  # what is computed has no learning curve
        self.files.write(pack_state(SavedState(done, tensors, about), self.owner))
        self.done, self._kept_at = done, time.monotonic()
