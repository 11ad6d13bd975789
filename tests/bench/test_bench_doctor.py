"""`bench doctor` says what works, what does not and the remedy; a crash or a hang of a library is a finding."""

import errno
import os
import signal
from collections import namedtuple
from dataclasses import replace
from pathlib import Path

import pytest

from bench.doctor import examine, folders, machine, software
from bench.doctor.data import describe_suite
from bench.doctor.examine import examine_all, list_checks
from bench.doctor.finding import Finding, Subject
from bench.doctor.isolated import Processes, describe_end
from bench.doctor.simulators import find_rendering, find_simulator, step_simulator
from suites import registry
from suites.registry import get_suite

Usage = namedtuple("Usage", "total used free")
BROKEN = """
import ctypes
from suites import ControlTask, Suite, register_suite

def crash():
    ctypes.string_at(0)

register_suite(Suite(name="broken", title="Broken", tasks=(ControlTask(
    name="broken-task", observation_dim=1, action_dim=1, horizon=5, reference=(0.0, 1.0), make_environment=crash,
),)))
"""


class Stub(Processes):
    """No process is started: each check ends as it is told."""

    def __init__(self, **ends):
        super().__init__()
        self.ends = ends

    def isolate(self, check, subject, *, argument="", given=None, seconds=0.0):
        return self.ends[argument or check]


@pytest.mark.slow
def test_a_whole_suite_is_examined(bench, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    told = bench("doctor", "--suite", "maze2d")
    assert told.err == ""
    for what in ("Python", "packages", "torch", "cores", "memory", "results", "artifacts", "simulator maze2d"):
        assert f"\nok    {what:22}  " in told.out, told.out
    for what in ("rendering", "data maze2d", "space for data", "locks by "):
        assert what in told.out
    assert told.code == 0
    assert list(tmp_path.iterdir()) == [], "the folders are not made"


def test_an_unknown_suite_is_a_mistake(bench):
    assert "unknown suite 'maze3d'; did you mean maze2d" in bench("doctor", "--suite", "maze3d").mistake


def test_the_exit_code_says_whether_anything_fails(bench, monkeypatch):
    def found(*findings: Finding):
        monkeypatch.setattr(examine, "list_checks", lambda *_: [lambda: list(findings)])
        return bench("doctor")

    warned = found(Finding("one", "works"), Finding("two", "half", "warn", "mend two"))
    assert warned.code == 0
    assert "warn  two                     half\n" in warned.out
    assert "mend two" in warned.out
    assert "1 of 2 are as they should be, 1 matter for some commands only" in warned.out
    failed = found(Finding("three", "broken", "fail", "mend three"))
    assert failed.code == 1
    assert "0 of 1 are as they should be, 1 must be mended first" in failed.out


def test_a_simulator_that_crashes_is_a_finding(tmp_path):
    file = tmp_path / "broken.py"
    file.write_text(BROKEN)
    (found,) = find_simulator(Processes(), Subject(suite="broken", plugin=(file,)), "broken")
    assert (found.what, found.state) == ("simulator broken", "fail")
    assert found.found == "was killed by SIGSEGV"
    assert "other suites run without it" in found.remedy


def test_a_check_that_hangs_is_given_up():
    assert Processes().isolate("torch", Subject(), seconds=0.05) == "did not end within 0.05 s"


def test_an_interruption_ends_the_processes():
    processes = Processes()
    processes.end()
    ended = processes.isolate("torch", Subject())
    assert ended == f"was killed by {signal.Signals(signal.SIGKILL).name}"


def test_the_last_words_of_a_process_are_shown():
    assert describe_end(1, "Traceback\n  x\nImportError: no libGL.so\n\n") == "ImportError: no libGL.so"
    assert describe_end(3, "") == "ended with exit code 3"


def test_rendering_that_does_not_work_is_no_failure(monkeypatch):
    monkeypatch.delenv("MUJOCO_GL", raising=False)
    draws = Finding("rendering", "draws")
    assert find_rendering(Stub(egl="no", osmesa=[draws]), Subject()) == [draws]
    (found,) = find_rendering(Stub(egl="no egl", osmesa="no osmesa", glfw="no glfw"), Subject())
    assert found.state == "warn"
    assert "only `render` needs it" in found.found
    assert "osmesa: no osmesa" in found.found
    assert "MUJOCO_GL=egl" in found.remedy
    monkeypatch.setenv("MUJOCO_GL", "glfw")
    (found,) = find_rendering(Stub(glfw="no screen"), Subject())
    assert "set MUJOCO_GL to another of egl, osmesa, glfw" in found.remedy


def test_a_step_of_numbers_that_are_not_finite_fails(monkeypatch):
    class Bad:
        def reset(self, seed):
            return None

        def step(self, action):
            return [float("nan")], 0.0

        def close(self):
            return None

    suite = get_suite("maze2d")
    broken = replace(suite, tasks=(replace(suite.tasks[0], make_environment=Bad),))
    monkeypatch.setitem(registry._registered, "maze2d", broken)
    (found,) = step_simulator(Subject(), "maze2d")
    assert found.state == "fail"


@pytest.mark.parametrize(
    ("installed", "bounds", "expected"),
    [
        ("2.9.1+cu128", ">=2.6", True),
        ("2.5", ">=2.6", False),
        ("3.5.0", ">=3.2,<3.5", False),
        ("3.4.9", ">=3.2,<3.5", True),
        ("1.4.10", ">=1.4.2,<1.5", True),
        ("7.0", "", True),
    ],
)
def test_versions_are_held_to_their_ranges(installed, bounds, expected):
    assert software.is_within(installed, bounds) is expected


def test_packages_are_those_of_the_project(monkeypatch):
    needed = software.read_requirements(software.ROOT)
    assert needed["mujoco"] == ">=3.2,<3.5"
    assert needed["gymnasium"].startswith(">=")
    assert [finding.state for finding in software.find_packages(Subject())] == ["ok"]
    monkeypatch.setattr(software, "version", lambda name: "3.6" if name == "mujoco" else "99")
    (found,) = software.find_packages(Subject())
    assert found.state == "fail"
    assert "mujoco 3.6 is not >=3.2,<3.5" in found.found


def test_little_memory_asks_for_fewer_processes(monkeypatch):
    monkeypatch.setattr(machine, "count_cores", lambda: 8)
    for free, state in ((1e9, "fail"), (2e9, "warn"), (9e9, "ok")):
        monkeypatch.setattr(machine, "read_free_memory", lambda free=free: int(free))
        assert machine.find_memory(Subject())[0].state == state
    monkeypatch.setattr(machine, "read_free_memory", lambda: 2_000_000_000)
    assert "--processes 2" in machine.find_memory(Subject())[0].remedy


def test_a_limit_of_files_is_shown(monkeypatch):
    monkeypatch.setattr(machine, "read_limit", lambda name: 1_000_000)
    (found,) = machine.find_file_limit(Subject())
    assert (found.state, found.found) == ("warn", "`ulimit -f` is 1.0 MB")


def test_folders_that_cannot_be_used_say_why(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("mine")
    assert folders.examine_folder("results", tmp_path / "file" / "in")[0].state == "fail"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("shutil.disk_usage", lambda path: Usage(2**40, 2**40 - 2**20, 2**20))
        (found,) = folders.examine_folder("artifacts", tmp_path)
        assert "a run needs 200 MiB" in found.found
        assert "--artifacts" in found.remedy

    def closed(folder: Path) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))

    (tmp_path / "FORMAT").write_text("99\n")
    found = folders.examine_folder("results", tmp_path)
    assert [each.state for each in found] == ["ok", "fail"]
    assert "format 99" in found[1].found
    monkeypatch.setattr(folders, "write_and_move", closed)
    (found,) = folders.examine_folder("results", tmp_path)
    assert "cannot be written (Permission denied)" in found.found
    assert "--results" in found.remedy


