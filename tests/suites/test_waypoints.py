"""The planner's paths are shortest by another library's count, on D4RL's own layouts."""

import numpy as np
import pytest
from gymnasium_robotics.envs.maze import maps
from scipy.sparse import lil_matrix
from scipy.sparse.csgraph import shortest_path

from suites.recipes.maze2d import WaypointController
from suites.simulators.point_maze import Grid

# D4RL's layouts, one string a row: # wall, o free, G the goal of the evaluation.
UMAZE = ["#####", "#Goo#", "###o#", "#ooo#", "#####"]
MEDIUM = ["########", "#oo##oo#", "#oo#ooo#", "##ooo###", "#oo#ooo#", "#o#oo#o#", "#ooo#oG#", "########"]
LARGE = [
    "############",
    "#oooo#ooooo#",
    "#o##o#o#o#o#",
    "#oooooo#ooo#",
    "#o####o###o#",
    "#oo#o#ooooo#",
    "##o#o#o#o###",
    "#oo#ooo#oGo#",
    "############",
]
MAZES = {"umaze": (UMAZE, maps.U_MAZE), "medium": (MEDIUM, maps.MEDIUM_MAZE), "large": (LARGE, maps.LARGE_MAZE)}
GOALS = {"umaze": (1, 1), "medium": (6, 6), "large": (7, 9)}


def letters(layout):
    return {(i, j): cell for i, row in enumerate(layout) for j, cell in enumerate(row)}


@pytest.mark.parametrize("size", MAZES)
def test_gymnasium_robotics_has_d4rls_layout(size):
    layout, maze_map = MAZES[size]
    free = {cell for cell, letter in letters(layout).items() if letter != "#"}
    assert set(Grid(maze_map).free) == free
    assert letters(layout)[GOALS[size]] == "G"


@pytest.mark.parametrize("size", MAZES)
def test_paths_are_shortest_and_free(size):
    layout, maze_map = MAZES[size]
    grid = Grid(maze_map)
    index = {cell: k for k, cell in enumerate(grid.free)}
    graph = lil_matrix((len(index), len(index)))
    for i, j in index:
        for near in ((i + 1, j), (i, j + 1)):
            if near in index:
                graph[index[i, j], index[near]] = 1
    lengths = shortest_path(graph.tocsr(), directed=False)
    for start in grid.free:
        for goal in grid.free:
            path = grid.path(start, goal)
            assert path[-1] == goal
            if start != goal:
                assert len(path) == lengths[index[start], index[goal]]
            assert all(letters(layout)[cell] != "#" for cell in path)
            steps = np.abs(np.diff([start, *path], axis=0)).sum(axis=1)
            assert (steps <= 1).all()


def test_umaze_path_by_hand():
    assert Grid(maps.U_MAZE).path((3, 1), (1, 1)) == ((3, 2), (3, 3), (2, 3), (1, 3), (1, 2), (1, 1))
    assert Grid(maps.U_MAZE).path((1, 1), (1, 1)) == ((1, 1),)


def test_a_wall_is_no_goal():
    with pytest.raises(ValueError, match=r"from cell \(1, 1\) to cell \(0, 0\)"):
        Grid(maps.U_MAZE).path((1, 1), (0, 0))


def test_cells_and_centres_are_point_mazes():
    grid = Grid(maps.LARGE_MAZE)  # 9 rows, 12 columns: the middle lies between columns 5 and 6 in row 4
    assert grid.centre((4, 5)) == (-0.5, 0.0)
    assert grid.centre((1, 1)) == (-4.5, 3.0)
    for cell in grid.free:
        x, y = grid.centre(cell)
        assert grid.cell(x + 0.49, y - 0.49) == cell
        assert grid.cell(x - 0.49, y + 0.49) == cell


def test_the_controllers_law_by_hand():
    grid = Grid(maps.U_MAZE)
    controller = WaypointController(grid)
    controller.aim(-1.0, 1.0, (1, 1))  # already there: aims at the centre (-1, 1)
    assert controller.act(-1.02, 1.05, 0.1, -0.2) == pytest.approx((0.1, -0.3, True))
    assert controller.act(-0.5, 1.0, 0.0, 0.0) == pytest.approx((-1.0, 0.0, False))


def test_waypoint_noise_spares_the_goal_and_stays_in_its_square():
    grid = Grid(maps.U_MAZE)
    controller = WaypointController(grid, np.random.default_rng(0))
    offsets = []
    for _ in range(300):
        controller.aim(-1.0, -1.0, (1, 1))
        points = np.array(controller._waypoints[::-1])
        centres = np.array([grid.centre(cell) for cell in grid.path((3, 1), (1, 1))])
        assert (points[-1] == centres[-1]).all()
        offsets.append(points[:-1] - centres[:-1])
    spread = np.concatenate(offsets)
    assert np.abs(spread).max() <= 0.1
    assert spread.std() == pytest.approx(0.2 / np.sqrt(12), rel=0.05)
