"""Whatever is wrong with a file in D4RL's layout is said in one sentence, and nothing of it is learned from."""

import h5py
import numpy as np
import pytest
from control_tasks import control_tasks
from d4rl_layout import columns, write

from suites.data import load
from suites.errors import DataError
from suites.sources.d4rl.check import inspect

PEN = control_tasks("adroit-pen")["pen-human"]
ANTMAZE = control_tasks("antmaze")["antmaze-umaze"]


def spoiled(name, change):
    """A change of one column."""

    def spoil(path):
        arrays = columns("pen")
        arrays[name] = change(arrays[name])
        write(path, "pen", arrays)

    return spoil


def without(name):
    def spoil(path):
        write(path, "kitchen", columns("pen"))
        with h5py.File(path, "a") as file:
            del file[name]

    return spoil


def holding(value, row):
    def change(array):
        changed = array.copy() if array.dtype != bool else array.astype(np.float32)
        changed[row] = value
        return changed

    return change


def truncated(path):
    write(path, "pen", columns("pen", rows=2_000))
    path.write_bytes(path.read_bytes()[:-5_000])


def broken_block(path):
    """Whole by its length, but a compressed block in the middle is noise."""
    arrays = columns("pen", rows=2_000)
    write(path, "pen", arrays)
    content = bytearray(path.read_bytes())
    with h5py.File(path) as file:
        block = file["observations"].id.get_chunk_info(0)
    content[block.byte_offset : block.byte_offset + 200] = b"\xff" * 200
    path.write_bytes(content)


