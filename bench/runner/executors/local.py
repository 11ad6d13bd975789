"""Does units in several processes of this machine; one that dies is noticed within a second, and named.

Every worker has pipes of its own, shared with no other, so that no death can leave a lock taken or a message cut
short that another waits for. What a dead process did is begun again once, from its last checkpoint, with one
process fewer; if that dies too, the run ends.
"""

import contextlib
import multiprocessing
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import connection, resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Any, Generic

from bench.progress import Message, ProgressBars, ProgressConsole
from bench.runner.executors.deaths import count_memory_kills, describe_death
from bench.runner.executors.executor import UnitQueue, UnitT
from bench.runner.executors.worker_process import GRACE, Done, Failed, Prepare, Ready, serve
from foundation.errors import UserError
from foundation.stopping import block_signals

LOOK_EVERY = 1.0  # seconds between two looks at whether all workers live, if no pipe says so before
TRIES = 2  # how often a unit is begun whose process dies


@dataclass
class Place(Generic[UnitT]):
    """A worker process and what it does.

    Attributes:
        process: the worker.
        units: where it gets its units from.
        messages: where its messages come from.
        ready: whether it has loaded what it needs.
        unit: what it does, None while it waits.
    """

    process: BaseProcess
    units: Connection
    messages: Connection
    ready: bool = False
    unit: UnitT | None = None

    def close(self) -> None:
        """Close what leads to the process, which has ended, or which not even the kernel can end now."""
        self.units.close()
        self.messages.close()
        if self.process.exitcode is not None:
            self.process.close()


class WorkerDied(UserError):
    """A worker process died; says which, of what and in the midst of what."""


