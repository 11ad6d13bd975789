"""What a worker process does: one unit after the other, until its parent says so or is gone.

It shares nothing with other workers but files, and the data in memory to read. Its connections to the parent are
its own, so that its death leaves no lock behind that another waits for.
"""

import contextlib
import itertools
import os
import pickle
import queue
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing import connection, parent_process
from multiprocessing.connection import Connection
from typing import Any, TypeAlias

from bench.progress import Message, ProgressCallback, ProgressConsole, format_label
from foundation.errors import UserError
from foundation.stopping import Stopped, check, install_handlers

SEND_EVERY = 0.2  # seconds between two messages of one bar
GRACE = 4.0
"""Seconds that a worker has to save what it does, once it is asked to stop, before it is ended."""

Do: TypeAlias = Callable[[Any], None]
Prepare: TypeAlias = Callable[[ProgressConsole], Do]
"""Makes a new process ready and returns what does a unit there; it is pickled."""


@dataclass(frozen=True)
class Ready:
    """The worker can take a unit."""


@dataclass(frozen=True)
class Done:
    """The unit is done."""


@dataclass(frozen=True)
class Failed:
    """The unit, or making ready for the first, raised an error; the worker ends.

    Attributes:
        error: with the traceback as a note.
    """

    error: Exception


@dataclass
class RelayConsole(ProgressConsole):
    """The console of a worker: what is to be seen goes to the parent.

    Attributes:
        send: takes what is to be seen.
    """

    send: Callable[[Message], None] = lambda message: None
    bars: Iterator[int] = field(default_factory=itertools.count)

    def say(self, text: str) -> None:
        self.send(Message("say", text))

    @contextlib.contextmanager
    def show_bar(self, label: str, seeds: int | None = None) -> Iterator[ProgressCallback]:
        """A bar of the parent's."""
        shown = format_label(label, seeds)
        sent, bar = [0.0], (os.getpid(), next(self.bars))
        self.send(Message("start", shown, bar))

        def progress(done: int, total: int) -> None:
            if done == total or time.monotonic() - sent[0] > SEND_EVERY:
                sent[0] = time.monotonic()
                self.send(Message("step", shown, bar, done, total))

        yield progress
        self.send(Message("end", shown, bar))


class Sender:
    """Sends from a thread of its own, where no signal breaks off a message and no full pipe delays the work."""

    def __init__(self, to: Connection):
        self._to = to
        self._messages: queue.SimpleQueue[object | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def send(self, message: object) -> None:
        """Send something that can be pickled."""
        self._messages.put(message)

    def flush(self) -> None:
        """Send what is left and close the connection, unless the parent takes nothing."""
        self._messages.put(None)
        self._thread.join(GRACE)

    def _run(self) -> None:
        with self._to, contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the parent is gone
            while (message := self._messages.get()) is not None:
                self._to.send(message)


def serve(units: Connection, messages: Connection, prepare: Prepare) -> None:
    """The whole life of a worker process.

    Args:
        units: where units come from; None, or its end, ends the worker.
        messages: where messages go to.
        prepare: see `Prepare`.
    """
    sender = Sender(messages)
    try:
        code = work(units, sender, prepare)
    except Stopped as stopped:
        code = stopped.exit_code
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it is ending
    sender.flush()
    sys.exit(code)


def work(units: Connection, sender: Sender, prepare: Prepare) -> int:
    """Make ready and do units until none is left or one fails; returns the exit code.

    Raises:
        Stopped: the worker was asked to stop.
    """
    try:
        install_handlers()
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C is for the parent, which passes it on
        threading.Thread(target=end_with_parent, daemon=True).start()
        do = prepare(RelayConsole(send=sender.send))
        sender.send(Ready())
        while (unit := receive(units)) is not None:
            do(unit)
            del unit  # with its data, before the next is waited for
            sender.send(Done())
    except Exception as error:  # the parent raises it again
        check()  # it may have met the error because of a signal
        sender.send(Failed(describe_error(error)))
        return 1
    return 0


def receive(units: Connection) -> Any:
    """The next unit; None where the parent sends no more, or is gone."""
    try:
        return units.recv()
    except EOFError:
        return None


def end_with_parent() -> None:
    """Ask this process to stop once its parent is gone, however that ended, and end it if it does not."""
    parent = parent_process()
    if parent is None:
        return
    connection.wait([parent.sentinel])
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE)
    os._exit(1)


def describe_error(error: Exception) -> Exception:
    """The error as it is raised in the parent: one of the program with its traceback as a note.

    Where it cannot be sent, the traceback alone stands for it.
    """
    told = "".join(traceback.format_exception(error))
    if not isinstance(error, UserError):
        error.add_note(f"In a worker process:\n{told}")
    try:
        pickle.loads(pickle.dumps(error))
    except (pickle.PicklingError, TypeError, AttributeError, ValueError):
        return RuntimeError(told)
    return error
