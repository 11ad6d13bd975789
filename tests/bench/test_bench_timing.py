"""`time` writes what the report's cost table reads: guided and unguided, every batch, on this machine."""

import json

import pytest
from command_line import TOY

MAZE_TASK = (
    "--suite",
    "maze2d",
    "--tasks",
    "maze2d-umaze",
    "--preset",
    "smoke",
    "--device",
    "cpu",
    "--threads",
    "1",
)


def test_rows_are_guided_only_where_there_is_a_scale(bench, folders, tmp_path):
    told = bench("time", *MAZE_TASK, *folders[:2], "--methods", "idql,swg", "--batches", "1,4,1", "--calls", "3")
    assert told.code == 0
    written = json.loads((tmp_path / "results" / "timing.json").read_text())
    assert written["format"] == 4
    assert written["machine"]["device"] == "cpu"
    kinds = [(row["method"], row["guided"], row["batch"]) for row in written["rows"]]
    assert sorted(kinds) == sorted(
        [("idql", False, batch) for batch in (1, 4)]
        + [("swg", guided, batch) for guided in (True, False) for batch in (1, 4)]
    )
    for row in written["rows"]:
        assert (row["suite"], row["task"], row["device"], row["calls"]) == ("maze2d", "maze2d-umaze", "cpu", 3)
        assert (row["preset"], row["terms"]) == ("smoke", "shared")
        taken = row["milliseconds"]
        assert 0 < taken["p5"] <= taken["median"] <= taken["p95"]
        assert row["peak_memory_mib"] is None or row["peak_memory_mib"] >= 0
    assert told.out.count(" ms (") == len(kinds)


def test_parameters_are_counted_for_what_acting_needs(bench, folders, tmp_path):
    sizes = ("--denoiser.width", "8", "--denoiser.blocks", "1", "--denoiser.expansion", "2")
    level = ("--denoiser.frequencies", "3", "--denoiser.level-features", "4")
    critic = ("--critic.width", "5", "--critic.layers", "1")
    bench(
        "time", *MAZE_TASK, *folders[:2], *sizes, *level, *critic, "--methods", "unguided,idql", "--batches", "1"
    )
    rows = json.loads((tmp_path / "results" / "timing.json").read_text())["rows"]
    counts = {row["method"]: row["parameters"] for row in rows}
    # Fourier 3; level 6→4→4; enter 2+4+4→8; block 8→16→8 with a norm; leave 8→2.
    denoiser = 3 + (6 * 4 + 4) + (4 * 4 + 4) + (10 * 8 + 8) + (8 * 16 + 16) + (16 * 8 + 8) + 2 * 8 + (8 * 2 + 2)
    # Twin Q 6→5→1 and V 4→5→1; the target is not trained.
    networks = 2 * (6 * 5 + 5 + 5 + 1) + (4 * 5 + 5 + 5 + 1)
    assert counts == {"unguided": denoiser, "idql": denoiser + networks}


def test_the_report_shows_the_milliseconds(bench, folders, tmp_path):
    bench("run", *TOY, *folders, "--methods", "unguided,swg", "--seeds", "1")
    bench("time", *TOY, *folders[:2], "--methods", "unguided,swg", "--batches", "2", "--calls", "2")
    assert bench("report", *folders[:2]).code == 0
    assert "illisecond" in (tmp_path / "results" / "report" / "report.md").read_text()


@pytest.mark.parametrize("suite", ["locomotion", "kitchen"])
def test_no_data_is_needed(bench, folders, suite):
    arguments = (
        "--suite",
        suite,
        "--methods",
        "unguided",
        "--preset",
        "smoke",
        "--device",
        "cpu",
        "--threads",
        "1",
    )
    assert bench("time", *arguments, *folders[:2], "--batches", "1", "--calls", "2").code == 0


def test_too_few_calls_are_refused(bench, folders, tmp_path):
    assert "calls=1 must be at least 2" in bench("time", *MAZE_TASK, *folders[:2], "--calls", "1").mistake
    assert not (tmp_path / "results" / "timing.json").exists()


def test_what_was_timed_on_other_terms_stays(bench, folders, tmp_path):
    def timed(*more):
        few = ("--methods", "unguided", "--batches", "1", "--calls", "2")
        assert bench("time", *TOY, *folders[:2], *few, *more).code == 0
        return json.loads(file.read_text())

    file = tmp_path / "results" / "timing.json"
    (shared,) = timed()["rows"]
    written = timed("--terms", "own")
    assert [row["terms"] for row in written["rows"]] == ["shared", "own"]
    assert written["rows"][0] == shared
    assert [row["terms"] for row in timed()["rows"]] == ["own", "shared"], "the same again replaces what was there"
    # The file names one machine, so what another one took does not stand in it.
    file.write_text(json.dumps({**written, "machine": {**written["machine"], "device": "cuda"}}))
    assert [row["terms"] for row in timed()["rows"]] == ["shared"]
