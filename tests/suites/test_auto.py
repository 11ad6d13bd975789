"""`auto` takes what is stored, else what can be made here, else says what to type; it never asks the network."""

import socket
from dataclasses import replace
from pathlib import Path

import pytest

from suites.data import load
from suites.errors import DataError
from suites.registry import get_tasks
from suites.sources.auto import Wanted, choose_sources
from suites.sources.d4rl.fetch import stored_file

HOPPER, WALKER = get_tasks("locomotion", ["hopper-medium-v2", "walker2d-medium-v2"])
(UMAZE,) = get_tasks("maze2d", ["maze2d-umaze"])
(ANT,) = get_tasks("antmaze", ["antmaze-umaze"])
(MOONS,) = get_tasks("toy", ["moons"])
KITCHEN = get_tasks("kitchen")
PENS = get_tasks("adroit-pen")


@pytest.fixture(autouse=True)
def calls(monkeypatch):
    """The connections that were tried; each fails."""
    tried = []

    def refuse(self, address):
        tried.append(address)
        raise OSError("no network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    return tried


@pytest.fixture(autouse=True)
def minari_home(monkeypatch, tmp_path):
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    return tmp_path / "minari"


def store(directory: Path, *names: str) -> None:
    """Empty files where D4RL's are stored: what is in them does not matter until they are read."""
    for name in names:
        file = stored_file(directory, name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()


def chosen(directory, *tasks, version=None):
    return choose_sources([Wanted(task, version) for task in tasks], directory)


def refused(directory, *tasks, version=None):
    with pytest.raises(DataError) as caught:
        chosen(directory, *tasks, version=version)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_tasks_of_a_suite_that_are_asked_for_together_have_one_source(tmp_path, calls):
    assert chosen(tmp_path, HOPPER, WALKER) == {"hopper-medium-v2": "local", "walker2d-medium-v2": "local"}
    store(tmp_path, "hopper-medium-v2")
    assert chosen(tmp_path, HOPPER) == {"hopper-medium-v2": "d4rl"}
    assert chosen(tmp_path, HOPPER, WALKER) == {"hopper-medium-v2": "local", "walker2d-medium-v2": "local"}
    store(tmp_path, "walker2d-medium-v2")
    assert chosen(tmp_path, HOPPER, WALKER) == {"hopper-medium-v2": "d4rl", "walker2d-medium-v2": "d4rl"}
    assert calls == []


def test_suites_do_not_decide_for_each_other(tmp_path):
    store(tmp_path, "hopper-medium-v2")
    assert chosen(tmp_path, HOPPER, UMAZE, MOONS) == {
        "hopper-medium-v2": "d4rl",
        "maze2d-umaze": "local",
        "moons": "local",
    }


def test_the_version_of_a_table_is_looked_for(tmp_path):
    store(tmp_path, "antmaze-umaze-v0")
    assert chosen(tmp_path, ANT, version="v0") == {"antmaze-umaze": "d4rl:v0"}
    said = refused(tmp_path, ANT)
    assert said.startswith(f"D4RL's data of antmaze-umaze are not in {tmp_path}, and none can be made here: ")
    store(tmp_path, "antmaze-umaze-v2")
    assert chosen(tmp_path, ANT) == {"antmaze-umaze": "d4rl"}
    (tmp_path / "d4rl" / "antmaze-umaze-v0.hdf5").unlink()
    said = refused(tmp_path, ANT, version="v0")
    assert said.startswith("D4RL's data (v0) of antmaze-umaze are not in ")
    assert f"`python -m bench data fetch antmaze-umaze --data d4rl:v0 --artifacts {tmp_path.parent}`" in said
    assert "`python -m bench data import FILE --task antmaze-umaze --data d4rl:v0 --artifacts " in said


def test_minaris_sets_are_looked_for_in_minaris_folder(tmp_path, minari_home, calls):
    said = refused(tmp_path, *KITCHEN)
    assert said.startswith("Minari's data of kitchen-partial, kitchen-mixed and kitchen-complete are not in ")
    assert "with a connection, type `python -m bench data fetch kitchen`; with data of your own" in said
    for kind in ("partial", "mixed"):
        (minari_home / f"D4RL/kitchen/{kind}-v2/data").mkdir(parents=True)
    assert "data of kitchen-complete are not in" in refused(tmp_path, *KITCHEN)
    (minari_home / "D4RL/kitchen/complete-v2/data").mkdir(parents=True)
    assert set(chosen(tmp_path, *KITCHEN).values()) == {"minari"}
    assert calls == []


def test_another_published_source_is_named_and_not_taken(tmp_path, minari_home):
    for kind in ("human", "cloned"):
        (minari_home / f"D4RL/pen/{kind}-v2/data").mkdir(parents=True)
    assert "for Minari's data instead, --data minari" in refused(tmp_path, *PENS)
    assert "--data minari" not in refused(tmp_path, *PENS, ANT)


def test_what_several_suites_lack_is_one_sentence(tmp_path):
    said = refused(tmp_path, HOPPER, ANT, *KITCHEN)
    assert "hopper" not in said
    fetching = f"`python -m bench data fetch antmaze-umaze --artifacts {tmp_path.parent}` and "
    assert f"{fetching}`python -m bench data fetch kitchen`;" in said


def test_a_task_without_published_data_is_not_sent_to_a_server(tmp_path):
    own = replace(ANT, name="own", datasets={"local": "local/own"})
    said = refused(tmp_path, own)
    assert said.startswith(
        "no published data are declared for own, and none can be made here: with data of your own"
    )
    assert chosen(tmp_path, replace(HOPPER, datasets={"local": "local/own"})) == {"hopper-medium-v2": "local"}


def test_two_published_sources_are_not_mixed(tmp_path, minari_home):
    store(tmp_path, "pen-human-v1")
    (minari_home / "D4RL/pen/cloned-v2/data").mkdir(parents=True)
    human, cloned = PENS
    other = replace(cloned, datasets={"minari": "D4RL/pen/cloned-v2"})
    assert refused(tmp_path, human, other).startswith("no one source has data for all of pen-human and pen-cloned")


def test_loading_follows_the_rule_for_one_task(tmp_path, calls):
    rows = load(UMAZE, "auto", count=500, directory=tmp_path)
    assert (rows.source, rows.name) == ("local", "local/maze2d-umaze-500-v1")
    store(tmp_path, "maze2d-umaze-v1")
    with pytest.raises(DataError, match="data set maze2d-umaze-v1"):  # it is taken, and is no HDF5 file
        load(UMAZE, "auto", count=500, directory=tmp_path)
    assert calls == []
    with pytest.raises(DataError, match="cannot be reached"):
        load(HOPPER, "d4rl", count=500, directory=tmp_path)
    assert len(calls) == 1, "a source that is asked for by its name is downloaded"
