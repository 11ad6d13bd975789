"""The study of one law: distances and cosines worked by hand, tables, and the whole in small, which resumes."""

import json
from pathlib import Path

import numpy as np
import pytest
from study_scripts import load_study

import bench

study = load_study("same_law")


def test_distances_are_means_over_states_of_every_two_policies():
    actions = np.array([[[0.0, 0.0], [0.0, 0.0]], [[3.0, 4.0], [0.0, 1.0]], [[0.0, 2.0], [0.0, 0.0]]])
    expected = [[0, 3, 1], [3, 0, (np.hypot(3, 2) + 1) / 2], [1, (np.hypot(3, 2) + 1) / 2, 0]]
    np.testing.assert_allclose(study.measure_distances(actions), expected)


def test_cosines_leave_out_states_at_which_a_policy_does_not_move():
    moves = np.array([[[1.0, 0.0], [2.0, 0.0]], [[0.0, 3.0], [0.0, 0.0]], [[-1.0, 0.0], [1.0, 1.0]]])
    found = study.measure_cosines(moves)
    assert found[0, 1] == pytest.approx(0)
    assert found[0, 2] == pytest.approx((-1 + np.sqrt(0.5)) / 2)
    assert found[1, 2] == pytest.approx(0)
    still = study.measure_cosines(np.stack([moves[0], np.zeros((2, 2))]))
    assert np.isnan(still[0, 1])


def measured() -> dict:
    """Three seeds of each; the samples lie 10 apart on a line, and the moves of the second are turned round."""
    line = np.array([0.0, 1.0, 3.0, 10.0, 12.0, 14.0])
    pairs = np.abs(line[:, None] - line)
    side = np.where(np.arange(6) < 3, 1.0, -1.0)
    return {
        "seeds": 3,
        "distances": {"0": pairs.tolist()},
        "cosines": {"10": (side[:, None] * side).tolist(), "15": np.full((6, 6), np.nan).tolist()},
        "lengths": {"10": [1.0, 1.0, 1.0, 2.0, 2.0, 2.0], "15": [0.0] * 6},
        "returns": {
            "1": {"ours": [10.0, 20.0, 30.0], "theirs": [11.0, 21.0, 31.0]},
            "10": {"ours": [0.0, 1.0, 3.0], "theirs": [10.0, 12.0, 14.0]},
        },
    }


def test_tables_have_a_row_for_each_scale():
    distances, cosines, returns = study.make_tables(measured())
    (row,) = distances.rows
    assert row[0] == "0"
    assert row[1].startswith("10.667 [")
    assert row[4].startswith("+8.333 [")
    assert row[5] == "0.100"
    assert cosines.rows[0][:6] == ("10", "-1.000 [-1.000, -1.000]", "1.000 [1.000, 1.000]", "1.000 [1.000, 1.000]",
                                   "+2.000 [+2.000, +2.000]", "0.100")  # fmt: skip
    assert cosines.rows[0][6:] == ("1.000", "2.000")
    assert cosines.rows[1][1:6] == ("–",) * 5, "where nothing moves there is no direction"
    assert returns.rows[0][:3] == ("1", "20.0 ± 10.0", "21.0 ± 10.0")
    assert returns.rows[1][4:] == ("0.100", "0.200"), "the least p that three seeds can have, and twice that"


def test_what_lacks_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    folders = [f"--{name}={tmp_path / name}" for name in ("results", "artifacts", "out", "exports")]
    for words, said in (
        (["--seeds=2"], "--seeds 2 gives no intervals"),
        (["--kept"], "is not there; leave out --kept"),
        (["--checkouts", str(tmp_path)], "name the folder with a clone of SWG-JAX with --checkouts"),
    ):
        with pytest.raises(SystemExit):
            study.main([*words, *folders])
        assert said in " ".join(capsys.readouterr().err.split())


@pytest.mark.slow
def test_the_whole_in_small(tmp_path: Path, shorten, capsys: pytest.CaptureFixture[str]):
    shorten("locomotion", 20)
    folders = [f"--{name}={tmp_path / name}" for name in ("results", "artifacts", "out", "exports")]
    tiny = ["--tiny", "--processes=1", *folders]
    study.main(tiny)
    tables = (tmp_path / "out" / "tables.md").read_text()
    found = json.loads((tmp_path / "out" / "measured.json").read_text())
    assert found["is_tiny"]
    assert np.array(found["distances"]["10"]).shape == (6, 6)
    states = np.random.default_rng(0).standard_normal((20, 11)).astype(np.float32)
    folder, artifacts = tmp_path / "results", tmp_path / "artifacts"
    actions = [
        bench.load_policy(
            folder, study.TASK, "swg", seed, rho=10, variant=f"{variant} rho=10", artifacts=artifacts
        ).act(states)
        for seed, variant in ((1_000, "swg"), (0, "swg denoiser.imported=authors"))
    ]
    np.testing.assert_array_equal(actions[0], actions[1], "what was exported and imported is the same network")
    capsys.readouterr()
    study.main([*tiny, "--plan"])
    told = capsys.readouterr().out
    assert "nothing to do: all results exist" in told
    assert "0 of 3 seeds to train" in told
    study.main([*tiny, "--kept"])
    assert (tmp_path / "out" / "tables.md").read_text() == tables
