"""Paths of episodes and videos in the report: what is drawn is what the files say, and nothing else gets in."""

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import vl_convert
from PIL import Image
from synthetic_results import FORMAT, ResultsFolder, control

from reports.analysis.suite import Options
from reports.errors import ReportError
from reports.figures.marks import list_rows, select
from reports.figures.trajectories import Kept, make_trajectories_figure
from reports.load import renders
from reports.load.scores import SuiteScores, load_scores
from reports.load.trajectories import read_trajectories
from reports.report import write_report
from reports.sections.trajectories import make_trajectory_blocks

TASK = "maze2d-umaze"
WALLS = [[-2.0, -2.0, 2.0, -1.0], [-2.0, 1.0, 2.0, 2.0]]
PATHS = {0: [(0.0, 0.0), (1.0, 0.5)], 1: [(0.25, 0.0), (0.5, -0.75), (1.5, 0.875)]}


def pack(paths: dict[int, list[tuple[float, float]]] = PATHS, **changes: Any) -> bytes:
    """A file of trajectories, by hand; `changes` replace its arrays."""
    arrays = {
        "episodes": np.array(list(paths)),
        "lengths": np.array([len(path) for path in paths.values()]),
        "steps": np.concatenate([10 * np.arange(len(path)) for path in paths.values()]),
        "points": np.array([point for path in paths.values() for point in path], np.float32),
        "goals": np.tile(np.array([1.0, 0.5], np.float32), (len(paths), 1)),
        "walls": np.array(WALLS, np.float32),
        "radius": np.float32(0.25),
        **changes,
    }
    made = io.BytesIO()
    np.savez_compressed(made, allow_pickle=False, **arrays)
    return made.getvalue()


def add(folder: ResultsFolder, method: str, seed: int, content: bytes | None) -> Path:
    """A result with its file of trajectories, if there is one."""
    about = {}
    if content is not None:
        digest = hashlib.sha256(content).hexdigest()
        about = {"trajectories_file": f"seed-{seed}.npz", "trajectories_sha256": digest}
    path = folder.add(control(TASK, method, seed, 50.0 + seed, **about))
    if content is not None:
        path.with_suffix(".npz").write_bytes(content)
    return path


def scores_of(folder: ResultsFolder) -> SuiteScores:
    (scores,) = load_scores(folder.path)
    return scores


@pytest.fixture
def filled(folder: ResultsFolder) -> ResultsFolder:
    for seed in (0, 1):
        add(folder, "swg", seed, pack())
        add(folder, "unguided", seed, pack({1: [(0.25, 0.0), (-1.0, -0.5)]}))
    add(folder, "idql", 0, None)
    add(folder, "idql", 1, None)
    return folder


def test_the_figure_draws_the_episodes_that_every_variant_has(filled):
    figure = make_trajectories_figure(scores_of(filled), TASK)
    assert figure is not None
    paths = select(figure.marks, mark="path")
    drawn = {}
    for row in list_rows(paths):
        drawn.setdefault((row["variant"], row["seed"]), []).append([row["step"], row["x"], row["y"]])
    assert drawn == {
        ("swg", 0): [[0, 0.25, 0], [10, 0.5, -0.75], [20, 1.5, 0.875]],
        ("swg", 1): [[0, 0.25, 0], [10, 0.5, -0.75], [20, 1.5, 0.875]],
        ("unguided", 0): [[0, 0.25, 0], [10, -1, -0.5]],
        ("unguided", 1): [[0, 0.25, 0], [10, -1, -0.5]],
    }
    assert set(paths["episode"]) == {1}
    assert set(select(paths, seed=1)["return"]) == {51.0 + 2.0}, "control() gives its second episode this"
    (goal,) = list_rows(select(figure.marks, mark="goal", variant="swg"))
    assert [goal[name] for name in ("x", "y", "x2", "y2")] == [0.75, 0.25, 1.25, 0.75]
    assert "No paths were kept of idql." in figure.caption
    assert "(seed 0: 1; seed 1: 1)" in figure.caption
    assert "Dots are starts, the same for all variants" in figure.caption
    chart = {"data": {"values": json.loads(str(figure.marks.to_json(orient="records")))}, **(figure.chart or {})}
    assert "<svg" in vl_convert.vegalite_to_svg(chart, vl_version="6.4")
    assert figure.draw("png").startswith(b"\x89PNG")


