"""What the policies do: the paths of episodes in mazes, and the videos that `render` made of episodes."""

from collections.abc import Sequence
from pathlib import PurePath

from foundation.program import program_name
from reports.figures.trajectories import make_trajectories_figure
from reports.load.renders import RENDERS, Render, Video, read_videos
from reports.load.samples import are_trajectories_lost
from reports.load.schema import Result
from reports.load.scores import SuiteScores
from reports.render.document import Animation, Block, Heading, Text
from reports.render.numbers import count_noun

_SAME_SPEED = 0.005


def make_trajectory_blocks(scores: SuiteScores) -> list[Block]:
    """The paths of a suite's episodes, task by task, and its videos.

    Raises:
        ReportError: a file of trajectories, a video or its description that cannot be read, or that is of another
            file than was written.
    """
    results = scores.results()
    every = (make_trajectories_figure(scores, task) for task in scores.tasks)
    figures = [figure for figure in every if figure is not None]
    folder = results[0].path.parents[3]  # RESULTS/runs/TASK/METHOD-KEY/seed-N.json
    blocks = [*figures, *_show_videos(read_videos(folder, results), scores)]
    lost = [result for result in results if are_trajectories_lost(result)]
    absent = [] if figures or lost else [Text(_describe_absence())]
    if lost:
        absent.append(Text(_describe_loss(lost, len(results))))
    return [Heading(3, scores.add_source("Trajectories")), *blocks, *absent]


def _describe_absence() -> str:
    return (
        "These results keep no paths of their episodes: those of mazes are kept by versions after 0.2.0. "
        f"`{program_name()} render TASK METHOD SEED` makes a video of any episode of a result."
    )


def _describe_loss(lost: Sequence[Result], every: int) -> str:
    first = lost[0].path.with_name(lost[0].trajectories_file or "")
    return (
        f"The file of paths of {len(lost)} of {count_noun(every, 'result')} is gone, such as {str(first)!r}. No "
        "score stands on it; whoever wants the paths deletes these results and runs the same command again."
    )


def _show_videos(videos: Sequence[Video], scores: SuiteScores) -> list[Block]:
    """The videos that are shown, then a sentence on the others."""
    blocks: list[Block] = []
    for video in videos:
        if video.content is not None:
            name = PurePath(video.render.video).stem
            blocks.append(Animation(name, _describe_video(video, scores), video.content))
    left_out = [f"`{video.render.video}` ({video.reason})" for video in videos if video.content is None]
    if left_out:
        blocks.append(Text(f"In `{RENDERS}/`, but not shown here: {', '.join(left_out)}."))
    return blocks


def _describe_video(video: Video, scores: SuiteScores) -> str:
    """The caption: whose episode it is, what came of it, and how it is shown."""
    render = video.render
    found = next(
        (variant, result)
        for (task, variant, seed), result in scores.cells.items()
        if (task, seed, result.path.parent.name) == (render.task, render.seed, render.label)
    )
    variant, result = found
    whose = f"{scores.label_task(render.task)}, {variant}{_describe_rho(variant, result)}, seed {render.seed}"
    return (
        f"{whose}: episode {render.episode}, of return {render.episode_return:.6g} as in the result"
        f"{_describe_speed(render)} (camera {render.camera}, made {render.created})."
    )


def _describe_rho(variant: str, result: Result) -> str:
    """The scale, where the variant's label has none."""
    return "" if result.rho is None or "rho=" in variant else f" at ρ = {result.rho:g}"


def _describe_speed(render: Render) -> str:
    if render.speed is None:
        return ""
    return ", in real time" if abs(render.speed - 1) < _SAME_SPEED else f", {render.speed:.3g} times real time"
