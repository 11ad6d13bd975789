"""Every source is asked in one way; what is not there is said in one sentence with its remedy."""

import os
import shutil
import time
from dataclasses import replace
from pathlib import Path

import gymnasium as gym
import minari
import numpy as np
import pytest
from minari.data_collector import EpisodeBuffer

from suites.data import load
from suites.errors import DataError
from suites.registry import get_tasks, suite_names

(UMAZE,) = get_tasks("maze2d", ["maze2d-umaze"])
(PEN,) = get_tasks("adroit-pen", ["pen-human"])
# A task of AntMaze's sizes with a Minari set; the suite itself declares none, since its ant is another one.
ANTMAZE = replace(
    get_tasks("antmaze", ["antmaze-umaze"])[0],
    datasets={"d4rl": "antmaze-umaze-v2", "minari": "D4RL/antmaze/umaze-v1"},
)


def write_minari(root, name, monkeypatch, observations, space, *, steps=3, action_dim=8):
    """A Minari data set of one episode, written by Minari below `root`."""
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(root))
    episode = EpisodeBuffer(
        observations=observations,
        actions=list(np.zeros((steps, action_dim), np.float32)),
        rewards=list(np.arange(steps, dtype=np.float64)),
        terminations=[False] * steps,
        truncations=[False] * (steps - 1) + [True],
    )
    with pytest.warns(UserWarning, match="None"):
        minari.create_dataset_from_buffers(
            name, [episode], action_space=gym.spaces.Box(-1, 1, (action_dim,)), observation_space=space
        )


@pytest.mark.parametrize(
    ("source", "choices"),
    [(source, "auto, d4rl, local, file:PATH") for source in ("minari", "d4lr", "", "local:v0", "auto:v0")],
)
def test_undeclared_sources_list_the_choices(tmp_path, source, choices):
    message = f"task maze2d-umaze has no data set from source '{source}': the choices are {choices}$"
    with pytest.raises(DataError, match=message):
        load(UMAZE, source, count=10, directory=tmp_path)


@pytest.mark.parametrize("suite", [name for name in suite_names() if name != "toy"])
def test_suites_whose_data_are_missing_say_what_to_type(tmp_path, monkeypatch, suite):
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    for task in get_tasks(suite):
        (source, name), *_ = task.datasets.items()
        pattern = rf"^data set {name} \({source}\) .* task {task.name}.*python -m bench data fetch {task.name}"
        with pytest.raises(DataError, match=pattern) as caught:
            load(task, source, count=10, directory=tmp_path)
        assert "\n" not in str(caught.value)


def test_an_absent_minari_set_is_said_at_once(tmp_path, monkeypatch):
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    start = time.perf_counter()
    with pytest.raises(DataError, match=r"`minari download D4RL/antmaze/umaze-v1`"):
        load(ANTMAZE, "minari", count=10, directory=tmp_path)
    assert time.perf_counter() - start < 5


def test_a_minari_set_is_downloaded_whole_or_not_at_all(tmp_path, monkeypatch):
    """Minari's own download is stood in for by writing a set where it would: below the folder it is pointed to."""
    home = tmp_path / "minari"
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(home))
    monkeypatch.setattr("suites.sources.minari._check_hub", lambda: None)
    box = gym.spaces.Box(-np.inf, np.inf, (45,), np.float64)
    told = []

    def download(name, force_download):
        told.append(name)
        folder = Path(os.environ["MINARI_DATASETS_PATH"])
        assert home in folder.parents
        with pytest.MonkeyPatch.context() as patch:
            write_minari(folder, name, patch, np.zeros((4, 45)), box, action_dim=24)
        if len(told) == 1:
            raise ConnectionError("cut\noff")

    monkeypatch.setattr("minari.download_dataset", download)
    with pytest.raises(DataError, match="Minari cannot download it \\(cut off\\)"):
        load(PEN, "minari", count=1, directory=tmp_path)
    assert not (home / "D4RL").exists()
    monkeypatch.setattr("minari.download_dataset", lambda name, force_download: None)
    shutil.rmtree(home / ".unfinished")
    with pytest.raises(DataError, match="Minari cannot download it"):
        load(PEN, "minari", count=1, directory=tmp_path)
    monkeypatch.setattr("minari.download_dataset", download)
    rows = load(PEN, "file:D4RL/pen/human-v2", count=1, directory=tmp_path)
    assert (len(rows), rows.source, rows.name) == (3, "file", "D4RL/pen/human-v2")
    assert [path.name for path in home.rglob("main_data.hdf5")] == ["main_data.hdf5"]
    assert os.environ["MINARI_DATASETS_PATH"] == str(home)


