"""`data` lists, fetches, makes, imports, describes and checks, through the command line and a real server."""

import functools
import http.server
import json
import threading

import h5py
import numpy as np
import pytest
from command_line import MAZE

NAME = "maze2d-umaze-v1"


@pytest.fixture
def url(original, tmp_path):
    handler = functools.partial(Quiet, directory=str(tmp_path / "mirror"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format, *args):
        pass


@pytest.fixture
def data(bench, tmp_path):
    """Runs `data ...` with a folder of its own."""

    def told(*arguments):
        return bench("data", *arguments, "--artifacts", tmp_path / "a")

    return told


def row_of(listing, words):
    (line,) = [line.split() for line in listing.splitlines() if words in line]
    return line


def test_fetch_list_info(data, url, original, tmp_path):
    assert row_of(data("list", "maze2d").out, NAME)[3:] == ["no", "-", "-"]
    told = data("fetch", "maze2d-umaze", "--url", url)
    assert "fetched in" in told.out
    assert "no lock file has" in told.out
    assert "already downloaded, checksum verified" in data("fetch", "maze2d-umaze").out
    megabytes = f"{original.stat().st_size / 1e6:.1f}"
    assert row_of(data("list").out, NAME)[3:] == ["yes", megabytes, "MB", "-"]
    described = data("info", "maze2d-umaze", "--data", "d4rl").out
    assert "990 transitions in 10 episodes (0 ended by termination, 10 by timeout)" in described
    assert row_of(described, "length")[1:] == ["99"] * 7
    assert row_of(described, "return")[1:] == ["1.00"] * 7
    assert row_of(described, "score")[1:] == ["-16.6"] * 7  # 100 (1 - 23.85) / (161.86 - 23.85)
    assert (tmp_path / "a/data/pictures/maze2d-umaze-d4rl.png").read_bytes().startswith(b"\x89PNG")
    assert row_of(data("list", "maze2d-umaze").out, NAME)[-1] == "990"


def test_make_and_list(data):
    assert "local/maze2d-umaze-2k-v1: 2,000 transitions" in data("make", "maze2d-umaze", "--transitions", 2000).out
    line = row_of(data("list", "maze2d-umaze").out, "local/maze2d-umaze")
    assert (line[2], line[3], line[-1]) == ("local/maze2d-umaze-2k-v1", "yes", "2,000")


def test_import(data, original, tmp_path):
    assert "copied to" in data("import", original, "--task", "maze2d-umaze").out
    assert (tmp_path / "a/data/d4rl" / f"{NAME}.hdf5").read_bytes() == original.read_bytes()
    refused = data("import", original, "--task", "hopper-medium-v2").mistake
    assert "is not D4RL's hopper-medium-v2: it has" in refused


@pytest.mark.usefixtures("short_episodes")
def test_a_result_says_what_its_data_were(bench, data, original, tmp_path):
    data("import", original, "--task", "maze2d-umaze")
    for place, source in (("one", "d4rl"), ("two", f"file:{original}")):  # the same data would count as finished
        folders = ("--results", tmp_path / "r" / place, "--artifacts", tmp_path / "a")
        told = bench("run", *MAZE, "--methods", "unguided", "--seeds", 1, *folders, "--data", source)
        assert told.code == 0, told.err
    found = [json.loads(path.read_text())["data"] for path in (tmp_path / "r").glob("*/runs/*/*/seed-0.json")]
    about = {each.pop("source"): each for each in found}
    assert about["d4rl"].pop("name") == NAME
    assert about["file"].pop("name") == original.name
    assert (about["d4rl"].pop("version"), about["file"].pop("version")) == ("v1", None)
    assert about["d4rl"] == about["file"]
    assert (about["d4rl"]["transitions"], about["d4rl"]["reward_transform"]) == (990, "r")


def test_check(bench, original):
    assert "No faults found" in bench("data", "check", original, "--task", "maze2d-umaze").out
    with h5py.File(original, "a") as file:
        rewards, actions = file["rewards"], file["actions"]
        assert isinstance(rewards, h5py.Dataset)
        assert isinstance(actions, h5py.Dataset)
        rewards[5] = np.nan
        actions[7, 0] = 3
    told = bench("data", "check", original)
    assert "has 2 faults" in told.mistake
    assert "1. rewards holds nan in row 5" in told.out
    assert "2. actions holds 3.0 in row 7" in told.out


def test_check_of_all_that_is_stored(data, original, tmp_path, monkeypatch):
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    assert data("check").out == "No faults found.\n"
    data("import", original, "--task", "maze2d-umaze")
    data("make", "maze2d-umaze", "--transitions", 500)
    data("info", "maze2d-umaze", "--data", "d4rl")
    told = data("check")
    assert told.out.count(": as it was\n") == 4, told.out
    assert told.out.endswith("No faults found.\n")
    floor = tmp_path / "a" / "floors" / "moons-0123" / "beta-1-samples-5.json"
    floor.parent.mkdir(parents=True)
    floor.write_text("{}")
    changed = [*(tmp_path / "a" / "data").rglob("*.hdf5"), *(tmp_path / "a" / "data").rglob("*.npz")]
    for file in changed:
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
    told = data("check")
    assert told.mistake == "5 of the stored data are not as they should be."
    assert "its SHA-256 is" in told.out
    assert "flat copy" in told.out
    assert "noise floor" in told.out
    assert "--task says what a file should fit" in data("check", "--task", "maze2d-umaze").mistake


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("fetch", "data fetch lacks TASK"),
        ("make", "data make lacks TASK"),
        ("fetch hoper-medium-v2", "did you mean hopper-medium-v2"),
        ("fetch toy", "task 8gaussians has nothing to fetch"),
        ("fetch maze2d --data local", "--data local is not downloaded"),
        ("fetch antmaze --data d4rl:v7", "no version 'v7' here: the choices are d4rl:v2, d4rl:v0"),
        ("fetch hopper-medium-v2 --tries 0", "tries=0 must be at least 1"),
        ("fetch hopper-medium-v2 --tries 1", "cannot be downloaded: no answer from the server"),
        ("fetch kitchen-mixed", "D4RL/kitchen/mixed-v2 (minari) is not in"),
        ("make hopper-medium-v2 --transitions 0", "hopper-medium-v2"),
        ("info maze2d", "'maze2d' is a suite; choose one of its tasks: maze2d-umaze"),
        ("import nowhere.hdf5 --task maze2d-umaze", "there is no file nowhere.hdf5"),
        ("import nowhere.hdf5 --task maze2d-umaze --data local", "only D4RL's files can"),
    ],
)
def test_mistakes(data, tmp_path, monkeypatch, arguments, words):
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    assert words in data(*arguments.split()).mistake
    assert not list(tmp_path.rglob("*.hdf5"))


