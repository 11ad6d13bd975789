"""The most resident memory since a moment: against files as Linux writes them, and memory that is taken."""

from pathlib import Path

import numpy as np
import pytest

from foundation.peak_memory import Measuring, begin_measuring, read_peak

MIB = 2**20


def write_status(root: Path, resident: int, highest: int) -> None:
    """The two lines of `/proc/self/status`, in kB as there."""
    place = root / "proc" / "self"
    place.mkdir(parents=True, exist_ok=True)
    (place / "status").write_text(f"Name:\tpython\nVmHWM:\t  {highest} kB\nVmRSS:\t  {resident} kB\n")


def test_without_a_count_begun_anew_only_a_new_peak_is_known(tmp_path: Path):
    write_status(tmp_path, 100, 500)
    began = begin_measuring(tmp_path)
    assert began is not None
    assert began == Measuring(100 * 1024, 500 * 1024, False)
    assert began is not None
    assert read_peak(began, tmp_path) is None  # 500 kB were reached before
    write_status(tmp_path, 100, 501)
    assert read_peak(began, tmp_path) == 501 * 1024


def test_a_count_that_was_begun_anew_is_of_what_came_after(tmp_path: Path):
    write_status(tmp_path, 100, 100)
    (tmp_path / "proc/self/clear_refs").write_text("")
    began = begin_measuring(tmp_path)
    assert began is not None
    assert began.is_anew
    assert (tmp_path / "proc/self/clear_refs").read_text() == "5"
    assert read_peak(began, tmp_path) == 100 * 1024


def test_a_system_that_does_not_tell_gives_nothing(tmp_path: Path):
    assert begin_measuring(tmp_path) is None


def test_memory_that_was_taken_and_given_back_shows():
    began = begin_measuring()
    if began is None or not began.is_anew:
        pytest.skip("this system does not begin the count anew")
    taken = np.ones(64 * MIB // 8)
    del taken
    peak = read_peak(began)
    assert peak is not None
    assert 60 * MIB < peak - began.resident < 100 * MIB
