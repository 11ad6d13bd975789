"""`time` writes what the report's cost tables read: guided and unguided, every batch, a row for every setting."""

import json
from dataclasses import replace

import pytest
from command_line import TINY, TOY, jobs_of
from recorded_work import CpuRecorder

from bench import api
from bench.config.sweeps import SWEEPS, apply_sweep, list_versions
from foundation.errors import UserError

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
    kinds = [(row["method"], row["guided"], row["batch"]) for row in written["rows"]]
    assert sorted(kinds) == sorted(
        [("idql", False, batch) for batch in (1, 4)]
        + [("swg", guided, batch) for guided in (True, False) for batch in (1, 4)]
    )
    for row in written["rows"]:
        assert (row["suite"], row["task"], row["device"], row["calls"]) == ("maze2d", "maze2d-umaze", "cpu", 3)
        assert (row["preset"], row["terms"]) == ("smoke", "shared")
        assert (row["machine"]["device"], row["threads"], row["way"]) == ("cpu", 1, "eager")
        for taken in (row["milliseconds"], row["cpu_milliseconds"]):
            assert 0 < taken["p5"] <= taken["median"] <= taken["p95"]
        assert (row["peak_memory_mib"], row["throughput"]) == (None, None), "a CPU has neither to tell"
        assert sum(row["shares"].values()) == pytest.approx(1)
        assert (row["over_own_unguided"] is None) != row["guided"]
        assert row["over_unguided_method"] is None, "it is not timed beside these"
    assert told.out.count(" ms (") == len(kinds)


def test_a_call_evaluates_what_its_levels_and_candidates_say(bench, folders, tmp_path):
    few = ("--batches", "4", "--calls", "2", "--denoiser.levels", "5", "--swg-r.candidates", "3")
    bench("time", *MAZE_TASK, *folders[:2], *few, "--methods", "unguided,cep,swg-r")
    rows = json.loads((tmp_path / "results" / "timing.json").read_text())["rows"]
    found = {(row["method"], row["guided"]): row for row in rows}
    counts = {
        key: [row["evaluations"][name] for name in ("function", "gradient", "beside", "actions", "candidates")]
        for key, row in found.items()
    }
    assert counts == {
        ("unguided", False): [20, 0, 0, 4, 1],
        ("cep", False): [20, 0, 0, 4, 1],
        ("cep", True): [20, 20, 20, 4, 1],
        ("swg-r", False): [60, 0, 0, 4, 3],
        ("swg-r", True): [60, 60, 0, 4, 3],
    }
    guided, unguided = found["swg-r", True], found["unguided", False]
    assert min(guided["shares"].values()) > 0
    assert unguided["shares"]["guidance"] == unguided["shares"]["selection"] == 0
    assert unguided["over_unguided_method"] is None
    assert all(row["over_unguided_method"] for key, row in found.items() if key[0] != "unguided")


def test_captured_calls_have_rows_beside_eager_ones(bench, folders, tmp_path, monkeypatch):
    """Captured by the recorder that imitates CUDA graphs on a CPU."""
    recorders = []

    def find_recorder(device):
        recorders.append(CpuRecorder())
        return recorders[-1]

    monkeypatch.setattr("methods.core.policy.find_recorder", find_recorder)
    told = bench("time", *MAZE_TASK, *folders[:2], "--methods", "unguided,swg", "--batches", "2", "--calls", "3")
    assert told.code == 0
    rows = json.loads((tmp_path / "results" / "timing.json").read_text())["rows"]
    found = {(row["way"], row["method"], row["guided"]): row for row in rows}
    kinds = [("unguided", False), ("swg", True), ("swg", False)]
    assert set(found) == {(way, *kind) for way in ("eager", "captured") for kind in kinds}
    assert [recorder.captures for recorder in recorders[-2:]] == [1, 2], "of each shape once, guided or not"
    for kind in kinds:
        eager, captured = found["eager", *kind], found["captured", *kind]
        assert eager["evaluations"] == captured["evaluations"]
        assert (eager["shares"] is None, captured["shares"] is None) == (False, True)
        for ratio in ("over_own_unguided", "over_unguided_method"):
            assert (eager[ratio] is None) == (captured[ratio] is None)


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


