"""Leases: locks that need of a file system only that one process alone creates a file of a name.

The files of a lease are numbered and the highest number counts. Whoever finds it free, or its holder gone, claims
the next number, which one process alone can create; so a slow claim on an old number never takes a lease away. A
holder touches its file every 10 s. Another process of the same machine sees whether the holder still runs; one
elsewhere takes the lease over after it watched 60 s go by without a touch, by its own clock.
"""

import contextlib
import datetime
import errno
import functools
import json
import os
import socket
import stat
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from foundation.files import TEMPORARY

BEAT = 10.0
EXPIRY = 60.0
_FREE = b"free"
_NO_LINKS = (errno.EPERM, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK)
_LARGEST = 4096  # bytes of a lease's file
_TRIES = 100  # to read the newest file, while others come
_EPOCH = 1970  # the first year that a lease can be of


@dataclass(frozen=True)
class Holder:
    """Who holds a lease.

    Attributes:
        host: name of the machine.
        kernel: of the running kernel, another after each start; the machine's name where the system tells none.
        space: of the process numbers, which containers of one machine have apart.
        process: its number.
        begun: when it started, in the system's own unit; empty where the system does not tell.
        since: when it took the lease, ISO 8601.
        has_flock: whether it holds the flock that goes with the lease too.
    """

    host: str
    kernel: str
    space: str
    process: int
    begun: str
    since: str
    has_flock: bool

    def __str__(self) -> str:
        """`process 71 on host since 12:03:04`, with the date of another day."""
        then = datetime.datetime.fromisoformat(self.since).astimezone()
        today = then.date() == datetime.datetime.now().astimezone().date()
        return f"process {self.process} on {self.host} since {then:{'%H:%M:%S' if today else '%Y-%m-%d %H:%M:%S'}}"


def describe_self(has_flock: bool) -> Holder:
    """This process as a holder from now on."""
    now = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
    return Holder(*_describe_process(os.getpid()), now, has_flock)


def is_gone(holder: Holder, here: Holder) -> bool | None:
    """Whether a holder has ended, as `here`, who wants its lease, can tell; None for one of another machine."""
    if holder.kernel != here.kernel:
        return None
    if holder.has_flock and here.has_flock:
        return True  # there is one flock for all processes of a kernel, and it is here
    if holder.space != here.space:
        return None
    try:
        os.kill(holder.process, 0)
    except ProcessLookupError:
        return True
    except OSError:  # another user's
        pass
    return holder.begun != _read_begun(holder.process)


@functools.cache
def _describe_process(process: int) -> tuple[str, str, str, int, str]:
    """What stays the same of this process, by its number, since a forked child is another."""
    return socket.gethostname(), _read_kernel(), _read_space(), process, _read_begun(process)


def _read_kernel() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return socket.gethostname()


def _read_space() -> str:
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""


def _read_begun(process: int) -> str:
    """When a process started, in clock ticks since the machine did; empty where it ended, or that is not told."""
    try:
        state, *numbers = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        return "" if state in "ZX" else numbers[18]
    except (OSError, ValueError, IndexError):
        return ""


@dataclass(frozen=True)
class State:
    """What the file that counts says.

    Attributes:
        number: its name; 0 where there is none.
        holder: None where it is free, and where the file does not say.
        is_free: whether nobody holds the lease.
        touched: when the file was last changed.
    """

    number: int = 0
    holder: Holder | None = None
    is_free: bool = True
    touched: int = 0


