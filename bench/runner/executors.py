"""Units of work in several processes: each starts as soon as what it needs is made, and shows its own bar.

Processes share the folders on disk and, to read, the data in memory; their number changes no result.
"""

import contextlib
import itertools
import multiprocessing
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from bench.config.request import Request
from bench.plugins import load_plugins
from bench.progress import Message, ProgressConsole, format_label
from bench.runner.data import share_data
from bench.runner.units import Unit, Worker
from foundation.errors import UserError
from training import Data, Progress

SEND_EVERY = 0.2  # seconds between two messages of one bar

_worker: list[Worker] = []  # the one worker of a child process


@dataclass
class RelayConsole(ProgressConsole):
    """The console of a child process: what is to be seen goes to the parent."""

    messages: Any = None
    parent: int = field(default_factory=os.getppid)
    bars: Iterator[int] = field(default_factory=itertools.count)

    def say(self, text: str) -> None:
        self.messages.put(Message("say", text))

    @contextlib.contextmanager
    def show_bar(self, label: str, seeds: int | None = None) -> Iterator[Progress]:
        """A bar of the parent's; the child ends itself once the parent is gone."""
        shown = format_label(label, seeds)
        sent, bar = [0.0], (os.getpid(), next(self.bars))
        self.messages.put(Message("start", shown, bar))

        def progress(done: int, total: int) -> None:
            if os.getppid() != self.parent:
                os._exit(1)  # SystemExit would only be sent to the parent that is gone
            if done == total or time.monotonic() - sent[0] > SEND_EVERY:
                sent[0] = time.monotonic()
                self.messages.put(Message("step", shown, bar, done, total))

        yield progress
        self.messages.put(Message("end", shown, bar))


def start_worker(request: Request, messages: Any) -> None:
    """What a child process does first."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    torch.set_num_threads(request.threads)
    load_plugins(request.plugins)
    _worker.append(Worker(request, RelayConsole(messages=messages)))


def execute_unit(unit: Unit) -> str:
    """Do one unit in a child process; its name says that it is done."""
    _worker[0].execute(unit)
    return unit.name


def execute_units(units: list[Unit], request: Request, processes: int, console: ProgressConsole) -> None:
    """Do all units, in this process one after the other, or in several; the list is empty after the former."""
    if processes > 1 and len(units) > 1:
        execute_in_processes(units, request, processes, console)
        return
    worker = Worker(request, console)
    while units:  # each is dropped once it is done, with its data
        worker.execute(units.pop(0))


def execute_in_processes(
    units: Sequence[Unit], request: Request, processes: int, console: ProgressConsole
) -> None:
    """Do all units, as many at once as there are processes, each after those it needs.

    Raises:
        UserError: from a unit, as in one process; or a process that died, with what may have killed it.
    """
    context = multiprocessing.get_context("spawn")
    messages = context.Queue()
    # Without the jobs, whose methods may come from plug-ins that a child has not loaded when it reads this.
    bare = replace(request, jobs=())
    shared: dict[tuple[str, str], Data | None] = {}
    for unit in units:
        if unit.data is not None and (unit.task.name, unit.about.fingerprint) not in shared:
            shared[unit.task.name, unit.about.fingerprint] = share_data(unit.data)
    units = [replace(unit, data=shared.get((unit.task.name, unit.about.fingerprint))) for unit in units]
    pool = ProcessPoolExecutor(
        min(processes, len(units)), context, initializer=start_worker, initargs=(bare, messages)
    )
    with hide_main(), console.show_bars() as bars, show_messages(messages, bars):
        try:
            schedule(units, pool)
        except BaseException as error:
            for process in multiprocessing.active_children():  # hours may be left of what they are doing
                process.terminate()
            if isinstance(error, BrokenProcessPool):
                raise UserError(
                    "a worker process was killed, possibly for lack of memory; run the same command again to "
                    "resume, with fewer processes, as in --processes 1."
                ) from None
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


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


def schedule(units: Sequence[Unit], pool: ProcessPoolExecutor) -> None:
    """Submit every unit once its needs are done; the first error ends the rest."""
    waiting = {unit.name: unit for unit in units}
    done: set[str] = set()
    running: set[Future[str]] = set()
    while waiting or running:
        for unit in [unit for unit in waiting.values() if unit.needs <= done]:
            running.add(pool.submit(execute_unit, waiting.pop(unit.name)))
        finished, running = wait(running, return_when=FIRST_COMPLETED)
        done |= {future.result() for future in finished}


@contextlib.contextmanager
def show_messages(messages: Any, bars: Any) -> Iterator[None]:
    """Show the children's messages as bars for the time of the block."""
    over = threading.Event()

    def pump() -> None:
        while not (over.is_set() and messages.empty()):
            with contextlib.suppress(queue.Empty):
                bars.show(messages.get(timeout=0.1))

    thread = threading.Thread(target=pump, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(timeout=5)
