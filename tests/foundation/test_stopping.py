"""A signal raises at once, or is held back until the work looks; handlers come and go as they should."""

import contextlib
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from foundation import stopping
from foundation.errors import UserError
from foundation.stopping import Stopped, block_signals, check, handle_signals, hold, is_asked

ROOT = Path(__file__).parents[2]
BOTH = pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])


def ask(number: int = signal.SIGTERM) -> None:
    """Send this process a signal; what it raises is raised here."""
    signal.raise_signal(number)


@BOTH
def test_a_signal_raises_at_once_and_knows_its_exit_code(number, code):
    with handle_signals(), pytest.raises(KeyboardInterrupt) as raised:
        ask(number)
    assert isinstance(raised.value, Stopped)
    assert (raised.value.exit_code, raised.value.name) == (code, number.name)
    assert isinstance(pickle.loads(pickle.dumps(raised.value)), Stopped)


@BOTH
def test_handlers_are_those_of_before_after_the_block(number, code):
    before = signal.getsignal(number)
    with handle_signals():
        with handle_signals():
            assert signal.getsignal(number) is not before
        assert signal.getsignal(number) is not before, "the inner block has put back nothing"
    assert signal.getsignal(number) is before
    assert not is_asked()
    check()


def test_a_held_signal_is_raised_where_the_work_looks():
    lines: list[str] = []

    def work() -> None:
        with hold():
            ask()
            lines.append("held")
            check()
            lines.append("never")

    with handle_signals():
        with pytest.raises(Stopped):
            work()
        assert is_asked()
        with pytest.raises(Stopped):  # another part of the work, where the first did not end it
            check()
    assert lines == ["held"]
    assert not is_asked(), "the next call begins as if nothing had been"


def test_the_end_of_the_outermost_hold_raises():
    lines: list[str] = []

    def work() -> None:
        with hold():
            with hold():
                ask()
                lines.append("held")
            lines.append("still held")
        lines.append("never")

    with handle_signals(), pytest.raises(Stopped):
        work()
    assert lines == ["held", "still held"]


def test_a_second_signal_raises_at_once_unless_it_is_the_same_one_twice(monkeypatch):
    lines: list[str] = []

    def work() -> None:
        with hold():
            ask(signal.SIGINT)
            ask(signal.SIGTERM)  # a terminal's Ctrl-C, passed on by a parent
            lines.append("held")
            monkeypatch.setattr(stopping, "AGAIN_AFTER", -1.0)
            ask(signal.SIGINT)
            lines.append("never")

    with handle_signals(), pytest.raises(Stopped):
        work()
    assert lines == ["held"]


def test_handlers_of_the_callers_own_stay_unless_they_are_to_be_replaced():
    told: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: told.append(number))
    try:
        with handle_signals():
            ask()
        assert told == [signal.SIGTERM]
        with handle_signals(replace=True), pytest.raises(Stopped):
            ask()
        ask()
        assert told == [signal.SIGTERM] * 2
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_signal_in_a_finaliser_is_not_lost(capsys):
    class Thing:
        def __del__(self) -> None:
            ask()

    def work() -> None:
        thing = Thing()
        del thing
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            time.sleep(0.001)

    with handle_signals(), pytest.raises(Stopped):
        work()
    assert capsys.readouterr().err == ""


def test_a_signal_that_other_code_catches_comes_again(monkeypatch):
    monkeypatch.setattr(stopping, "REMIND_EVERY", 0.05)
    lines: list[str] = []

    def work() -> None:
        try:
            ask()
        except BaseException:  # as some packages do while they are imported
            lines.append("caught")
        time.sleep(10)
        lines.append("never")

    with handle_signals(), pytest.raises(Stopped):
        work()
    assert lines == ["caught"]


def test_what_cleans_up_is_not_reminded(monkeypatch):
    monkeypatch.setattr(stopping, "REMIND_EVERY", 0.01)
    lines: list[str] = []

    @contextlib.contextmanager
    def clean_up() -> Iterator[None]:
        try:
            yield
        finally:
            try:
                raise ValueError
            except ValueError:
                time.sleep(0.1)
            lines.append("cleaned")

    def work() -> None:
        try:
            with clean_up():
                ask()
        finally:
            time.sleep(0.1)
            lines.append("cleaned behind it")

    with handle_signals():
        with pytest.raises(Stopped):
            work()
        monkeypatch.setattr(stopping, "REMIND_EVERY", 10.0)
    assert lines == ["cleaned", "cleaned behind it"]


def test_no_reminder_comes_behind_the_block(monkeypatch):
    """Where Python's own handler would end the process."""
    monkeypatch.setattr(stopping, "REMIND_EVERY", 0.001)
    for _ in range(50):
        with pytest.raises(Stopped), handle_signals():
            ask()
        time.sleep(0.002)
    assert not is_asked()


@pytest.mark.parametrize(("error", "expected"), [(ImportError, Stopped), (UserError, UserError)])
def test_an_error_behind_a_signal_is_the_signals_unless_the_user_can_mend_it(error, expected):
    def work() -> None:
        try:
            ask()
        except Stopped:
            raise error("initialization failed") from None

    def run() -> None:
        with handle_signals():
            work()

    with pytest.raises(expected):
        run()
    with pytest.raises(ImportError), handle_signals():
        raise ImportError("nothing was asked")


def test_outside_the_main_thread_nothing_is_touched():
    found: list[object] = []

    def work() -> None:
        with handle_signals(replace=True), hold():
            found.append(signal.getsignal(signal.SIGTERM))
            found.append(stopping._asked.holds)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [signal.getsignal(signal.SIGTERM), 0]


def test_a_process_that_is_started_meanwhile_keeps_the_signal_until_it_can_handle_it():
    program = """
import os, sys
from foundation import stopping
os.kill(os.getpid(), 15)
print("alive", flush=True)
try:
    stopping.install_handlers()
    while True:
        pass
except stopping.Stopped as stopped:
    sys.exit(stopped.exit_code)
"""
    with block_signals():
        child = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    said, _ = child.communicate(timeout=60)
    assert (said, child.returncode) == ("alive\n", 143)
