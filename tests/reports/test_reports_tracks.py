"""One method with its ρ chosen in different ways, side by side: each number worked by hand."""

import io
import itertools

import numpy as np
import pandas as pd
import pytest
from synthetic_results import FORMAT, control, data_set, evaluation, tuned

from reports.analysis.tracks import ALL_TASKS, make_tracks
from reports.load.ledger import read_tuning_records
from reports.load.scores import load_scores
from reports.render.csv import export_tracks
from reports.render.document import render_markdown
from reports.sections.tracks import make_tracks_section

A, B, C = TASKS = ("maze2d-umaze", "maze2d-medium", "maze2d-large")
SWEEP = {
    A: {1.0: 50.0, 5.0: 40.0, 10.0: 30.0},
    B: {1.0: 10.0, 5.0: 32.0, 10.0: 30.0},
    C: {1.0: 20.0, 5.0: 26.0, 10.0: 35.0},
}
SPREAD = np.array([-4.0, 1.0, 3.0])  # of three seeds around a mean


def add(folder, task, rho, score, method="swg", source: str | None = "given", **changes):
    for seed, difference in enumerate(SPREAD):
        about = {"rho": rho, "rho_source": source, **changes}
        folder.add(control(task, method, seed, score + difference, **about), str(rho))


def add_sweep(folder, sweep=SWEEP, **changes):
    for task, scores in sweep.items():
        for rho, score in scores.items():
            add(folder, task, rho, score, **changes)


def seen(task, rho, **changes):
    """The ledger's entry of a reported result."""
    return evaluation("reported", [0, 1, 2], rho, task=task, **changes)


def tried(task, rho, even, odd, **changes):
    """A trial whose episodes score one number in one half and one in the other."""
    values = [[even, odd], [odd, even]]
    return evaluation("tuning", [100, 101], rho, task=task, episodes=2, values=values, **changes)


def tracks(folder):
    (scores,) = load_scores(folder.path)
    rows = make_tracks(scores, read_tuning_records(folder.path))
    return {(row.task, row.family): row for row in rows}


def values(row):
    return {track: found.score.value for track, found in row.found.items()}


def test_one_scale_for_all_tasks_is_chosen_on_the_other_tasks(folder):
    """Over B and C the scales have means 15, 29, 32.5; over A and C 35, 33, 32.5; over A and B 30, 36, 30."""
    add_sweep(folder)
    found = tracks(folder)
    chosen = {task: found[task, "swg"].found["one-rho"] for task in TASKS}
    assert {task: (t.rho, t.score.value) for task, t in chosen.items()} == {
        A: (10.0, pytest.approx(30.0)), B: (1.0, pytest.approx(10.0)), C: (5.0, pytest.approx(26.0))
    }  # fmt: skip
    assert {t.origin for t in chosen.values()} == {"reported"}
    assert {task: found[task, "swg"].found["oracle"].rho for task in TASKS} == {A: 1.0, B: 5.0, C: 10.0}
    mean = found[ALL_TASKS, "swg"]
    assert values(mean) == {
        "one-rho": pytest.approx((30 + 10 + 26) / 3),
        "oracle": pytest.approx((50 + 32 + 35) / 3),
    }
    # The seeds differ by the same numbers on each task: t(0.975, 2) = 4.3027 times 3.6056 / √3.
    half = 4.30265 * 3.60555 / 3**0.5
    assert mean.found["one-rho"].score.upper == pytest.approx(22 + half, abs=1e-3)
    assert mean.found["oracle"].score.upper is None, "the best of several has no interval of one"


def test_with_one_task_or_one_scale_there_is_no_one_rho(folder):
    add_sweep(folder, {A: SWEEP[A]})
    row = tracks(folder)[A, "swg"]
    assert row.absent["one-rho"] == "one value for all tasks needs two tasks"
    assert set(row.found) == {"oracle"}
    assert row.absent["tuned"] == "no result at a ρ that is known to be tuned for these settings"


def test_methods_without_a_scale_have_no_tracks(folder):
    add_sweep(folder, {A: SWEEP[A]})
    add(folder, A, None, 20.0, "unguided", None)
    assert {family for _, family in tracks(folder)} == {"swg"}


def test_the_best_of_a_budget_is_chosen_by_tuning_and_scored_by_the_reported_results(folder):
    add_sweep(folder, {A: SWEEP[A]})
    means = {1.0: 20.0, 5.0: 60.0, 10.0: 50.0}
    ledger = [seen(A, rho) for rho in means] + [tried(A, rho, mean, mean) for rho, mean in means.items()]
    ledger += [
        tried(A, 20.0, 90.0, 90.0, policy="p1"),
        tried(A, 20.0, 90.0, 90.0, preset="smoke"),
        tried(A, 20.0, 90.0, 90.0, data=["d4rl", "ab12"]),
        seen(A, 1.0, policy="p1", settings={"critic.steps": 99}),
    ]
    folder.write_ledger(ledger)
    row = tracks(folder)[A, "swg"]
    best = [max(drawn, key=means.__getitem__) for drawn in itertools.combinations(means, 2)]
    found = row.found["budget=2"]
    assert found.score.value == pytest.approx(np.mean([SWEEP[A][rho] for rho in best]))
    assert (found.origin, found.rho) == ("reported", None)
    assert row.absent["budget=4"] == "fewer scales were tried (3)"


