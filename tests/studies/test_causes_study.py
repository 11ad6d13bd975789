"""The study of causes: tables worked by hand, the exact network in closed form, one question in small."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from study_scripts import load_study

from methods.diffusion.schedule import make_schedule

study = load_study("causes")
MEASURED = {
    "what": "difference",
    "is_ratio": False,
    "there": {"as it is": [-10.0, -20.0, -30.0], "placebo": [-12.0, -20.0, -28.0]},
    "removed": {"judge": {"as it is": [0.0, -10.0, -18.0], "placebo": [-2.0, -11.0, -17.0]}},
}


def test_effects_are_means_over_the_other_factor():
    """Removing: 10, 10, 12 and 10, 9, 11: mean 10, 9.5, 11.5; placebo: -2, 0, 2 and -2, -1, 1: -2, -.5, 1.5."""
    nothing, judge = study.describe(MEASURED).rows
    # t(0.975, 2) = 4.303 times the standard error: 10 / √3, 8 / √3 and 2 / √3.
    assert nothing[1:] == ("-20.0 [-44.8, +4.8]", "-20.0 [-39.9, -0.1]", "–", "+0.0 [-5.0, +5.0]", "–")
    # 10.33 ± 4.303 x 1.041 / √3; -0.33 ± 4.303 x 1.756 / √3; 0, -1, -1: -0.67 ± 4.303 x 0.577 / √3.
    assert judge[3:] == ("+10.3 [+7.7, +12.9]", "-0.3 [-4.7, +4.0]", "-0.7 [-2.1, +0.8]")


def test_a_difference_of_logarithms_is_a_ratio():
    measured = {**MEASURED, "is_ratio": True, "there": dict.fromkeys(study.EPSILONS, [math.log(2)] * 3)}
    measured = {**measured, "removed": {}, "exact": {"all": [math.log(3)] * 3}}
    rows = study.describe(measured).rows
    assert rows[0][:3] == ("nothing", "× 2.00", "× 2.00")
    assert rows[1][:3] == ("all", "× 3.00", "–")


def test_the_exact_network_of_two_atoms_is_a_hyperbolic_tangent():
    """Atoms ±a: E[z_0 | z] = a tanh(α a·z / σ²)."""
    schedule = make_schedule("cosine", 25)
    atom = torch.tensor([0.6, -0.3])
    denoiser = study.ExactDenoiser(torch.stack([atom, -atom]), schedule)
    z = torch.randn(1, 50, 2, generator=torch.Generator().manual_seed(0))
    for level in (3, 12, 24):
        alpha, sigma = schedule.coefficients[level]
        wanted = atom * torch.tanh(alpha * (z @ atom) / sigma**2)[..., None]
        assert torch.allclose(denoiser(z, level, torch.zeros(1, 50, 1)), wanted, atol=1e-5)


def test_the_suspects_differ_from_what_is_there_by_what_they_are_called_by():
    questions = study.make_questions(10)
    for question in questions.values():
        for suspect in question.suspects:
            assert suspect.first != question.first
    longer = questions["solvers"].suspects[0].first.settings
    assert longer["denoiser.steps"] == longer["denoiser.decay_steps"] == 12_000


@pytest.mark.parametrize(
    ("given", "words"),
    [(["--only", "solver"], "choose of resampling, candidates, solvers"), (["--seeds", "2"], "no intervals")],
)
def test_what_cannot_be_measured_is_refused(given: list[str], words: str, capsys):
    with pytest.raises(SystemExit) as stopped:
        study.main(given)
    assert stopped.value.code == 2
    assert words in " ".join(capsys.readouterr().err.split())


@pytest.mark.slow
def test_solvers_in_small(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    folders = [f"--{name}={tmp_path / name}" for name in ("results", "artifacts", "out")]
    given = ["--tiny", "--only=solvers", "--seeds=3", "--processes=1", *folders]
    study.main(given)
    found = json.loads((tmp_path / "out" / "measured.json").read_text())["solvers"]
    values = [
        *found["there"].values(),
        *found["removed"]["four times the steps"].values(),
        *found["exact"].values(),
    ]
    assert all(len(each) == 3 and np.isfinite(each).all() for each in values)
    assert found["there"]["as it is"] != found["there"]["placebo"], "the placebo is another training"
    tables = (tmp_path / "out" / "tables.md").read_text()
    capsys.readouterr()
    study.main([*given, "--kept"])
    assert (tmp_path / "out" / "tables.md").read_text() == tables
