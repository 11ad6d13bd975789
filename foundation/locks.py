"""Locks between processes, on one machine or on several: flock where the file system has it, and always a lease.

Flock alone is not enough: network file systems refuse it (ENOLCK, ENOSYS), or grant it on each machine by itself.
A kill releases both, a flock at once and a lease as `foundation.leases` says: nobody waits for ever for a process
that is gone.
"""

import contextlib
import enum
import errno
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from foundation.files import TEMPORARY
from foundation.leases import EXPIRY, Holder, Lease, describe_self, is_gone
from foundation.program import say_aside

if sys.platform != "win32":
    import fcntl

ANNOUNCE_AFTER = 2.0
_SILENT_HOUR = 3600.0
_SHORTEST, _LONGEST = 0.001, 0.1  # seconds between two looks
_CONTENDED = (errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES)
_NO_FLOCK = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL)


class LockKind(enum.Enum):
    """What locks a file system has."""

    FLOCK = "flock"
    LEASES = "lease files"


class LockHeld(Exception):
    """Another process holds a lock that is not waited for."""


@contextlib.contextmanager
def hold_lock(
    path: Path, what: str, say: Callable[[str], None] = say_aside, *, waits: bool = True
) -> Iterator[LockKind]:
    """Hold the lock of that path for the time of the block, once no other process does.

    Args:
        path: of its file, beside which a folder has the leases; both are made and stay.
        what: is locked, for a sentence, such as `component critic-0123`.
        say: prints a sentence about a wait of more than 2 s.
        waits: whether to wait where it is held.

    Yields:
        Whether flock worked too.

    Raises:
        LockHeld: it is held, and not waited for.
        OSError: the files cannot be made.
    """
    lease, wait = Lease(_find_leases(path)), _Wait(what, say, waits)
    with _hold_flock(path, lease, wait) as has_flock:
        here = describe_self(has_flock)
        try:
            for holder in lease.take(here):
                wait.go_on(holder, holder is None or is_gone(holder, here) is None)
            yield LockKind.FLOCK if has_flock else LockKind.LEASES
        finally:
            lease.release()


def is_held(path: Path) -> bool:
    """Whether a process holds the lock of that path; nothing is written to find out.

    A lease of another machine counts as one that is held until it was not touched for an hour.
    """
    try:
        handle = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        has_flock = _try_flock(handle)
    finally:
        os.close(handle)
    newest = Lease(_find_leases(path)).read_newest()
    if has_flock is False or newest.is_free:
        return has_flock is False
    gone = None if newest.holder is None else is_gone(newest.holder, describe_self(bool(has_flock)))
    return time.time() - newest.touched / 1e9 < _SILENT_HOUR if gone is None else not gone


def _find_leases(path: Path) -> Path:
    return path.with_name(f"{path.name}.holders")


def probe_locks(folder: Path) -> LockKind:
    """Which locks work in a folder: one is taken and released.

    Raises:
        OSError: none can be taken, as the folder cannot be written.
    """
    with (
        tempfile.TemporaryDirectory(prefix=TEMPORARY, dir=folder) as place,
        hold_lock(Path(place) / ".lock", "a probe") as kind,
    ):
        return kind


@dataclass
class _Wait:
    """A wait for a lock, announced once.

    Attributes:
        what, say, waits: see `hold_lock`.
    """

    what: str
    say: Callable[[str], None]
    waits: bool
    _started: float = field(default_factory=time.monotonic)
    _pause: float = _SHORTEST
    _is_announced: bool = False

    def go_on(self, holder: Holder | None, is_far: bool = False) -> None:
        """Wait a moment; `is_far` says that only silence would tell that the holder is gone."""
        if not self.waits:
            raise LockHeld
        if not self._is_announced and time.monotonic() - self._started >= ANNOUNCE_AFTER:
            self._is_announced = True
            who = "another process" if holder is None else str(holder)
            until = f"; it is passed over once it gave no sign of life for {EXPIRY:.0f} s" if is_far else ""
            self.say(f"  waiting for the lock of {self.what}, held by {who}{until}")
        time.sleep(self._pause)
        self._pause = min(1.5 * self._pause, _LONGEST)


@contextlib.contextmanager
def _hold_flock(path: Path, lease: Lease, wait: _Wait) -> Iterator[bool]:
    """Hold the flock of a file; yields whether the file system has it."""
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o666)
        try:
            while (has_flock := _try_flock(handle)) is False:
                wait.go_on(lease.read_newest().holder)
            if not has_flock or _is_named(path, handle):  # else it was removed meanwhile, and locks nothing
                yield bool(has_flock)
                return
        finally:
            os.close(handle)


def _try_flock(handle: int) -> bool | None:
    """Take a flock if it is free; False if it is not, None if the file system has none."""
    if sys.platform == "win32":
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _CONTENDED:
            return False
        if error.errno in _NO_FLOCK:
            return None
        raise
    return True


def _is_named(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False
