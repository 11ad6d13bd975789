"""Does units in this process, one after the other."""

from collections.abc import Callable, Sequence
from typing import Generic

from bench.runner.executors.executor import UnitQueue, UnitT


class InProcess(Generic[UnitT]):
    """The engine without further processes.

    Args:
        do: what does a unit.
    """

    def __init__(self, do: Callable[[UnitT], None]):
        self._do = do
        self._queue: UnitQueue[UnitT] = UnitQueue(())

    def submit(self, units: Sequence[UnitT]) -> None:
        """Take all units; see `Executor`."""
        self._queue = UnitQueue(units)

    def wait(self) -> Sequence[str]:
        """Do the next unit; whatever it raises goes to the caller."""
        unit = self._queue.take()
        if unit is None:
            raise LookupError("no unit is left whose needs are done")
        self._do(unit)
        self._queue.finish(unit.name)
        return [unit.name]

    def stop(self) -> None:
        """Nothing is being done while the caller has the word."""

    def close(self) -> None:
        """Nothing is left."""