def test_check_of_what_is_no_file(bench):
    assert "there is no file nowhere.hdf5" in bench("data", "check", "nowhere.hdf5").mistake
    assert "is a density" in bench("data", "check", "nowhere.hdf5", "--task", "moons").mistake


def test_help(bench):
    assert "fetch" in bench("data").out
    assert "data fetch hopper-medium-v2" in bench("data", "fetch", "--help").out


def test_few_transitions_are_refused_and_fewer_than_a_batch_are_said(bench, fresh, tmp_path, original):
    """A file of 60 rows teaches nothing; a batch larger than the data has some of them twice."""
    with h5py.File(original) as whole, h5py.File(tmp_path / "few.hdf5", "w") as few:
        for name, column in whole.items():
            assert isinstance(column, h5py.Dataset)
            few[name] = column[:60]
    plan = ("plan", *MAZE, "--methods", "unguided", "--seeds", "1", *fresh)
    sentence = bench(*plan, "--data", f"file:{tmp_path / 'few.hdf5'}").mistake
    assert "few.hdf5 (file) of task maze2d-umaze has 59 transitions, and a run learns from 100 or more" in sentence
    said = bench(*plan, "--data", "local", "--data-set.transitions", "200", "--denoiser.batch-size", "256").out
    assert "maze2d-umaze: 200 transitions are fewer than denoiser.batch_size=256" in said
