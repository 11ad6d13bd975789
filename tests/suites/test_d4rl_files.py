"""A file that is not the one in the lock file never gets among the data, wherever it comes from."""

import json

import pytest

from suites.data import load
from suites.errors import DataError
from suites.registry import get_tasks
from suites.sources.d4rl.fetch import fetch_d4rl, import_d4rl, stored_file
from suites.sources.d4rl.files import FILES, LEARNED, SHIPPED
from suites.sources.download import Patience

(MAZE,) = get_tasks("maze2d", ["maze2d-umaze"])
NAME = "maze2d-umaze-v1"  # not in the shipped lock file, so the first download is accepted
QUICK = Patience(stall=0.3, tries=3, wait=0.01)


def fetch(folder):
    return fetch_d4rl(NAME, folder, patience=QUICK)


def nothing_cached(folder):
    return not list(folder.rglob("*.hdf5"))


def test_what_was_learned_binds_the_next_download(server, content, tmp_path):
    fetch(tmp_path)
    stored_file(tmp_path, NAME).unlink()
    flipped = bytearray(content)
    flipped[-1] ^= 1
    server.content = bytes(flipped)
    with pytest.raises(DataError, match=rf"is not D4RL's {NAME}: its SHA-256 is .* \({LEARNED}\)"):
        fetch(tmp_path)
    server.content = content + b"x"
    with pytest.raises(DataError, match=f"it has {len(content) + 1:,} bytes and should have {len(content):,}"):
        fetch(tmp_path)
    assert nothing_cached(tmp_path)


def test_the_shipped_lock_refuses_another_file(server, tmp_path):
    with pytest.raises(DataError, match=r"should have 152,756,557 \(d4rl.lock.json\)"):
        fetch_d4rl("hopper-medium-v2", tmp_path, patience=QUICK)
    assert not list(tmp_path.rglob("*.hdf5"))


def test_import_takes_the_file_and_only_that(server, content, tmp_path):
    mine = tmp_path / "mine.hdf5"
    mine.write_bytes(content)
    folder = tmp_path / "data"
    import_d4rl(mine, NAME, folder)
    assert stored_file(folder, NAME).read_bytes() == content == mine.read_bytes()
    assert load(MAZE, "d4rl", count=1, directory=folder).name == NAME
    assert server.ranges == []
    with pytest.raises(DataError, match="use it as your own data with --data file:PATH"):
        import_d4rl(mine, "hopper-medium-v2", folder)
    mine.write_bytes(content[:-100])
    with pytest.raises(DataError, match="cannot be read as HDF5"):
        import_d4rl(mine, "maze2d-large-v1", folder)
    assert len(list(folder.rglob("*.hdf5"))) == 1


def test_the_shipped_lock_knows_what_it_says_it_knows():
    shipped = json.loads(SHIPPED.read_text())
    unknown = {"antmaze-medium-play-v2", "maze2d-umaze-v1", "maze2d-medium-v1", "maze2d-large-v1"}
    assert set(FILES) - set(shipped) == unknown
    assert all(len(entry["sha256"]) == 64 and entry["size"] > 2_000_000 for entry in shipped.values())
    assert len({entry["sha256"] for entry in shipped.values()}) == len(shipped)