def claimed(chunks):
    """Ten billion bytes by its shape, and nothing behind them."""

    def spoil(path):
        write(path, "pen", columns("pen"))
        with h5py.File(path, "a") as file:
            del file["observations"]
            file.create_dataset("observations", (10_000_000_000 // 180, 45), np.float32, chunks=chunks)

    return spoil


def group_for_array(path):
    write(path, "pen", columns("pen"))
    with h5py.File(path, "a") as file:
        del file["rewards"]
        file["rewards/values"] = np.zeros(12)


MALFORMED = {
    "truncated": (truncated, "cannot be read as HDF5 .* only partly there"),
    "broken block": (broken_block, "cannot be read as HDF5"),
    "empty": (lambda path: path.write_bytes(b""), "cannot be read as HDF5"),
    "a pickle": (lambda path: path.write_bytes(b"\x80\x04K\x01."), "cannot be read as HDF5"),
    "no rewards": (
        without("rewards"),
        r"rewards is missing \(it holds actions, observations, terminals, timeouts\)",
    ),
    "no observations": (without("observations"), "observations is missing"),
    "no terminals": (without("terminals"), "terminals is missing"),
    "text rewards": (
        spoiled("rewards", lambda a: a.astype("S8")),
        r"rewards has type \|S8 and should be a number",
    ),
    "whole observations": (
        spoiled("observations", lambda a: a.astype(np.int64)),
        "observations has type int64 and should be floating point",
    ),
    "complex actions": (spoiled("actions", lambda a: a.astype(complex)), "actions has type complex128"),
    "flat observations": (spoiled("observations", lambda a: a[:, 0]), r"observations has shape \(12,\)"),
    "wide rewards": (spoiled("rewards", lambda a: np.stack([a, a], 1)), r"rewards has shape \(12, 2\)"),
    "ragged": (spoiled("actions", lambda a: a[:9]), r"differ in their number of rows .*actions 9, rewards 12"),
    "one row": (
        lambda path: write(path, "pen", columns("pen", rows=1)),
        "it has 1 rows, and a transition needs 2",
    ),
    "no rows": (lambda path: write_empty(path), "it has 0 rows"),
    "NaN rewards": (spoiled("rewards", holding(np.nan, 7)), "rewards holds nan in row 7 and should be a finite"),
    "infinite observations": (
        spoiled("observations", holding(-np.inf, (3, 4))),
        "observations holds -inf in row 3",
    ),
    "too large for a float32": (
        spoiled("observations", lambda a: holding(1e300, (5, 0))(a.astype(np.float64))),
        "observations holds inf in row 5",
    ),
    "strange terminals": (
        spoiled("terminals", holding(3, 2)),
        "terminals holds 3.0 in row 2 and should be 0 or 1",
    ),
    "NaN timeouts": (spoiled("timeouts", holding(np.nan, 2)), "timeouts holds nan in row 2 and should be 0 or 1"),
    "actions out of bounds": (spoiled("actions", holding(-7, (6, 2))), r"actions holds -7.0 in row 6 .*\[-1, 1\]"),
    "another size": (
        spoiled("observations", lambda a: a[:, :9]),
        r"observations has shape \(12, 9\) and should have \(12, 45\)",
    ),
    "a group": (group_for_array, "rewards is a group and should be an array"),
    "10 GB claimed": (claimed(None), r"observations has shape .* no data were written"),
    "10 GB claimed in parts": (claimed((100_000, 45)), r"observations has shape .* chunks were not written"),
}


def write_empty(path):
    write_columns = {name: array[:0] for name, array in columns("pen").items()}
    with h5py.File(path, "w") as file:
        for name, array in write_columns.items():
            file[name] = array


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_file_is_one_sentence(tmp_path, name):
    spoil, pattern = MALFORMED[name]
    path = tmp_path / "mine.hdf5"
    spoil(path)
    with pytest.raises(DataError, match=pattern) as caught:
        load(PEN, f"file:{path}", count=1, directory=tmp_path / "data")
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert sentence.startswith("data set mine.hdf5 (file) of task pen-human")
    assert not (tmp_path / "data").exists()


def test_columns_larger_than_the_memory_are_not_read(tmp_path, monkeypatch):
    path = write(tmp_path / "x.hdf5", "pen", columns("pen", rows=2_000))
    monkeypatch.setattr("suites.sources.d4rl.check.measure_memory", lambda: 300_000)
    with pytest.raises(DataError, match="its columns take 1 MB, and this machine has 0 MB of memory"):
        load(PEN, f"file:{path}", count=1, directory=tmp_path)


def test_everything_wrong_is_listed_at_once(tmp_path):
    arrays = columns("pen")
    arrays["rewards"][3] = np.nan
    arrays["actions"][5, 1] = 2
    arrays["timeouts"][8] = True  # where it is terminal as well
    found = inspect(write(tmp_path / "x.hdf5", "pen", arrays), PEN)
    assert [fault.split(" ")[0] for fault in found.faults] == ["rewards", "actions", "terminals"]
    assert "first in row 8" in found.faults[2]
    assert ("observations", "(12, 45)", "float32") in found.columns


def test_a_sound_file_has_no_fault(tmp_path):
    for group, name in (
        ("locomotion", "hopper-medium-v2"),
        ("antmaze", "antmaze-large-diverse"),
        ("maze2d", "maze2d-large"),
    ):
        task = control_tasks(group)[name]
        assert inspect(write(tmp_path / f"{group}.hdf5", group, columns(group)), task).faults == ()


def test_flags_that_the_observations_contradict_are_found(tmp_path):
    arrays = columns("locomotion")
    arrays["timeouts"] = np.arange(12) == 6  # the observations break after rows 4 and 8
    faults = inspect(write(tmp_path / "x.hdf5", "locomotion", arrays), None).faults
    assert "neither terminals nor timeouts is set, in 1 rows, first in row 4" in faults[0]
    assert "timeouts is set although the next row goes on in 1 rows, first in row 6" in faults[1]
    arrays = columns("antmaze")
    arrays["observations"][7:, 0] += 9
    (fault,) = inspect(write(tmp_path / "y.hdf5", "antmaze", arrays), ANTMAZE).faults
    assert "jumps by more than 1 after 1 rows" in fault
    assert "first after row 6" in fault


def test_a_file_that_is_not_there_and_a_name_that_is_none(tmp_path):
    with pytest.raises(DataError, match=r"there is no file .*nowhere.hdf5"):
        load(PEN, f"file:{tmp_path / 'nowhere.hdf5'}", count=1, directory=tmp_path)
    with pytest.raises(DataError, match="names no file"):
        load(PEN, "file:", count=1, directory=tmp_path)