def test_the_file_system_is_the_nearest_mount(tmp_path):
    mounts = tmp_path / "mounts"
    mounts.write_text(f"a / ext4 rw 0 0\nhost:/x {tmp_path} nfs4 rw 0 0\nb {tmp_path}/in\\040side tmpfs rw 0 0\n")
    assert folders.read_file_system(tmp_path / "r", mounts) == "nfs4 (a network's)"
    (tmp_path / "in side").mkdir()
    assert folders.read_file_system(tmp_path / "in side", mounts) == "tmpfs"


def test_data_say_what_is_stored_and_what_to_type(tmp_path):
    found = describe_suite(get_suite("antmaze"), tmp_path)
    assert (found.state, found.found) == ("warn", "d4rl 0 of 6; --data auto takes nothing")
    assert "data fetch antmaze" in found.remedy
    (tmp_path / "local" / "maze2d-umaze-1k-v1" / "data").mkdir(parents=True)
    found = describe_suite(get_suite("maze2d"), tmp_path)
    assert found.state == "ok"
    assert "local 1 of 3; --data auto takes local (made here" in found.found
    assert describe_suite(get_suite("toy"), tmp_path).found == "drawn here from known densities"


def test_declarations_that_do_not_import_are_a_finding(monkeypatch):
    def fail(subject):
        raise ImportError("no gymnasium")

    monkeypatch.setattr(examine, "name_suites", fail)
    (found,) = list_checks(Subject(), Processes())[-1]()
    assert (found.state, found.found) == ("fail", "cannot be imported: no gymnasium")


def test_a_signal_does_not_wait_for_the_checks(monkeypatch):
    ended: list[bool] = []
    monkeypatch.setattr(Processes, "end", lambda self: ended.append(True))

    def stopped() -> list[Finding]:
        raise KeyboardInterrupt

    monkeypatch.setattr(examine, "list_checks", lambda *_: [stopped])
    with pytest.raises(KeyboardInterrupt):
        examine_all(Subject(), lambda text: None)
    assert ended == [True]
