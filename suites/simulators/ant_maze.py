"""Builds the antmaze environments: D4RL's ant in D4RL's mazes and frame, one MuJoCo model for each maze.

Facts from github.com/Farama-Foundation/D4RL, `d4rl/locomotion`, under the protocol of `antmaze-*-v2`:

- observations: 15 positions (x, y, z, quaternion, 8 joints) and 14 velocities; the goal is not among them;
- an episode starts at the model's rest pose with U(-0.1, 0.1) on every position and N(0, 0.1²) on every
  velocity, its goal lies at the goal cell's centre plus U(0, 1) + U(0, 0.5) along each axis;
- a step that ends within 0.5 of the goal is rewarded with 1 and terminates; a fallen ant goes on.

The ant is Gymnasium's `ant.xml` with D4RL's values put back: steps of 5 × 0.02 s (not 0.01), torques of at
most 30 (not 150), softer contacts (solimp 0.8 0.8 0.01). Gymnasium-Robotics' AntMaze has none of these and
mirrored mazes, which no turn of the ant undoes: there a policy learned from D4RL's data would drive another
robot. Minari's antmaze data come from that simulator, so they are not used here.

The origin is the start cell's centre, cells are 4 wide, x grows with the column and y with the row
(`d4rl/locomotion/maze_env.py`): (x, y) = 4 (column - start column, row - start row). Gymnasium-Robotics' mazes are
mirrored, with the origin in the middle of the maze: its y falls with the row.

Deviation: MuJoCo 3 in the place of 2.0, so that contacts agree in kind and not to the digit. Version 0 draws
the goal once for a whole evaluation; here every reset draws one, as in version 2.
"""

import math
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

import gymnasium as gym
import mujoco as untyped
import numpy as np
from gymnasium.wrappers import TimeLimit

from suites.top_view import TopView

mujoco: Any = untyped  # its compiled modules come without types

Cell = tuple[int, int]
Point = tuple[float, float]

CELL = 4.0
WALL_HEIGHT = 2.0
TIMESTEP = 0.02
TIMESTEPS_PER_STEP = 5
TORQUE = 30.0
CONTACT = {"solref": "0.02 1", "solimp": "0.8 0.8 0.01"}
START_NOISE = 0.1
GOAL_NOISE = (1.0, 0.5)  # a goal is moved by the sum of two uniform draws, from 0 to each of these
GOAL_RADIUS = 0.5


@dataclass(frozen=True)
class Layout:
    """A maze, drawn as rows of `#` (wall), `.` (free), `s` (start) and `g` (goal)."""

    rows: tuple[str, ...]

    @property
    def walls(self) -> tuple[Cell, ...]:
        """The (row, column) of every wall."""
        return self._cells("#")

    @property
    def free(self) -> tuple[Cell, ...]:
        """The (row, column) of every other cell."""
        return self._cells(".sg")

    @property
    def start(self) -> Cell:
        return self._cells("s")[0]

    @property
    def goal(self) -> Cell:
        """The goal's cell, before the goal's noise."""
        return self._cells("g")[0]

    def centre(self, cell: Cell) -> Point:
        """A cell's centre (x, y) in D4RL's frame, in metres."""
        return CELL * (cell[1] - self.start[1]), CELL * (cell[0] - self.start[0])

    def cell(self, x: float, y: float) -> Cell:
        return math.floor(y / CELL + 0.5) + self.start[0], math.floor(x / CELL + 0.5) + self.start[1]

    def _cells(self, kinds: str) -> tuple[Cell, ...]:
        return tuple((i, j) for i, row in enumerate(self.rows) for j, kind in enumerate(row) if kind in kinds)


LAYOUTS = {
    "umaze": Layout(("#####", "#s..#", "###.#", "#g..#", "#####")),
    "medium": Layout(
        ("########", "#s.##..#", "#..#...#", "##...###", "#..#...#", "#.#..#.#", "#...#.g#", "########")
    ),
    "large": Layout(
        (
            "############",
            "#s...#.....#",
            "#.##.#.#.#.#",
            "#......#...#",
            "#.####.###.#",
            "#..#.#.....#",
            "##.#.#.#.###",
            "#..#...#.g.#",
            "############",
        )
    ),
}


