"""Processes read one copy of the data; where there is no shared memory, each reads them from their source."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from command_line import MAZE, Call, results_in

from bench.conformance.subject import small_data
from bench.runner import units
from bench.runner.data import share_data


def test_shared_data_are_the_same_numbers():
    data, before = small_data(), small_data()
    shared = share_data(data)
    assert shared is not None
    assert shared.observations.is_shared()
    for name in ("observations", "actions", "rewards", "next_observations", "terminals"):
        assert torch.equal(getattr(shared, name), getattr(before, name))


def test_too_little_shared_memory_is_no_error(monkeypatch: pytest.MonkeyPatch):
    def full(tensor: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("unable to allocate shared memory(shm): No space left on device (28)")

    monkeypatch.setattr(torch.Tensor, "share_memory_", full)
    assert share_data(small_data()) is None


@pytest.mark.usefixtures("short_episodes")
def test_a_unit_without_data_reads_them_again(
    bench: Call, fresh: tuple[object, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    run = ("run", *MAZE, "--methods", "unguided", "--seeds", "1", "--processes", "1")
    assert bench(*run, *fresh).code == 0
    split = units.split_into_units
    monkeypatch.setattr(
        "bench.runner.run.split_into_units", lambda plan: [replace(unit, data=None) for unit in split(plan)]
    )
    other = ("--results", tmp_path / "other" / "results", "--artifacts", tmp_path / "other" / "artifacts")
    assert bench(*run, *other).code == 0
    (one,), (two,) = (
        results_in(folder).values() for folder in (tmp_path / "results", tmp_path / "other" / "results")
    )
    assert one["episodes"] == two["episodes"]
    assert one["components"] == two["components"]
