"""How an episode is to be shown, and what this machine can show: cameras, sizes, renderer, ffmpeg."""

from dataclasses import dataclass
from pathlib import Path

from bench.doctor.finding import Finding, Subject
from bench.doctor.isolated import Processes
from bench.doctor.simulators import find_backend
from bench.progress import ProgressConsole
from bench.video.film import GIF, MP4, find_ffmpeg
from bench.video.replay import Recorder, open_recorder
from bench.video.scene import list_cameras
from foundation.errors import UserError, unknown_name
from suites.task import ControlTask

MAP = "map"
"""The camera of a maze that is drawn from above without MuJoCo's renderer."""
LEAST = 16  # pixels


@dataclass(frozen=True)
class Wanted:
    """What is asked for.

    Attributes:
        camera: its name; None for the usual one.
        width, height: in pixels; where the height is None, by the maze's shape, else three quarters of the width.
        fps: pictures a second.
    """

    camera: str | None
    width: int
    height: int | None
    fps: int


@dataclass(frozen=True)
class Shot:
    """How an episode is shown.

    Attributes:
        camera: `map`, or one that MuJoCo looks through.
        backend: of MuJoCo's renderer; None for a map.
        size: width and height in pixels.
        fps: pictures a second.
    """

    camera: str
    backend: str | None
    size: tuple[int, int]
    fps: int


def find_ffmpeg_for(out: Path | None, wanted: Wanted) -> str | None:
    """The ffmpeg that is needed to write a file; None for a GIF.

    Raises:
        UserError: a name with another ending, no ffmpeg, or a size that H.264 does not have.
    """
    if out is None or out.suffix.lower() == GIF:
        return None
    if out.suffix.lower() != MP4:
        raise UserError(f"{str(out)!r} ends in neither .gif nor .mp4; give it one of these endings.")
    for name, side in (("width", wanted.width), ("height", wanted.height)):
        if side is not None and side % 2:
            raise UserError(
                f"{name}={side} is odd, and an MP4 has even sides; give {side + 1}, or name a .gif file."
            )
    found = find_ffmpeg()
    if found is None:
        raise UserError(
            f"{str(out)!r} needs ffmpeg, which is not here; install it by your system's packages or by "
            "`python -m pip install imageio-ffmpeg`, or name a .gif file."
        )
    return found


def plan_shot(task: ControlTask, wanted: Wanted, console: ProgressConsole) -> Shot:
    """How the episode is shown on this machine; says so where a maze is drawn as a map for want of a renderer.

    Raises:
        UserError: an unknown camera, or no renderer for it.
    """
    recorder = open_recorder(task)
    recorder.reset(seed=0)
    recorder.close()
    cameras, camera = list_choices(recorder), wanted.camera
    if not cameras:
        raise UserError(
            f"the simulator of {task.name} has no MuJoCo model, and the task no `top_view`, so nothing can be "
            "drawn; `bench.load_policy` gives its policy to a program of your own."
        )
    if camera is not None and camera not in cameras:
        raise unknown_name(f"camera of {task.name}", camera, cameras)
    height = wanted.height if wanted.height is not None else choose_height(recorder, wanted.width)
    size, chosen = (wanted.width, height), camera or cameras[0]
    if chosen == MAP:
        return Shot(MAP, None, size, wanted.fps)
    backend, finding = find_backend(Processes(), Subject())
    if backend is not None:
        return Shot(chosen, backend, size, wanted.fps)
    if camera is not None or recorder.view is None:
        raise UserError(describe_lack(finding, recorder))
    console.say(f"  {describe_lack(finding, recorder)[:-1]}; the maze is drawn as a map")
    return Shot(MAP, None, size, wanted.fps)


def describe_lack(finding: Finding, recorder: Recorder) -> str:
    """The sentence where MuJoCo cannot render."""
    other = f", or ask for the camera {MAP}" if recorder.view is not None else ""
    return f"MuJoCo cannot render here ({finding.found}): {finding.remedy}{other}."


def list_choices(recorder: Recorder) -> tuple[str, ...]:
    """The cameras of an environment that was reset, the usual one first."""
    own = () if recorder.model is None else list_cameras(recorder.model, recorder.looks, recorder.view)
    return (*own, *([MAP] if recorder.view is not None else []))


def choose_height(recorder: Recorder, width: int) -> int:
    """The even height of a picture: by the maze's shape, else three quarters of the width."""
    shape = 0.75
    if recorder.view is not None:
        walls = recorder.view.walls
        across, up = walls[:, 2:].max(axis=0) - walls[:, :2].min(axis=0)
        shape = float(up / across)
    return max(LEAST, 2 * round(width * shape / 2))
