"""A set made here is a Minari data set: written whole or not at all, and read as any other is."""

import io
import json
import os
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import h5py
import minari
import numpy as np
import pytest
from control_tasks import control_tasks

from foundation.npz import find_npz_fault
from suites.data import load
from suites.errors import DataError
from suites.simulators.point_maze import PointMaze
from suites.sources.checksums import RECORD
from suites.sources.local import format_local_name
from suites.sources.transitions import ARRAYS

UMAZE = control_tasks("maze2d")["maze2d-umaze"]
NAME = "local/maze2d-umaze-2k-v1"


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    directory = tmp_path_factory.mktemp("data")
    load(UMAZE, "local", count=2_000, directory=directory)
    return directory


@pytest.fixture
def directory(stored, tmp_path):
    """A copy that a test may damage."""
    return Path(shutil.copytree(stored, tmp_path / "data"))


@pytest.fixture
def unrecorded(directory):
    """One whose files' checksums are not known, as version 0.2.0 left it: what is in it is taken as it is."""
    (directory / NAME / RECORD).unlink()
    return directory


def load_umaze(directory):
    return load(UMAZE, "local", count=2_000, directory=directory)


def generated():
    """What the recipe makes for the stored set."""
    assert UMAZE.generate
    return UMAZE.generate(2_000, 0, None)


def dataset(file, name):
    """A data set of an open file."""
    found = file[name]
    assert isinstance(found, h5py.Dataset)
    return found


def same(one, two):
    return all(np.array_equal(getattr(one, name), getattr(two, name)) for name in ARRAYS)


def test_minari_reads_back_what_the_recipe_made(stored):
    episodes = generated()
    dataset = minari.MinariDataset(stored / NAME / "data")
    assert dataset.total_steps == 2_000
    assert dataset.total_episodes == len(episodes)
    for made, read in zip(episodes, dataset.iterate_episodes(), strict=True):
        assert np.array_equal(made.observations, read.observations)
        assert np.array_equal(made.actions, read.actions)
        assert np.array_equal(made.rewards, read.rewards)
        assert np.array_equal(made.truncations, read.truncations)
        assert not read.terminations.any()
    metadata = dataset.storage.metadata
    assert metadata["dataset_id"] == NAME
    assert metadata["seed"] == 0
    assert metadata["data_format"] == "hdf5"


def test_minari_lists_it_and_recovers_its_environment(stored, monkeypatch):
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(stored))
    assert list(minari.list_local_datasets(prefix="local")) == [NAME]
    environment = minari.load_dataset(NAME).recover_environment(eval_env=True)
    assert isinstance(environment.unwrapped, PointMaze)
    assert environment.reset(seed=0)[0].shape == (4,)


def test_transitions_are_the_recipes(stored):
    rows = load_umaze(stored)
    episodes = generated()
    assert np.array_equal(rows.observations, np.concatenate([e.observations[:-1] for e in episodes]))
    assert np.array_equal(rows.next_observations, np.concatenate([e.observations[1:] for e in episodes]))
    assert np.abs(rows.actions - np.concatenate([e.actions for e in episodes])).max() < 1.1e-5
    assert rows.timeouts.sum() == len(episodes)
    assert not rows.terminals.any()
    assert (len(rows), rows.source, rows.name) == (2_000, "local", NAME)


def test_two_generations_have_one_fingerprint_and_another_seed_another(stored, tmp_path):
    first = load_umaze(stored).fingerprint
    assert load_umaze(tmp_path / "again").fingerprint == first
    other = load(UMAZE, "local", count=2_000, directory=tmp_path, seed=3)
    assert other.fingerprint != first
    assert other.name == "local/maze2d-umaze-2k-seed3-v1"
    assert (tmp_path / other.name / "data" / "main_data.hdf5").is_file()


def test_names_hold_what_made_them():
    assert format_local_name("local/maze2d-umaze", 100_000, 0) == "local/maze2d-umaze-100k-v1"
    assert format_local_name("local/maze2d-umaze", 1_000_000, 4) == "local/maze2d-umaze-1m-seed4-v1"
    assert format_local_name("local/maze2d-umaze", 1_500_000, 0) == "local/maze2d-umaze-1500k-v1"
    assert format_local_name("x", 1_234, 0) == "x-1234-v1"


def test_progress_is_told_while_making_and_not_while_reading(tmp_path):
    told = []
    for _ in range(2):
        load(UMAZE, "local", count=100, directory=tmp_path, progress=lambda *pair: told.append(pair))
    assert told == [(100, 100)]


def test_the_flat_copy_gives_the_same_and_is_really_used(unrecorded):
    slow = load_umaze(unrecorded)
    with h5py.File(unrecorded / NAME / "data" / "main_data.hdf5", "a") as file:
        dataset(file, "episode_0/rewards")[0] = 5.0
    changed = load_umaze(unrecorded)  # the stored set is another now, so the copy must be remade
    assert changed.rewards[0] == 5.0
    (flat,) = (unrecorded / "flat").iterdir()
    status = flat.stat()
    assert same(load_umaze(unrecorded), changed)
    assert flat.stat().st_mtime_ns == status.st_mtime_ns
    assert not same(slow, changed)


