"""Every task group goes from a file in its source's layout through training and its simulator to a score."""

import gymnasium as gym
import h5py
import minari
import numpy as np
import pytest
from command_line import TINY, results_in
from minari.data_collector import EpisodeBuffer

from suites.environments import make_specification
from suites.registry import get_tasks
from suites.task import ControlTask

STEPS = 150
GROUPS = {  # task: its suite, and the range of a score when actions are as good as random
    "hopper-medium-v2": ("locomotion", (-1, 15)),
    "antmaze-umaze": ("antmaze", (0, 0)),
    "pen-human": ("adroit-pen", (-10, 60)),
    "maze2d-umaze": ("maze2d", (-18, 60)),
}


def wandering(task: ControlTask) -> dict[str, np.ndarray]:
    """What random actions meet in the task's own simulator, in the columns of D4RL's files."""
    environment, generator = task.make_environment(), np.random.default_rng(0)
    rows: dict[str, list] = {name: [] for name in ("observations", "actions", "rewards", "terminals", "timeouts")}
    observation = environment.reset(seed=0)[0]
    for step in range(STEPS):
        action = generator.uniform(-1, 1, task.action_dim)
        following, reward, terminated, _, _ = environment.step(action)
        values = (observation, action, reward, terminated, step % 50 == 49 and not terminated)
        for name, value in zip(rows, values, strict=True):
            rows[name].append(value)
        observation = environment.reset()[0] if rows["timeouts"][-1] or terminated else following
    environment.close()
    flags = {name: np.array(rows[name], bool) for name in ("terminals", "timeouts")}
    return {name: np.array(values, np.float32) for name, values in rows.items()} | flags


def scored(bench, tmp_path, suite: str, task: str, data: str) -> dict:
    """The one result of a tiny run."""
    where = ("--results", tmp_path / "results", "--artifacts", tmp_path / "artifacts")
    what = ("--suite", suite, "--tasks", task, "--methods", "swg", "--seeds", "1", "--evaluation.episodes", "1")
    told = bench("run", *what, *where, *TINY, "--denoiser.levels", "2", "--data", data)
    assert told.code == 0, told.err
    (result,) = results_in(tmp_path / "results").values()
    return result


@pytest.mark.parametrize("name", GROUPS)
def test_a_file_in_d4rls_layout_ends_in_a_score(bench, tmp_path, shorten, name):
    suite, (low, high) = GROUPS[name]
    shorten(suite, 100)
    (task,) = get_tasks(suite, [name])
    assert isinstance(task, ControlTask)
    with h5py.File(tmp_path / "data.hdf5", "w") as file:
        for column, values in wandering(task).items():
            file[column] = values
    result = scored(bench, tmp_path, suite, name, f"file:{tmp_path / 'data.hdf5'}")
    (episode,) = result["episodes"]
    assert 1 <= episode["length"] <= task.horizon
    minimum, maximum = task.reference
    assert result["score"] == pytest.approx(100 * (episode["return"] - minimum) / (maximum - minimum))
    assert low <= result["score"] <= high
    assert result["data"]["source"] == "file"
    assert 0.5 * STEPS < result["data"]["transitions"] <= STEPS


def test_kitchens_minari_set_ends_in_a_score(bench, tmp_path, monkeypatch):
    (task,) = get_tasks("kitchen", ["kitchen-mixed"])
    assert isinstance(task, ControlTask)
    rows = wandering(task)
    # Its set has the dictionary of a goal environment, of which a policy sees the first entry.
    seen = {"observation": np.concatenate([rows["observations"], rows["observations"][-1:]])}
    ends = np.arange(STEPS) == STEPS - 1
    buffer = EpisodeBuffer(
        observations=seen,
        actions=rows["actions"],  # pyright: ignore[reportArgumentType] (arrays are stored as lists are)
        rewards=rows["rewards"],  # pyright: ignore[reportArgumentType]
        terminations=np.zeros(STEPS, bool),  # pyright: ignore[reportArgumentType]
        truncations=ends,  # pyright: ignore[reportArgumentType]
    )
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    box = gym.spaces.Box(-np.inf, np.inf, (59,), np.float32)
    minari.create_dataset_from_buffers(
        "D4RL/kitchen/mixed-v2",
        [buffer],
        env=make_specification(task),
        eval_env=make_specification(task),
        algorithm_name="random",
        author="nobody",
        author_email="nobody@example.org",
        code_permalink="none",
        description="random actions",
        action_space=gym.spaces.Box(-1, 1, (9,), np.float32),
        observation_space=gym.spaces.Dict({"observation": box}),
        data_format="hdf5",
    )
    result = scored(bench, tmp_path, "kitchen", "kitchen-mixed", "auto")
    assert result["data"]["source"] == "minari"
    assert result["episodes"][0]["length"] == task.horizon == 280
    assert result["score"] in (0, 25, 50, 75, 100)
