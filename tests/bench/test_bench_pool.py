"""Several processes give what one gives, stop at the first error, and are not left behind."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from command_line import FEW, NETWORKS

from bench.cli.main import main

WHAT = ["--suite", "maze2d", "--tasks", "maze2d-umaze", "--methods", "unguided,idql", "--preset", "smoke"]
SMALL = ["--seeds", "1", "--data-set.transitions", "500", "--denoiser.steps", "3", "--critic.steps", "3"]
SMALL += [*NETWORKS, *FEW, "--evaluation.episodes", "1", "--idql.candidates", "2"]


def run(folder: Path, processes: int, *more: str) -> dict[str, dict]:
    places = ["--results", str(folder / "results"), "--artifacts", str(folder / "artifacts")]
    main(["run", *WHAT, *SMALL, *places, "--processes", str(processes), *more])
    return read_results(folder)


def read_results(folder: Path) -> dict[str, dict]:
    files = sorted((folder / "results" / "runs").glob("*/*/seed-*.json"))
    return {file.parent.name: json.loads(file.read_text()) for file in files}


@pytest.mark.slow
def test_two_processes_give_what_one_gives_though_one_of_them_is_killed(tmp_path, capsys):
    killed: list[int] = []

    def kill() -> None:
        while not list((tmp_path / "two" / "artifacts" / "components").glob("*/.lock")):
            time.sleep(0.05)
        killed.append(multiprocessing.active_children()[0].pid or 0)
        os.kill(killed[0], signal.SIGKILL)

    one = run(tmp_path / "one", 1)
    killer = threading.Thread(target=kill)
    killer.start()
    two = run(tmp_path / "two", 2)
    killer.join()
    said = capsys.readouterr().out
    assert "2 processes" in said
    assert f"worker process {killed[0]} was killed (SIGKILL)" in said
    assert len(one) == 2
    assert one.keys() == two.keys()
    for label, result in one.items():
        assert result["episodes"] == two[label]["episodes"]
        assert result["components"] == two[label]["components"]


@pytest.mark.slow
def test_a_component_that_diverges_in_one_process_fails_its_cells_in_the_others(tmp_path, capsys):
    with pytest.raises(SystemExit) as left:
        run(tmp_path, 2, "--denoiser.learning-rate", "1e30", "--denoiser.steps", "200")
    assert left.value.code == 1
    results = read_results(tmp_path)
    assert {result["failure"]["step"] for result in results.values()} == {"behaviour, step 50 of 200"}
    said = capsys.readouterr().out
    assert "Done: 0 results and 2 failed" in said
    assert "lower the learning rate of behaviour (--denoiser.learning-rate)" in said


@pytest.mark.slow
def test_an_error_in_a_process_is_one_sentence(tmp_path, capsys):
    run(tmp_path, 1)
    for file in (tmp_path / "results" / "runs").rglob("seed-0.json"):
        file.unlink()
    (file,) = (tmp_path / "artifacts").rglob("critic-*/seed-0.safetensors")
    file.write_bytes(b"damaged")
    capsys.readouterr()
    with pytest.raises(SystemExit) as left:
        run(tmp_path, 2)
    assert left.value.code == 2
    message = capsys.readouterr().err
    assert message.startswith(f"error: component {str(file)!r} is damaged")
    assert message.count("\n") == 1


@pytest.mark.slow
def test_processes_end_with_their_parent(tmp_path):
    places = ["--results", str(tmp_path / "results"), "--artifacts", str(tmp_path / "artifacts")]
    long = ["--denoiser.steps", "1000000", "--critic.steps", "1000000"]
    command = [sys.executable, "-m", "bench", "run", *WHAT, *SMALL, *long, *places, "--processes", "2"]
    parent = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    locks = tmp_path / "artifacts" / "components"
    deadline = time.monotonic() + 60
    while len(list(locks.glob("*/.lock"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.2)
    children = children_of(parent.pid)
    assert len(children) >= 2
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    while any(alive(child) for child in children) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not any(alive(child) for child in children)


def children_of(pid: int) -> list[int]:
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [int(line) for line in found.stdout.split()]


def alive(pid: int) -> bool:
    found = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return found.stdout.strip() not in ("", "Z")
