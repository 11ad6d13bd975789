"""What was changed in stored data is found by its hash: data made here are made again, others are refused."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from control_tasks import control_tasks
from d4rl_layout import columns, write

from suites.data import load
from suites.errors import DataError
from suites.sources.checksums import RECORD
from suites.sources.d4rl.fetch import import_d4rl, stored_file
from suites.sources.transitions import Transitions, transform_rewards

UMAZE = control_tasks("maze2d")["maze2d-umaze"]
NAME, OTHER = "local/maze2d-umaze-500-v1", "local/maze2d-umaze-500-seed1-v1"


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    directory = tmp_path_factory.mktemp("data")
    load_umaze(directory)
    load(UMAZE, "local", count=500, directory=directory, seed=1)
    return directory


@pytest.fixture
def directory(stored, tmp_path):
    """A copy that a test may damage."""
    return Path(shutil.copytree(stored, tmp_path / "data"))


def load_umaze(directory: Path) -> Transitions:
    return load(UMAZE, "local", count=500, directory=directory)


def hdf5_of(directory: Path, name: str = NAME) -> Path:
    return directory / name / "data" / "main_data.hdf5"


def flat_of(directory: Path, name: str = NAME) -> Path:
    return directory / "flat" / f"local-{name.replace('/', '--')}-4.npz"


def flip_byte(file: Path, keep_time: bool = False) -> None:
    """Change one bit in the middle."""
    status, content = file.stat(), bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    if keep_time:
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))


def change_value(directory: Path) -> None:
    with h5py.File(hdf5_of(directory), "a") as file:
        file["episode_0/rewards"][0] = 5.0  # pyright: ignore[reportIndexIssue]


HDF5: dict[str, Callable[[Path], object]] = {
    "a bit": lambda directory: flip_byte(hdf5_of(directory)),
    "a value": change_value,
    "half": lambda directory: os.truncate(hdf5_of(directory), hdf5_of(directory).stat().st_size // 2),
    "empty": lambda directory: os.truncate(hdf5_of(directory), 0),
    "gone": lambda directory: hdf5_of(directory).unlink(),
    "another's": lambda directory: shutil.copyfile(hdf5_of(directory, OTHER), hdf5_of(directory)),
    "all of another's": lambda directory: shutil.copytree(
        directory / OTHER / "data", directory / NAME / "data", dirs_exist_ok=True
    ),
    "the record": lambda directory: (directory / NAME / RECORD).write_text("{"),
}


@pytest.mark.parametrize("damage", HDF5)
def test_a_generated_set_whose_files_were_changed_is_made_again(directory, capsys, damage):
    before = load_umaze(directory).fingerprint
    HDF5[damage](directory)
    flat_of(directory).unlink()
    assert load_umaze(directory).fingerprint == before
    said = capsys.readouterr().err
    assert f"data set {NAME} in " in said
    assert "is not as it was when it was made: " in said
    assert said.endswith("; it is made again\n")
    flat_of(directory).unlink()
    assert load_umaze(directory).fingerprint == before
    assert capsys.readouterr().err == ""
    assert [path.name for path in directory.glob(".unfinished-*")] == []


def test_a_bit_that_changes_no_time_and_no_size_is_found_too(directory, capsys):
    before = load_umaze(directory).fingerprint
    flip_byte(hdf5_of(directory), keep_time=True)
    flat_of(directory).unlink()
    assert load_umaze(directory).fingerprint == before
    assert "is made again" in capsys.readouterr().err


def test_a_set_without_checksums_gets_them_when_it_is_read(directory, capsys):
    (directory / NAME / RECORD).unlink()
    before = load_umaze(directory).fingerprint
    assert not (directory / NAME / RECORD).exists(), "the flat copy was read, not the set"
    flat_of(directory).unlink()
    load_umaze(directory)
    assert (directory / NAME / RECORD).exists()
    flip_byte(hdf5_of(directory))
    assert load_umaze(directory).fingerprint == before
    assert "is made again" in capsys.readouterr().err


def forge(directory: Path, keep_fingerprint: bool = True) -> None:
    """Change a value of the flat copy, whose stamp stays."""
    arrays = dict(np.load(flat_of(directory)))
    arrays["rewards"][0] = 5.0
    if not keep_fingerprint:
        del arrays["fingerprint"]
    np.savez(flat_of(directory), allow_pickle=False, **arrays)


FLAT: dict[str, Callable[[Path], object]] = {
    "a value": forge,
    "a value and no fingerprint": lambda directory: forge(directory, keep_fingerprint=False),
    "a bit": lambda directory: flip_byte(flat_of(directory)),
    "another's": lambda directory: shutil.copyfile(flat_of(directory, OTHER), flat_of(directory)),
}


@pytest.mark.parametrize("damage", FLAT)
def test_a_flat_copy_with_other_arrays_is_made_again_from_the_set(directory, capsys, damage):
    before = load_umaze(directory).fingerprint
    FLAT[damage](directory)
    assert load_umaze(directory).fingerprint == before
    said = "has not the arrays that its fingerprint says; it is made again"
    assert (said in capsys.readouterr().err) is (damage == "a value")
    with np.load(flat_of(directory)) as flat:
        assert str(flat["fingerprint"]) == before


def test_the_fingerprint_is_computed_once_for_raw_and_transformed_rewards(directory, monkeypatch):
    hopper, raw = control_tasks("locomotion")["hopper-medium-v2"], load_umaze(directory)
    expected = raw.fingerprint
    monkeypatch.setattr(Transitions, "arrays", lambda self: pytest.fail("it was computed again"))
    transformed = transform_rewards(raw, hopper)
    assert transformed.raw_rewards is not None
    assert transformed.fingerprint == expected


def test_a_d4rl_file_that_was_changed_since_it_was_imported_is_refused(tmp_path):
    original = write(tmp_path / "original.hdf5", "maze2d", columns("maze2d", rows=4_000))
    import_d4rl(original, "maze2d-umaze-v1", tmp_path)
    assert len(load(UMAZE, "d4rl", count=1, directory=tmp_path)) > 0
    kept = stored_file(tmp_path, "maze2d-umaze-v1")
    with h5py.File(kept, "a") as file:
        file["rewards"][3] = 5.0  # pyright: ignore[reportIndexIssue]
    with pytest.raises(DataError, match=r"is not D4RL's maze2d-umaze-v1: .*; delete it and fetch it again$"):
        load(UMAZE, "d4rl", count=1, directory=tmp_path)


def test_a_minari_set_that_was_changed_since_it_was_downloaded_is_refused(directory, tmp_path, monkeypatch):
    home = tmp_path / "minari"
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(home))
    monkeypatch.setattr("suites.sources.minari._check_hub", lambda: None)

    def download(name: str, force_download: bool) -> None:
        shutil.copytree(directory / NAME / "data", Path(os.environ["MINARI_DATASETS_PATH"]) / name / "data")

    monkeypatch.setattr("minari.download_dataset", download)
    rows = load(UMAZE, "file:made/maze-v0", count=1, directory=tmp_path)
    assert len(rows) == 500
    flip_byte(home / "made/maze-v0/data/main_data.hdf5")
    with pytest.raises(
        DataError, match=r"not as it was when it was downloaded: .* delete that folder and download"
    ):
        load(UMAZE, "file:made/maze-v0", count=1, directory=tmp_path)