def test_scales_that_are_not_reported_are_scored_by_other_tuning_episodes(folder):
    add(folder, A, 5.0, 40.0)
    add(folder, B, 5.0, 30.0)
    ledger = [seen(task, 5.0) for task in (A, B)]
    # By the even half 5 is chosen on A and scores 20; by the odd half 7, which scores 10.
    ledger += [
        tried(A, 5.0, 60.0, 20.0),
        tried(A, 7.0, 10.0, 44.0),
        tried(B, 5.0, 9.0, 9.0),
        tried(B, 7.0, 8.0, 8.0),
    ]
    folder.write_ledger(ledger)
    found = tracks(folder)
    budget, one = (found[A, "swg"].found[track] for track in ("budget=2", "one-rho"))
    assert (budget.score.value, budget.origin, budget.score.lower) == (pytest.approx(15.0), "tuning", None)
    assert (one.rho, one.score.value, one.origin) == (5.0, pytest.approx(40.0), "tuning")
    on_other = found[B, "swg"].found["one-rho"]
    assert (on_other.rho, on_other.score.value) == (5.0, pytest.approx(9.0)), "chosen on A: 40 against 27"
    assert found[ALL_TASKS, "swg"].found["one-rho"].score.value == pytest.approx(24.5)


def test_without_the_results_in_the_ledger_their_tuning_is_not_known(folder):
    add_sweep(folder, {A: SWEEP[A]})
    folder.write_ledger([tried(A, rho, 1.0, 1.0) for rho in SWEEP[A]])
    assert "does not hold these results" in tracks(folder)[A, "swg"].absent["budget=2"]
    folder.write_ledger([seen(A, 1.0), seen(A, 5.0, policy="p1"), *(tried(A, rho, 1.0, 1.0) for rho in SWEEP[A])])
    assert "with several policies" in tracks(folder)[A, "swg"].absent["budget=2"]


def test_a_tuned_scale_is_found_in_a_sweep_for_the_same_policy_alone(folder):
    add_sweep(folder, {A: SWEEP[A]})
    folder.write_ledger([seen(A, rho) for rho in SWEEP[A]])
    folder.write("tuned.json", {"format": FORMAT, "choices": [tuned([100, 101], rho=10.0)]})
    found = tracks(folder)[A, "swg"].found["tuned"]
    assert (found.rho, found.score.value) == (10.0, pytest.approx(30.0))
    folder.write("tuned.json", {"format": FORMAT, "choices": [tuned([100, 101], rho=10.0, policy="p1")]})
    assert "tuned" in tracks(folder)[A, "swg"].absent


def test_a_published_scale_is_found_in_a_sweep(folder):
    """SWG: 5 for hopper-medium-expert-v2. Nobody published one for cep."""
    about = data_set("local", "local/x-v0", "ab12", canonical=("d4rl", "hopper-medium-expert-v2"))
    for method in ("swg", "cep"):
        add_sweep(folder, {A: SWEEP[A]}, method=method, data=about)
    found = tracks(folder)
    assert found[A, "swg"].found["published"].score.value == pytest.approx(40.0)
    assert "published" in found[A, "cep"].absent


def test_a_result_with_other_tuned_settings_is_no_scale_of_a_sweep(folder, monkeypatch):
    add_sweep(folder, {A: SWEEP[A]})
    monkeypatch.setattr("reports.analysis.tracks._has_knobs", lambda result: result.rho == 1.0)
    assert tracks(folder)[A, "swg"].found["oracle"].rho == 5.0


def test_scales_that_were_tuned_with_other_settings_are_no_budget_of_scales(folder, monkeypatch):
    add_sweep(folder, {A: {1.0: SWEEP[A][1.0]}})
    folder.write_ledger([seen(A, 1.0), tried(A, 1.0, 2.0, 4.0), tried(A, 2.0, 3.0, 1.0)])
    monkeypatch.setattr("reports.analysis.tracks._has_knobs", lambda result: True)
    assert "other settings were tuned together with ρ" in tracks(folder)[A, "swg"].absent["budget=2"]


def test_the_tracks_stand_side_by_side_with_why_one_is_not_there(folder):
    add_sweep(folder)
    # By the even half 2 is chosen and scores 1, by the odd one 1 and scores 2.
    folder.write_ledger([seen(A, 1.0), tried(A, 1.0, 2.0, 4.0), tried(A, 2.0, 3.0, 1.0)])
    (scores,) = load_scores(folder.path)
    rows = make_tracks(scores, read_tuning_records(folder.path))
    text = " ".join(render_markdown(make_tracks_section(scores, rows)).split())
    assert "### Tracks: ρ chosen in different ways, data local" in text
    assert "`oracle`†: the best by the reported episodes themselves, and so too good" in text
    assert "| task | variant | one-rho | budget=2 | oracle† |" in text
    assert "| maze2d-umaze (local) | swg | 30.0 [21.0, 39.0] (10) | 1.5‡ | 50.0 (1) |" in text
    assert "| default | swg | all tasks | no result says that its ρ is the default |" in text
    assert "**" not in text, "no track is bold"
    exported = export_tracks({"maze2d": rows})
    assert exported is not None
    table = pd.read_csv(io.StringIO(exported)).set_index(["task", "track"])
    assert table.loc[(A, "one-rho"), "score"] == pytest.approx(30.0)
    assert table.loc[(A, "budget=2"), "episodes"] == "tuning"
    assert table.loc[(B, "default"), "absent"] == "no result says that its ρ is the default"
    assert len(table) == 4 * 8


def test_a_suite_whose_scales_come_in_one_way_has_no_section(folder):
    add(folder, A, 10.0, 40.0, source="default")
    (scores,) = load_scores(folder.path)
    rows = make_tracks(scores, read_tuning_records(folder.path))
    assert list(rows[0].found) == ["default"]
    assert render_markdown(make_tracks_section(scores, rows)).strip() == ""