def test_starts_that_differ_are_not_said_to_be_the_same(folder):
    add(folder, "swg", 0, pack())
    add(folder, "unguided", 0, pack({0: [(0.5, 0.5), (1.0, 0.5)]}))
    figure = make_trajectories_figure(scores_of(folder), TASK)
    assert figure is not None
    assert "Dots are starts;" in figure.caption


def test_a_figure_of_many_variants_has_fewer_paths():
    class Found:
        episodes = dict.fromkeys(range(20))

    few, many = ({(f"v{i}", 0): Found() for i in range(count)} for count in (2, 16))
    assert Kept(few, {}).choose() == [(0, n) for n in range(10)]  # pyright: ignore[reportArgumentType]
    assert Kept(many, {}).choose() == [(0, n) for n in range(5)]  # pyright: ignore[reportArgumentType]


def test_older_results_have_none_and_the_report_says_so(folder, tmp_path):
    folder.add_matrix({"swg": np.array([[50.0], [52.0]])}, (TASK,))
    write_report(folder.path, tmp_path / "out", options=Options(replicates=100))
    text = (tmp_path / "out" / "report.md").read_text()
    assert "These results keep no paths of their episodes" in text
    assert not list((tmp_path / "out").glob("*paths*"))


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"lengths": np.array([2, 2])}, "its lengths [2, 2] are not those of 5 points"),
        ({"lengths": np.array([0, 5])}, "its lengths [0, 5]"),
        ({"episodes": np.array([0, 2])}, "its episodes are [0, 2], of a result with 2"),
        ({"episodes": np.array([1, 1])}, "its episodes are [1, 1]"),
        ({"goals": np.zeros((1, 2), np.float32)}, "1 goals"),
        (
            {"points": np.full((5, 2), np.nan, np.float32)},
            "`points` is of type float32 and shape (5, 2), or not fin",
        ),
        ({"walls": np.zeros((10_001, 4), np.float32)}, "it has 10,001 walls"),
        ({"radius": np.zeros(2, np.float32)}, "`radius`"),
        ({"steps": np.zeros(5)}, "`steps` is of type float64"),
    ],
)
def test_arrays_that_do_not_fit_are_refused_in_one_sentence(folder, changes, fault):
    add(folder, "swg", 0, pack(**changes))
    with pytest.raises(ReportError) as caught:
        make_trajectory_blocks(scores_of(folder))
    assert fault in str(caught.value)
    assert "delete that result" in str(caught.value)


def test_another_file_than_was_written_is_refused(folder):
    path = add(folder, "swg", 0, pack())
    path.with_suffix(".npz").write_bytes(pack({0: [(0.0, 0.0)]}))
    with pytest.raises(ReportError, match="is not the one that was written"):
        make_trajectory_blocks(scores_of(folder))


def test_a_file_that_is_gone_is_said_and_the_others_are_drawn(filled):
    (file,) = (filled.path / "runs" / TASK).glob("swg-*/seed-1.npz")
    file.unlink()
    swg = [result for result in scores_of(filled).results() if result.method == "swg"]
    assert [read_trajectories(result) is None for result in swg] == [False, True]
    _, _, said = make_trajectory_blocks(scores_of(filled))
    assert f"The file of paths of 1 of 6 results is gone, such as {str(file)!r}." in getattr(said, "text", "")
    for other in filled.path.rglob("seed-*.npz"):
        other.unlink()
    _, said = make_trajectory_blocks(scores_of(filled))
    assert "The file of paths of 4 of 6 results is gone" in getattr(said, "text", "")


def make_gif(frames: int = 2, noise: int = 0) -> bytes:
    generator, made = np.random.default_rng(frames), io.BytesIO()
    size = (noise or 8, noise or 8)
    pictures = [Image.fromarray(generator.integers(0, 256, size, np.uint8)) for _ in range(frames)]
    pictures[0].save(made, "GIF", save_all=True, append_images=pictures[1:])
    return made.getvalue()


