"""A folder from elsewhere writes nothing outside the report's folder, and reads nothing outside its own."""

import json
import os

import numpy as np
import pytest
from synthetic_results import control

from reports.analysis.suite import Options
from reports.errors import ReportError
from reports.load.files import MOST_BYTES, refuse_links
from reports.load.scores import find_unfinished, load_scores
from reports.report import write_report

NAMES = (
    "./../ESC",
    "../up",
    "/etc",
    "a/b",
    "..",
    ".",
    "",
    "UPPER",
    "white space",
    "x\n",
    "x\x1b[2J",
    "a" * 101,
    "-x",
)
CELL = {"suite": "maze2d", "task": "maze2d-umaze", "method": "swg", "rho": None, "seed": 0}


def listing(place):
    return sorted(str(path.relative_to(place)) for path in place.rglob("*"))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("field", ["suite", "task", "method"])
def test_a_name_that_is_a_path_is_refused_and_nothing_is_written(folder, tmp_path, field, name):
    file = folder.add(control("maze2d-umaze", "swg", 0, 1.0))
    file.write_text(json.dumps({**json.loads(file.read_text()), field: name}))
    before = listing(tmp_path)
    with pytest.raises(ReportError, match=rf"for `{field}`, which should be a name of letters from a to z"):
        write_report(folder.path, folder.path / "report", options=Options(replicates=100))
    assert listing(tmp_path) == before


@pytest.mark.parametrize("field", ["samples_file", "trajectories_file", "components"])
def test_a_file_beside_a_result_is_one_name(folder, field):
    value = {"critic": "../../x"} if field == "components" else "../../../x.npz"
    folder.add(control("maze2d-umaze", "swg", 0, 1.0, **{field: value}))
    with pytest.raises(ReportError, match=r"which should be a name of letters, digits"):
        load_scores(folder.path)


@pytest.mark.parametrize(
    "path",
    ["../x/swg-0/seed-0.json", "/etc/passwd", "runs/../../seed-0.json", "runs/maze2d-umaze/swg-0/seed-1.json"],
)
def test_a_planned_path_stays_in_the_folder_and_is_that_of_its_cell(folder, path):
    folder.add(control("maze2d-umaze", "swg", 0, 1.0))
    folder.write_plans([{**CELL, "path": path}])
    with pytest.raises(ReportError, match=r"plans.jsonl' is damaged: line 1 is not a plan"):
        load_scores(folder.path)


@pytest.mark.parametrize("place", ["runs/maze2d-umaze/swg-0/seed-1.json", "looks.jsonl", "report", "runs/x"])
def test_a_link_that_leads_out_is_refused(folder, tmp_path, place):
    folder.add(control("maze2d-umaze", "swg", 0, 1.0))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (folder.path / place).symlink_to(elsewhere if "." not in place else elsewhere / "file")
    with pytest.raises(ReportError, match=r"leads out of the results folder"):
        write_report(folder.path, folder.path / "report", options=Options(replicates=100))
    assert listing(elsewhere) == []


def test_links_within_the_folder_and_to_it_are_fine(folder, tmp_path):
    file = folder.add(control("maze2d-umaze", "swg", 0, 1.0))
    (folder.path / "newest.json").symlink_to(file)
    (folder.path / "loop").symlink_to(folder.path / "loop")
    (folder.path / "logs").mkdir()
    (folder.path / "logs" / "wandb").symlink_to(tmp_path)
    (tmp_path / "link").symlink_to(folder.path)
    refuse_links(tmp_path / "link")
    (scores,) = load_scores(tmp_path / "link")
    assert [result.score for result in scores.results()] == [1.0]


def test_a_result_in_the_place_of_another_is_refused(folder):
    file = folder.add(control("maze2d-umaze", "swg", 0, 1.0))
    file.rename(file.with_name("seed-1.json"))
    with pytest.raises(ReportError, match=r"the result of swg on maze2d-umaze, seed 0, which belongs elsewhere"):
        load_scores(folder.path)


@pytest.mark.parametrize("claim", [1, 3, "2", [2]])
def test_settings_that_claim_another_number_of_episodes_are_refused(folder, claim):
    folder.add(control("maze2d-umaze", "swg", 0, 1.0, config={"evaluation.episodes": claim}))
    with pytest.raises(ReportError, match=r"has 2 episodes, but its settings say"):
        load_scores(folder.path)


