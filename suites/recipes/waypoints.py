"""A point mass is driven through a maze by a shortest path of cells and a PD controller, as in D4RL.

The recipe is D4RL's (arXiv 2004.07219, section 5; github.com/Farama-Foundation/D4RL, `maze2d`): plan on the
grid of free cells, aim at one cell after the other, action = 10 (waypoint - position) - velocity, clipped to
[-1, 1]; a waypoint counts as reached within 0.1. Intermediate waypoints are moved at random within a
square of side 0.2, so that no two passes are the same; the last one is the goal cell's centre.

Deviation: D4RL's walls are shifted by 0.2 against its coordinates and its waypoints by U(0, 0.2) to make up
for it; PointMaze's are not shifted, so the square is centred: U(-0.1, 0.1).
"""

from collections import deque
from collections.abc import Sequence

import numpy as np

Cell = tuple[int, int]
Point = tuple[float, float]

POSITION_GAIN = 10.0
VELOCITY_GAIN = -1.0
REACHED = 0.1
WAYPOINT_NOISE = 0.1


class Grid:
    """The cells of a maze, in rows from the top and columns from the left; cells are 1 wide.

    Args:
        maze_map: rows of cells, 1 for a wall and anything else for a free cell.
    """

    def __init__(self, maze_map: Sequence[Sequence[object]]):
        self.rows, self.columns = len(maze_map), len(maze_map[0])
        self.free: tuple[Cell, ...] = tuple(
            (i, j) for i, row in enumerate(maze_map) for j, cell in enumerate(row) if cell != 1
        )
        self._free = frozenset(self.free)
        self._distances: dict[Cell, dict[Cell, int]] = {}

    def centre(self, cell: Cell) -> Point:
        """The (x, y) of a cell's centre; the origin is the maze's middle, y points up."""
        return cell[1] + 0.5 - self.columns / 2, self.rows / 2 - cell[0] - 0.5

    def cell(self, x: float, y: float) -> Cell:
        """The cell that holds a point."""
        return int(self.rows / 2 - y), int(x + self.columns / 2)

    def distances(self, goal: Cell) -> dict[Cell, int]:
        """The number of steps from every cell that can reach the goal, by breadth-first search."""
        if goal not in self._distances:
            found, queue = {goal: 0}, deque([goal])
            while queue:
                here = queue.popleft()
                for cell in self._neighbours(here):
                    if cell not in found:
                        found[cell] = found[here] + 1
                        queue.append(cell)
            self._distances[goal] = found
        return self._distances[goal]

    def path(self, start: Cell, goal: Cell) -> tuple[Cell, ...]:
        """A shortest path without its start: the cells to visit in order, the goal last.

        Ties go to the first of up, down, left, right. From the goal itself the path is the goal alone.

        Raises:
            ValueError: the start or the goal is a wall, or no path joins them.
        """
        steps = self.distances(goal)
        if goal not in self._free or start not in steps:
            raise ValueError(f"no path of free cells leads from cell {start} to cell {goal}")
        path = []
        while start != goal:
            start = min(self._neighbours(start), key=lambda cell: steps[cell])
            path.append(start)
        return tuple(path) or (goal,)

    def _neighbours(self, cell: Cell) -> list[Cell]:
        i, j = cell
        return [near for near in ((i - 1, j), (i + 1, j), (i, j - 1), (i, j + 1)) if near in self._free]


class WaypointController:
    """Drives a point mass to one goal cell after another.

    Args:
        grid: the maze.
        generator: draws the waypoints' offsets; None for waypoints at the cells' centres.
    """

    def __init__(self, grid: Grid, generator: np.random.Generator | None = None):
        self.grid = grid
        self.generator = generator
        self._waypoints: list[Point] = []
        self._goal: Point = (0.0, 0.0)

    def aim(self, x: float, y: float, goal: Cell) -> None:
        """Plan from the position (x, y) to a goal cell."""
        centres = [self.grid.centre(cell) for cell in self.grid.path(self.grid.cell(x, y), goal)]
        self._goal = centres[-1]
        self._waypoints = [self._moved(point) for point in centres[:-1]] + [self._goal]
        self._waypoints.reverse()  # the next one is the last of the list

    def act(self, x: float, y: float, vx: float, vy: float) -> tuple[float, float, bool]:
        """The action (ax, ay) in [-1, 1], and whether the goal's centre is within 0.1.

        D4RL also asks that the last step was shorter than 0.1, which the velocity limit of 5 always grants.
        """
        tx, ty = self._waypoints[-1]
        reached = _near(x, y, self._goal)
        if len(self._waypoints) > 1 and _near(x, y, (tx, ty)):
            self._waypoints.pop()
        ax = POSITION_GAIN * (tx - x) + VELOCITY_GAIN * vx
        ay = POSITION_GAIN * (ty - y) + VELOCITY_GAIN * vy
        return min(1.0, max(-1.0, ax)), min(1.0, max(-1.0, ay)), reached

    def _moved(self, point: Point) -> Point:
        if self.generator is None:
            return point
        dx, dy = self.generator.uniform(-WAYPOINT_NOISE, WAYPOINT_NOISE, size=2).tolist()
        return point[0] + dx, point[1] + dy


def _near(x: float, y: float, point: Point) -> bool:
    return (x - point[0]) ** 2 + (y - point[1]) ** 2 < REACHED**2
