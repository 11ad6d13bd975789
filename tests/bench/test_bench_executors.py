"""The engines do every unit after its needs; a process that dies is named and replaced, and none stays behind."""

import io
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing import resource_sharer
from pathlib import Path

import pytest
from light_units import LONG, LightUnit, make_local, prepare

from bench.progress import ProgressConsole
from bench.runner.executors import deaths
from bench.runner.executors.deaths import count_memory_kills, describe_death
from bench.runner.executors.executor import do_units
from bench.runner.executors.in_process import InProcess
from bench.runner.executors.local import LocalProcesses, WorkerDied, pass_over_lost_connections
from foundation.errors import UserError

ROOT = Path(__file__).parents[2]
SOON = 15.0  # seconds; a death is to be noticed, and a worker to end, within 5


def wait_for(found: Callable[[], object], seconds: float = SOON) -> None:
    """Until something is so; the start of a process may take `LONG`."""
    deadline = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < deadline, "in vain"
        time.sleep(0.02)


def pid_of(folder: Path, name: str) -> int:
    """The first process that began a unit."""
    wait_for(lambda: list(folder.glob(f"{name}.[0-9]*")), LONG)
    (file,) = folder.glob(f"{name}.[0-9]*")
    return int(file.suffix[1:])


@pytest.mark.parametrize("processes", [0, 1, 2])
def test_units_are_done_after_those_they_need(tmp_path, processes):
    units = [
        LightUnit("a", tmp_path),
        LightUnit("b", tmp_path, needs=frozenset("a")),
        LightUnit("c", tmp_path, needs=frozenset("b")),
        LightUnit("d", tmp_path),
    ]
    said = io.StringIO()
    executor = make_local(processes, said) if processes else InProcess(prepare(ProgressConsole(quiet=True)))
    do_units(executor, units)
    assert {file.stem for file in tmp_path.glob("*.done")} == set("abcd")
    assert said.getvalue() == ""


def test_needs_that_nothing_makes_are_not_waited_for(tmp_path):
    lost = [LightUnit("a", tmp_path, needs=frozenset("z"))]
    for executor in (InProcess(prepare(ProgressConsole(quiet=True))), make_local(1)):
        with pytest.raises(LookupError, match="needs"):
            do_units(executor, [*lost])


@pytest.mark.parametrize("action", ["sleep-once", "talk-once"])
def test_the_unit_of_a_killed_process_is_done_by_another(tmp_path, action):
    said = io.StringIO()

    def kill() -> None:
        victim = pid_of(tmp_path, "a")
        time.sleep(0.3)  # in the midst of a message, if it sends any
        os.kill(victim, signal.SIGKILL)
        wait_for(lambda: f"worker process {victim} was killed" in said.getvalue())
        (tmp_path / "go").touch()

    killer = threading.Thread(target=kill)
    killer.start()
    do_units(make_local(2, said), [LightUnit("a", tmp_path, action), LightUnit("b", tmp_path, "sleep")])
    killer.join()
    (line,) = said.getvalue().splitlines()
    assert "(SIGKILL)" in line
    assert line.endswith(" in unit a; that is begun again from its last checkpoint, with 1 process from now on")
    assert len(list(tmp_path.glob("a.[0-9]*"))) == 2
    assert len(list(tmp_path.glob("b.[0-9]*"))) == 1, "the other process goes on"


def test_the_death_of_a_process_that_waits_is_noticed(tmp_path):
    said = io.StringIO()

    def kill() -> None:
        victim = pid_of(tmp_path, "b")
        wait_for((tmp_path / "b.done").exists)
        time.sleep(0.2)
        os.kill(victim, signal.SIGKILL)
        wait_for(lambda: f"worker process {victim} was killed" in said.getvalue())
        (tmp_path / "go").touch()

    killer = threading.Thread(target=kill)
    killer.start()
    do_units(make_local(2, said), [LightUnit("a", tmp_path, "sleep"), LightUnit("b", tmp_path)])
    killer.join()
    assert "while it waited; with 1 process from now on" in said.getvalue()


@pytest.mark.parametrize(
    ("action", "what"),
    [("crash", "crashed (segmentation fault, SIGSEGV)"), ("leave", "ended by itself with exit code 7")],
)
def test_a_unit_whose_process_dies_twice_ends_the_run(tmp_path, action, what):
    units = [LightUnit("a", tmp_path, action), LightUnit("b", tmp_path, "save")]
    with pytest.raises(WorkerDied) as died:
        do_units(make_local(3), units)
    second = max(tmp_path.glob("a.[0-9]*"), key=lambda file: file.stat().st_mtime_ns).suffix[1:]
    assert str(died.value) == (
        f"worker process {second} {what} in unit a, as one before it; what is finished is kept: run the same "
        "command again to go on, with fewer processes if memory is short, as in --processes 1."
    )
    assert (tmp_path / "b.saved").exists()


def test_a_process_that_dies_as_it_starts_is_not_replaced_for_ever():
    executor = LocalProcesses(2, leave_at_start, ProgressConsole(quiet=True), str, lambda unit: unit)
    with pytest.raises(WorkerDied, match="with exit code 5 while it waited"):
        do_units(executor, [LightUnit("a", ROOT), LightUnit("b", ROOT)])


def leave_at_start(console: ProgressConsole) -> Callable[[LightUnit], None]:
    os._exit(5)