def test_a_refusal_shows_no_controls_and_little_of_a_name_that_a_file_has(folder):
    file = folder.add(control("maze2d-umaze", "swg", 0, 1.0))
    file.write_text(json.dumps({**json.loads(file.read_text()), "\x1b[2J" + "x" * 10_000: 1}))
    with pytest.raises(ReportError, match=r"has the unknown field `\\x1b\[2Jxxx") as found:
        load_scores(folder.path)
    assert "\x1b" not in str(found.value)
    assert len(str(found.value)) < 700


def test_what_is_no_file_or_too_large_or_too_deep_is_one_sentence(folder):
    file = folder.add(control("maze2d-umaze", "swg", 0, 1.0))
    text = file.read_text()
    file.write_text(text.replace('"seed": 0', f'"seed": {"9" * 5000}', 1))
    with pytest.raises(ReportError, match=r"is not JSON \(number out of range"):
        load_scores(folder.path)
    file.write_text(text.replace('"seed": 0', f'"seed": {2**64}', 1))
    with pytest.raises(ReportError, match=r"for `seed`, which should be less than"):
        load_scores(folder.path)
    file.write_text(text.replace('"seed": 0', f'"seed": {"9" * 4200}', 1))
    with pytest.raises(ReportError, match=r"for `seed`, which should be less than"):
        load_scores(folder.path)
    file.write_text("[" * 100_000)
    with pytest.raises(ReportError, match=r"is not JSON"):
        load_scores(folder.path)
    with file.open("r+b") as stream:
        stream.truncate(MOST_BYTES + 1)  # a file with a hole: no disk is used
    with pytest.raises(ReportError, match=r"at most 268,435,456 are read"):
        load_scores(folder.path)
    file.unlink()
    os.mkfifo(file)
    with pytest.raises(ReportError, match=r"should be a file and is none"):
        load_scores(folder.path)
    file.unlink()
    file.mkdir()
    with pytest.raises(ReportError, match=r"should be a file and is none"):
        load_scores(folder.path)


def test_the_report_knows_what_earlier_runs_planned(folder):
    for seed in range(2):
        folder.add(control("maze2d-umaze", "swg", seed, 1.0))
    swg = [{**CELL, "seed": seed, "path": f"runs/maze2d-umaze/swg-0/seed-{seed}.json"} for seed in range(2)]
    cep = {**CELL, "method": "cep", "rho": 3.0, "path": "runs/maze2d-umaze/cep-0/seed-0.json"}
    folder.write_plans([*swg, cep], swg)
    assert [(cell.method, cell.seed) for cell in find_unfinished(folder.path)] == [("cep", 0)]
    assert find_unfinished(folder.path, methods=["swg"]) == []
    write_report(folder.path, folder.path / "report", options=Options(replicates=100))
    page = (folder.path / "report" / "report.md").read_text()
    assert "2 results, none of the last plan missing (" in page
    assert (
        "**Warning:** 1 result that earlier runs into this folder set out to compute is not there and in no "
        "table: maze2d-umaze, cep, seed 0, ρ = 3."
    ) in page
    folder.write_plans(swg, [*swg, cep])
    with pytest.raises(ReportError, match=r"1 result\(s\) are missing: maze2d-umaze, cep, seed 0, ρ = 3;"):
        load_scores(folder.path)


def test_a_line_of_the_plans_cannot_be_taken_out(folder):
    folder.add(control("maze2d-umaze", "swg", 0, 1.0))
    swg = {**CELL, "path": "runs/maze2d-umaze/swg-0/seed-0.json"}
    folder.write_plans([swg, {**swg, "seed": 1, "path": "runs/maze2d-umaze/swg-0/seed-1.json"}], [swg])
    file = folder.path / "plans.jsonl"
    file.write_text(file.read_text().splitlines()[1] + "\n")
    with pytest.raises(ReportError, match=r"line 1 does not hold the hash of the line before it"):
        load_scores(folder.path)
    folder.write_plans([swg])
    file.write_text(file.read_text() + '{"torn')
    assert load_scores(folder.path)[0].seeds == (0,)


def test_a_score_that_is_nan_does_not_hide_its_episodes(folder):
    folder.add(control("maze2d-umaze", "swg", 0, 1.0) | {"score": np.nan})
    with pytest.raises(ReportError, match=r"has nan for `score`, but the mean of its episodes is 1.0"):
        load_scores(folder.path)
