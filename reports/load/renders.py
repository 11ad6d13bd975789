"""Videos that `render` made into `RESULTS/renders`: which a report shows, and what each shows.

A video is shown if it has a sealed description and its bytes are those that were described, so that nothing else
that lies in the folder gets into a page.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from reports.errors import ReportError
from reports.load.base_schema import Sealed
from reports.load.fields import Count, Label, Name, Whole
from reports.load.files import read_bytes, read_file
from reports.load.schema import Format, Result

RENDERS = "renders"
MOST_BYTES = 1_000_000
"""Of a video that a page shows."""
MOST_BYTES_OF_ALL = 1_500_000
"""Of all videos of a page, which as text take a third more; a page has at most 5 MB."""
_SIGNATURES = (b"GIF87a", b"GIF89a")
_END = b";"


class Render(Sealed):
    """`renders/NAME.json`: what the video `NAME.gif` or `NAME.mp4` shows.

    Attributes:
        label: `<method>-<key>` of the result's folder.
        episode: its number in the result, from 0.
        episode_return: as it was played for the video.
        camera: through which it is seen; `map` for one drawn without a simulator's renderer.
        speed: times real time; None where the simulator has no clock.
        video: name of the file.
        video_sha256: of its bytes.
        created: date and time in UTC, ISO 8601.
    """

    format: Format
    suite: Name
    task: Name
    method: Name
    label: Label
    seed: Whole
    rho: float | None
    episode: Whole
    episode_return: float
    camera: str
    frames: Count
    speed: float | None
    video: Label
    video_sha256: str
    created: str


@dataclass(frozen=True)
class Video:
    """A video that a report can show.

    Attributes:
        render: what it shows.
        content: the GIF; None where it is not shown.
        reason: why it is not.
    """

    render: Render
    content: bytes | None
    reason: str = ""


def read_videos(folder: Path, results: Sequence[Result]) -> list[Video]:
    """The videos of these results, in the order of their names.

    Args:
        folder: of the results.
        results: those that are reported.

    Raises:
        ReportError: a description that cannot be read, or a file to be shown that is not the one that it
            describes; others are not read.
    """
    known = {(result.path.parent.name, result.task, result.seed): result for result in results}
    found: list[Video] = []
    spent = 0
    for path, render in _read_descriptions(folder):
        result = known.get((render.label, render.task, render.seed))
        if result is None:
            continue
        video, content = path.with_name(render.video), b""
        reason = _find_mismatch(render, result) or _find_reason(video, spent)
        if not reason:
            content = _read_video(video, render)
            reason = "" if content.startswith(_SIGNATURES) and content.endswith(_END) else "no GIF"
        spent += 0 if reason else len(content)
        found.append(Video(render, None if reason else content, reason))
    return found


def _read_video(path: Path, render: Render) -> bytes:
    """The bytes of a video, which is the one that is described."""
    content = read_bytes(path)
    if hashlib.sha256(content).hexdigest() != render.video_sha256:
        raise ReportError(
            f"video {str(path)!r} is not the one that its description, the .json file beside it, is of: it was "
            "damaged or replaced; render it again, or delete both."
        )
    return content


def _read_descriptions(folder: Path) -> Iterator[tuple[Path, Render]]:
    for path in sorted((folder / RENDERS).glob("*.json")):
        render = read_file(path, Render)
        if Path(render.video).stem != path.stem:
            raise ReportError(
                f"file {str(path)!r} describes {render.video!r}, not a video of its own name: delete it."
            )
        yield path, render


def _find_reason(path: Path, spent: int) -> str:
    """Why a page does not show a video, by its name and its size; nothing where it can."""
    if not path.exists():
        return "its file is gone"
    if path.suffix != ".gif":
        return "no GIF"
    size = path.stat().st_size
    if size > MOST_BYTES:
        return f"{size / 1e6:.1f} MB, above {MOST_BYTES / 1e6:g}"
    if spent + size > MOST_BYTES_OF_ALL:
        return f"with those before it above {MOST_BYTES_OF_ALL / 1e6:g} MB"
    return ""


def _find_mismatch(render: Render, result: Result) -> str:
    """In what a video is not of a result's episode; nothing where it is."""
    if render.episode >= len(result.episodes):
        return f"of episode {render.episode}, which the result does not have"
    recorded = result.episodes[render.episode].episode_return
    if abs(recorded - render.episode_return) > 1e-9 * max(1.0, abs(recorded)):
        return f"of a return of {render.episode_return:.6g}, where the result has {recorded:.6g}"
    return ""
