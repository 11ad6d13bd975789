"""`studies/gpu.py` on a CPU at tiny sizes, with graphs imitated: what it keeps, skips and refuses."""

import json
import sys
from pathlib import Path

import pytest
import torch
from recorded_work import CpuRecorder
from study_scripts import load_study

gpu = load_study("gpu")


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Runs the script; what it has written."""
    file = tmp_path / "gpu.json"

    def run(*flags: str) -> dict:
        given = ["gpu.py", "--tiny", "--device", "cpu", "--json", str(file), "--seconds", "0", *flags]
        monkeypatch.setattr(sys, "argv", given)
        gpu.main()
        return json.loads(file.read_text())

    return run


def test_a_call_measures_what_is_open_and_keeps_the_rest(call, capsys: pytest.CaptureFixture, tmp_path: Path):
    first = call("--only", "training")["pieces"]["training"]
    assert list(first) == ["critic, 1 seeds"]
    assert first["critic, 1 seeds"]["eager steps/s"] > 0
    printed = capsys.readouterr()
    assert printed.out.startswith("| training ")
    assert "critic, 1 seeds" in printed.out
    assert "no time for behaviour, 1 seeds and what follows; call again" in printed.err
    second = call("--only", "training")["pieces"]["training"]
    assert list(second) == ["critic, 1 seeds", "behaviour, 1 seeds"]
    assert second["critic, 1 seeds"] == first["critic, 1 seeds"], "it is not measured again"

    kept = json.loads((tmp_path / "gpu.json").read_text())
    kept["about"]["processor"] = "another"
    (tmp_path / "gpu.json").write_text(json.dumps(kept))
    with pytest.raises(SystemExit, match="2"):
        call("--only", "training")
    assert "name another file with --json" in capsys.readouterr().err


def test_an_unknown_piece_is_refused(call, capsys: pytest.CaptureFixture):
    with pytest.raises(SystemExit, match="2"):
        call("--only", "trainign")
    assert "choose among training, paper, inference, precision, exactness" in capsys.readouterr().err


@pytest.fixture
def study(monkeypatch: pytest.MonkeyPatch):
    """Tiny sizes, with graphs imitated."""
    monkeypatch.setattr(gpu, "find_recorder", lambda device: CpuRecorder())
    monkeypatch.setattr("methods.core.policy.find_recorder", lambda device: CpuRecorder())
    monkeypatch.setattr(gpu, "AT_ONCE", 6)
    return gpu.Study(torch.device("cpu"), tiny=True, seconds=0.0)


def test_captured_steps_stand_beside_eager_ones_with_the_same_weights(study):
    found = gpu.measure_training(study, "joint", 2)
    assert found["same weights"]
    assert found["times"] == pytest.approx(found["captured steps/s"] / found["eager steps/s"])
    assert "why not captured" not in found


def test_every_kind_of_component_is_there(study):
    kinds = {"critic", "behaviour", "joint", "cep-energy", "in-support-critic", "ddice-guidance", "q-ensemble"}
    assert set(gpu.list_components(study.setup())) == {*kinds, "mse-energy", "cql", "valued-critic"}
    assert all(component.precision == "bf16" for component in gpu.list_components(study.setup("bf16")).values())


def test_captured_calls_give_the_eager_actions(study):
    found = gpu.measure_call(study, "swg", 3, "captured")
    assert found["largest difference"] == 0.0
    assert found["p5"] <= found["median ms"] <= found["p95"]


def test_hours_are_those_of_the_steps_at_the_rate_of_the_slice(study):
    study.found["training"] = {"critic, 5 seeds": {"eager steps/s": 50.0}}
    found = gpu.measure_slice(study, "critic")
    assert found["hours by the slice"] == pytest.approx(100 / found["steps/s"] / 3600)
    assert found["hours by steps/s"] == pytest.approx(100 / 50 / 3600)
    assert found["steps"] == 50