def test_a_row_replaces_the_one_with_its_key_and_all_others_stay(bench, folders, tmp_path):
    def timed(*more):
        few = ("--methods", "unguided,swg", "--batches", "1", "--calls", "2")
        assert bench("time", *TOY, *folders[:2], *few, *more).code == 0
        rows = json.loads(file.read_text())["rows"]
        named = ("terms", "threads", "settings", "method", "guided", "machine")
        assert len({json.dumps([row[name] for name in named]) for row in rows}) == len(rows)
        return rows

    file = tmp_path / "results" / "timing.json"
    first = timed()
    assert len(first) == 3
    both = timed("--swg.weight-head", "early")
    assert both[:2] == [row for row in first if row["method"] == "swg"], "the unguided method has no such setting"
    assert len(both) == 5
    assert len(timed("--threads", "2")) == 8
    assert len(timed("--terms", "own")) == 11
    again = timed("--evaluation.episodes", "3")
    assert len(again) == 11, "what no policy is made from makes no other row"
    other = {**again[-1], "machine": {**again[-1]["machine"], "processor": "another"}}
    file.write_text(json.dumps({"format": 4, "rows": [other]}))
    assert timed()[0] == other, "another machine's stays too"


def jobs_at(sweep, *more):
    words = (
        "--suite",
        "locomotion",
        "--tasks",
        "hopper-medium-v2",
        "--preset",
        "quick",
        "--methods",
        "unguided,swg",
    )
    return apply_sweep(jobs_of(["time", *words, *more]), sweep)


def test_sweeps_of_depth_and_width_are_the_papers():
    """SWG, D.5: depth 1 to 7 at width 2056, width 128 to 8192 of 4 layers; K 15."""
    sizes = {
        name: [(j.config.denoiser.width, j.config.denoiser.blocks) for (j,) in jobs_at(name).values()]
        for name in ("depth", "width")
    }
    assert sizes["depth"] == [(2056, depth) for depth in range(1, 8)]
    assert sizes["width"] == [(width, 4) for width in (128, 256, 512, 1024, 2056, 4096, 8192)]
    (job,) = jobs_at("depth")[3]
    config = job.config.denoiser
    assert (config.network, config.levels, config.frequencies, config.level_features) == ("mlp", 15, 64, 256)
    heads = [(name, getattr(method, "weight_head", None)) for name, method in list_versions(job, SWEEPS["depth"])]
    assert heads == [("unguided", None), ("swg", "middle"), ("swg", "early")]
    assert [name for name, _ in list_versions(job, None)] == ["unguided", "swg"]


def test_what_is_given_overrides_a_sweep_but_not_what_it_varies():
    (job,) = jobs_at("depth", "--denoiser.width", "64", "--swg.weight-head", "early")[2]
    assert (job.config.denoiser.width, job.config.denoiser.blocks) == (64, 2)
    assert len(list_versions(job, SWEEPS["depth"])) == 2
    with pytest.raises(UserError, match=r"--sweep depth varies denoiser\.blocks; leave one of the two out"):
        jobs_at("depth", "--denoiser.blocks", "2")


def test_solver_steps_stay_below_the_levels():
    assert list(jobs_at("steps", "--denoiser.levels", "8")) == [1, 2, 3, 5, 8]
    assert list(jobs_at("K", "--sampler.steps", "10")) == [10, 15, 20, 30, 50]
    assert [job.config.denoiser.levels for (job,) in jobs_at("K").values()] == [5, 10, 15, 20, 30, 50]


def test_a_sweep_is_written_and_reported(bench, folders, tmp_path, monkeypatch):
    monkeypatch.setitem(SWEEPS, "depth", replace(SWEEPS["depth"], values=(1, 2)))
    task = ("--suite", "maze2d", "--tasks", "maze2d-umaze", *TINY[:6], "--denoiser.width", "8")
    told = bench("time", *task, *folders[:2], "--sweep", "depth", "--calls", "2")
    assert told.code == 0
    assert "sweep depth: denoiser.blocks 1, 2" in told.out
    rows = json.loads((tmp_path / "results" / "timing.json").read_text())["rows"]
    found = [
        (row["sweep"]["value"], row["method"], row["settings"]["swg.weight_head"], row["guided"]) for row in rows
    ]
    assert found == [
        (value, "swg", head, guided)
        for value in (1, 2)
        for head in ("middle", "early")
        for guided in (True, False)
    ]
    assert {(row["batch"], row["settings"]["denoiser.network"]) for row in rows} == {(1, "mlp")}
    assert len({row["parameters"] for row in rows}) == 2, "an early head has as many"
    assert bench("report", *folders[:2]).code == 0
    assert "Cost by depth" in (tmp_path / "results" / "report" / "report.md").read_text()


def test_an_unknown_sweep_is_named():
    with pytest.raises(UserError, match=r"unknown sweep 'dept'.*did you mean depth"):
        api.time(suite="maze2d", sweep="dept")  # pyright: ignore[reportArgumentType]
