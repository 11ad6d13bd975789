"""A video shows the very episode that a result was scored on, or says by how much it does not."""

import json
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from command_line import MAZE
from drifting import TASK as DRIFT
from PIL import Image

import bench as interface
from bench.cli.main import main
from bench.doctor.finding import Finding
from bench.progress import ProgressConsole
from bench.video import film, shot
from bench.video.film import cut_episode
from bench.video.make import find_control_task
from bench.video.maze_map import SCALE, Placement, draw_map
from bench.video.replay import State
from foundation.errors import UserError
from reports.load.seals import seal_file
from suites import ControlTask, TopView

LACK = Finding("rendering", "none (egl: no libEGL)", "warn", "install libegl1 by your system's packages")
VIEW = TopView(np.array([[-2.0, -1.0, -1.0, 1.0], [1.0, -1.0, 2.0, 1.0]]), (0.0, 0.5), 0.25)


@pytest.fixture(scope="session")
def evaluated(tmp_path_factory) -> tuple[Path, Path]:
    """Results and artifacts with an episode of unguided on maze2d-umaze."""
    results, artifacts = tmp_path_factory.mktemp("rendered") / "results", tmp_path_factory.mktemp("artifacts")
    command = (*MAZE, "--methods", "unguided", "--seeds", "1", "--processes", "1")
    main(["run", *command, "--results", str(results), "--artifacts", str(artifacts)])
    return results, artifacts


@pytest.fixture
def render(bench, evaluated):
    """Call `render` on that episode, with other words after it."""

    def call(*words: object, results: Path = evaluated[0]):
        places = ("--results", results, "--artifacts", evaluated[1])
        return bench("render", "maze2d-umaze", "unguided", 0, *places, *words)

    return call


def test_the_episode_is_the_one_that_was_scored(render, evaluated):
    told = render("--camera", "map", "--width", 100)
    assert told.code == 0, told
    (result,) = [json.loads(f.read_text()) for f in (evaluated[0] / "runs" / "maze2d-umaze").rglob("seed-0.json")]
    total = result["episodes"][0]["return"]
    assert f"episode 0: return {total:.6g} in 300 steps" in told.out
    assert "exactly as in the result" in told.out
    (file,) = (evaluated[0] / "renders").glob("*.gif")
    about = json.loads(file.with_suffix(".json").read_text())
    assert (about["episode_return"], about["camera"], about["speed"]) == (total, "map", 1.0)
    with Image.open(file) as picture:
        assert picture.size == (100, 100), "the maze has 5 × 5 cells"
        assert picture.info["loop"] == 0
    report = interface.report(results=evaluated[0], tasks=["maze2d-umaze"], progress=False)
    assert (report / "index.html").read_text().count("data:image/gif;base64,") == 1


def test_another_episode_than_was_scored_is_said_to_be_another(render, evaluated, tmp_path):
    """As on another processor: here the result is edited."""
    for file in (evaluated[0] / "runs" / "maze2d-umaze").rglob("seed-0.json"):
        result = json.loads(file.read_text())
        result.pop("sha256")
        (episode,) = result["episodes"]
        episode["return"] += 2.0
        result["versions"]["torch"] = "1.0"
        copy = tmp_path / file.relative_to(evaluated[0])
        copy.parent.mkdir(parents=True)
        copy.write_bytes(seal_file(json.dumps(result, indent=1)))
    (tmp_path / "FORMAT").write_text("4\n")
    told = render("--camera", "map", "--out", tmp_path / "it.gif", results=tmp_path)
    assert told.code == 0, told
    assert re.search(r"not the episode that was scored, whose return is [\d.]+ in 300 steps, 2 from it", told.out)
    assert "torch 1.0 there, " in told.out
    assert not (tmp_path / "it.json").exists()
    assert (tmp_path / "it.gif").read_bytes().startswith(b"GIF")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--episode", 1), "episode=1 is not one of this result's, 0 to 0; name one."),
        (
            ("--camera", "tpo"),
            "unknown camera of maze2d-umaze 'tpo'; did you mean top? choose one of top, free, map.",
        ),
        (("--out", "it.avi"), "'it.avi' ends in neither .gif nor .mp4; give it one of these endings."),
        (("--out", "it.mp4"), "'it.mp4' needs ffmpeg, which is not here; install it by"),
        (("--out", "it.mp4", "--width", 321), "width=321 is odd, and an MP4 has even sides; give 322"),
        (("--width", 4000), "width=4000 must be at least 16 and at most 1920"),
        (("--fps", 0), "fps=0 must be at least 1"),
        (("--rho", 3), "has no result of unguided on maze2d-umaze for seed 0, ρ=3"),
        (("--variant", "x"), "has no result of unguided on maze2d-umaze for seed 0, variant 'x'"),
    ],
)
def test_a_mistake_is_one_sentence(render, words, sentence, monkeypatch):
    monkeypatch.setattr(shot, "find_ffmpeg", lambda: None)
    told = render(*words)
    assert told.code == 2
    assert sentence in told.mistake


def test_a_toy_set_has_no_episodes():
    with pytest.raises(UserError) as caught:
        find_control_task(SimpleNamespace(suite="toy", task="moons"))  # pyright: ignore[reportArgumentType]
    assert str(caught.value) == (
        "task moons is a density, which has no episodes to show; `python -m bench report` draws its samples."
    )