@dataclass
class Lease:
    """One lease of one process.

    Attributes:
        folder: of its files, which nothing else writes to.
        clock: seconds that rise.
    """

    folder: Path
    clock: Callable[[], float] = time.monotonic
    _number: int = field(default=0, init=False)

    def read_newest(self) -> State:
        """What the file says that counts now."""
        for _ in range(_TRIES):
            number = self._find_newest()
            if not number:
                return State()
            try:
                # Opened, since clients of NFS keep what `stat` says; without waiting, as a pipe would make it.
                handle = os.open(self.folder / str(number), os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
            except FileNotFoundError:  # a higher one is there by now
                continue
            try:
                status = os.fstat(handle)
                content = os.read(handle, _LARGEST) if stat.S_ISREG(status.st_mode) else b""
            finally:
                os.close(handle)
            if content.startswith(_FREE):
                return State(number)
            return State(number, _read_holder(content), False, status.st_mtime_ns)
        return State()

    def take(self, here: Holder) -> Iterator[Holder | None]:
        """Take the lease; yields the holder, or None where that is not known, as often as it is still held.

        Raises:
            OSError: files cannot be created in the folder.
        """
        seen, since = State(), self.clock()
        while True:
            newest = self.read_newest()
            if newest != seen:
                seen, since = newest, self.clock()
            gone = None if newest.holder is None else is_gone(newest.holder, here)
            is_silent = gone is None and self.clock() - since > EXPIRY
            if (newest.is_free or gone or is_silent) and self._claim(newest.number + 1, here):
                return
            yield newest.holder

    def release(self) -> None:
        """Let others take it."""
        _heart.forget(self._path)
        with (
            contextlib.suppress(FileNotFoundError),
            self._path.open("rb+") as file,
        ):  # gone where it was taken over
            file.write(_FREE)

    def remove(self) -> None:
        """Let others take it, and leave no folder behind, unless another has it by then."""
        self.release()
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)
            self.folder.rmdir()

    @property
    def _path(self) -> Path:
        return self.folder / str(self._number)

    def _find_newest(self) -> int:
        try:
            return max((int(name) for name in os.listdir(self.folder) if name.isdecimal()), default=0)
        except FileNotFoundError:
            return 0

    def _claim(self, number: int, here: Holder) -> bool:
        """Create the file of that number, unless another has, or it no longer counts."""
        self.folder.mkdir(parents=True, exist_ok=True)
        target, content = self.folder / str(number), json.dumps(asdict(here)).encode()
        if not _create_once(target, content):
            return False
        if self._find_newest() != number:
            target.unlink(missing_ok=True)
            return False
        self._number = number
        _heart.keep(target)
        for name in os.listdir(self.folder):
            if name.isdecimal() and int(name) < number:
                (self.folder / name).unlink(missing_ok=True)
        return True


def _create_once(target: Path, content: bytes) -> bool:
    """Create a file with its content, in one step where the file system has links; False if another did before."""
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=TEMPORARY)
    partial = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        partial.chmod(0o644)
        try:
            os.link(partial, target)
        except FileExistsError:
            return target.exists() and target.samefile(partial)  # a request that NFS sent twice
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            return _create_exclusively(target, content)
        return True
    finally:
        partial.unlink(missing_ok=True)


def _create_exclusively(target: Path, content: bytes) -> bool:
    try:
        with target.open("xb") as file:
            file.write(content)
    except FileExistsError:
        return False
    return True


def _read_holder(content: bytes) -> Holder | None:
    """The holder that a file names; None where it is not, or not yet, whole."""
    try:
        said = json.loads(content)
        found = Holder(**{each.name: said[each.name] for each in fields(Holder)})
        str(found)
    except (ValueError, TypeError, KeyError, RecursionError, OverflowError):
        return None
    texts = (found.host, found.kernel, found.space, found.begun, found.since)
    is_sound = type(found.process) is int and found.process > 0 and all(isinstance(text, str) for text in texts)
    return found if is_sound and datetime.datetime.fromisoformat(found.since).year >= _EPOCH else None


class _Heart:
    """Touches the files of all leases that this process holds, in one thread."""

    def __init__(self) -> None:
        self._files: set[Path] = set()
        self._beats = threading.Event()
        self._lock = threading.Lock()

    def keep(self, file: Path) -> None:
        with self._lock:
            self._files.add(file)
            if not self._beats.is_set():
                self._beats.set()
                threading.Thread(target=self._beat, name="leases", daemon=True).start()

    def forget(self, file: Path) -> None:
        with self._lock:
            self._files.discard(file)

    def _beat(self) -> None:
        while True:
            time.sleep(BEAT)
            with self._lock:
                files = tuple(self._files)
            for file in files:
                with contextlib.suppress(OSError):
                    os.utime(file)


_heart = _Heart()


def _begin_anew() -> None:
    """A forked child holds nothing, and has no thread."""
    global _heart
    _heart = _Heart()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
