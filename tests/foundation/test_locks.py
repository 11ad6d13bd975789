"""Locks exclude with flock and without it, and nobody waits for a holder that is gone."""

import contextlib
import errno
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from foundation import leases, locks
from foundation.leases import Holder, Lease, describe_self, is_gone
from foundation.locks import LockHeld, LockKind, hold_lock, is_held, probe_locks

ROOT = Path(__file__).parents[2]
REFUSED = [errno.ENOLCK, errno.ENOSYS]
HERE = describe_self(has_flock=False)
ELSEWHERE = replace(HERE, host="other", kernel="another start", process=1)

WITHOUT_FLOCK = """
import fcntl, os, sys, time
from pathlib import Path
from foundation.locks import hold_lock

def refuse(*_):
    raise OSError(int(sys.argv[2]), os.strerror(int(sys.argv[2])))

if sys.argv[2] != "0":
    fcntl.flock = refuse
lock = Path(sys.argv[1])
"""
COUNT = """
file = lock.with_name("number")
for _ in range(100):
    with hold_lock(lock, "the number"):
        file.write_text(str(int(file.read_text()) + 1))
"""
HOLD = """
with hold_lock(lock, "it"):
    print("held", flush=True)
    time.sleep(60)
"""


def start(program: str, lock: Path, refused: int) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", WITHOUT_FLOCK + program, str(lock), str(refused)]
    return subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True)


@contextlib.contextmanager
def killed_soon(lock: Path, refused: int) -> Iterator[int]:
    """A process that holds a lock, and is killed after 0.3 s."""
    with start(HOLD, lock, refused) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        killing = threading.Timer(0.3, holder.send_signal, [signal.SIGKILL])
        killing.start()
        yield holder.pid
        killing.join()


