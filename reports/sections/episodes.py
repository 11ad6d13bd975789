"""What the policies do: the paths of episodes in mazes, and the videos that `render` made of episodes."""

from foundation.program import program_name
from reports.figures.trajectories import make_trajectories_figure
from reports.load.scores import SuiteScores
from reports.render.document import Block, Heading, Text


def make_episode_blocks(scores: SuiteScores) -> list[Block]:
    """The paths of a suite's episodes, task by task, and its videos.

    Raises:
        ReportError: a file of trajectories or a description of a video that cannot be read, or that is of another
            file than was written.
    """
    every = (make_trajectories_figure(scores, task) for task in scores.tasks)
    figures = [figure for figure in every if figure is not None]
    shown: list[Block] = [*figures]
    return [Heading(3, scores.add_source("Episodes")), *(shown or [Text(_describe_absence())])]


def _describe_absence() -> str:
    return (
        "These results keep no paths of their episodes: those of mazes are kept by versions after 0.2.0. "
        f"`{program_name()} render TASK METHOD SEED` makes a video of any episode of a result."
    )
