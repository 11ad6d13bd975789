"""What every engine offers, and the units that wait for others.

A unit is placed by its name and its needs alone. Whatever does it finds in the store what others have made, so a
unit may run elsewhere, twice, or go on where a dead process left it, with the same results.
"""

from collections.abc import Iterable, Sequence
from typing import Generic, Protocol, TypeVar


class Placeable(Protocol):
    """A unit of work as an engine sees it."""

    @property
    def name(self) -> str:
        """Names it among the others, and to the user."""
        ...

    @property
    def needs(self) -> frozenset[str]:
        """Names of the units that must be done before."""
        ...


UnitT = TypeVar("UnitT", bound=Placeable)
UnitT_contra = TypeVar("UnitT_contra", bound=Placeable, contravariant=True)


class Executor(Protocol[UnitT_contra]):
    """An engine: `submit` once, `wait` until all are done, then `close`; or `stop` at any time."""

    def submit(self, units: Sequence[UnitT_contra]) -> None:
        """Take all units, upstream first; each is begun once those that it needs are done."""
        ...

    def wait(self) -> Sequence[str]:
        """Wait until some more units are done; their names.

        Raises:
            UserError: what a unit raised, or a process died that did it, with what it died of.
        """
        ...

    def stop(self) -> None:
        """End within seconds what is being done, with its state saved where it can be."""
        ...

    def close(self) -> None:
        """End what is left of the engine once all units are done."""
        ...


def do_units(executor: Executor[UnitT], units: list[UnitT]) -> None:
    """Do all units; the list is empty after it, so that the engine can drop each once it is done, with its data.

    Raises:
        UserError: see `Executor.wait`.
    """
    left = len(units)
    try:
        executor.submit(units)
        units.clear()
        while left:
            left -= len(executor.wait())
    except BaseException:
        executor.stop()
        raise
    executor.close()


class UnitQueue(Generic[UnitT]):
    """The units that are not begun yet; those whose needs are done can be taken.

    Args:
        units: in the order in which they are to be taken.
    """

    def __init__(self, units: Iterable[UnitT]):
        self._waiting = list(units)
        self._done: set[str] = set()

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def ready(self) -> int:
        """How many can be taken."""
        return sum(unit.needs <= self._done for unit in self._waiting)

    def take(self) -> UnitT | None:
        """The first unit whose needs are done, None if there is none."""
        for place, unit in enumerate(self._waiting):
            if unit.needs <= self._done:
                return self._waiting.pop(place)
        return None

    def put_back(self, unit: UnitT) -> None:
        """Have a unit taken again, before the others."""
        self._waiting.insert(0, unit)

    def finish(self, name: str) -> None:
        """Count a unit as done for those that need it."""
        self._done.add(name)