def test_an_error_in_a_unit_ends_the_others_which_save_what_they_have(tmp_path):
    said = io.StringIO()
    with pytest.raises(UserError, match="this cannot be"):
        do_units(make_local(2, said), [LightUnit("a", tmp_path, "save"), LightUnit("b", tmp_path, "refuse")])
    assert (tmp_path / "a.saved").exists()
    assert said.getvalue() == "a saved\n"


def test_a_fault_of_the_program_keeps_its_traceback(tmp_path):
    with pytest.raises(LookupError) as raised:
        do_units(make_local(1), [LightUnit("a", tmp_path, "fail")])
    (note,) = raised.value.__notes__
    assert "light_units.py" in note


PARENT = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
from pathlib import Path
sys.path[:0] = [sys.argv[2]]
from light_units import LightUnit, make_local
from bench.runner.executors.executor import do_units
from foundation.stopping import Stopped, handle_signals
folder = Path(sys.argv[1])
units = [LightUnit(name, folder, action) for name, action in zip("abcd", ("compute", "sleep", "save", "end"))]
try:
    with handle_signals():
        do_units(make_local(4), units)
except Stopped as stopped:
    sys.exit(stopped.exit_code)
"""


@pytest.fixture
def parent(tmp_path) -> Iterator[subprocess.Popen[str]]:
    """A process with four workers: in native code, in a unit, in one that saves, and waiting."""
    command = [sys.executable, "-c", PARENT, str(tmp_path), str(ROOT / "tests" / "bench")]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(command, cwd=ROOT, start_new_session=True, **pipes) as process:
        try:
            wait_for(lambda: len(list(tmp_path.glob("*.*"))) == 5, LONG)
            yield process
        finally:
            process.kill()


def test_workers_end_with_a_parent_that_is_killed(tmp_path, parent):
    pids = [pid_of(tmp_path, name) for name in "abcd"]
    parent.kill()
    parent.wait()
    wait_for(lambda: not any(map(is_alive, pids)))
    assert (tmp_path / "c.saved").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_is_passed_on_and_nobody_outlasts_it(tmp_path, parent, number):
    """To all processes at once, as by a terminal or a queueing system."""
    pids = [pid_of(tmp_path, name) for name in "abcd"]
    os.killpg(parent.pid, number)
    said, _ = parent.communicate(timeout=SOON)
    assert (parent.returncode, said) == (128 + number, "")
    assert not any(map(is_alive, pids))
    assert (tmp_path / "c.saved").exists()


def is_alive(pid: int) -> bool:
    found = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return found.stdout.strip() not in ("", "Z")


@pytest.mark.parametrize(
    ("code", "before", "after", "words"),
    [
        (-9, None, None, "was killed (SIGKILL), as the kernel does where memory is short"),
        (-9, 3, 4, "was killed by the kernel for lack of memory (SIGKILL)"),
        (-9, 3, 3, "was killed (SIGKILL) from outside: the kernel counts no kill for lack of memory"),
        (-signal.SIGBUS, 0, 0, "crashed (bus error, SIGBUS), as where /dev/shm or the disk is full"),
        (-signal.SIGTERM, 0, 0, "was ended from outside (SIGTERM)"),
        (143, 0, 0, "was ended from outside (SIGTERM)"),
        (-signal.SIGUSR1, 0, 0, "was ended by signal SIGUSR1"),
        (-100, 0, 0, "was ended by signal 100"),
        (1, 0, 0, "ended by itself with exit code 1"),
        (None, 0, 0, "ended in an unknown way"),
    ],
)
def test_an_exit_code_says_what_a_process_died_of(code, before, after, words):
    assert describe_death(code, before, after) == words


def test_kills_for_lack_of_memory_are_read_where_the_kernel_counts_them(tmp_path, monkeypatch):
    groups, own, machine = tmp_path / "groups", tmp_path / "own", tmp_path / "vmstat"
    for name, path in {"MEMORY_GROUPS": groups, "PROCESS_GROUPS": own, "KERNEL_COUNTS": machine}.items():
        monkeypatch.setattr(deaths, name, path)
    assert count_memory_kills() is None
    machine.write_text("nr_free_pages 5\noom_kill 7\n")
    assert count_memory_kills() == 7
    second = groups / "job" / "memory.events"
    second.parent.mkdir(parents=True)
    second.write_text("oom 9\noom_kill 2\noom_group_kill 0\n")
    own.write_text("0::/job\n")
    assert count_memory_kills() == 2
    first = groups / "memory" / "job" / "memory.oom_control"
    first.parent.mkdir(parents=True)
    first.write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 3\n")
    own.write_text("4:cpuset:/job\n5:cpu,memory:/job\n")
    assert count_memory_kills() == 3


def test_a_worker_that_ends_while_it_fetches_shared_memory_leaves_no_traceback(capfd):
    """Its connection to the thread that hands over files is reset, with an answer unread."""
    number, _ = os.pipe()

    def fetch_and_end() -> None:
        address, _ = resource_sharer.DupFd(number)._id  # pyright: ignore[reportAttributeAccessIssue]
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(address)  # and says nothing

    before = sys.excepthook
    with pass_over_lost_connections():
        fetch_and_end()
        time.sleep(0.2)
    assert capfd.readouterr().err == ""
    assert sys.excepthook is before
    fetch_and_end()
    wait_for(lambda: "Error" in capfd.readouterr().err)
