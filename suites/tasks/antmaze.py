"""AntMaze: D4RL's six tasks on its files of version 2; SWG's published numbers are for version 0 (`d4rl:v0`).

Known fault of version 0: its timeouts are out of step with the episodes' ends (D4RL issue 77), which the longest
step that an ant can take makes up for. Minari's sets are other data and get a column of their own.
"""

from functools import partial

from suites.registry import register_suite
from suites.simulators.ant_maze import make_ant_maze, view_ant_maze
from suites.success import StepResult, Success
from suites.task import ControlTask, Suite
from suites.transforms import MinusOne

LONGEST_STEP = 1.0  # metres in 0.1 s; the ant runs at a few metres a second, and cells are 4 wide
PUBLISHED_RHO = {
    "umaze": 5.0,
    "umaze-diverse": 1.0,
    "medium-play": 15.0,
    "medium-diverse": 15.0,
    "large-play": 10.0,
    "large-diverse": 10.0,
}


def reaches_goal(step: StepResult) -> bool:
    """Whether a step ends at the goal, which alone is rewarded."""
    return step.reward > 0


def _task(maze: str, rho: float) -> ControlTask:
    size = maze.split("-")[0]
    horizon = 700 if size == "umaze" else 1000
    return ControlTask(
        name=f"antmaze-{maze}",
        suite="antmaze",
        observation_dim=29,
        action_dim=8,
        datasets={"d4rl": f"antmaze-{maze}-v2"},  # Minari's come from another ant in a mirrored frame
        episodes=50,
        settings={"critic.expectile": 0.9},
        published_rho=rho,
        reward=MinusOne(),
        horizon=horizon,
        longest_step=LONGEST_STEP,
        reference=(0.0, 1.0),
        make_environment=partial(make_ant_maze, size, horizon),
        success=Success(reaches_goal),
        top_view=view_ant_maze,
    )


register_suite(
    Suite(
        name="antmaze",
        title="AntMaze",
        tasks=tuple(_task(maze, rho) for maze, rho in PUBLISHED_RHO.items()),
        settings={"paper": {"denoiser.steps": 3_000_000}},  # SWG's, where its other tasks have a million
    )
)
