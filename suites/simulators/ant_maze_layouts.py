"""D4RL's three antmaze mazes, in D4RL's frame: the start cell's centre is the origin.

Cells are 4 wide, x grows with the column and y with the row (github.com/Farama-Foundation/D4RL,
`d4rl/locomotion/maze_env.py`): (x, y) = 4 (column - start column, row - start row). Gymnasium-Robotics' mazes
are the same, but mirrored and with the origin in the middle of the maze: its y falls with the row.
"""

import math
from dataclasses import dataclass

from suites.recipes.waypoints import Cell, Point

CELL = 4.0


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
        """Where every episode begins."""
        return self._cells("s")[0]

    @property
    def goal(self) -> Cell:
        """Where its goal lies."""
        return self._cells("g")[0]

    def centre(self, cell: Cell) -> Point:
        """A cell's centre (x, y) in D4RL's frame, in metres."""
        return CELL * (cell[1] - self.start[1]), CELL * (cell[0] - self.start[0])

    def cell(self, x: float, y: float) -> Cell:
        """The cell that holds a point of D4RL's frame."""
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
