"""AntMaze is D4RL's: its mazes, frame, ant and protocol, held to values typed by hand and to mechanics."""

import contextlib
import io
import math
from typing import Any

import mujoco as untyped
import numpy as np
import pytest
from control_tasks import control_tasks, simulator
from gymnasium.utils.env_checker import check_env

from suites.simulators.ant_maze import LAYOUTS, AntMaze
from suites.simulators.point_maze import Grid
from suites.success import take_step

mujoco: Any = untyped  # its compiled modules come without types

TASKS = control_tasks("antmaze")
# maze: (free cells, the goal cell's centre in D4RL's frame, cells on a shortest path, horizon)
FACTS = {
    "umaze": (7, (0.0, 8.0), 6, 700),
    "medium": (26, (20.0, 20.0), 10, 1000),
    "large": (46, (32.0, 24.0), 14, 1000),
}
STILL = np.zeros(8, np.float32)


def grid(maze):
    return Grid([[1 if kind == "#" else 0 for kind in row] for row in LAYOUTS[maze].rows])


def put(environment, x, y, z=0.75):
    data = simulator(environment).data
    data.qpos[:] = simulator(environment).model.qpos0
    data.qpos[:3] = x, y, z
    data.qvel[:] = 0
    mujoco.mj_forward(simulator(environment).model, data)


def walls_touched(environment):
    model, data = environment.model, environment.data
    names = {model.geom(geom).name for contact in data.contact for geom in contact.geom}
    return {name for name in names if name.startswith("wall")}


@pytest.mark.parametrize("maze", FACTS)
def test_start_goal_and_their_distance(maze):
    cells, goal, steps, _ = FACTS[maze]
    layout = LAYOUTS[maze]
    assert len(layout.free) == cells
    assert layout.centre(layout.start) == (0.0, 0.0)
    assert layout.centre(layout.goal) == goal
    assert grid(maze).distances(layout.goal)[layout.start] == steps


@pytest.mark.parametrize(
    ("maze", "theirs"), [("umaze", "U_MAZE"), ("medium", "MEDIUM_MAZE"), ("large", "LARGE_MAZE")]
)
def test_the_mazes_are_gymnasium_robotics_mirrored_and_shifted(maze, theirs):
    with contextlib.redirect_stderr(io.StringIO()):
        from gymnasium_robotics.envs.maze import maps
        from gymnasium_robotics.envs.maze.maze_v4 import Maze
    maze_map = getattr(maps, theirs)
    centred = Maze(maze_map, 4.0, 0.5)
    layout = LAYOUTS[maze]
    x0, y0 = centred.cell_rowcol_to_xy(np.array([1, 1]))
    for i, row in enumerate(maze_map):
        for j, kind in enumerate(row):
            x, y = centred.cell_rowcol_to_xy(np.array([i, j]))
            cell = layout.cell(x - x0, y0 - y)
            assert cell == (i, j)
            assert layout.centre(cell) == pytest.approx((x - x0, y0 - y))
            assert (cell in layout.walls) == (kind == 1)
            assert (cell in layout.free) == (kind == 0)


@pytest.mark.parametrize("maze", FACTS)
def test_free_cells_are_free_in_the_simulator_and_walls_are_not(maze):
    environment = AntMaze(maze)
    layout = environment.layout
    for cell in layout.free:
        x, y = layout.centre(cell)
        for dx, dy in ((0, 0), (0.8, 0.8), (-0.8, 0.8)):
            put(environment, x + dx, y + dy)
            assert walls_touched(environment) == set()
            assert layout.cell(x + dx, y + dy) == cell
    for cell in layout.walls:
        put(environment, *layout.centre(cell))
        assert f"wall_{cell[0]}_{cell[1]}" in walls_touched(environment)


def test_cells_end_halfway_to_the_next():
    layout = LAYOUTS["umaze"]
    assert [layout.cell(x, 0.0) for x in (-1.99, 1.99, 2.01)] == [(1, 1), (1, 1), (1, 2)]
    assert [layout.cell(0.0, y) for y in (-2.01, 1.99, 6.01, 9.5)] == [(0, 1), (1, 1), (3, 1), (3, 1)]


def test_the_ant_is_d4rls():
    model = AntMaze("umaze").model
    # Density 5: a sphere of radius 0.25, and for each leg capsules of radius 0.08 and lengths 1, 1 and 2 × 0.2√2.
    capsule = lambda length: math.pi * 0.08**2 * length + 4 / 3 * math.pi * 0.08**3  # noqa: E731
    leg = 2 * capsule(0.2 * math.sqrt(2)) + capsule(0.4 * math.sqrt(2))
    assert model.body_mass.sum() == pytest.approx(5 * (4 / 3 * math.pi * 0.25**3 + 4 * leg))
    assert np.array_equal(model.geom_solimp[:, :3], np.tile((0.8, 0.8, 0.01), (model.ngeom, 1)))
    assert np.array_equal(model.geom_solref, np.tile((0.02, 1.0), (model.ngeom, 1)))
    assert np.all(model.geom_friction == (1, 0.5, 0.5))
    assert np.all(model.dof_armature[6:] == 1)
    assert np.all(model.dof_damping[6:] == 1)
    assert [model.joint(model.actuator(k).trnid[0]).name for k in range(8)] == [
        *("hip_4", "ankle_4", "hip_1", "ankle_1", "hip_2", "ankle_2", "hip_3", "ankle_3")
    ]


