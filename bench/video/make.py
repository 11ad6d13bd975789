"""Makes the video of an episode: plays it again, holds it against the result, draws it and writes it."""

import contextlib
import datetime
import hashlib
from dataclasses import dataclass
from pathlib import Path

from bench.progress import ProgressConsole
from bench.runner.device import prepare_device
from bench.runner.policy import LoadedPolicy, load
from bench.video.film import GIF, MOST_FRAMES, MP4, Cut, Draw, cut_episode, round_delay, write_gif, write_mp4
from bench.video.maze_map import draw_map
from bench.video.replay import Replay, describe_match, replay
from bench.video.scene import draw_scenes, use_backend
from bench.video.shot import Shot, Wanted, plan_shot
from foundation.errors import UserError
from foundation.program import program_name
from reports.load.files import write_file
from reports.load.renders import RENDERS, Render
from reports.load.schema import FORMAT, Result
from suites.registry import get_tasks
from suites.task import ControlTask

STREAM = "evaluation"
"""Of the noise that a result was scored with."""


@dataclass(frozen=True)
class Places:
    """Where things lie.

    Attributes:
        results: folder in whose `renders` a video gets a name and a description, where `out` is None.
        artifacts: folder of the trained components.
        out: the file, which gets no description.
        ffmpeg: the program that writes an MP4; None for a GIF.
    """

    results: Path
    artifacts: Path
    out: Path | None
    ffmpeg: str | None


def make_video(
    result: Result,
    episode: int,
    wanted: Wanted,
    places: Places,
    device: str,
    console: ProgressConsole,
) -> Path:
    """The path of the video of an episode.

    Args:
        result: that was scored on it.
        episode: its number in the result.
        wanted: how it is to be shown.
        places: folders and file.
        device: `auto` (the result's, if it is there), `cpu` or `cuda`.
        console: for what is said.

    Raises:
        UserError: no episodes, no such episode or camera, components that are gone, no renderer, or a file that
            cannot be written.
    """
    task = find_control_task(result)
    if not 0 <= episode < len(result.episodes):
        raise UserError(
            f"episode={episode} is not one of this result's, 0 to {len(result.episodes) - 1}; name one."
        )
    shot = plan_shot(task, wanted, console)
    loaded = load(result, places.artifacts, prepare_device(choose_device(device, result), None), STREAM)
    played = play(loaded, task, episode, console)
    path = places.out if places.out is not None else name_video(places.results, result, episode)
    cut = write(path, played, shot, places.ffmpeg)
    if places.out is None:
        write_file(path.with_suffix(".json"), describe(path, result, played, shot, cut))
    console.say(f"Video: {path} ({describe_cut(path, cut, shot)})")
    return path


def find_control_task(result: Result) -> ControlTask:
    """The task of a result, which must have episodes."""
    (task,) = get_tasks(result.suite, [result.task])
    if not isinstance(task, ControlTask):
        raise UserError(
            f"task {result.task} is a density, which has no episodes to show; `{program_name()} report` draws its "
            "samples."
        )
    return task


def choose_device(asked: str, result: Result) -> str:
    """The name of the device: the one that is asked for, else the result's if it is there."""
    if asked != "auto":
        return asked
    return "auto" if result.machine.device == "cuda" else "cpu"


def play(loaded: LoadedPolicy, task: ControlTask, number: int, console: ProgressConsole) -> Replay:
    """The episode, played again; says whether it is the one that was scored."""
    result = loaded.result
    rho = "" if result.rho is None else f" ρ={result.rho:g}"
    where = f"{result.task} {result.method}{rho} seed {result.seed}"
    with console.show_bar(f"{where}, episode {number}") as progress:
        played = replay(loaded, task, number, progress)
    console.say(f"  {where}, {describe_match(played, result, loaded.evaluation.device)}")
    return played


def name_video(folder: Path, result: Result, number: int) -> Path:
    """Where the video of an episode goes in a results folder."""
    label = result.path.parent.name
    return folder / RENDERS / f"{result.task}-{label}-seed-{result.seed}-episode-{number}{GIF}"


def write(path: Path, played: Replay, shot: Shot, ffmpeg: str | None) -> Cut:
    """Draw the episode and write the video.

    Raises:
        UserError: the disk is full, the folder cannot be written, or ffmpeg fails.
    """
    shown = 1000 / round_delay(shot.fps) if ffmpeg is None else shot.fps  # pictures a second
    cut = cut_episode(played.states, shown, MOST_FRAMES[GIF if ffmpeg is None else MP4])
    draw = choose_drawing(played, shot)
    with use_backend(shot.backend) if shot.backend is not None else contextlib.nullcontext():
        if ffmpeg is None:
            write_gif(path, cut, draw, shot.fps)
        else:
            write_mp4(path, cut, draw, shot.fps, ffmpeg)
    return cut


def choose_drawing(played: Replay, shot: Shot) -> Draw:
    """What draws the chosen states of an episode."""
    states, view = played.states, played.view
    if shot.backend is not None:
        return lambda shown: draw_scenes(played, [states[at] for at in shown], shot.camera, shot.size)
    assert view is not None, "only a maze has a map"
    return lambda shown: draw_map(states, shown, view, shot.size)


def describe(path: Path, result: Result, played: Replay, shot: Shot, cut: Cut) -> Render:
    """The description by which a report knows the video."""
    return Render(
        format=FORMAT,
        suite=result.suite,
        task=result.task,
        method=result.method,
        label=result.path.parent.name,
        seed=result.seed,
        rho=result.rho,
        episode=played.number,
        episode_return=played.played.episode_return,
        camera=shot.camera,
        frames=len(cut.shown),
        speed=cut.speed,
        video=path.name,
        video_sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    )


def describe_cut(path: Path, cut: Cut, shot: Shot) -> str:
    """Size, pictures and speed of a video, in words."""
    speed = "" if cut.speed is None else f", {cut.speed:.3g} times real time"
    by = "" if shot.backend is None else f" by {shot.backend}"
    size = f"{shot.size[0]} × {shot.size[1]}, {path.stat().st_size / 1000:,.0f} kB"
    return f"{len(cut.shown)} pictures of {size}{speed}, camera {shot.camera}{by}"
