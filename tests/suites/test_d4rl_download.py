"""Over a real connection that breaks in every way: the right file arrives whole, or a sentence says why not."""

import hashlib
import json
import socket
import threading
import time

import pytest
from d4rl_layout import columns, write

from suites.data import load
from suites.errors import DataError
from suites.registry import get_tasks
from suites.sources.d4rl.fetch import fetch_d4rl, stored_file
from suites.sources.d4rl.files import LEARNED
from suites.sources.download import Patience

(MAZE,) = get_tasks("maze2d", ["maze2d-umaze"])
(ANTMAZE,) = get_tasks("antmaze", ["antmaze-umaze"])
(HOPPER,) = get_tasks("locomotion", ["hopper-medium-v2"])
NAME = "maze2d-umaze-v1"  # not in the shipped lock file, so the first download is accepted
QUICK = Patience(stall=0.3, tries=3, wait=0.01)


def fetch(folder, **given):
    said = []
    fetched = fetch_d4rl(NAME, folder, patience=QUICK, say=said.append, **given)
    return fetched, " / ".join(said)


def nothing_cached(folder):
    return not stored_file(folder, NAME).exists() and not list(folder.rglob("*.hdf5"))


def test_a_good_download_is_the_file_and_is_not_repeated(server, content, tmp_path):
    told = []
    fetched, _ = fetch(tmp_path, progress=lambda *pair: told.append(pair))
    assert fetched
    assert stored_file(tmp_path, NAME).read_bytes() == content
    assert told[-1] == (len(content), len(content))
    assert told == sorted(told)
    assert fetch(tmp_path)[0] is False
    assert len(server.ranges) == 1
    assert {path.name for path in (tmp_path / "d4rl").iterdir()} - {LEARNED} == {
        f"{NAME}.hdf5", f".{NAME}.hdf5.lock", f".{NAME}.hdf5.lock.holders"
    }  # fmt: skip
    learned = json.loads((tmp_path / "d4rl" / LEARNED).read_text())
    assert learned == {NAME: {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}}


