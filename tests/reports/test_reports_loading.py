"""Results that are damaged, incomplete or not comparable never reach a table."""

import json

import numpy as np
import pytest
from synthetic_results import control, data_set, density

from reports.analysis.suite import Options
from reports.errors import ReportError
from reports.load.files import read_result, write_file
from reports.load.schema import FailedResult, Result
from reports.load.scores import load_scores
from reports.report import write_report
from reports.sections.pairs import describe_unranked

TASKS = ("maze2d-umaze", "maze2d-medium")


def fill(folder, seeds=2, methods=("unguided", "swg")):

    return {
        (task, method, seed): folder.add(control(task, method, seed, 10.0 * i + seed))
        for i, task in enumerate(TASKS)
        for method in methods
        for seed in range(seeds)
    }


def test_matrix_is_seeds_by_tasks(folder):
    fill(folder)
    (scores,) = load_scores(folder.path)
    assert (scores.tasks, scores.variants, scores.seeds) == (tuple(sorted(TASKS)), ("unguided", "swg"), (0, 1))
    # Tasks in alphabetical order without a plan: medium was written with scores 10 and 11, umaze with 0 and 1.
    np.testing.assert_array_equal(scores.matrix("swg"), [[10.0, 0.0], [11.0, 1.0]])


def test_plan_gives_the_order(folder):
    paths = fill(folder)
    cells = [
        {
            "suite": "maze2d",
            "task": t,
            "method": m,
            "rho": None,
            "seed": s,
            "path": str(p.relative_to(folder.path)),
        }
        for (t, m, s), p in paths.items()
    ]
    folder.write_plans(cells)
    assert load_scores(folder.path)[0].tasks == TASKS


def test_no_folder_no_stamp_other_stamp_no_results(folder, tmp_path):
    with pytest.raises(ReportError, match=r"no results folder at .*bench run"):
        load_scores(tmp_path / "nowhere")
    with pytest.raises(ReportError, match="holds no results"):
        load_scores(folder.path)
    (folder.path / "FORMAT").write_text("1\n")
    with pytest.raises(
        ReportError,
        match=r"from another version: .* has format 1, this version reads and writes format 4; .*--results",
    ):
        load_scores(folder.path)
    (folder.path / "FORMAT").unlink()
    with pytest.raises(ReportError, match=r"is empty: run `python -m bench run` first"):
        load_scores(folder.path)
    (folder.path / "notes.txt").touch()
    with pytest.raises(ReportError, match=r"from another version: .* has no FORMAT file"):
        load_scores(folder.path)


def test_broken_json_names_the_file(folder):
    path = fill(folder)[TASKS[0], "swg", 1]
    path.write_text(path.read_text()[:100])
    with pytest.raises(ReportError, match=rf"{path}' is not JSON.*run the same `bench` command again"):
        load_scores(folder.path)
    path.write_text("[1]")
    with pytest.raises(ReportError, match="holds no JSON object"):
        load_scores(folder.path)


@pytest.mark.parametrize(
    "name",
    ["suite", "task", "score", "episodes", "data", "config", "interventions", "seconds", "versions", "created"],
)
def test_missing_field_names_file_and_field(folder, name):
    path = fill(folder)[TASKS[0], "swg", 1]
    record = json.loads(path.read_text())
    del record[name]
    path.write_text(json.dumps(record))
    with pytest.raises(ReportError, match=rf"{path}' lacks the field `{name}`"):
        load_scores(folder.path)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("score", float("nan"), "has nan for `score`, but the mean of its episodes is 1.0"),
        ("score", "63", "has '63' for `score`, which should be a valid number"),
        ("seed", 1.5, "has 1.5 for `seed`, which should be a valid integer"),
        ("seed", True, "has True for `seed`, which should be a valid integer"),
        ("episodes", [], "has no episodes behind its score"),
        (
            "metric",
            "return",
            "has 'return' for `metric`, which should be 'normalized_score' or 'sliced_wasserstein'",
        ),
        ("format", 1, "has format 1, this version reads 4"),
        ("data", {**data_set("local", "x"), "transitions": None}, "has None for `data.transitions`"),
        ("interventions", {"nan_gradients": ["0"]}, r"has '0' for `interventions.nan_gradients\[0\]`"),
        ("tuning", {"episodes": 8}, "lacks the field `tuning.trials`"),
        ("score", 12.0, "has 12.0 for `score`, but the mean of its episodes is 1.0"),
        ("metric", "sliced_wasserstein", "has no densities behind its score"),
        ("repairs", {}, "has the unknown field `repairs`"),
    ],
)
def test_wrong_values_are_named(folder, name, value, said):
    path = fill(folder)[TASKS[0], "swg", 1]
    path.write_text(json.dumps({**json.loads(path.read_text()), name: value}))
    with pytest.raises(ReportError, match=said):
        load_scores(folder.path)
    # What the filters leave out is not looked at: a diverged method need not stop the report of the others.
    assert load_scores(folder.path, methods=["unguided"])[0].variants == ("unguided",)