@pytest.fixture(params=[0, *REFUSED], ids=["flock", "ENOLCK", "ENOSYS"])
def refused(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """What the file system says to flock; 0 where it has it."""

    def refuse(*_: object) -> None:
        raise OSError(request.param, os.strerror(request.param))

    if request.param:
        monkeypatch.setattr("fcntl.flock", refuse)
    return request.param


def test_two_processes_lose_no_increment(tmp_path, refused):
    (tmp_path / "number").write_text("0")
    with start(COUNT, tmp_path / ".lock", refused) as one, start(COUNT, tmp_path / ".lock", refused) as two:
        assert (one.wait(100), two.wait(100)) == (0, 0)
    assert (tmp_path / "number").read_text() == "200"
    assert len(list((tmp_path / ".lock.holders").iterdir())) == 1, "old leases are removed"


def test_threads_of_a_process_exclude_each_other(tmp_path, refused):
    inside, most = [0], [0]

    def enter() -> None:
        for _ in range(20):
            with hold_lock(tmp_path / ".lock", "it"):
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                time.sleep(0.0005)
                inside[0] -= 1

    threads = [threading.Thread(target=enter) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]


def test_a_killed_holder_is_waited_for_no_longer(tmp_path, refused):
    with killed_soon(tmp_path / ".lock", refused):
        started = time.monotonic()
        with hold_lock(tmp_path / ".lock", "it") as kind:
            assert 0.1 < time.monotonic() - started < leases.EXPIRY / 2
            assert kind is (LockKind.LEASES if refused else LockKind.FLOCK)


def test_a_wait_is_announced_once_with_its_holder(tmp_path, refused, monkeypatch):
    monkeypatch.setattr(locks, "ANNOUNCE_AFTER", 0.05)
    said = []
    with (
        killed_soon(tmp_path / ".lock", refused) as process,
        hold_lock(tmp_path / ".lock", "component critic-0123", said.append),
    ):
        pass
    (sentence,) = said
    about = f"  waiting for the lock of component critic-0123, held by process {process} on {HERE.host} since "
    assert re.fullmatch(re.escape(about) + r"\d\d:\d\d:\d\d", sentence), sentence


def test_other_errors_of_flock_are_no_reason_to_go_on_without_it(tmp_path, monkeypatch):
    def broken(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr("fcntl.flock", broken)
    with pytest.raises(OSError, match="Input/output"), hold_lock(tmp_path / ".lock", "it"):
        pass


def test_the_probe_says_which_locks_there_are_and_leaves_nothing(tmp_path, refused):
    assert probe_locks(tmp_path) is (LockKind.LEASES if refused else LockKind.FLOCK)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(OSError, match="No such file"):
        probe_locks(tmp_path / "nowhere")


def test_whether_a_lock_is_held_is_seen_without_writing(tmp_path, refused):
    lock = tmp_path / ".lock"
    assert not is_held(lock)
    with hold_lock(lock, "it"):
        before = sorted(tmp_path.rglob("*"))
        assert is_held(lock)
        with pytest.raises(LockHeld), hold_lock(lock, "it", waits=False):
            pass
        assert sorted(tmp_path.rglob("*")) == before
    assert not is_held(lock)
    with killed_soon(lock, refused):
        assert is_held(lock)
    assert not is_held(lock), "its holder was killed"
    with hold_lock(lock, "it", waits=False):
        pass


def test_a_lease_of_another_machine_counts_as_held_for_an_hour_without_a_touch(tmp_path):
    (tmp_path / ".lock").touch()
    file = hold_elsewhere(tmp_path / ".lock.holders")
    assert is_held(tmp_path / ".lock")
    os.utime(file, (0, time.time() - 4000))
    assert not is_held(tmp_path / ".lock")


def test_a_lock_whose_file_was_removed_while_it_was_waited_for_is_taken_anew(tmp_path):
    place, entered = tmp_path / "component", threading.Event()

    def enter() -> None:
        with hold_lock(place / ".lock", "it"):
            entered.set()
            time.sleep(0.3)

    with hold_lock(place / ".lock", "it"):
        thread = threading.Thread(target=enter)
        thread.start()
        time.sleep(0.1)
        for name in (".lock", ".lock.holders"):
            (place / name).rename(tmp_path / name)
    entered.wait(5)
    assert locks._try_flock(os.open(place / ".lock", os.O_RDWR)) is False, "the file of that name is locked"
    thread.join()


class Clock:
    """Seconds that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def hold_elsewhere(folder: Path, holder: Holder = ELSEWHERE) -> Path:
    """The file of a lease of another machine."""
    other = Lease(folder)
    assert list(other.take(holder)) == []
    leases._heart.forget(folder / str(other._number))
    return folder / str(other._number)


def try_for(looks: Iterator[Holder | None], clock: Clock, seconds: float) -> bool:
    """Look once a second; whether the lease was taken."""
    for _ in range(int(seconds)):
        if next(looks, "taken") == "taken":
            return True
        clock.now += 1
    return False


def test_a_holder_elsewhere_is_passed_over_after_a_minute_without_a_sign_of_life(tmp_path):
    file, clock = hold_elsewhere(tmp_path), Clock()
    lease = Lease(tmp_path, clock)
    looks = lease.take(HERE)
    assert not try_for(looks, clock, 59)
    os.utime(file, ns=(0, 1))  # a sign of life, whatever the clock there says
    assert not try_for(looks, clock, 59)
    assert try_for(looks, clock, 5)
    assert lease.read_newest().holder == HERE
    assert not file.exists()
    lease.release()
    assert lease.read_newest().is_free


def test_a_holder_that_was_passed_over_does_not_release_the_lease_of_another(tmp_path):
    late, clock = Lease(tmp_path), Clock()
    list(late.take(ELSEWHERE))
    lease = Lease(tmp_path, clock)
    assert try_for(lease.take(HERE), clock, 99)
    late.release()
    assert lease.read_newest().holder == HERE
    lease.release()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"host": 3}', b"\xff" * 9, b"[" * 4000])
def test_a_file_that_names_no_holder_is_passed_over_too(tmp_path, content):
    (tmp_path / "3").write_bytes(content)
    clock = Clock()
    lease = Lease(tmp_path, clock)
    looks = lease.take(HERE)
    assert not try_for(looks, clock, 59)
    assert try_for(looks, clock, 5)
    lease.release()


def test_who_is_slow_to_claim_takes_nothing_away(tmp_path):
    """Two see a lease without a sign of life; one takes it and gives it to a third before the other claims."""
    hold_elsewhere(tmp_path)
    slow, first, third = Lease(tmp_path), Lease(tmp_path), Lease(tmp_path)
    number = slow.read_newest().number
    assert first._claim(number + 1, HERE)
    assert not slow._claim(number + 1, HERE), "its file is there"
    first.release()
    assert list(third.take(HERE)) == []
    assert not (tmp_path / str(number + 1)).exists()
    assert not slow._claim(number + 1, HERE), "its file is gone, and a higher one counts"
    assert [path.name for path in tmp_path.iterdir()] == [str(number + 2)]
    third.release()


def test_without_links_a_lease_is_created_exclusively(tmp_path, monkeypatch):
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr("os.link", refuse)
    lease = Lease(tmp_path)
    list(lease.take(HERE))
    assert lease.read_newest().holder == HERE
    assert not Lease(tmp_path)._claim(1, HERE)
    lease.release()


def test_a_lease_is_touched_while_it_is_held(tmp_path, monkeypatch):
    monkeypatch.setattr(leases, "BEAT", 0.01)
    monkeypatch.setattr(leases, "_heart", leases._Heart())
    lease = Lease(tmp_path)
    list(lease.take(HERE))
    seen = [lease.read_newest().touched]
    deadline = time.monotonic() + 10
    while len(seen) < 3 and time.monotonic() < deadline:
        touched = lease.read_newest().touched
        seen += [touched] if touched != seen[-1] else []
    assert len(seen) == 3
    assert all(earlier < later for earlier, later in pairwise(seen))
    lease.release()
    assert lease.read_newest().is_free


def test_who_is_gone():
    assert is_gone(HERE, HERE) is False
    assert is_gone(replace(HERE, begun="1"), HERE) is True, "the number is another process's by now"
    assert is_gone(replace(HERE, process=2**22 - 7), HERE) is True
    assert is_gone(ELSEWHERE, HERE) is None
    assert is_gone(replace(HERE, space="a container's", process=2**22 - 7), HERE) is None
    flocked = replace(HERE, has_flock=True)
    assert is_gone(flocked, flocked) is True, "there is one flock, and who asks has it"
    assert is_gone(replace(flocked, kernel="another start"), flocked) is None
    assert is_gone(HERE, flocked) is False


def test_the_day_of_a_holder_is_named_where_it_is_another():
    assert "since 2001-02-03 " in str(replace(HERE, since="2001-02-03T04:05:06+00:00"))