class LocalProcesses(Generic[UnitT]):
    """The engine of several processes of this machine.

    Args:
        processes: how many at most.
        prepare: makes a process ready and returns what does a unit there.
        console: where its workers' bars and lines are shown.
        describe: names a unit for the user.
        pack: makes a unit ready to be sent.
    """

    def __init__(
        self,
        processes: int,
        prepare: Prepare,
        console: ProgressConsole,
        describe: Callable[[UnitT], str],
        pack: Callable[[UnitT], UnitT],
    ):
        self._processes = processes
        self._allowed = processes
        self._prepare = prepare
        self._console = console
        self._describe = describe
        self._pack = pack
        self._context = multiprocessing.get_context("spawn")
        self._queue: UnitQueue[UnitT] = UnitQueue(())
        self._places: list[Place[UnitT]] = []
        self._deaths: Counter[str] = Counter()
        self._memory_kills = count_memory_kills()
        self._shown = contextlib.ExitStack()
        self._bars: ProgressBars | None = None

    def submit(self, units: Sequence[UnitT]) -> None:
        """Take all units; see `Executor`."""
        self._queue = UnitQueue(map(self._pack, units))
        self._bars = self._shown.enter_context(self._console.show_bars())
        self._shown.enter_context(pass_over_lost_connections())

    def wait(self) -> Sequence[str]:
        """Wait until some more units are done; see `Executor`.

        Raises:
            WorkerDied: the process of a unit died, twice.
        """
        done: list[str] = []
        while not done:
            self._fill_places()
            pipes = [place.messages for place in self._places]
            sentinels = [place.process.sentinel for place in self._places]
            connection.wait([*pipes, *sentinels], timeout=LOOK_EVERY)
            for place in list(self._places):
                done += self._listen(place)
        return done

    def stop(self) -> None:
        """Ask every worker to stop, show what they still say, and end what is left after some seconds."""
        try:
            for place in self._places:
                if place.ready:
                    place.process.terminate()
                else:  # it has nothing to save
                    place.process.kill()
            deadline, heard = time.monotonic() + GRACE, list(self._places)
            while heard and (left := deadline - time.monotonic()) > 0:
                connection.wait([place.messages for place in heard], timeout=left)
                heard = [place for place in heard if self._hear(place)]
            self._join_all(deadline)
        finally:
            self._end_all()

    def close(self) -> None:
        """Let the workers end, which have nothing more to do."""
        for place in self._places:
            with contextlib.suppress(BrokenPipeError):
                place.units.send(None)
        self._join_all(time.monotonic() + GRACE)
        self._end_all()

    def _fill_places(self) -> None:
        """Start processes while more could be used, and give units to those that wait."""
        for place in self._places:
            if place.ready and place.unit is None and (unit := self._queue.take()) is not None:
                place.unit = unit
                with contextlib.suppress(BrokenPipeError):  # it died; `_listen` says so
                    place.units.send(unit)
        idle = sum(place.unit is None for place in self._places)
        if not self._queue.ready and len(self._places) == idle:
            raise LookupError("no unit is left whose needs are done")
        for _ in range(min(self._queue.ready - idle, self._allowed - len(self._places))):
            self._start_process()

    def _start_process(self) -> None:
        resource_tracker.ensure_running()  # its own start would let the blocked signals through
        units, to_child = self._context.Pipe(duplex=False)
        messages, from_child = self._context.Pipe(duplex=False)
        process = self._context.Process(target=serve, args=(units, from_child, self._prepare))
        try:
            with hide_main(), block_signals():
                process.start()
                self._places.append(Place(process, to_child, messages))  # before a signal can come between
        except OSError as error:
            raise UserError(
                f"cannot start a worker process ({error.strerror or error}); give fewer, as in --processes 1."
            ) from error
        finally:
            units.close()  # so that the end of the process is the end of its pipes
            from_child.close()

    def _listen(self, place: Place[UnitT]) -> list[str]:
        """Take what a worker has sent; the names of the units that it has done.

        Raises:
            UserError: what its unit raised.
            WorkerDied: see `wait`.
        """
        is_dead = not place.process.is_alive()  # before its last messages are read
        done: list[str] = []
        error: Exception | None = None
        try:
            while place.messages.poll():
                match place.messages.recv():
                    case Ready():
                        place.ready = True
                    case Done() if place.unit is not None:
                        done.append(place.unit.name)
                        self._queue.finish(place.unit.name)
                        place.unit = None
                    case Failed() as failed:
                        error = failed.error
                    case message:
                        self._show(message)
        except (EOFError, OSError):
            is_dead = True
        if error is not None:
            raise error
        if is_dead:
            self._bury(place)
        return done

    def _bury(self, place: Place[UnitT]) -> None:
        """Say what a process died of, and have its unit begun again with one process fewer.

        Raises:
            WorkerDied: it was the second of its unit, or every process died before it had one.
        """
        place.process.join(GRACE)  # its pipe may end before it does
        pid, code = place.process.pid, place.process.exitcode
        self._remove(place)
        died = f"worker process {pid} {describe_death(code, self._memory_kills, count_memory_kills())}"
        self._memory_kills = count_memory_kills()
        doing = "while it waited" if place.unit is None else f"in {self._describe(place.unit)}"
        name = "" if place.unit is None else place.unit.name
        self._deaths[name] += 1
        if self._deaths[name] > (self._processes if place.unit is None else TRIES - 1):
            again = "" if place.unit is None else ", as one before it"
            raise WorkerDied(
                f"{died} {doing}{again}; what is finished is kept: run the same command again to go on, with "
                "fewer processes if memory is short, as in --processes 1."
            )
        self._allowed = max(self._allowed - 1, 1)
        if place.unit is not None:
            self._queue.put_back(place.unit)
        retried = "" if place.unit is None else "that is begun again from its last checkpoint, "
        many = "1 process" if self._allowed == 1 else f"{self._allowed} processes"
        self._console.say(f"  {died} {doing}; {retried}with {many} from now on")

    def _hear(self, place: Place[UnitT]) -> bool:
        """Show what a worker says that was asked to stop; False once it has no more to say."""
        try:
            while place.messages.poll():
                self._show(place.messages.recv())
        except (EOFError, OSError):
            return False
        return True

    def _join_all(self, deadline: float) -> None:
        for place in self._places:
            place.process.join(max(deadline - time.monotonic(), 0.0))

    def _show(self, message: Any) -> None:
        if isinstance(message, Message) and self._bars is not None:
            self._bars.show(message)

    def _remove(self, place: Place[UnitT]) -> None:
        """Forget a process, which ends now if it has not."""
        self._places.remove(place)
        if self._bars is not None and place.process.pid is not None:
            self._bars.forget(place.process.pid)
        place.process.kill()
        place.process.join(GRACE)
        place.close()

    def _end_all(self) -> None:
        """End every process that has not ended yet, and what is shown."""
        for place in self._places:
            place.process.kill()
        for place in list(self._places):
            self._remove(place)
        self._shown.close()


@contextlib.contextmanager
def pass_over_lost_connections() -> Iterator[None]:
    """Say nothing of a worker that ended while it was handed a file of shared memory.

    The thread of `multiprocessing` that hands them over prints a traceback and goes on; the death is seen by us.
    """
    before = sys.excepthook

    def show(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        in_thread = threading.current_thread() is not threading.main_thread()
        if not (in_thread and isinstance(error, (ConnectionError, EOFError))):
            before(kind, error, trace)

    sys.excepthook = show
    try:
        yield
    finally:
        sys.excepthook = before


@contextlib.contextmanager
def hide_main() -> Iterator[None]:
    """Keep child processes from importing the caller's main module, as spawned ones do.

    They need nothing of it, and a script that calls `bench.run` at its top level would run once more in each.
    """
    main = sys.modules["__main__"]
    names = [name for name in ("__spec__", "__file__") if name in vars(main)]
    before = {name: getattr(main, name) for name in names}
    for name in names:
        setattr(main, name, None)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(main, name, value)
