"""The study of bf16 training: its criteria on numbers worked by hand, and the whole in small, which resumes."""

import json
from pathlib import Path

import numpy as np
import pytest
import scipy.stats
from study_scripts import load_study

study = load_study("precision")


def measured(shift: float = 0.0, jitter: float = 1.0) -> dict:
    """One method, two sets and one component on three seeds; `shift` moves bf16 numbers."""
    bf16 = [shift - jitter, 20.0 + shift, 40.0 + shift + jitter]
    return {
        "rho": {"swg": 10.0},
        "scores": {"swg": {"fp32": [0.0, 20.0, 40.0], "bf16": bf16}},
        "log_multiples": {
            "moons": {"swg": {"fp32": [0.0, 0.1, 0.2], "bf16": [0.01 * shift, 0.1, 0.2]}},
            "rings": {"swg": {"fp32": [0.3, 0.3, 0.3], "bf16": [0.3, 0.3, 0.3 + 0.01 * shift]}},
        },
        "actions": {"swg": {"precisions": [0.1, 0.2, 0.1], "seeds": [0.5, 0.4, 0.6]}},
        "losses": {"joint": {"fp32": [1.0, 2.0, 3.0], "bf16": [1.0 + 0.1 * shift, 2.0, 3.1]}},
    }


def test_a_score_is_equivalent_only_if_its_whole_interval_is_inside():
    """Differences -1, 0, 1 have the interval ± t(0.975, 2) / √3 = ± 2.48; twice that size ± 4.97, then ± 7.45."""
    half = scipy.stats.t.ppf(0.975, 2) / np.sqrt(3)
    assert half == pytest.approx(2.484, abs=1e-3)
    (inside,) = study.compare_scores(measured())
    assert inside.cells == ("swg", "10", "20.0", "20.0", "+0.0 [-2.5, +2.5]")
    wider = [study.compare_scores(measured(jitter=jitter))[0] for jitter in (1, 2, 3)]
    assert [row.is_inside for row in wider] == [True, True, False]
    assert [study.compare_scores(measured(shift))[0].is_inside for shift in (2.5, 2.6)] == [True, False]


def test_toy_distances_are_compared_as_ratios_over_all_sets():
    """Seeds' mean logarithms differ by 0.02, 0 and 0.02 at shift 4: a ratio of e^0.01333."""
    (row,) = study.compare_distances(measured(4.0))
    assert row.cells[:3] == ("swg", f"{np.exp(0.2):.2f}", f"{np.exp(0.2 + 0.04 / 3):.2f}")
    assert row.cells[3].startswith("1.01 [0.98, 1.04]")  # ± 4.303 x 0.011547 / √3 = ± 0.0287 in the logarithm
    assert row.cells[4:] == ("1.01", "1.01")
    assert row.is_inside
    assert not study.compare_distances(measured(20.0))[0].is_inside


def test_actions_must_be_nearer_than_those_of_another_seed():
    """Differences -0.4, -0.2, -0.5: mean -0.367, interval ± 0.379 reaches above 0 and shows nothing."""
    (row,) = study.compare_actions(measured())
    assert row.cells == ("swg", "0.133", "0.500", "-0.367 [-0.746, +0.013]")
    assert not row.is_inside
    apart = measured() | {"actions": {"swg": {"precisions": [0.1, 0.1, 0.1], "seeds": [0.5, 0.4, 0.6]}}}
    assert study.compare_actions(apart)[0].is_inside


def test_losses_are_held_to_the_spread_of_seeds():
    """fp32 has a standard deviation of 1; the differences 0, 0, 0.1 have the interval 0.033 ± 0.143."""
    (row,) = study.compare_losses(measured())
    assert row.cells == ("joint", "2", "2.033", "1", "+0.033 [-0.11, +0.18]")
    assert row.is_inside
    assert not study.compare_losses(measured(50.0))[0].is_inside


def test_one_row_outside_is_not_equivalent():
    tables = study.make_tables(measured())
    assert tables[0].rows == (
        ("maze2d-umaze, ± 5 points", "1", "1", "yes"),
        ("toy distances, 1/1.1 to 1.1", "1", "1", "yes"),
        ("actions, at most those between seeds", "1", "0", "no"),
        ("losses, ± spread of seeds", "1", "1", "yes"),
        ("all", "4", "3", "no"),
    )
    assert [len(table.rows) for table in tables[1:]] == [1, 1, 1, 1]


def test_the_end_of_a_curve_is_its_last_tenth():
    assert study.average_end(np.arange(20.0)) == pytest.approx(18.5)
    assert study.average_end(np.arange(3.0)) == pytest.approx(2.0)


@pytest.mark.slow
@pytest.mark.usefixtures("short_episodes")
def test_the_whole_in_small_goes_on_where_it_stopped(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    folders = [f"--{name}={tmp_path / name}" for name in ("results", "artifacts", "out")]
    tiny = ["--tiny", "--seeds=3", "--toy-seeds=3", "--toy-samples=50", "--methods=unguided,swg", *folders]
    study.main([*tiny, "--plan"])
    assert "expected time: " in capsys.readouterr().out
    assert not (tmp_path / "results" / "runs").exists()
    study.main([*tiny, "--processes=1"])
    kept = (tmp_path / "out" / "measured.json").read_text()
    found = json.loads(kept)
    assert found["seeds"] == [0, 1, 2]
    assert set(found["scores"]) == set(found["actions"]) == {"unguided", "swg"}
    assert set(found["losses"]) == {"behaviour", "joint"}
    for losses in found["losses"].values():
        assert losses["fp32"] != losses["bf16"], "bf16 has weights of its own"
    for distances in found["actions"].values():
        assert 0 < max(distances["precisions"]) < min(distances["seeds"])
    tables = (tmp_path / "out" / "tables.md").read_text()
    assert tables.startswith("| criterion ")
    capsys.readouterr()
    study.main([*tiny, "--processes=1"])
    again = capsys.readouterr().out
    assert "nothing to do: all results exist" in again
    assert "to train" not in again
    assert (tmp_path / "out" / "measured.json").read_text() == kept
    study.main([*tiny, "--kept"])
    assert (tmp_path / "out" / "tables.md").read_text() == tables


def test_without_toy_sets_three_criteria_are_judged_and_nothing_is_said_of_all():
    verdicts = study.make_tables(measured() | {"log_multiples": {}})[0].rows
    assert [row[-1] for row in verdicts] == ["yes", "not measured", "no", "yes", "not measured"]
    assert [row[-1] for row in study.make_tables(measured())[0].rows] == ["yes", "yes", "no", "yes", "no"]