@cache
def build_ant_model(maze: str) -> Any:
    """The compiled `MjModel` of a maze; it never changes, so all environments of the process share it."""
    import gymnasium.envs.mujoco as robots

    root = ElementTree.parse(Path(str(robots.__file__)).parent / "assets" / "ant.xml").getroot()
    _find_one(root, "option").set("timestep", str(TIMESTEP))
    _find_one(root, "default/geom").attrib.update(CONTACT)
    for motor in root.iter("motor"):
        motor.set("gear", str(TORQUE))
    layout, world = LAYOUTS[maze], _find_one(root, "worldbody")
    half = (CELL / 2, CELL / 2, WALL_HEIGHT / 2)
    for cell in layout.walls:
        ElementTree.SubElement(
            world,
            "geom",
            name=f"wall_{cell[0]}_{cell[1]}",
            type="box",
            pos="{} {} {}".format(*layout.centre(cell), half[2]),
            size="{} {} {}".format(*half),
            contype="1",
            conaffinity="1",
        )
    return mujoco.MjModel.from_xml_string(ElementTree.tostring(root, encoding="unicode"))


def _find_one(root: ElementTree.Element, path: str) -> ElementTree.Element:
    (found,) = root.findall(path)
    return found


class AntMaze(gym.Env[np.ndarray, np.ndarray]):
    """An ant that is rewarded once, where its episode ends: at the goal.

    Observations are float32 (29,), positions before velocities, in metres, radians and seconds; actions are
    float32 (8,) in [-1, 1], torques in units of 30.

    Args:
        maze: `umaze`, `medium` or `large`.
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 (Gymnasium's own declaration)

    def __init__(self, maze: str):
        self.layout = LAYOUTS[maze]
        self.model = build_ant_model(maze)
        self.data = mujoco.MjData(self.model)
        self.goal = np.array(self.layout.centre(self.layout.goal))
        self.observation_space = gym.spaces.Box(-np.inf, np.inf, (29,), np.float32)
        self.action_space = gym.spaces.Box(-1.0, 1.0, (8,), np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Draw a goal and put the ant at the start; a seed fixes this and all later draws."""
        super().reset(seed=seed)
        self.goal = np.array(self.layout.centre(self.layout.goal))
        for width in GOAL_NOISE:
            self.goal += self.np_random.uniform(0.0, width, 2)
        mujoco.mj_resetData(self.model, self.data)
        self.data.qpos += self.np_random.uniform(-START_NOISE, START_NOISE, self.model.nq)
        self.data.qvel[:] = self.np_random.normal(0.0, START_NOISE, self.model.nv)
        # MuJoCo 2, which made the data, left a unit quaternion behind; MuJoCo 3 waits for the first step.
        mujoco.mj_normalizeQuat(self.model, self.data.qpos)
        mujoco.mj_forward(self.model, self.data)
        return self._observation(), {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """One step of 0.1 s; reward 1 and terminated within 0.5 of the goal, never truncated."""
        self.data.ctrl[:] = np.clip(action, -1.0, 1.0)
        mujoco.mj_step(self.model, self.data, TIMESTEPS_PER_STEP)
        x, y = self.data.qpos[:2]
        reached = math.hypot(x - self.goal[0], y - self.goal[1]) <= GOAL_RADIUS
        return self._observation(), float(reached), reached, False, {}

    def _observation(self) -> np.ndarray:
        return np.concatenate([self.data.qpos, self.data.qvel]).astype(np.float32)


def make_ant_maze(maze: str, horizon: int) -> gym.Env:
    """The evaluation environment: `AntMaze` cut after `horizon` steps."""
    return TimeLimit(AntMaze(maze), horizon)


def view_ant_maze(environment: gym.Env) -> TopView:
    """The maze of an `AntMaze` from above, with the goal that its last reset drew."""
    maze = cast(AntMaze, environment.unwrapped)
    centres = np.array([maze.layout.centre(cell) for cell in maze.layout.walls])
    edges = np.hstack([centres - CELL / 2, centres + CELL / 2])
    return TopView(edges, (float(maze.goal[0]), float(maze.goal[1])), GOAL_RADIUS)