def add_video(folder: ResultsFolder, name: str, content: bytes, **changes: Any) -> Path:
    """A video of swg's first seed as `render` leaves it."""
    place = folder.path / "renders"
    place.mkdir(exist_ok=True)
    (place / f"{name}.gif").write_bytes(content)
    about = {
        "format": FORMAT,
        "suite": "maze2d",
        "task": TASK,
        "method": "swg",
        "label": "swg-0",
        "seed": 0,
        "rho": None,
        "episode": 1,
        "episode_return": 52.0,
        "camera": "map",
        "frames": 2,
        "speed": 1.0,
        "video": f"{name}.gif",
        "video_sha256": hashlib.sha256(content).hexdigest(),
        "created": "2026-11-21T04:00:00+00:00",
        **changes,
    }
    (place / f"{name}.json").write_text(json.dumps(about))
    return place / f"{name}.gif"


def test_a_video_is_in_the_page_with_whose_it_is(filled, tmp_path):
    content = make_gif()
    add_video(filled, "one", content)
    (filled.path / "renders" / "stranger.gif").write_bytes(make_gif(3))
    write_report(filled.path, tmp_path / "out", options=Options(replicates=100))
    page, text = ((tmp_path / "out" / name).read_text() for name in ("index.html", "report.md"))
    assert page.count("data:image/gif;base64,") == 1
    caption = (
        "maze2d-umaze (local), swg, seed 0: episode 1, of return 52 as in the result, in real time (camera map"
    )
    assert caption in page
    assert f"![{caption}" in text
    assert "](one.gif)" in text
    assert (tmp_path / "out" / "one.gif").read_bytes() == content
    assert "stranger" not in text


def test_videos_that_are_not_shown_are_named_with_the_reason(folder, monkeypatch):
    monkeypatch.setattr(renders, "MOST_BYTES", 8000)
    monkeypatch.setattr(renders, "MOST_BYTES_OF_ALL", 9500)
    add(folder, "swg", 0, None)
    small, large = make_gif(2, 36), make_gif(4, 60)
    assert 9500 / 2 < len(small) < 8000 < len(large)
    add_video(folder, "a", small)
    add_video(folder, "b", large)
    add_video(folder, "c", small)
    add_video(folder, "d", make_gif(), episode=7)
    add_video(folder, "e", make_gif(), episode_return=51.0)
    add_video(folder, "f", b"<svg onload=alert(1)>")
    add_video(folder, "g", make_gif()).unlink()
    add_video(folder, "h", make_gif(), label="swg-other")
    shown, said = make_trajectory_blocks(scores_of(folder))[1:3]
    assert getattr(shown, "name", "") == "a"
    text = getattr(said, "text", "")
    for reason in (
        f"`b.gif` ({len(large) / 1e6:.1f} MB, above 0.008)",
        "`c.gif` (with those before it above 0.0095 MB)",
        "`d.gif` (of episode 7, which the result does not have)",
        "`e.gif` (of a return of 51, where the result has 52)",
        "`f.gif` (no GIF)",
        "`g.gif` (its file is gone)",
    ):
        assert reason in text
    assert "h.gif" not in text, "its result is not reported"


def test_a_video_that_is_not_shown_is_not_read(folder, monkeypatch):
    add(folder, "swg", 0, None)
    read: list[str] = []
    monkeypatch.setattr(renders, "read_bytes", lambda path: read.append(path.name) or path.read_bytes())
    monkeypatch.setattr(renders, "MOST_BYTES", 8000)
    add_video(folder, "a", make_gif(2, 36))
    add_video(folder, "b", make_gif(4, 60))
    add_video(folder, "c", make_gif(), episode=7)
    add_video(folder, "d", make_gif(), label="swg-other")
    make_trajectory_blocks(scores_of(folder))
    assert read == ["a.gif"]


def test_a_video_that_was_replaced_is_refused(folder):
    add(folder, "swg", 0, None)
    add_video(folder, "one", make_gif()).write_bytes(make_gif(3))
    with pytest.raises(ReportError, match="was damaged or replaced"):
        make_trajectory_blocks(scores_of(folder))
    add_video(folder, "one", make_gif(), video="../../etc.gif")
    with pytest.raises(ReportError, match="should be a name of letters"):
        make_trajectory_blocks(scores_of(folder))
    add_video(folder, "one", make_gif(), video="other.gif")
    with pytest.raises(ReportError, match="not a video of its own name"):
        make_trajectory_blocks(scores_of(folder))