def test_a_damaged_flat_copy_is_remade(directory):
    (flat,) = (directory / "flat").iterdir()
    before = load_umaze(directory)
    flat.write_bytes(flat.read_bytes()[:1_000])
    assert same(load_umaze(directory), before)
    assert flat.stat().st_size > 1_000
    content = bytearray(flat.read_bytes())
    content[len(content) // 2] ^= 0xFF
    flat.write_bytes(content)
    assert same(load_umaze(directory), before)


def test_the_second_loading_reads_the_flat_copy_alone(tmp_path, monkeypatch):
    first = load(UMAZE, "local", count=2_000, directory=tmp_path)
    monkeypatch.setattr(
        "suites.sources.minari._iterate_episodes", lambda *_: pytest.fail("the set was read again")
    )
    again = load(UMAZE, "local", count=2_000, directory=tmp_path)
    assert again.fingerprint == first.fingerprint


@pytest.mark.parametrize("where", ["generate", "write"])
def test_a_killed_generation_leaves_nothing(tmp_path, monkeypatch, where):
    def killed(*_):
        raise KeyboardInterrupt

    task = UMAZE
    if where == "generate":
        task = replace(UMAZE, generate=killed)
    else:
        monkeypatch.setattr("minari.dataset.minari_storage.MinariStorage.update_metadata", killed)
    with pytest.raises(KeyboardInterrupt):
        load(task, "local", count=100, directory=tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file() and ".lock" not in str(path)] == []
    assert not (tmp_path / "local" / "maze2d-umaze-100-v1").exists()
    monkeypatch.undo()
    assert len(load(UMAZE, "local", count=100, directory=tmp_path)) == 100


def test_writing_leaves_the_environment_variable_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("MINARI_DATASETS_PATH", "elsewhere")
    load(UMAZE, "local", count=50, directory=tmp_path)
    assert os.environ["MINARI_DATASETS_PATH"] == "elsewhere"
    monkeypatch.delenv("MINARI_DATASETS_PATH")
    load(UMAZE, "local", count=51, directory=tmp_path)
    assert "MINARI_DATASETS_PATH" not in os.environ


def test_a_full_disk_is_said_before_anything_is_made(tmp_path, monkeypatch):
    full = shutil.disk_usage(tmp_path)._replace(free=1_000_000)
    monkeypatch.setattr("shutil.disk_usage", lambda _: full)
    with pytest.raises(DataError, match=r"10000 transitions need 3 MB and .* has 1 MB free: free space"):
        load(UMAZE, "local", count=10_000, directory=tmp_path)


def test_a_folder_that_is_a_file_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"data folder .*file cannot be made .* choose another folder"):
        load(UMAZE, "local", count=10, directory=tmp_path / "file")


def test_damaged_files_are_named_with_the_remedy(unrecorded):
    main = unrecorded / NAME / "data" / "main_data.hdf5"
    main.write_bytes(main.read_bytes()[:5_000])
    with pytest.raises(DataError, match=rf"data set {NAME} in .* cannot be read .* delete that folder"):
        load_umaze(unrecorded)


def test_missing_arrays_and_bad_values_in_the_files_are_named(unrecorded):
    main = unrecorded / NAME / "data" / "main_data.hdf5"
    with h5py.File(main, "a") as file:
        dataset(file, "episode_0/observations")[2, 1] = np.nan
    with pytest.raises(DataError, match=f"{NAME} .*: observations is not finite in row 2$"):
        load_umaze(unrecorded)
    with h5py.File(main, "a") as file:
        rewards = dataset(file, "episode_0/rewards")
        rewards.resize((rewards.shape[0] - 1,))
    with pytest.raises(DataError, match=r"episode 0 has \d+ actions and \d+ rewards"):
        load_umaze(unrecorded)
    with h5py.File(main, "a") as file:
        del file["episode_0/actions"]
    with pytest.raises(DataError, match="cannot be read"):
        load_umaze(unrecorded)


@pytest.mark.parametrize("claimed", [0, 1, 10**6])
def test_a_description_that_claims_other_episodes_is_refused(unrecorded, claimed):
    file = unrecorded / NAME / "data" / "metadata.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"total_episodes": claimed}))
    with pytest.raises(DataError, match=rf"its description claims {claimed} episodes and it holds \d+; generate"):
        load_umaze(unrecorded)


def test_arrays_in_other_files_and_larger_than_the_memory_are_not_read(unrecorded, tmp_path):
    main = unrecorded / NAME / "data" / "main_data.hdf5"
    with h5py.File(main, "a") as file:
        del file["episode_0/actions"]
        file["episode_0/actions"] = h5py.ExternalLink(str(tmp_path / "passwd.hdf5"), "/x")
    with pytest.raises(DataError, match=r"is not read: episode_0/actions is a link into another file"):
        load_umaze(unrecorded)
    with h5py.File(main, "a") as file:
        del file["episode_0/actions"]
        file.create_dataset("episode_0/actions", (2**40, 2), "f4")  # 8 TB by its shape
    with pytest.raises(DataError, match=r"is not read: its arrays take 8,796,[\d,]+ MB, and this machine has"):
        load_umaze(unrecorded)


@pytest.mark.parametrize("bytes_for_one", [1, 10**9])
def test_a_flat_copy_that_claims_terabytes_is_made_again(directory, bytes_for_one):
    load_umaze(directory)
    (copy,) = (directory / "flat").glob("*.npz")
    with zipfile.ZipFile(copy) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    shape = (2**40 // bytes_for_one, 2)
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": shape})
    members["actions.npy"] = header.getvalue() + bytes(80)
    with zipfile.ZipFile(copy, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    assert "actions.npy" in (find_npz_fault(copy) or "")
    assert len(load_umaze(directory)) == 2_000
    assert find_npz_fault(copy) is None
