"""The plan says where the data come from, and a results folder holds one source of data for a suite."""

import json
import socket
from dataclasses import replace

import pytest
import torch
from command_line import FEW, MAZE, TINY, TOY, results_in

from bench.config.spec import Config
from bench.runner.data import load_data
from suites.registry import get_suite, get_tasks

HOPPER = ("--suite", "locomotion", "--tasks", "hopper-medium-v2", "--methods", "swg", "--evaluation.episodes", "1")
SMALL = ("--seeds", "1", "--data-set.transitions", "600", "--processes", "1")
UNGUIDED = (*MAZE, "--methods", "unguided", *SMALL)


def first_line(told):
    (line,) = [line for line in told.out.splitlines() if line.startswith("Plan:")]
    return line


def data_of(folder):
    return [result["data"] for result in results_in(folder).values()]


def test_a_run_without_d4rls_files_makes_data_and_never_asks_the_network(bench, fresh, tmp_path, monkeypatch):
    tried = []

    def refuse(self, address):
        tried.append(address)
        raise OSError("no network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    told = bench("run", *HOPPER, *SMALL, *TINY, *FEW, *fresh)
    assert told.code == 0, told.err
    where = f"`python -m bench data fetch hopper-medium-v2 --artifacts {tmp_path / 'artifacts'}`"
    assert first_line(told).endswith(f"1 process; data local: made here, not D4RL's ({where} gets D4RL's)")
    (data,) = data_of(tmp_path / "results")
    assert (data["source"], data["canonical"]) == ("local", {"source": "d4rl", "name": "hopper-medium-v2"})
    assert tried == []
    other = ("--results", tmp_path / "other", *fresh[2:], "--data", "d4rl")
    assert "cannot be reached" in bench("run", *HOPPER, *SMALL, *TINY, *FEW, *other).mistake
    assert len(tried) == 1


@pytest.mark.usefixtures("short_episodes")
def test_stored_data_that_are_not_used_are_said(bench, fresh, original, tmp_path):
    artifacts = ("--artifacts", tmp_path / "artifacts")
    assert bench("data", "import", original, "--task", "maze2d-umaze", *artifacts).code == 0
    both = ("--suite", "maze2d", "--tasks", "maze2d-umaze,maze2d-medium", *UNGUIDED[4:])
    said = first_line(bench("run", *both, *fresh))
    fetching = f"`python -m bench data fetch maze2d-medium --artifacts {tmp_path / 'artifacts'}`"
    assert f"(D4RL's of maze2d-umaze are stored and not used; {fetching} gets the others)" in said
    assert {data["source"] for data in data_of(tmp_path / "results")} == {"local"}
    alone = ("run", *UNGUIDED, *artifacts, "--results", tmp_path / "alone")
    assert first_line(bench(*alone, "--data", "local")).endswith("(--data d4rl takes D4RL's, which are stored)")
    assert "data d4rl: D4RL's data" in first_line(bench(*alone[:-1], tmp_path / "other"))
    listed = bench("data", "list", "maze2d-umaze", "kitchen", "toy", *artifacts).out
    assert "maze2d: d4rl: D4RL's data\n" in listed
    assert "kitchen: nothing; `python -m bench data fetch kitchen` gets what is missing\n" in listed
    assert "toy: local: drawn here from a known law\n" in listed
    assert "maze2d: local: made here" in bench("data", "list", "maze2d", *artifacts).out


@pytest.mark.usefixtures("short_episodes")
def test_a_folder_never_mixes_two_sources_of_a_suite(bench, fresh, original, tmp_path):
    assert bench("run", *UNGUIDED, *fresh).code == 0
    before = results_in(tmp_path / "results")
    assert bench("data", "import", original, "--task", "maze2d-umaze", *fresh[2:]).code == 0
    for command in ("run", "tune-rho"):
        said = bench(command, *MAZE, "--methods", "swg", *SMALL[2:4], *fresh).mistake
        assert "holds results of maze2d on data local, and this command takes data d4rl" in said
        assert "--data local, or write to another folder with --results" in said
    medium = ("--suite", "maze2d", "--tasks", "maze2d-medium", *UNGUIDED[4:], "--data", f"file:{original}")
    assert "this command takes data file" in bench("run", *medium, *fresh).mistake
    assert results_in(tmp_path / "results") == before
    assert bench("run", *UNGUIDED, *fresh, "--data", "local", "--seeds", "2").code == 0
    assert bench("run", *TOY, "--methods", "unguided", *SMALL, *fresh).code == 0, (
        "another suite has its own source"
    )
    assert bench("run", *UNGUIDED, "--results", tmp_path / "other", *fresh[2:]).code == 0
    assert [data["source"] for data in data_of(tmp_path / "other")] == ["d4rl"]


@pytest.mark.usefixtures("short_episodes")
def test_a_tuned_scale_counts_as_what_a_folder_holds(bench, fresh, original):
    tuning = ("tune-rho", *MAZE, "--methods", "swg", *SMALL[2:4], "--grid", "1", *fresh)
    assert bench(*tuning).code == 0
    said = bench("run", *UNGUIDED, *fresh, "--data", f"file:{original}").mistake
    assert "holds a tuned ρ of maze2d on data local, and this command takes data file" in said
    assert "go on with --data local" in said


def test_time_needs_no_data_and_takes_no_source(bench, fresh):
    timing = ("time", "--suite", "antmaze", "--methods", "unguided", "--batches", "1", "--calls", "2")
    assert bench(*timing, *TINY, *fresh[:2]).code == 0
    assert "--data" in bench(*timing, "--data", "local").mistake


def test_a_table_of_another_version_is_refused_with_the_version_to_type(bench, fresh, tmp_path):
    """A folder with D4RL's version 2 of antmaze does not take version 0, which the paper's table is of."""
    cell = tmp_path / "results" / "runs" / "antmaze-umaze" / "swg-0"
    cell.mkdir(parents=True)
    data = {
        "source": "d4rl",
        "name": "antmaze-umaze-v2",
        "version": "v2",
        "canonical": {"source": "d4rl", "name": "antmaze-umaze-v2"},
        "reward_transform": "r - 1",
        "fingerprint": "ab12",
        "transitions": 10,
        "action_low": [-1.0],
        "action_high": [1.0],
    }
    (cell / "seed-0.json").write_text(json.dumps({"suite": "antmaze", "data": data}))
    (tmp_path / "results" / "FORMAT").write_text("4\n")
    for name in ("v0", "v2"):
        file = tmp_path / "artifacts" / "data" / "d4rl" / f"antmaze-umaze-{name}.hdf5"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    table = ("run", "--experiment", "swg-table9", "--tasks", "antmaze-umaze", *TINY, *fresh)
    said = bench(*table).mistake
    assert "holds results of antmaze on data d4rl, and this command takes data d4rl:v0" in said
    assert "go on with --data d4rl:v2" in said
    assert "holds results" not in bench(*table, "--data", "d4rl:v2").mistake


def test_the_range_that_returns_are_scaled_to_is_a_setting(tmp_path):
    (hopper,) = get_tasks(get_suite("locomotion"), ("hopper-medium-v2",))
    usual = replace(Config(), data=replace(Config().data, transitions=600))
    literal = replace(usual, data=replace(usual.data, return_range=1.0))
    first, second = (load_data(hopper, config, "local", tmp_path, 0) for config in (usual, literal))
    torch.testing.assert_close(first.data.rewards, 1000 * second.data.rewards)
    assert first.about.reward_transform == "r × 1000 / (max return - min return)"
    assert second.about.reward_transform == "r / (max return - min return)"
    assert first.about.fingerprint == second.about.fingerprint
    assert first.key != second.key, "nothing that was trained on the one is taken for the other"


def test_a_range_of_returns_where_none_is_scaled_is_refused(bench, fresh):
    said = bench("run", *UNGUIDED, "--data-set.return-range", "1", *fresh).mistake
    assert "data.return_range=1 is not for task maze2d-umaze, whose rewards are 'r'" in said
    below = bench("run", *UNGUIDED, "--data-set.return-range", "0", *fresh).mistake
    assert "return_range=0.0 must be above 0" in below
