"""The Python interface of `render`: a video of an episode that a result was scored on."""

from pathlib import Path
from typing import Annotated, TypeAlias

from annotated_types import Interval

from bench.api import Device
from bench.config.check_settings import check_arguments
from bench.config.values import FilePath, Paths, read_path, read_paths
from bench.plugins import load_plugins
from bench.progress import ProgressConsole
from foundation.stopping import handle_signals

Pixels: TypeAlias = Annotated[int, Interval(ge=16, le=1920)]
Rate: TypeAlias = Annotated[int, Interval(ge=1, le=50)]


def render(  # noqa: PLR0913 (the options of a command)
    task: str,
    method: str,
    seed: int,
    *,
    results: FilePath = "results",
    artifacts: FilePath = "artifacts",
    rho: float | None = None,
    variant: str | None = None,
    episode: int = 0,
    out: FilePath | None = None,
    width: Pixels = 320,
    height: Pixels | None = None,
    fps: Rate = 20,
    camera: str | None = None,
    device: Device = "auto",
    plugin: Paths = (),
    progress: bool = True,
) -> Path:
    """Write a video of an episode that a result was scored on: same start, same noise, same trained policy.

    The episode is played again, and its return is held against the one that the result has.

    Args:
        task, method, seed: of the result.
        results, artifacts: folders of the results and of the trained components.
        rho: guidance scale, where there are results of several.
        variant: the method with the settings that set it apart, where there are several.
        episode: its number in the result, from 0.
        out: a `.gif`, or where ffmpeg is a `.mp4`; if left out a GIF in RESULTS/renders, with a description beside
            it, which the report then shows.
        width, height: in pixels; the height by the maze's shape, else three quarters of the width, if left out.
        fps: pictures a second; the episode is shown in real time, faster if it would have too many pictures.
        camera: `map` (a maze drawn from above without MuJoCo's renderer), `top` (a maze from above), `free`, or
            one of the model's cameras; if left out `top` of a maze, `map` where nothing renders, else the first.
        device: where the policy computes; that of the result if it is there.
        plugin: Python files that register the method or the suite.
        progress: print what is done.

    Returns:
        The video.

    Raises:
        UserError: no such result, episode or camera, components that are gone, a toy task, which has no episodes,
            or a machine that cannot render or write MP4.
    """
    from bench.runner.policy import find_result
    from bench.video.make import Places, make_video
    from bench.video.shot import Wanted, find_ffmpeg_for

    check_arguments(render, locals())
    load_plugins(read_paths("plugin", plugin))
    folder, place = read_path("results", results), None if out is None else read_path("out", out)
    wanted = Wanted(camera, int(width), None if height is None else int(height), int(fps))
    ffmpeg = find_ffmpeg_for(place, wanted)
    found = find_result(folder, task, method, int(seed), rho, variant)
    with handle_signals():
        return make_video(
            found,
            int(episode),
            wanted,
            Places(folder, read_path("artifacts", artifacts), place, ffmpeg),
            device,
            ProgressConsole(quiet=not progress),
        )
