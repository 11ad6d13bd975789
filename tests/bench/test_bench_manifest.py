"""What a run does with a record of commands that is damaged, and with a lost file of trajectories."""

import hashlib
import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from command_line import MAZE, jobs_of

from bench.runner.finished import find_missing_part
from bench.storage.manifest import record_command
from reports.load.origins import read_command_history, read_commands


def test_a_damaged_record_of_commands_is_set_aside_and_another_begun(tmp_path: Path):
    said, file = list[str](), tmp_path / "commands.jsonl"
    record_command("run --suite toy", tmp_path, said.append)
    damaged = file.read_bytes().replace(b"toy", b"tox")
    file.write_bytes(damaged)
    record_command("time --suite toy", tmp_path, said.append)
    assert [each.command for each in read_commands(tmp_path)] == ["time --suite toy"]
    kept = tmp_path / "damaged-1-commands.jsonl"
    assert kept.read_bytes() == damaged
    (sentence,) = said
    assert "line 1 of" in sentence
    assert "is not as it was written, as its hash says" in sentence
    assert sentence.endswith(f"It is set aside as {str(kept)!r}, and a new record begins.")
    file.write_bytes(b"no line\n")
    record_command("run --suite toy", tmp_path, said.append)
    assert [path.name for path in sorted(tmp_path.glob("damaged-*"))] == [
        "damaged-1-commands.jsonl",
        "damaged-2-commands.jsonl",
    ]
    assert kept.read_bytes() == damaged, "what was set aside before stays"
    assert len(read_command_history(tmp_path).aside) == 2


def test_a_torn_last_command_is_no_damage(tmp_path: Path):
    said, file = list[str](), tmp_path / "commands.jsonl"
    record_command("run --suite toy", tmp_path, said.append)
    whole = file.read_bytes()
    file.write_bytes(whole + whole[:30])
    record_command("time --suite toy", tmp_path, said.append)
    assert [each.command for each in read_commands(tmp_path)] == ["run --suite toy", "time --suite toy"]
    assert said == []


def test_a_result_is_complete_without_its_trajectories_and_not_with_others(tmp_path: Path):
    (job,) = jobs_of(["run", *MAZE])
    made = io.BytesIO()
    np.savez(made, allow_pickle=False, points=np.zeros(3))
    content = made.getvalue()
    result: Any = SimpleNamespace(
        path=tmp_path / "seed-0.json",
        episodes=[None],  # as many as MAZE asks for
        trajectories_file="seed-0.npz",
        trajectories_sha256=hashlib.sha256(content).hexdigest(),
    )
    cell: Any = SimpleNamespace(task=job.task, config=job.config)
    file = tmp_path / "seed-0.npz"
    assert find_missing_part(result, cell) is None, "their file is gone, and no score stands on it"
    file.write_bytes(content)
    assert find_missing_part(result, cell) is None
    file.write_bytes(content[:-1] + b"x")
    assert str(find_missing_part(result, cell)).startswith("has a file of trajectories that ")