def test_a_goal_environments_dictionary_becomes_d4rls_layout(tmp_path, monkeypatch):
    box = gym.spaces.Box(-np.inf, np.inf, (27,), np.float64)
    goal = gym.spaces.Box(-np.inf, np.inf, (2,), np.float64)
    generator = np.random.default_rng(0)
    parts = {
        "observation": generator.normal(size=(4, 27)),
        "achieved_goal": generator.normal(size=(4, 2)),
        "desired_goal": np.full((4, 2), 9.0),
    }
    space = gym.spaces.Dict({"observation": box, "achieved_goal": goal, "desired_goal": goal})
    write_minari(tmp_path / "hub", "D4RL/antmaze/umaze-v1", monkeypatch, parts, space)
    rows = load(ANTMAZE, "minari", count=10, directory=tmp_path / "data")
    expected = np.concatenate([parts["achieved_goal"], parts["observation"]], axis=1).astype(np.float32)
    assert np.array_equal(rows.observations, expected[:3])
    assert np.array_equal(rows.next_observations, expected[1:])
    assert rows.rewards.tolist() == [-1, 0, 1]
    assert rows.raw_rewards is not None
    assert rows.raw_rewards.tolist() == [0, 1, 2]
    assert rows.reward_transform == "r - 1"
    assert (rows.source, rows.name) == ("minari", "D4RL/antmaze/umaze-v1")


def test_a_box_is_taken_as_it_is_and_a_wrong_width_is_refused(tmp_path, monkeypatch):
    (pen,) = get_tasks("adroit-pen", ["pen-human"])
    box = gym.spaces.Box(-np.inf, np.inf, (45,), np.float64)
    states = np.arange(4 * 45, dtype=np.float64).reshape(4, 45)
    write_minari(tmp_path / "hub", "D4RL/pen/human-v2", monkeypatch, states, box, action_dim=24)
    assert np.array_equal(load(pen, "minari", count=1, directory=tmp_path).observations, states[:3])
    narrow = gym.spaces.Box(-np.inf, np.inf, (28,), np.float64)
    write_minari(tmp_path / "hub", "D4RL/antmaze/umaze-v1", monkeypatch, states[:, :28], narrow)
    with pytest.raises(DataError, match=r"observations has shape \(3, 28\) and should have \(3, 29\)"):
        load(ANTMAZE, "minari", count=1, directory=tmp_path)


@pytest.mark.parametrize("task", get_tasks("toy"), ids=lambda task: task.name)
def test_densities_are_drawn_as_one_step_transitions(tmp_path, task):
    rows = load(task, "auto", count=5_000, directory=tmp_path)
    points, energies = task.density.sample(5_000, np.random.default_rng(0))
    assert np.array_equal(rows.actions, points.astype(np.float32))
    assert np.array_equal(rows.rewards, energies.astype(np.float32))
    assert rows.observations.shape == (5_000, 1)
    assert rows.observations.min() >= 0
    assert rows.observations.max() <= 20
    assert rows.observations.mean() == pytest.approx(10, abs=0.4)
    assert rows.observations.std() == pytest.approx(20 / np.sqrt(12), rel=0.03)
    assert np.array_equal(rows.observations, rows.next_observations)
    assert rows.terminals.all()
    assert not rows.timeouts.any()
    again = load(task, "local", count=5_000, directory=tmp_path)
    other = load(task, "local", count=5_000, directory=tmp_path, seed=1)
    assert again.fingerprint == rows.fingerprint != other.fingerprint


def test_counts_and_seeds_must_make_sense(tmp_path):
    with pytest.raises(DataError, match="cannot be given 0 transitions: ask for 1 or more"):
        load(UMAZE, "local", count=0, directory=tmp_path)
    with pytest.raises(DataError, match="from seed -1: ask for 0 or more"):
        load(UMAZE, "local", count=10, directory=tmp_path, seed=-1)
