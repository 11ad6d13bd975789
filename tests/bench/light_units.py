"""Units of work that train nothing, for tests of the engines; a worker that does them starts in a moment."""

import ctypes
import io
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from bench.progress import ProgressConsole
from bench.runner.executors.local import LocalProcesses
from foundation.errors import UserError
from foundation.stopping import Stopped

LONG = 120.0  # seconds that no test waits


@dataclass(frozen=True)
class LightUnit:
    """What to do, in one word, and where to leave word of it.

    Attributes:
        name, needs: see `Placeable`.
        folder: gets a file `NAME.PID` once the unit is begun, and `NAME.done` at its end.
        action: what to do, `end` for nothing; what ends in `-once` is done at the first try alone.
    """

    name: str
    folder: Path
    action: str = "end"
    needs: frozenset[str] = frozenset()


def prepare(console: ProgressConsole) -> Callable[[LightUnit], None]:
    """Like a worker of the harness."""

    def do(unit: LightUnit) -> None:
        lacking = [name for name in unit.needs if not (unit.folder / f"{name}.done").exists()]
        assert not lacking, f"{unit.name} is begun before {lacking}"
        is_first = not list(unit.folder.glob(f"{unit.name}.[0-9]*"))
        (unit.folder / f"{unit.name}.{os.getpid()}").touch()
        name, _, once = unit.action.partition("-")
        if is_first or not once:
            ACTIONS[name](unit, console)
        (unit.folder / f"{unit.name}.done").touch()

    return do


def sleep(unit: LightUnit, console: ProgressConsole) -> None:
    """Sleep until the test says so by the file `go`."""
    deadline = time.monotonic() + LONG
    while not (unit.folder / "go").exists() and time.monotonic() < deadline:
        time.sleep(0.02)


def compute(unit: LightUnit, console: ProgressConsole) -> None:
    """One call of native code, which no signal's handler in Python interrupts: it waits for its own lock."""
    native, lock = ctypes.CDLL(None), ctypes.create_string_buffer(256)
    native.pthread_mutex_init(lock, None)
    native.pthread_mutex_lock(lock)
    native.pthread_mutex_lock(lock)


def talk(unit: LightUnit, console: ProgressConsole) -> None:
    """Send messages that take several writes each."""
    with console.show_bar("x" * 100_000) as progress:
        for step in range(2**31):
            progress(step, step)


def wait_for_another(unit: LightUnit) -> None:
    """Until a second unit is begun."""
    while len({file.stem for file in unit.folder.glob("*.[0-9]*")}) < 2:
        time.sleep(0.02)


def crash(unit: LightUnit, console: ProgressConsole) -> None:
    wait_for_another(unit)
    signal.signal(signal.SIGSEGV, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGSEGV)


def leave(unit: LightUnit, console: ProgressConsole) -> None:
    wait_for_another(unit)
    os._exit(7)


def refuse(unit: LightUnit, console: ProgressConsole) -> None:
    wait_for_another(unit)
    raise UserError("this cannot be")


def fail(unit: LightUnit, console: ProgressConsole) -> None:
    raise LookupError("a fault of the program")


def save(unit: LightUnit, console: ProgressConsole) -> None:
    """Work until asked to stop, and then keep what there is."""
    try:
        time.sleep(LONG)
    except Stopped:
        (unit.folder / f"{unit.name}.saved").touch()
        console.say(f"{unit.name} saved")
        raise


ACTIONS: dict[str, Callable[[LightUnit, ProgressConsole], None]] = {
    "end": lambda unit, console: None,
    "sleep": sleep,
    "compute": compute,
    "talk": talk,
    "crash": crash,
    "leave": leave,
    "refuse": refuse,
    "fail": fail,
    "save": save,
}


def make_local(processes: int, out: io.StringIO | None = None) -> LocalProcesses[LightUnit]:
    """The engine of several processes, which writes to `out` what they say."""
    console = ProgressConsole(Console(file=out or io.StringIO(), force_terminal=False, width=1000))
    return LocalProcesses(processes, prepare, console, lambda unit: f"unit {unit.name}", lambda unit: unit)