def test_a_diverged_score_is_named(folder):
    path = fill(folder)[TASKS[0], "swg", 1]
    record = json.loads(path.read_text())
    record["episodes"][0] |= {"return": float("nan"), "normalized": float("nan")}
    path.write_text(json.dumps(record | {"score": float("nan")}))
    with pytest.raises(ReportError, match="has nan for `score`: the run diverged"):
        load_scores(folder.path)


def test_a_hole_in_the_matrix_is_an_error(folder):
    paths = fill(folder, seeds=4)
    for seed in (1, 2, 3):
        paths[TASKS[0], "swg", seed].unlink()
        paths[TASKS[1], "swg", seed].unlink()
    with pytest.raises(ReportError, match=r"6 result\(s\) are missing: .*swg, seed 1.* and 1 more; run `"):
        load_scores(folder.path)
    # Both methods are complete without the hole.
    assert load_scores(folder.path, methods=["unguided"])[0].variants == ("unguided",)


def test_a_failed_cell_is_named_and_never_averaged_over(folder):
    path = fill(folder)[TASKS[0], "swg", 1]
    record = json.loads(path.read_text())
    for name in Result.model_fields.keys() - FailedResult.model_fields.keys():
        del record[name]
    record |= {"status": "failed", "failure": {"step": "critic", "reason": "its loss is NaN"}}
    path.write_text(json.dumps(record))
    (scores,) = load_scores(folder.path)
    assert scores.variants == ("unguided",)
    (unranked,) = scores.unranked
    assert (unranked.variant, [r.seed for r in unranked.failed]) == ("swg", [1])
    # The others of the variant have 0, 10 and 11; the worst score on the failed cell's task is 0.
    said = describe_unranked(scores)
    assert (
        f"`swg` (failed on {TASKS[0]}, seed 1, in critic: its loss is NaN; mean 7.0 over 3 finished cells" in said
    )
    assert ", 5.2 with each failed cell as the worst score of its task here" in said
    write_report(folder.path, folder.path / "out", options=Options(replicates=100))
    page = (folder.path / "out" / "report.md").read_text()
    assert "2 tasks, 2 seeds: one variant, so nothing is compared. Unranked, with a failed cell: `swg`" in page
    assert "4 results and 1 failed, none missing" in page
    with pytest.raises(ReportError, match=r"every variant of suite maze2d has a failed cell .*its loss is NaN"):
        load_scores(folder.path, methods=["swg"])
    path.write_text(json.dumps({**record, "score": 1.0}))
    with pytest.raises(ReportError, match="has the unknown field `score`"):
        load_scores(folder.path)


def test_what_is_written_is_read_again_to_the_last_digit(folder):
    episodes = [{"return": 1 / 3, "length": 3, "seed": 1, "normalized": 100 * 2 / 3, "success": None}]
    path = folder.add(control("a", "swg", 0, 1.0, episodes=episodes) | {"score": 100 * 2 / 3})
    written = json.loads(path.read_text())
    write_file(path, read_result(path))
    again = json.loads(path.read_text())
    assert len(again.pop("sha256")) == 64
    assert again == written


