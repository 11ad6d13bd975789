"""Learning curves lie beside the weights, and the same numbers are in TensorBoard's and W&B's own files."""

import csv
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command_line import MAZE, Call
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from wandb.proto import wandb_internal_pb2

BLOCK = 32 * 1024
RUN = ("run", *MAZE, "--methods", "unguided", "--seeds", "2", "--processes", "1")


def curves(artifacts: Path) -> dict[str, list[dict[str, str]]]:
    """The rows of every learning curve, by `<kind>-<key>/seed-<n>`."""
    files = sorted((artifacts / "components").glob("*/seed-*.csv"))
    rows = [list(csv.DictReader(file.read_text().splitlines())) for file in files]
    return {f"{file.parent.name}/{file.stem}": each for file, each in zip(files, rows, strict=True)}


@pytest.mark.usefixtures("short_episodes")
def test_tensorboard_has_the_numbers_of_the_curves(bench: Call, tmp_path: Path, fresh: tuple[object, ...]):
    assert bench(*RUN, "--logger", "tensorboard", *fresh).code == 0
    logs = tmp_path / "results" / "logs" / "tensorboard"
    for name, rows in curves(tmp_path / "artifacts").items():
        events = EventAccumulator(str(logs / name))
        events.Reload()
        for column in ("loss", "learning_rate", "gradient_norm"):
            kept = [(scalar.step, scalar.value) for scalar in events.Scalars(column)]
            written = [(int(row["step"]), pytest.approx(float(row[column]), rel=1e-6)) for row in rows]
            assert kept == written
    (result,) = (logs / "maze2d-umaze").glob("unguided-*/seed-1")
    events = EventAccumulator(str(result))
    events.Reload()
    assert len(events.Scalars("normalized")) == len(events.Scalars("score")) == 1
    assert events.Scalars("score")[0].value == events.Scalars("normalized")[0].value


def wandb_records(content: bytes) -> Iterator[bytes]:
    """The records of W&B's file: LevelDB's log format after seven bytes, in blocks of 32 KiB."""
    place, parts = 7, b""
    while place + 7 <= len(content):
        if BLOCK - place % BLOCK < 7:  # what is left of a block is too short for a header
            place += BLOCK - place % BLOCK
            continue
        _, length, kind = struct.unpack("<IHB", content[place : place + 7])
        parts += content[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):  # whole, or the last part
            yield parts
            parts = b""


def wait_for_rows(file: Path) -> list[dict[str, str]]:
    """The history of one offline run, whose file W&B's own process may write a moment after it ended."""
    deadline = time.monotonic() + 30
    while not (rows := wandb_rows(file)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return rows


def wandb_rows(file: Path) -> list[dict[str, str]]:
    """The history of one offline run, as W&B keeps it."""
    rows = []
    for data in wandb_records(file.read_bytes()):
        record: Any = wandb_internal_pb2.Record()
        record.ParseFromString(data)
        if record.WhichOneof("record_type") == "history":
            items = record.history.item
            rows.append({item.key or "/".join(item.nested_key): item.value_json for item in items})
    return rows


@pytest.mark.usefixtures("short_episodes")
def test_wandb_offline_has_the_numbers_of_the_curves(
    bench: Call, tmp_path: Path, fresh: tuple[object, ...], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert bench(*RUN, "--seeds", "1", "--logger", "wandb", *fresh).code == 0
    files = sorted((tmp_path / "results" / "logs" / "wandb").glob("offline-run-*/*.wandb"))
    assert len(files) == 2  # one component, one result
    by_columns = {frozenset(rows[0]) & {"gradient_norm", "return"}: rows for rows in map(wait_for_rows, files)}
    (curve,) = curves(tmp_path / "artifacts").values()
    kept = by_columns[frozenset({"gradient_norm"})]
    assert [float(row["loss"]) for row in kept] == [float(row["loss"]) for row in curve]
    assert len(by_columns[frozenset({"return"})]) == 2  # the episode, and the score


def test_a_logger_that_is_not_installed_is_refused_at_once(
    bench: Call, fresh: tuple[object, ...], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    mistake = bench(*RUN, "--logger", "wandb", *fresh).mistake
    assert "needs the package wandb, which is not installed" in mistake
