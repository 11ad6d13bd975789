"""Writes pictures as an animated GIF, or as MP4 where ffmpeg is."""

import contextlib
import io
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from bench.video.replay import State
from foundation.errors import UserError
from foundation.files import replace_atomically, write_atomically
from foundation.text import clean_line

GIF, MP4 = ".gif", ".mp4"
MOST_FRAMES = {GIF: 300, MP4: 3000}
"""Of a video; a longer episode is shown faster."""
COLOURS = 96  # of a GIF, the same in all of its pictures
SAMPLES = 8  # pictures that these are chosen from

Draw = Callable[[Sequence[int]], Iterator[np.ndarray]]
"""Places of states → their pictures, (height, width, 3) uint8 each."""


@dataclass(frozen=True)
class Cut:
    """Which states of an episode a video shows.

    Attributes:
        shown: their places, the first and the last among them.
        speed: times real time; None where the simulator has no clock.
    """

    shown: tuple[int, ...]
    speed: float | None


def round_delay(fps: int) -> int:
    """Milliseconds from one picture of a GIF to the next: it counts in hundredths of a second, at least one.

    Args:
        fps: pictures a second that are asked for.
    """
    return 10 * max(1, round(100 / fps))


def cut_episode(states: Sequence[State], fps: float, most: int) -> Cut:
    """The states that show an episode in real time, or as fast as needed for at most so many pictures.

    Args:
        states: of the whole episode.
        fps: pictures a second, as the video has them.
        most: pictures.
    """
    last = len(states) - 1
    step = None
    if last > 0 and states[0].seconds is not None and states[1].seconds is not None:
        step = states[1].seconds - states[0].seconds
    every = max(1, round(1 / (fps * step))) if step else 1
    every = max(every, -(-last // max(1, most - 1)))
    shown = tuple(dict.fromkeys((*range(0, last, every), last)))
    return Cut(shown, every * step * fps if step else None)


def write_gif(path: Path, cut: Cut, draw: Draw, fps: int) -> None:
    """Write an animation that repeats.

    Raises:
        UserError: the disk is full or the folder cannot be written.
    """
    chosen = sorted({cut.shown[int(at)] for at in np.linspace(0, len(cut.shown) - 1, SAMPLES).round()})
    strip = Image.fromarray(np.concatenate(list(draw(chosen))))
    palette = strip.quantize(COLOURS, dither=Image.Dither.NONE)
    pictures = (
        Image.fromarray(picture).quantize(palette=palette, dither=Image.Dither.NONE) for picture in draw(cut.shown)
    )
    first, made = next(pictures), io.BytesIO()
    delay = round_delay(fps)
    first.save(made, "GIF", save_all=True, append_images=pictures, duration=delay, loop=0, optimize=False)
    write_atomically(path, made.getvalue())


def find_ffmpeg() -> str | None:
    """The program that writes MP4, of the system or of the package imageio-ffmpeg; None where there is none."""
    found = shutil.which("ffmpeg")
    if found is not None:
        return found
    try:
        import imageio_ffmpeg  # pyright: ignore[reportMissingImports]

        return imageio_ffmpeg.get_ffmpeg_exe()
    except (ImportError, RuntimeError):
        return None


def write_mp4(path: Path, cut: Cut, draw: Draw, fps: int, ffmpeg: str) -> None:
    """Write H.264 that browsers and slides play.

    Raises:
        UserError: ffmpeg fails, the disk is full or the folder cannot be written.
    """
    pictures = draw(cut.shown)
    first = next(pictures)
    height, width, _ = first.shape
    given = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", str(fps), "-i", "-"]
    wanted = ["-an", "-c:v", "libx264", "-pix_fmt", "yuv420p", "-movflags", "+faststart"]
    with replace_atomically(path) as partial, tempfile.TemporaryFile() as said:
        command = [ffmpeg, "-hide_banner", "-loglevel", "error", "-y", *given, *wanted, str(partial)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said) as process:
            assert process.stdin is not None, "it is a pipe"
            with contextlib.suppress(BrokenPipeError):  # it gave up, and says why
                for picture in (first, *pictures):
                    process.stdin.write(picture.tobytes())
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
        if process.returncode:
            said.seek(0)
            lines = [line for line in said.read().decode(errors="replace").splitlines() if line.strip()]
            words = clean_line(lines[0][:200]) if lines else f"exit code {process.returncode}"
            raise UserError(f"ffmpeg ({ffmpeg}) cannot write {str(path)!r}: {words}; name a .gif file instead.")