def test_without_a_renderer_a_maze_is_drawn_as_a_map(render, monkeypatch, tmp_path):
    monkeypatch.setattr(shot, "find_backend", lambda *_: (None, LACK))
    told = render("--out", tmp_path / "it.gif", "--width", 32)
    assert told.code == 0
    assert (
        "MuJoCo cannot render here (none (egl: no libEGL)): install libegl1 by your system's packages" in told.out
    )
    assert "the maze is drawn as a map" in told.out
    assert "camera map)" in told.out
    refused = render("--camera", "free")
    assert refused.code == 2
    assert "install libegl1 by your system's packages, or ask for the camera map." in refused.mistake


def test_a_task_without_anything_to_draw_is_refused():
    with pytest.raises(UserError, match=r"the simulator of drift has no MuJoCo model, and the task no `top_view`"):
        shot.plan_shot(DRIFT, shot.Wanted(None, 32, None, 20), ProgressConsole(quiet=True))


def clock(count: int, step: float | None) -> list[State]:
    return [State(None if step is None else step * at, (0.0, 0.0)) for at in range(count)]


def test_a_cut_is_in_real_time_or_as_fast_as_it_must_be():
    cut = cut_episode(clock(301, 0.01), 20, 300)
    assert (cut.shown, cut.speed) == (tuple(range(0, 301, 5)), pytest.approx(1.0))
    slow = cut_episode(clock(1001, 0.1), 20, 300)
    assert (slow.shown[:3], slow.shown[-1], slow.speed) == ((0, 4, 8), 1000, pytest.approx(8.0))
    assert len(slow.shown) == 251
    assert cut_episode(clock(5, None), 20, 300) == film.Cut((0, 1, 2, 3, 4), None)
    assert cut_episode(clock(1, 0.1), 20, 300).shown == (0,)


@pytest.mark.parametrize(
    ("fps", "shown", "speed"),
    [
        (20, (0, 5, 10), 1.0),  # 5 hundredths of a second from picture to picture
        (30, (0, 3, 6, 9, 10), 1.0),  # 3 of them, for 3.33
        (45, (0, 2, 4, 6, 8, 10), 1.0),  # 2, for 2.22
    ],
)
def test_the_speed_of_a_gif_is_that_of_the_delay_in_its_file(tmp_path, fps, shown, speed):
    """States are a hundredth of a second apart, so that one of every three is real time at three hundredths."""
    cut = cut_episode(clock(11, 0.01), 1000 / film.round_delay(fps), 300)
    assert (cut.shown, cut.speed) == (shown, pytest.approx(speed))
    pixels = (np.full((4, 4, 3), 20 * at, np.uint8) for at in range(11))
    pictures = list(pixels)
    film.write_gif(tmp_path / "a.gif", cut, lambda places: (pictures[at] for at in places), fps)
    with Image.open(tmp_path / "a.gif") as gif:
        seconds = gif.info["duration"] / 1000
    assert cut.speed == pytest.approx((cut.shown[1] - cut.shown[0]) * 0.01 / seconds)


def test_the_map_has_walls_goal_and_position_where_they_are():
    """4 × 2 metres in 80 × 80 pixels: 20 pixels to the metre, the maze's middle in the picture's."""
    place = Placement(VIEW, (80, 80))
    assert place.locate((0.0, 0.0)) == (40 * SCALE, 40 * SCALE)
    assert place.locate((1.0, 0.5)) == (60 * SCALE, 30 * SCALE), "y points up"
    states = [State(None, (-0.5, -0.5)), State(None, (0.5, -0.5))]
    (picture,) = draw_map(states, [1], VIEW, (80, 80))
    assert picture.shape == (80, 80, 3)
    seen = {name: "#{:02x}{:02x}{:02x}".format(*picture[at]) for name, at in (
        ("wall", (40, 5)), ("free", (40, 40)), ("goal", (30, 40)), ("here", (50, 50)), ("way", (50, 40)),
        ("outside", (5, 40)),
    )}  # fmt: skip
    assert seen["wall"] == "#9aa5b8"
    assert seen["goal"] == "#c9e6d1"
    assert seen["here"] == "#0072b2"
    assert seen["way"] == "#7fb3d9"
    assert seen["free"] == seen["outside"] == "#ffffff"


@pytest.mark.slow
def test_mujoco_draws_the_ball_where_it_is(render, evaluated, tmp_path):
    """Two positions give two pictures; the goal's disc lies in both."""
    from bench.doctor.finding import Subject
    from bench.doctor.isolated import Processes
    from bench.doctor.simulators import find_backend
    from bench.video.replay import Replay, open_recorder
    from bench.video.scene import draw_scenes, use_backend
    from suites import get_tasks

    backend, _ = find_backend(Processes(), Subject())
    if backend is None:
        pytest.skip("no renderer on this machine")
    (task,) = get_tasks("maze2d", ["maze2d-umaze"])
    assert isinstance(task, ControlTask)
    recorder = open_recorder(task)
    recorder.reset(seed=0)
    (state,) = recorder.states
    states = [replace(state, qpos=np.array(at)) for at in ((1.0, 1.0), (1.0, -1.0))]
    played = Replay(0, None, None, states, recorder.model, recorder.looks, recorder.view)  # pyright: ignore
    with use_backend(backend):
        one, other = draw_scenes(played, states, "top", (100, 100))
    differ = np.argwhere((one.astype(int) != other).any(axis=2))
    rows, columns = differ[:, 0], differ[:, 1]
    assert 50 < columns.min() < columns.max() < 85, "x = 1 is right of the middle"
    assert rows.min() < 40 < 60 < rows.max(), "y = 1 above, y = -1 below"
