"""maze2d: three mazes of D4RL, on its files, and data made here by its recipe, which are others.

Goals, horizons and reference returns are those of D4RL's `maze2d-*-v1` with sparse reward. Minari's
`D4RL/pointmaze/*` is not declared: it draws a new goal for each episode and gives it to the agent, which is
another task. D4RL's files are turned from its frame into PointMaze's when they are read.
"""

from functools import partial

from suites.recipes.maze2d import generate
from suites.registry import register_suite
from suites.simulators.point_maze import make_point_maze, view_point_maze
from suites.task import ControlTask, Suite
from suites.transforms import QuarterTurn


def _task(
    size: str,
    identifier: str,
    cells: tuple[int, int],
    goal: tuple[int, int],
    horizon: int,
    reference: tuple[float, float],
) -> ControlTask:
    return ControlTask(
        name=f"maze2d-{size}",
        suite="maze2d",
        observation_dim=4,
        action_dim=2,
        datasets={"d4rl": f"maze2d-{size}-v1", "local": f"local/maze2d-{size}"},
        episodes=20,
        settings={"critic.expectile": 0.7},
        horizon=horizon,
        reference=reference,
        make_environment=partial(make_point_maze, identifier, goal, horizon),
        generate=partial(generate, identifier, goal, horizon),
        frame=QuarterTurn(*cells),
        top_view=view_point_maze,
    )


register_suite(
    Suite(
        name="maze2d",
        title="Maze2D",
        tasks=(
            _task("umaze", "PointMaze_UMaze-v3", (5, 5), (1, 1), 300, (23.85, 161.86)),
            _task("medium", "PointMaze_Medium-v3", (8, 8), (6, 6), 600, (13.13, 277.39)),
            _task("large", "PointMaze_Large-v3", (9, 12), (7, 9), 800, (6.7, 273.99)),
        ),
    )
)