def test_a_full_action_is_a_torque_of_30():
    environment = AntMaze("umaze")
    environment.reset(seed=0)
    environment.step(np.array([1, -1, 0.5, 2, 0, 0, 0, 0], np.float32))
    assert environment.data.qfrc_actuator[:6] == pytest.approx(np.zeros(6))
    torques = {environment.model.actuator(k).trnid[0]: t for k, t in enumerate((30, -30, 15, 30, 0, 0, 0, 0))}
    for joint, torque in torques.items():
        assert environment.data.qfrc_actuator[environment.model.jnt_dofadr[joint]] == pytest.approx(torque)


def test_a_step_is_a_tenth_of_a_second_of_free_fall():
    environment = AntMaze("umaze")
    environment.reset(seed=0)
    put(environment, 0.0, 0.0, z=50.0)
    before = environment.data.subtree_com[1].copy()
    for _ in range(3):
        environment.step(STILL)
    mujoco.mj_forward(environment.model, environment.data)
    fallen = environment.data.subtree_com[1] - before
    assert fallen == pytest.approx((0, 0, -0.5 * 9.81 * 0.3**2), abs=1e-4)  # the legs swing meanwhile


def test_resets_are_d4rls():
    environment = AntMaze("medium")
    starts, goals = [], []
    for seed in range(2000):
        starts.append(environment.reset(seed=seed)[0])
        goals.append(environment.goal)
    starts, offsets = np.array(starts, np.float64), np.array(goals) - (20.0, 20.0)
    shifts = starts[:, [0, 1, 2, *range(7, 15)]] - (0, 0, 0.75, *[0] * 8)
    assert np.abs(shifts).max() <= 0.1 + 1e-6
    assert shifts.std(0) == pytest.approx(np.full(11, 0.2 / math.sqrt(12)), rel=0.06)
    assert np.linalg.norm(starts[:, 3:7], axis=1) == pytest.approx(np.ones(2000), abs=1e-6)
    assert starts[:, 15:].std(0) == pytest.approx(np.full(14, 0.1), rel=0.1)
    # The sum of U(0, 1) and U(0, 0.5): mean 0.75, variance (1 + 1/4)/12, and never outside of the goal's cell.
    assert offsets.min() >= 0
    assert offsets.max() <= 1.5
    assert offsets.mean(0) == pytest.approx((0.75, 0.75), abs=4 * 0.323 / math.sqrt(2000))
    assert offsets.std(0) == pytest.approx(np.full(2, math.sqrt(1.25 / 12)), rel=0.06)
    assert abs(np.corrcoef(offsets[:, 0], offsets[:, 1]).item(1)) < 0.1


def test_observations_are_positions_then_velocities():
    environment = AntMaze("umaze")
    environment.reset(seed=0)
    observation, *_ = environment.step(STILL)
    assert observation[:15] == pytest.approx(environment.data.qpos, abs=1e-6)
    assert observation[15:] == pytest.approx(environment.data.qvel, abs=1e-6)


@pytest.mark.parametrize("maze", FACTS)
def test_an_ant_put_near_the_goal_is_rewarded_once_and_done(maze):
    environment = TASKS["antmaze-umaze" if maze == "umaze" else f"antmaze-{maze}-play"].make_environment()
    for distance, expected in ((0.45, 1.0), (0.55, 0.0)):
        environment.reset(seed=0)
        goal = simulator(environment).goal
        put(environment, goal[0] - distance, goal[1])
        _, reward, terminated, truncated, _ = environment.step(STILL)
        assert (reward, terminated, truncated) == (expected, expected == 1.0, False)


@pytest.mark.parametrize("name", TASKS)
def test_an_ant_carried_along_a_shortest_path_scores_100(name):
    task = TASKS[name]
    environment = task.make_environment()
    environment.reset(seed=2)
    layout, goal = simulator(environment).layout, simulator(environment).goal
    total, terminated = 0.0, False
    for cell in grid(name.split("-")[1]).path(layout.start, layout.goal):
        put(environment, *layout.centre(cell))
        step = take_step(environment, STILL)
        total, terminated = total + step.reward, step.terminated
        assert task.success is not None
        assert task.success.holds(step) == terminated
        assert terminated == (math.dist(layout.centre(cell), goal) <= 0.5)
    if not terminated:
        put(environment, *goal)
        _, reward, terminated, _, _ = environment.step(STILL)
        total += float(reward)
    assert terminated
    assert task.normalized_score(total) == 100.0


@pytest.mark.parametrize("maze", FACTS)
def test_a_random_policy_scores_nothing(maze):
    task = TASKS["antmaze-umaze" if maze == "umaze" else f"antmaze-{maze}-play"]
    assert task.horizon == FACTS[maze][3]
    environment, generator = task.make_environment(), np.random.default_rng(0)
    for seed in range(2):
        observation, _ = environment.reset(seed=seed)
        total, truncated, length = 0.0, False, 0
        while not truncated:
            action = generator.uniform(-1, 1, 8).astype(np.float32)
            observation, reward, terminated, truncated, _ = environment.step(action)
            assert not terminated
            total, length = total + float(reward), length + 1
        assert (task.normalized_score(total), length) == (0.0, task.horizon)
        layout = simulator(environment).layout
        assert layout.cell(*map(float, observation[:2])) in layout.free


def test_a_fallen_ant_goes_on():
    environment = AntMaze("umaze")
    environment.reset(seed=0)
    put(environment, 0.0, 0.0, z=0.3)
    environment.data.qpos[3:7] = 0, 1, 0, 0  # on its back
    assert [environment.step(STILL)[2] for _ in range(20)] == [False] * 20


def test_all_environments_of_a_maze_share_its_model():
    one, two = AntMaze("large"), AntMaze("large")
    assert one.model is two.model
    assert one.data is not two.data


@pytest.mark.filterwarnings("ignore:.*A Box observation space m.*:UserWarning")
def test_gymnasiums_own_check():
    check_env(AntMaze("umaze"), skip_render_check=True)
