"""D4RL's q-learning view, against examples worked by hand and against D4RL's own rule written out row by row."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from control_tasks import control_tasks
from d4rl_layout import SIZES, columns, write

from suites.data import load
from suites.errors import DataError
from suites.registry import get_tasks
from suites.simulators.point_maze import PointMaze
from suites.sources.d4rl.read import find_horizon_cuts, read_d4rl

TASKS = {
    "locomotion": control_tasks("locomotion")["hopper-medium-v2"],
    "antmaze": control_tasks("antmaze")["antmaze-umaze"],
    "pen": control_tasks("adroit-pen")["pen-human"],
    "maze2d": control_tasks("maze2d")["maze2d-umaze"],
    # No task is declared for the 60 numbers of D4RL's own kitchen; the layout is read all the same.
    "kitchen": replace(control_tasks("kitchen")["kitchen-mixed"], observation_dim=60),
}


def read(path, group, **changed):
    task = replace(TASKS[group], frame=None, **changed)
    return read_d4rl(path, task, source="d4rl", name="x", bounded=False)


def row_by_row(arrays, horizon):
    """The rule as D4RL states it, one row at a time: (kept rows, their next observations)."""
    kept, following, step = [], [], 0
    for i in range(len(arrays["rewards"]) - 1):
        step += 1
        cut = arrays["timeouts"][i] if "timeouts" in arrays else step == horizon
        if cut:
            step = 0
            continue
        if arrays["terminals"][i]:
            step = 0
        kept.append(i)
        stored = arrays.get("next_observations")
        following.append(arrays["observations"][i + 1] if stored is None else stored[i])
    return kept, np.array(following)


@pytest.mark.parametrize("group", SIZES)
@pytest.mark.parametrize("with_timeouts", [True, False])
def test_every_group_in_its_original_layout(tmp_path, group, with_timeouts):
    arrays = columns(group, rows=40, seed=1)
    if not with_timeouts:
        del arrays["timeouts"]
    rows = read(write(tmp_path / "x.hdf5", group, arrays), group, horizon=5)
    kept, following = row_by_row(arrays, 5)
    assert np.array_equal(rows.observations, arrays["observations"][kept])
    assert np.array_equal(rows.next_observations, following)
    assert np.array_equal(rows.rewards, arrays["rewards"][kept])
    assert np.array_equal(rows.terminals, arrays["terminals"][kept])
    assert np.abs(rows.actions - arrays["actions"][kept]).max() <= 1.0001e-5
    assert [array.dtype for array in rows.arrays().values()] == [np.float32] * 4 + [bool] * 2


def test_the_view_worked_by_hand(tmp_path):
    """Rows 0-3 are an episode cut in row 3, rows 4-5 one that terminates, rows 6-8 go on to the end."""
    arrays = columns("pen", rows=9)
    arrays["observations"][:] = np.arange(9)[:, None]
    arrays["timeouts"] = np.array([0, 0, 0, 1, 0, 0, 0, 0, 0], bool)
    arrays["terminals"] = np.array([0, 0, 0, 0, 0, 1, 0, 0, 0], bool)
    rows = read(write(tmp_path / "x.hdf5", "pen", arrays), "pen")
    assert rows.observations[:, 0].tolist() == [0, 1, 2, 4, 5, 6, 7]
    assert rows.next_observations[:, 0].tolist() == [1, 2, 3, 5, 6, 7, 8]
    assert rows.rewards.tolist() == [0, 1, 2, 4, 5, 6, 7]
    assert rows.terminals.tolist() == [0, 0, 0, 0, 1, 0, 0]
    assert rows.timeouts.tolist() == [0, 0, 1, 0, 0, 0, 1]


def test_a_jump_ends_an_episode_and_rounding_does_not(tmp_path):
    arrays = columns("locomotion", rows=5)
    arrays["terminals"][:] = arrays["timeouts"][:] = False
    arrays["observations"][:] = np.arange(5)[:, None]
    arrays["next_observations"] = arrays["observations"] + 1
    arrays["next_observations"][0, 3] += 5e-7
    arrays["next_observations"][2, 3] += 5e-6
    rows = read(write(tmp_path / "x.hdf5", "locomotion", arrays), "locomotion")
    assert rows.timeouts.tolist() == [False, False, True, True]


def test_antmaze_0_is_cut_where_the_ant_jumps_and_where_its_flags_say(tmp_path):
    """The ant is put back after row 4, but the flag stands in row 6."""
    arrays = columns("antmaze", rows=10)
    arrays["terminals"][:] = False
    arrays["timeouts"] = np.arange(10) == 6
    arrays["observations"][:, 0] = [0, 0.5, 1, 1.5, 2, 20, 20.5, 21, 21.5, 22]
    arrays["observations"][:, 1] = 3
    rows = read(write(tmp_path / "x.hdf5", "antmaze", arrays), "antmaze")
    assert rows.observations[:, 0].tolist() == [0, 0.5, 1, 1.5, 20, 21, 21.5]
    assert np.abs(rows.next_observations - rows.observations)[:, 0].max() <= 0.5
    assert rows.timeouts.tolist() == [False, False, False, True, True, False, True]


def test_actions_are_clipped_to_just_inside(tmp_path):
    arrays = columns("pen", rows=4)
    arrays["actions"][:, 0] = [1, -1, 1.5, 0]
    path = write(tmp_path / "x.hdf5", "pen", arrays)
    edge = np.float32(1 - 1e-5)
    assert read(path, "pen").actions[:, 0].tolist() == [edge, -edge, edge]
    with pytest.raises(DataError, match=r"actions holds 1.5 in row 2 and should lie in \[-1, 1\] \(1 such rows\)"):
        load(TASKS["pen"], f"file:{path}", count=1, directory=tmp_path)


def test_a_horizon_is_counted_from_each_end():
    terminals = np.zeros(11, bool)
    terminals[4] = True
    assert np.flatnonzero(find_horizon_cuts(terminals, 3)).tolist() == [2, 7, 10]


def test_columns_of_other_types_and_shapes_are_read(tmp_path):
    arrays = columns("kitchen")
    wider = {
        "observations": arrays["observations"].astype(np.float64),
        "actions": arrays["actions"].astype(np.float64),
        "rewards": arrays["rewards"].astype(np.int64)[:, None],
        "terminals": arrays["terminals"].astype(np.float32)[:, None],
        "timeouts": arrays["timeouts"].astype(np.uint8),
    }
    one = read(write(tmp_path / "one.hdf5", "kitchen", arrays), "kitchen")
    other = read(write(tmp_path / "other.hdf5", "kitchen", wider), "kitchen")
    assert one.fingerprint == other.fingerprint


@pytest.mark.parametrize("task", get_tasks("maze2d"), ids=lambda task: task.name)
def test_maze2d_is_turned_into_the_simulators_frame(tmp_path, task):
    """D4RL's goal, in (row, column), lands on the simulator's; a push along a row stays one in the simulator."""
    goals = {"maze2d-umaze": (1, 1), "maze2d-medium": (6, 6), "maze2d-large": (7, 9)}
    maps = {"maze2d-umaze": "UMaze", "maze2d-medium": "Medium", "maze2d-large": "Large"}
    row, column = goals[task.name]
    environment = PointMaze(f"PointMaze_{maps[task.name]}-v3", (row, column))
    arrays = columns("maze2d", rows=3)
    arrays["observations"][:] = (row, column, 2.0, 3.0)
    arrays["actions"][:] = (0.25, 0.5)
    path = write(tmp_path / "x.hdf5", "maze2d", arrays)
    rows = load(task, f"file:{path}", count=1, directory=tmp_path)
    assert np.allclose(rows.observations[:, :2], environment.goal)
    assert rows.observations[0, 2:].tolist() == rows.next_observations[0, 2:].tolist() == [3.0, -2.0]
    assert rows.actions[0].tolist() == [0.5, -0.25]
    along_row = environment.grid.centre((row, column + 1))
    arrays["observations"][:, :2] = (row, column + 1)
    path = write(tmp_path / "y.hdf5", "maze2d", arrays)
    assert np.allclose(load(task, f"file:{path}", count=1, directory=tmp_path).observations[:, :2], along_row)
    environment.close()


def test_reading_takes_little_more_memory_than_the_arrays(tmp_path):
    for group in ("locomotion", "maze2d"):
        path = write(tmp_path / f"{group}.hdf5", group, columns(group, rows=300_000))
        task = TASKS[group]
        for _ in range(2):  # from the file, then from the flat copy
            tracemalloc.start()
            rows = load(task, f"file:{path}", count=1, directory=tmp_path)
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            assert peak <= 1.5 * sum(array.nbytes for array in rows.arrays().values())


def test_suites_declare_their_sources():
    def declared(suite):
        return get_tasks(suite)[0].datasets

    assert declared("locomotion") == {"d4rl": "halfcheetah-medium-expert-v2"} | {
        source: name for source, name in declared("locomotion").items() if source == "local"
    }
    assert declared("antmaze")["d4rl"] == "antmaze-umaze-v2"
    assert declared("adroit-pen")["d4rl"] == "pen-human-v1"
    assert declared("maze2d")["d4rl"] == "maze2d-umaze-v1"
    assert next(iter(declared("kitchen"))) == "minari"
