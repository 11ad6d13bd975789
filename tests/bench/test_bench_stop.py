"""SIGTERM and SIGINT end a command with 143 and 130 and one sentence, and the same command goes on."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from command_line import MAZE, TOY

import bench as interface
from bench.entry import STOPPED
from foundation.stopping import Stopped

ROOT = Path(__file__).parents[2]
SECONDS = 30.0  # six times what is promised, for a machine that has much else to do
PROGRAM = """
import {module}
from bench.entry import main
{module}.{seconds} = 0.0
main()
"""
"""The command line, with what is unfinished kept at once."""
TRAINING = PROGRAM.format(module="training.loop", seconds="CHECKPOINT_SECONDS")
EVALUATION = PROGRAM.format(module="bench.runner.unfinished", seconds="SAVE_EVERY")
BOTH = pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])


def start(program: Sequence[str], *words: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *program, *map(str, words)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


def wait_until(process: subprocess.Popen[str], holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not holds():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)


def stop(process: subprocess.Popen[str], number: signal.Signals) -> None:
    """Send a signal, and see how the command ends."""
    process.send_signal(number)
    sent = time.monotonic()
    _, said = process.communicate(timeout=120)
    assert time.monotonic() - sent < SECONDS
    assert said == f"\n{STOPPED}\n"
    assert process.returncode == 128 + number


def handles_signals(process: subprocess.Popen[str]) -> bool:
    """Whether Python has come so far that the process has a handler of its own for SIGTERM."""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    (mask,) = (int(line.split()[1], 16) for line in lines if line.startswith("SigCgt"))
    return bool(mask >> (signal.SIGTERM - 1) & 1)


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="asks Linux whether signals are handled")
@BOTH
@pytest.mark.parametrize("after", [0.0, 0.3])
def test_a_signal_in_the_first_half_second(tmp_path, number, code, after):
    process = start(("-m", "bench"), "plan", "--suite", "toy", "--preset", "paper", "--results", tmp_path)
    wait_until(process, lambda: handles_signals(process))
    time.sleep(after)
    stop(process, number)
    assert process.returncode == code


@pytest.mark.slow
def test_a_run_goes_on_after_signals_in_training_and_in_evaluation(bench, fresh, tmp_path):
    cell = (*TOY, "--methods", "unguided", "--seeds", "1", "--denoiser.steps", "200")
    cell = (*cell, "--evaluation.episodes", "20000", "--evaluation.inverse-temperatures", "3", "--processes", "1")
    components, runs = tmp_path / "artifacts" / "components", tmp_path / "results" / "runs"

    process = start(("-c", TRAINING), "run", *cell, *fresh)
    wait_until(process, lambda: any(components.glob("behaviour-*/checkpoint-*.state")))
    stop(process, signal.SIGTERM)
    (state,) = components.glob("behaviour-*/checkpoint-*.state")
    assert not list(components.rglob("*.safetensors"))

    process = start(("-c", EVALUATION), "run", *cell, *fresh)
    wait_until(process, lambda: any(runs.rglob(".unfinished-seed-0.state")))
    stop(process, signal.SIGINT)
    assert not state.exists()
    assert not list(runs.rglob("seed-0.json"))

    told = bench("run", *cell, *fresh)
    assert "reused: 1 trained component" in told.out
    assert "moons unguided seed 0: goes on after " in told.out
    whole = tmp_path / "whole"
    assert bench("run", *cell, "--results", whole, "--artifacts", tmp_path / "others").code == 0
    assert read(runs) == read(whole / "runs")
    assert len(read(runs)) == 1


def read(folder: Path) -> dict[str, dict]:
    """The results by file, without what is measured."""
    found = {str(path.relative_to(folder)): json.loads(path.read_text()) for path in folder.rglob("seed-*.json")}
    return {name: {**result, "seconds": 0, "created": 0, "sha256": ""} for name, result in found.items()}


@pytest.mark.slow
def test_a_tuning_goes_on_after_a_signal(bench, fresh, tmp_path):
    one = ("tune-rho", *MAZE, "--methods", "swg", "--grid", "1", "--denoiser.steps", "100", "--processes", "1")
    one = (*one, "--data-set.transitions", "600")
    process = start(("-c", TRAINING), *one, *fresh)
    wait_until(process, lambda: any((tmp_path / "artifacts" / "components").glob("*/checkpoint-*.state")))
    stop(process, signal.SIGTERM)
    told = bench(*one, *fresh)
    assert "1 trials and 2 episodes on seeds 100, 101" in told.out


@BOTH
def test_a_script_gets_a_keyboard_interrupt_and_its_handlers_back(tmp_path, monkeypatch, request, number, code):
    def stopped(*_: object) -> None:
        signal.raise_signal(number)

    ignored = signal.signal(signal.SIGINT, signal.default_int_handler)  # as in a shell's background job, perhaps
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, ignored))
    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    monkeypatch.setattr("bench.runner.run.plan_task", stopped)
    with pytest.raises(KeyboardInterrupt) as raised:
        interface.run(
            suite="toy", preset="smoke", results=tmp_path / "r", artifacts=tmp_path / "a", progress=False
        )
    assert isinstance(raised.value, Stopped)
    assert raised.value.exit_code == code
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == before
