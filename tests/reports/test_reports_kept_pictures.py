"""Pictures for print are kept between reports, and what is kept changes no report."""

import hashlib

import numpy as np
import pytest

from reports.analysis.suite import Options
from reports.figures.kept import FOLDER, UnknownContentError, hash_content
from reports.report import write_report

TASKS = ("maze2d-umaze", "maze2d-medium")
PRINT = Options(replicates=100, pictures=True)


def write(folder, out) -> dict[str, str]:
    """The hash of every picture of a report."""
    written = write_report(folder.path, out, options=PRINT)
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in written if p.suffix in (".png", ".pdf")}


@pytest.fixture
def out(folder, tmp_path):
    folder.add_matrix({"unguided": np.arange(6.0).reshape(3, 2), "swg": np.arange(6.0).reshape(3, 2) ** 2}, TASKS)
    return tmp_path / "out"


def list_kept(out):
    return sorted((out / FOLDER).iterdir())


def test_a_second_report_draws_nothing_and_is_the_same(folder, out, monkeypatch):
    first = write(folder, out)
    assert len(list_kept(out)) == len(first) > 4
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda *_, **__: pytest.fail("drawn again"))
    files = {path: path.stat().st_mtime_ns for path in list_kept(out)}
    assert write(folder, out) == first
    assert {path: path.stat().st_mtime_ns for path in list_kept(out)} == files


@pytest.mark.parametrize("damage", [b"", b"0" * 64, b"not a picture"])
def test_a_damaged_picture_is_drawn_again(folder, out, damage):
    first = write(folder, out)
    sound = {path: path.read_bytes() for path in list_kept(out)}
    for path, content in sound.items():
        path.write_bytes(damage or content[: len(content) // 2])
    assert write(folder, out) == first
    assert {path: path.read_bytes() for path in list_kept(out)} == sound


def test_other_results_are_drawn_anew_and_what_was_kept_is_removed(folder, out):
    first = write(folder, out)
    before = {path.name for path in list_kept(out)}
    folder.add_matrix({"swg": np.arange(6.0).reshape(3, 2) + 50}, TASKS)
    second = write(folder, out)
    assert second["maze2d-scores.png"] != first["maze2d-scores.png"]
    after = {path.name for path in list_kept(out)}
    assert len(after) == len(before)
    assert before - after, "pictures of the old numbers"


def test_the_hash_tells_apart_what_may_be_drawn_otherwise():
    values = [
        0.1,
        np.nextafter(0.1, 1),
        "0.1",
        1,
        True,
        None,
        [1],
        [[1]],
        {"a": 1},
        {"a": 2},
        {"b": 1},
        [0, 1],
        [1, 0],
    ]
    assert len({hash_content(value) for value in values}) == len(values)
    assert hash_content([1], 2) != hash_content(1, [2])
    for value in (object(), lambda: 1, open):
        with pytest.raises(UnknownContentError):
            hash_content(value)
