"""A data set's file, and a server that has it."""

import pytest
from d4rl_layout import columns, write
from file_server import serving


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    path = tmp_path_factory.mktemp("file") / "x.hdf5"
    return write(path, "maze2d", columns("maze2d", rows=4_000)).read_bytes()


@pytest.fixture
def server(content, monkeypatch):
    with serving(content) as served:
        monkeypatch.setenv("D4RL_URL", served.address)
        yield served
