"""Every byte of a written file counts: one that changed is refused, whatever it means."""

import json

import pytest
from synthetic_results import control

from reports.errors import ReportError
from reports.load.files import read_file, read_result, write_file
from reports.load.looks import Look, read_looks, record_looks
from reports.load.plans import read_plans
from reports.load.schema import Result
from reports.load.seals import is_intact, seal_file, seal_line


@pytest.fixture
def written(folder):
    """A result as `run` writes it."""
    path = folder.add(control("maze2d-umaze", "swg", 0, 1.0))
    write_file(path, read_result(path))
    return path


def test_no_bit_of_a_result_can_flip_in_silence(written):
    content = written.read_bytes()
    for at in range(len(content)):
        changed = bytearray(content)
        changed[at] ^= 1 << at % 8
        written.write_bytes(changed)
        with pytest.raises(ReportError):
            read_result(written)
    written.write_bytes(content)
    assert read_file(written, Result).score == 1.0


@pytest.mark.parametrize("edit", [{"title": "another"}, {}], ids=["another value", "another layout"])
def test_an_edited_result_is_refused_and_one_without_a_hash_is_read(written, edit):
    record = {**json.loads(written.read_text()), **edit}
    written.write_text(json.dumps(record))
    with pytest.raises(ReportError, match=r"is not as it was written, as its hash says: it was damaged or edited"):
        read_result(written)
    record.pop("sha256")
    written.write_text(json.dumps(record))
    assert read_result(written).title == record["title"]


def test_a_result_in_memory_has_no_hash_and_is_written_with_the_same(written):
    before = written.read_bytes()
    result = read_file(written, Result)
    assert result.sha256 is None
    assert "sha256" not in result.model_dump()
    write_file(written, result)
    assert written.read_bytes() == before


def test_no_bit_of_the_last_look_can_flip_in_silence(tmp_path):
    look = Look(
        created="now", suite="toy", tasks=("moons",), seeds=(0, 1), episodes={"swg": 5}, hashes={"swg": "ab"}
    )
    record_looks(tmp_path, [look])
    assert read_looks(tmp_path) == (look,)
    file = tmp_path / "looks.jsonl"
    content = file.read_bytes()
    for at in range(len(content) - 1):
        changed = bytearray(content)
        changed[at] ^= 1 << at % 8
        if b"\n" in changed[:-1]:
            continue  # two lines, of which neither is one
        file.write_bytes(changed)
        with pytest.raises(ReportError, match="line 1 of "):
            read_looks(tmp_path)


def test_the_last_plan_cannot_change_in_silence(folder):
    cell = {"suite": "maze2d", "task": "maze2d-umaze", "method": "swg", "rho": 1.0, "seed": 0}
    cells = [{**cell, "path": "runs/maze2d-umaze/swg-0/seed-0.json"}]
    line = seal_line(json.dumps({"previous": "0" * 64, "created": "now", "cells": cells}, separators=(",", ":")))
    file = folder.path / "plans.jsonl"
    file.write_bytes(line + b"\n")
    assert read_plans(folder.path).newest[0].rho == 1.0
    file.write_bytes(line.replace(b'"rho":1.0', b'"rho":1.5') + b"\n")
    with pytest.raises(ReportError, match=r"line 1 is not as it was written, as its hash says"):
        read_plans(folder.path)


def test_a_seal_is_the_hash_of_the_text_before_it():
    sealed = seal_file('{\n "a": 1\n}')
    assert json.loads(sealed)["a"] == 1
    assert is_intact(sealed, json.loads(sealed)["sha256"])
    assert not is_intact(sealed.replace(b"1", b"2", 1), json.loads(sealed)["sha256"])
    assert not is_intact(b'{"sha256": "0"}', "0")
    assert is_intact(b'{"a": 1}', None)