FAULTS = {
    "cut": [("cut", 1_000), ("cut", 1_000)],
    "cut at once": [("cut", 0), ("cut", 0)],
    "stall": [("stall", 1_000)],
    "stall at once": [("stall", 0)],
    "500": [500, 500],
    "503 in the middle": [("cut", 1_000), 503, ("cut", 500), 500],
    "416": [("cut", 1_000), 416],
    "cut more often than it has patience": [("cut", 1_000)] * 8,
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_bad_connection_is_survived(server, content, tmp_path, name):
    server.faults = list(FAULTS[name])
    fetch(tmp_path)
    assert stored_file(tmp_path, NAME).read_bytes() == content
    assert not server.faults


def test_a_broken_download_goes_on_where_it_stopped(server, content, tmp_path):
    server.faults = [("cut", 1_000), ("stall", 500)]
    fetch(tmp_path)
    assert server.ranges == [None, "bytes=1000-", "bytes=1500-"]


def test_another_run_goes_on_where_a_run_gave_up(server, content, tmp_path):
    server.faults = [("cut", 2_000), 500, 500, 500]
    with pytest.raises(DataError, match=r"the server answered 500 .* 3 tries .* \(2,000 bytes\) is kept"):
        fetch(tmp_path)
    assert nothing_cached(tmp_path)
    fetch(tmp_path)
    assert server.ranges[-1] == "bytes=2000-"
    assert stored_file(tmp_path, NAME).read_bytes() == content


def test_a_server_that_never_answers_is_given_up(server, tmp_path):
    server.faults = [("stall", 0)] * 10
    start = time.monotonic()
    with pytest.raises(DataError, match=r"3 tries in a row that brought nothing"):
        fetch(tmp_path)
    assert time.monotonic() - start < 5
    assert nothing_cached(tmp_path)


@pytest.mark.parametrize("says_so", [True, False])
def test_a_file_that_changes_on_the_way_is_not_joined(server, content, tmp_path, says_so):
    """An honest server sends the new file whole; another sends the rest of it, with only its new tag to tell."""
    newer = write(tmp_path / "new.hdf5", "maze2d", columns("maze2d", rows=4_000, seed=7)).read_bytes()
    (tmp_path / "new.hdf5").unlink()

    def change(served):
        served.content = newer
        if says_so:
            served.tag = '"two"'
        else:  # answers the condition on the old tag as if it still held, and only then names the new one
            served.tag = LyingTag('"two"')

    server.faults = [("cut", 2_000), change]
    _, said = fetch(tmp_path)
    assert stored_file(tmp_path, NAME).read_bytes() == newer
    assert "file changed on the server" in said


class LyingTag(str):
    """A tag that every If-Range is found to match."""

    __hash__ = str.__hash__

    def __eq__(self, other):
        return True


@pytest.mark.parametrize("lacking", ["tag", "resumes"])
def test_a_server_that_cannot_resume_sends_it_all_again(server, content, tmp_path, lacking):
    server.faults = [("cut", 2_000)]
    setattr(server, lacking, None if lacking == "tag" else False)
    _, said = fetch(tmp_path)
    assert stored_file(tmp_path, NAME).read_bytes() == content
    assert "start" in said


def test_an_unmeasured_answer_cut_short_never_enters(server, tmp_path):
    server.measures = False
    server.faults = [("cut", 3_000)]
    with pytest.raises(DataError, match="cannot be read as HDF5"):
        fetch(tmp_path)
    assert nothing_cached(tmp_path)


@pytest.mark.parametrize("status", [403, 404, 410])
def test_an_answer_that_will_not_change_ends_it(server, tmp_path, status):
    server.faults = [status]
    with pytest.raises(DataError, match=f"answered {status} .*python -m bench data import"):
        fetch(tmp_path)
    assert len(server.ranges) == 1


def test_a_page_in_the_place_of_the_file_never_enters(server, tmp_path):
    server.content = b"<html>please log in</html>"
    with pytest.raises(DataError, match="cannot be read as HDF5"):
        fetch(tmp_path)
    assert nothing_cached(tmp_path)
    assert not list((tmp_path / "d4rl").glob("*.partial*"))


def test_a_stored_file_that_was_damaged_is_found_out(server, content, tmp_path):
    fetch(tmp_path)
    stored_file(tmp_path, NAME).write_bytes(content[:-7])
    with pytest.raises(DataError, match="delete it and fetch again"):
        fetch(tmp_path)


def test_auto_and_d4rl_download_by_themselves(server, content, tmp_path):
    rows = load(MAZE, "d4rl", count=1, directory=tmp_path)
    assert (rows.source, rows.name) == ("d4rl", NAME)
    assert 3_000 < len(rows) < 4_000
    assert stored_file(tmp_path, NAME).read_bytes() == content


def test_two_at_a_time_download_once(server, content, tmp_path):
    server.faults = [lambda _: time.sleep(0.2)]
    threads = [threading.Thread(target=fetch, args=(tmp_path,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(server.ranges) == 1
    assert stored_file(tmp_path, NAME).read_bytes() == content


def test_without_a_connection_it_stops_soon_and_says_what_to_type(tmp_path):
    start = time.monotonic()
    with pytest.raises(DataError) as caught:
        load(HOPPER, "d4rl", count=1, directory=tmp_path)
    assert time.monotonic() - start < 5
    for words in (
        "hopper-medium-v2 (d4rl)",
        "cannot be reached",
        "`python -m bench data fetch hopper-medium-v2`",
        "`python -m bench data import FILE --task hopper-medium-v2`",
        "--data file:PATH",
    ):
        assert words in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_server_that_takes_the_call_and_says_nothing_stops_it_soon(tmp_path, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("D4RL_URL", f"http://127.0.0.1:{silent.getsockname()[1]}/")
        start = time.monotonic()
        with pytest.raises(DataError, match=r"cannot be reached .*data fetch maze2d-umaze`.* --data local"):
            load(MAZE, "d4rl", count=1, directory=tmp_path)
    assert time.monotonic() - start < 4


def test_another_version_is_asked_for_by_its_name(tmp_path):
    with pytest.raises(DataError, match=r"antmaze-umaze-v0 .*ant_maze_new/.*fetch antmaze-umaze --data d4rl:v0`"):
        load(ANTMAZE, "d4rl:v0", count=1, directory=tmp_path)


def test_a_server_in_trouble_stops_a_run_at_once(server, tmp_path):
    server.status_of_head = 503
    with pytest.raises(DataError, match=r"cannot be reached \(it answers 503"):
        load(MAZE, "d4rl", count=1, directory=tmp_path)


def test_a_disk_without_room_is_said_before_anything_is_written(server, tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 10}))
    with pytest.raises(DataError, match="there is less free space"):
        fetch(tmp_path)
    assert nothing_cached(tmp_path)
