"""The study of rescaling: pairs worked by hand, and what is missing is named."""

import contextlib

import pandas as pd
import pytest
from study_scripts import load_study

import bench

study = load_study("rescaling")
SCORES = {
    (True, 0.0): [10.0, 20.0, 30.0], (True, 1.0): [12.0, 21.0, 33.0],
    (False, 0.0): [10.0, 20.0, 30.0], (False, 1.0): [11.0, 21.0, 31.0],
}  # fmt: skip


def cells() -> pd.DataFrame:
    """What `load_results` gives of two scales and three seeds, in another order."""
    rows = [
        {"task": "walker", "method": "aepo", "status": "done", "seed": seed, "rho": rho, "score": score}
        | {"guidance.rescale": rescaled}
        for (rescaled, rho), scores in SCORES.items()
        for seed, score in enumerate(scores)
    ]
    return pd.DataFrame(rows[::-1])


@pytest.fixture
def told(monkeypatch, tmp_path, capsys):
    """What the study prints of these cells, on stdout and on stderr."""

    def tell(found: pd.DataFrame) -> tuple[str, str]:
        monkeypatch.setattr(bench, "load_results", lambda *_, **__: found)
        with contextlib.suppress(SystemExit):
            study.main([str(tmp_path)])
        return capsys.readouterr()

    return tell


def test_pairs_are_of_equal_seeds(told):
    """Rescaled - not: 1, 0, 2; rescaled - unguided: 2, 1, 3; t(0.975, 2) = 4.303, standard error 1 / √3."""
    lines = [[part.strip() for part in line.split("|")[1:-1]] for line in told(cells())[0].splitlines()]
    assert lines[2] == ["0", "20.0 ± 10.0", "20.0 ± 10.0", "–", "–", "–"]
    assert lines[3] == ["1", "22.0 ± 10.5", "21.0 ± 10.0", "+1.0 [-1.5, +3.5]", "+2.0 [-0.5, +4.5]", "+1.0"]


def test_what_is_missing_is_named(told):
    found = cells()
    others = found[~(found["guidance.rescale"] & (found["rho"] == 0) & (found["seed"] == 1))]
    assert "no result of walker, guidance.rescale=true, ω = 0, seed 1;" in told(others)[1]
    assert "1 of AEPO's results failed" in told(found.assign(status=["failed"] + ["done"] * 11))[1]
    assert "has no results of AEPO with guidance.rescale at ω = 0" in told(found.assign(method="cep"))[1]
    assert "at ω = 0" in told(found.drop(columns="guidance.rescale"))[1]
    assert "at ω = 0" in told(found[found["rho"] > 0])[1]
    assert "has 1 seed of walker; run 2 or more" in told(found[found["seed"] == 0])[1]
    assert "with other settings too" in told(pd.concat([found, found]))[1]
