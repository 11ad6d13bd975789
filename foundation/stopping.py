"""How a signal that asks to stop, SIGINT or SIGTERM, ends the work: at once, or where the work looks for it.

A signal raises `Stopped` in the main thread, between any two instructions. Inside `hold` it is only noted: work
that would lose something calls `check` where it can end, once a second or more often. Where `Stopped` is lost, as
in a finaliser, or in an import that catches every error, it is raised again half a second later.
"""

import _thread
import contextlib
import functools
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from foundation.errors import UserError

SIGNALS = (signal.SIGINT, signal.SIGTERM)
AGAIN_AFTER = 1.0
"""Seconds after which a further signal is impatience, and raises again, inside `hold` too.

One that comes sooner is taken for the same: what is sent to all processes reaches a worker twice, from the sender
and from its parent.
"""
REMIND_EVERY = 0.5
"""Seconds between two looks at whether the work that was asked to stop is still not on its way out."""


class Stopped(KeyboardInterrupt):
    """A signal asked to stop; code that lets a KeyboardInterrupt through lets this through.

    Args:
        number: of the signal.
    """

    def __init__(self, number: int):
        super().__init__(number)
        self.number = number

    @property
    def name(self) -> str:
        """Of the signal, such as `SIGTERM`."""
        return signal.Signals(self.number).name

    @property
    def exit_code(self) -> int:
        """128 and the signal's number, as of a shell: 130 for SIGINT, 143 for SIGTERM."""
        return 128 + self.number


@dataclass
class _Asked:
    """Whether the process was asked to stop.

    Attributes:
        number, since: by which signal, and when first.
        holds: how many blocks hold it back.
        is_reminder: whether the next signal is one that this process sends itself.
        lock: held while a reminder is sent, and while there are to be no more.
    """

    number: int | None = None
    since: float = 0.0
    holds: int = 0
    is_reminder: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)


_asked = _Asked()


def is_asked() -> bool:
    """Whether a signal asked to stop."""
    return _asked.number is not None


def check() -> None:
    """End the work if a signal asked for it.

    Raises:
        Stopped: one did.
    """
    if _asked.number is not None:
        raise Stopped(_asked.number)


@contextlib.contextmanager
def hold() -> Iterator[None]:
    """Hold signals back for the time of the block, which calls `check` where it can end; so does its end.

    Outside the main thread, where no signal raises, it does nothing.

    Raises:
        Stopped: at the end of the outermost block, if a signal came within.
    """
    if not _is_main_thread():
        yield
        return
    _asked.holds += 1
    try:
        yield
    finally:
        _asked.holds -= 1
    if not _asked.holds:
        check()


@contextlib.contextmanager
def release() -> Iterator[None]:
    """Inside `hold`, let signals raise at once for the time of the block, which loses nothing by it.

    Raises:
        Stopped: at any time within, or at its beginning, if a signal came before.
    """
    if not _is_main_thread():
        yield
        return
    holds, _asked.holds = _asked.holds, 0
    try:
        check()
        yield
    finally:
        _asked.holds = holds


@contextlib.contextmanager
def handle_signals(replace: bool = False) -> Iterator[None]:
    """Have signals raise `Stopped` for the time of the block; the handlers that were there come back after it.

    Inside another such block, and outside the main thread, it does nothing.

    Args:
        replace: whether to replace handlers that are not Python's own, and the ignoring of a signal.

    Raises:
        Stopped: a signal asked for it; also in the place of an error that the work met because of that.
    """
    hook = sys.unraisablehook
    before = install_handlers(replace)
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        if _asked.number is None:
            raise
        raise Stopped(_asked.number) from error
    finally:
        if before:
            with _asked.lock:
                _asked.number = None
            for number, handler in before.items():
                signal.signal(number, handler)
            sys.unraisablehook = hook


def install_handlers(replace: bool = True) -> dict[signal.Signals, Any]:
    """Have signals raise `Stopped` from now on, as in a worker process; those that were blocked come through.

    Args:
        replace: see `handle_signals`.

    Returns:
        The handlers that were replaced; none in a process that has these already.
    """
    if not _is_main_thread():
        return {}
    found: dict[signal.Signals, Any] = {number: signal.getsignal(number) for number in SIGNALS}
    before = {number: handler for number, handler in found.items() if _is_replaced(handler, replace)}
    for number in before:
        signal.signal(number, _on_signal)
    if before:
        sys.unraisablehook = functools.partial(_pass_over_stopped, sys.unraisablehook)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, before)
    return before


def _is_replaced(handler: Any, replace: bool) -> bool:
    """Whether a handler makes room; one that is None was not set from Python, and could not be put back."""
    if handler is _on_signal or handler is None:
        return False
    return replace or handler in (signal.SIG_DFL, signal.default_int_handler)


@contextlib.contextmanager
def block_signals() -> Iterator[None]:
    """Let signals wait for the time of the block; processes that it starts keep them until `install_handlers`."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _on_signal(number: int, _: FrameType | None) -> None:
    is_reminder, _asked.is_reminder = _asked.is_reminder, False
    if is_reminder:
        if _asked.number is None or _asked.holds or _is_on_its_way():
            return
    elif _asked.number is not None:
        if time.monotonic() - _asked.since <= AGAIN_AFTER:
            return
    else:
        _asked.number, _asked.since = number, time.monotonic()
        _thread.start_new_thread(_remind, ())
        if _asked.holds:
            return
    raise Stopped(number)


def _remind() -> None:
    """Send the main thread its signal again, until the block ends that handles it."""
    main = threading.main_thread().ident
    assert main is not None, "it runs"
    while True:
        time.sleep(REMIND_EVERY)
        with _asked.lock:
            if _asked.number is None:
                return
            if not _asked.holds:
                _asked.is_reminder = True
                signal.pthread_kill(main, _asked.number)  # ends a system call too, where it waits in one


def _is_on_its_way() -> bool:
    """Whether what runs is what cleans up behind a `Stopped`."""
    error = sys.exc_info()[1]
    while error is not None and not isinstance(error, Stopped):
        error = error.__context__
    return error is not None


def _pass_over_stopped(others: Callable[[Any], Any], unraisable: "sys.UnraisableHookArgs") -> None:
    """Say nothing of a signal that raised where nothing can: in a finaliser, or where a module's lock drops."""
    if not isinstance(unraisable.exc_value, Stopped):
        others(unraisable)


def _is_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