def test_a_planned_cell_that_is_not_there_is_an_error(folder):
    paths = fill(folder)
    cells = [
        {
            "suite": "maze2d",
            "task": t,
            "method": m,
            "rho": None,
            "seed": s,
            "path": str(p.relative_to(folder.path)),
        }
        for (t, m, s), p in paths.items()
    ]
    cells.append({**cells[0], "method": "cep", "path": "runs/maze2d-umaze/cep-0/seed-0.json"})
    folder.write_plans(cells)
    with pytest.raises(ReportError, match=r"1 result\(s\) are missing: maze2d-umaze, cep, seed 0;"):
        load_scores(folder.path)
    assert load_scores(folder.path, methods=["unguided", "swg"])[0].variants == ("unguided", "swg")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"preset": "paper"}, "mixes presets: quick .* and paper"),
        (
            {"data": data_set("local", "n", "ab12", 1)},
            "mixes data sets: local/maze2d-umaze-v0 .* and n",
        ),
        (
            {"data": data_set("local", "local/maze2d-umaze-v0", "cd", 1)},
            "mixes data fingerprints: ab12 .* and cd",
        ),
        ({"versions": {"mujoco": "3.3.0", "gymnasium": "1.4.0"}}, r"mixes versions of mujoco: 3.4.0 .* and 3.3.0"),
    ],
)
def test_one_column_holds_one_kind(folder, changes, said):

    fill(folder)
    folder.add(control(TASKS[0], "swg", 1, 1.0, **changes))
    with pytest.raises(ReportError, match=rf"task maze2d-umaze {said}.*`--results`"):
        load_scores(folder.path)
    # The filters come first: without the method in question there is nothing to object to.
    assert load_scores(folder.path, methods=["unguided"])[0].variants == ("unguided",)
    assert load_scores(folder.path, tasks=[TASKS[1]])[0].tasks == (TASKS[1],)


@pytest.mark.parametrize("task", TASKS)
def test_one_suite_stands_on_one_source(folder, task):
    """Within a task and between tasks, whose mean would be over two sources."""
    fill(folder, seeds=1)
    for method in ("unguided", "swg"):
        folder.add(control(task, method, 0, 1.0, data=data_set("d4rl", "n-v1", "f", 1)))
        said = r"suite maze2d mixes data sources: (local|d4rl) \(.*\) and (local|d4rl) \(.*\) .*`--results`"
        with pytest.raises(ReportError, match=said):
            load_scores(folder.path)
    assert load_scores(folder.path, tasks=[task])[0].source == "d4rl"
    folder.add(density("rings", "swg", 0, {3.0: 0.02}))
    others = [other for other in (*TASKS, "rings") if other != task]
    assert [scores.source for scores in load_scores(folder.path, tasks=others)] == ["local", None]


def test_versions_of_d4rls_files_are_sources_of_their_own(folder):
    canonical = ("d4rl", "antmaze-umaze-v2")
    for seed, name in enumerate(("antmaze-umaze-v2", "antmaze-umaze-v0")):
        folder.add(control("a", "swg", seed, 1.0, data=data_set("d4rl", name, "f", 1, canonical)))
    with pytest.raises(ReportError, match=r"d4rl \(a, swg, seed 0\) and d4rl:v0 \(a, swg, seed 1\)"):
        load_scores(folder.path)


def test_a_floor_is_of_one_number_of_samples(folder):
    fewer = density("rings", "cep", 0, {3.0: 0.05})
    fewer["densities"][0]["samples"] = 500
    folder.add(density("rings", "swg", 0, {3.0: 0.02}))
    folder.add(fewer)
    with pytest.raises(
        ReportError, match=r"task rings mixes numbers of samples: (500 .* and 4,000|4,000 .* and 500) "
    ):
        load_scores(folder.path)


def test_unknown_filters_list_what_there_is(folder):
    fill(folder)
    with pytest.raises(
        ReportError, match="no task 'maze' among the results; there are: maze2d-medium, maze2d-umaze"
    ):
        load_scores(folder.path, tasks=["maze"])
    with pytest.raises(ReportError, match="no method 'cep' among the results; there are: swg, unguided"):
        load_scores(folder.path, methods=["cep"])


def test_two_files_for_one_cell(folder):

    fill(folder)
    folder.add(control(TASKS[0], "swg", 0, 2.0), config_hash="1")
    with pytest.raises(ReportError, match=r"two results for maze2d-umaze, swg, seed 0"):
        load_scores(folder.path)


def test_suites_are_apart(folder):

    fill(folder)
    folder.add(density("rings", "swg", 0, {0.0: 0.02, 10.0: 0.04}))
    found = {scores.suite: scores for scores in load_scores(folder.path)}
    assert found["maze2d"].is_control
    assert not found["toy"].is_control
    assert found["toy"].seeds == (0,)
