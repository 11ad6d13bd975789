"""Where memory runs out, seeds and candidates are halved, which is said; else it is one sentence."""

import json
import os
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import torch
from command_line import MAZE, TOY, results_in
from drifting import TASK, make_policy

from bench.runner import component_builder, estimate, memory
from bench.runner.blocks import Evaluation
from bench.runner.evaluate import Outcome, evaluate
from bench.runner.halving import MemoryGuard, SplitPolicy, halve_seeds
from methods import SlotPolicy

ROOT = Path(__file__).parents[2]
THREE = (
    *TOY,
    "--evaluation.inverse-temperatures",
    "3",
    "--methods",
    "unguided",
    "--seeds",
    "3",
    "--processes",
    "1",
)
FULL = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


def made_with(artifacts: Path) -> list[list[int]]:
    return [json.loads(path.read_text())["made_with"] for path in sorted(artifacts.rglob("seed-?.json"))]


def fill_above(seeds: int, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """No more than so many seeds can be trained at once; the numbers that were tried."""
    fit, tried = component_builder.fit, list[int]()

    def fit_few(component: Any, data: Any, models: Any, wanted: Any, *rest: Any) -> Any:
        tried.append(len(wanted))
        if len(wanted) > seeds:
            raise FULL
        return fit(component, data, models, wanted, *rest)

    monkeypatch.setattr(component_builder, "fit", fit_few)
    return tried


def test_seeds_that_do_not_fit_at_once_are_trained_in_groups(bench, fresh, tmp_path, monkeypatch):
    bench("run", *THREE, "--results", tmp_path / "whole", "--artifacts", tmp_path / "other")
    tried = fill_above(1, monkeypatch)
    told = bench("run", *THREE, *fresh)
    assert told.code == 0
    assert tried == [3, 2, 1, 1, 1]
    assert "the GPU's memory does not hold the behaviour (3 seeds) at once: 2 are made first, then 1" in told.out
    assert "made_with" in told.out
    assert made_with(tmp_path / "artifacts") == [[0], [1], [2]]
    assert made_with(tmp_path / "other") == [[0, 1, 2]] * 3
    assert not list(tmp_path.rglob("checkpoint-*"))
    for key, whole in results_in(tmp_path / "whole").items():
        assert results_in(tmp_path / "results")[key]["score"] == pytest.approx(whole["score"], rel=1e-3)


def test_one_seed_that_does_not_fit_is_a_sentence(bench, fresh, monkeypatch):
    fill_above(0, monkeypatch)
    sentence = bench("run", *THREE, *fresh).mistake
    assert sentence.startswith("the GPU's memory ran out when 2.00 GiB more were asked for; end other programs")
    assert "what is finished is kept" in sentence


def test_another_error_is_not_tried_again(bench, fresh, monkeypatch):
    def fail(*_: Any) -> None:
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(component_builder, "fit", fail)
    with pytest.raises(RuntimeError, match="shapes do not match"):
        bench("run", *THREE, *fresh)


def test_seeds_are_halved_in_order():
    assert halve_seeds((7, 8, 9)) == ((7, 8), (9,))
    assert halve_seeds((0, 1)) == ((0,), (1,))


def test_an_estimate_is_made_in_groups_too(monkeypatch):
    def estimate_few(node: Any, seeds: Any, data: Any) -> float:
        if len(seeds) > 2:
            raise MemoryError
        return float(len(seeds))

    monkeypatch.setattr(estimate, "estimate_making", estimate_few)
    assert estimate.estimate_in_groups(None, range(5), None) == 5.0  # pyright: ignore[reportArgumentType]


def at_scales(policy: Any) -> tuple[Outcome, ...]:
    """20 episodes at three scales, in the rows of one block."""
    evaluations = [Evaluation(3, rho, range(20), (), torch.device("cpu")) for rho in (0.5, 5.0, 20.0)]
    return evaluate(policy, TASK, evaluations, lambda done, total: None)


@pytest.mark.parametrize("parts", [3, 8])
def test_a_call_in_parts_differs_by_rounding_and_counts_the_same(parts: int):
    whole, split = at_scales(make_policy("swg")), at_scales(SplitPolicy(make_policy("swg"), parts))
    for one, other in zip(whole, split, strict=True):
        assert other.scores == pytest.approx(one.scores, rel=1e-3)
        assert other.counts == one.counts


def test_candidates_that_do_not_fit_are_computed_in_parts():
    said, tried = list[str](), list[int]()
    guard = MemoryGuard(said.append)

    class Full(SlotPolicy):
        def act(self, observations: torch.Tensor, rho: torch.Tensor, noise: Any) -> torch.Tensor:
            tried.append(observations.shape[1])
            if observations.shape[1] > 20:
                raise FULL
            return super().act(observations, rho, noise)

    def make() -> Any:
        policy = make_policy("swg")
        assert isinstance(policy, SlotPolicy)
        return guard.split(Full(**{each.name: getattr(policy, each.name) for each in fields(policy)}))

    found = guard.act(lambda: at_scales(make()))
    assert tried[:3] == [52, 26, 13]
    assert said == [
        f"  the GPU's memory does not hold the candidates of a call: they are computed in {parts} parts, which "
        "changes actions by rounding (1e-7)"
        for parts in (2, 4)
    ]
    for one, other in zip(at_scales(make_policy("swg")), found, strict=True):
        assert other.scores == pytest.approx(one.scores, rel=1e-3)


def test_what_no_parts_can_hold_is_raised():
    def attempt() -> None:
        raise MemoryError

    with pytest.raises(MemoryError):
        MemoryGuard().act(attempt)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (MemoryError("Unable to allocate 7.45 GiB for an array"), "when 7.45 GiB more were asked for"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 80 bytes."), "ran out"),
        (RuntimeError("std::bad_alloc"), "this machine's memory ran out; take fewer processes"),
    ],
)
def test_memory_that_runs_out_is_one_sentence(bench, fresh, monkeypatch, error, words):
    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr("bench.runner.run.plan_task", fail)
    assert words in bench("run", *THREE, *fresh).mistake


def test_a_plan_that_does_not_fit_says_so(bench, fresh, monkeypatch):
    plan = ("plan", *MAZE, "--methods", "unguided", *fresh, "--data-set.transitions", "500")
    monkeypatch.setattr(memory, "read_free_memory", lambda: 1000)
    assert "this machine's memory ran out" in bench(*plan).mistake, "one seed is not tried"
    monkeypatch.setattr(memory, "read_free_memory", lambda: 10_000_000)
    told = bench(*plan, "--processes", "2")
    assert re.search(r"memory: about \d\.\d GB are needed and 0\.0 GB are free; take fewer processes", told.out)
    monkeypatch.setattr(memory, "read_free_memory", lambda: None)
    assert "memory:" not in bench("plan", *MAZE, "--methods", "unguided", *fresh, "--critic.steps", "6").out


@pytest.mark.skipif(sys.platform != "linux", reason="`ulimit -v` is Linux's")
def test_a_limit_of_memory_ends_cleanly(tmp_path):
    """Four thousand million points take more than the 6 GB that the shell allows."""
    command = [sys.executable, "-m", "bench", "run", *THREE, "--data-set.transitions", "4000000000"]
    command += ["--results", str(tmp_path / "r"), "--artifacts", str(tmp_path / "a")]
    done = subprocess.run(
        ["bash", "-c", 'ulimit -v 6000000; exec "$@"', "bash", *command],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("error: this machine's memory ran out")
    assert done.stderr.count("\n") == 1
