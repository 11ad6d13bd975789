"""A seed that diverges, or acts by NaN, is a failed cell with step and reason; the others go on."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from command_line import MAZE, TOY, results_in
from torch import Tensor

from bench.runner import evaluate, rollout
from bench.runner.blocks import Evaluation
from bench.runner.rollout import Played, roll_out
from critics.iql import IQL
from methods.core.policy import Policy
from methods.diffusion.denoiser import BehaviourDenoiser, NetworkDenoiser
from methods.diffusion.guidance import Counts
from suites.registry import get_suite
from suites.task import ControlTask
from training import Step

TASK = next(task for task in get_suite("maze2d").tasks if isinstance(task, ControlTask))
TWO = (*TOY, "--methods", "unguided,cep", "--seeds", "2")


def break_odd_seeds(monkeypatch: pytest.MonkeyPatch, component: type) -> None:
    """Their loss is NaN from the third step on."""
    losses = component.losses

    def broken(self: object, module: NetworkDenoiser, step: Step) -> Mapping[str, Tensor]:
        found = losses(self, module, step)
        if step.number < 2:
            return found
        factor = torch.tensor([float("nan") if seed % 2 else 1.0 for seed in step.noise.seeds])
        return {name: loss * factor for name, loss in found.items()}

    monkeypatch.setattr(component, "losses", broken)


def test_a_diverged_seed_is_a_failed_cell_and_the_others_go_on(bench, fresh, tmp_path, monkeypatch):
    with monkeypatch.context() as context:
        break_odd_seeds(context, BehaviourDenoiser)
        told = bench("run", *TWO, *fresh)
    assert told.code == 1
    seen = "moons: seed 1 failed in behaviour, step 5 of 5: diverged: its loss is nan, its last finite loss was"
    assert seen in told.out
    assert "lower the learning rate of behaviour (--denoiser.learning-rate) or check the data's scale" in told.out
    results = results_in(tmp_path / "results")
    assert {key: result["status"] for key, result in results.items()} == {
        ("unguided", None, 0): "done",
        ("unguided", None, 1): "failed",
        ("cep", 1.0, 0): "done",
        ("cep", 1.0, 1): "failed",
    }
    failure = results["cep", 1.0, 1]["failure"]
    assert failure["step"] == "behaviour, step 5 of 5"
    assert failure["reason"].startswith("diverged: its loss is nan")
    (behaviour,) = (tmp_path / "artifacts" / "components").glob("behaviour-*")
    assert [file.name for file in behaviour.glob("*.safetensors")] == ["seed-0.safetensors"]
    assert "Done: 2 results and 2 failed in" in told.out
    again = bench("run", *TWO, *fresh)
    assert again.code == 1
    assert "nothing to do" in again.out
    assert "Done: 2 results and 2 failed in" in again.out
    assert again.out.count("it says why, and --retry-failed tries it again") == 2
    planned = bench("plan", *TWO, *fresh, "--retry-failed").out
    assert "moons: 4 results (unguided, cep); 2 finished" in planned
    with monkeypatch.context() as context:
        break_odd_seeds(context, BehaviourDenoiser)
        assert bench("run", *TWO, *fresh, "--retry-failed").code == 1, "it fails once more"
    mended = bench("run", *TWO, *fresh, "--retry-failed")
    assert "Done: 4 results in" in mended.out
    assert mended.code == 0
    assert bench("run", *TWO, *fresh, "--retry-failed").code == 0
    assert {result["status"] for result in results_in(tmp_path / "results").values()} == {"done"}
    assert not list(tmp_path.rglob("*.failed.json"))


def test_what_stands_on_a_diverged_critic_fails_and_what_does_not_is_reported(bench, fresh, tmp_path, monkeypatch):
    break_odd_seeds(monkeypatch, IQL)
    methods = ("--methods", "unguided,idql", "--idql.candidates", "2", "--seeds", "2", "--processes", "1")
    told = bench("run", *MAZE, *methods, *fresh, "--data-set.transitions", "500")
    assert "Done: 3 results and 1 failed in" in told.out
    assert told.code == 1
    failed = results_in(tmp_path / "results")["idql", None, 1]
    assert failed["failure"]["step"] == "critic, step 5 of 5"
    assert "where discounted returns can range from" in failed["failure"]["reason"]
    assert "(--critic.learning-rate)" in failed["failure"]["reason"]
    assert bench("report", *fresh[:2]).code == 0
    page = (tmp_path / "results" / "report" / "report.md").read_text()
    assert "2 results and 1 failed, none missing" in page
    assert "Unranked, with a failed cell: `idql` (failed on maze2d-umaze, seed 1, in critic, step 5 of 5:" in page


def test_an_action_that_is_not_finite_fails_the_cell_of_its_seed_alone(bench, fresh, tmp_path, monkeypatch):
    act, calls = rollout.act_in_block, [0]

    def broken(policy: Policy, *arguments: Any) -> Tensor:
        calls[0] += 1
        actions = act(policy, *arguments)
        return actions * float("nan") if calls[0] == 310 else actions  # 300 steps of seed 0 are before

    monkeypatch.setattr(rollout, "act_in_block", broken)
    told = bench(
        "run",
        *MAZE,
        *fresh,
        "--methods",
        "unguided",
        "--seeds",
        "2",
        "--data-set.transitions",
        "500",
        "--processes",
        "1",
    )
    assert "Done: 1 results and 1 failed in" in told.out
    results = results_in(tmp_path / "results")
    assert results["unguided", None, 0]["status"] == "done"
    failure = results["unguided", None, 1]["failure"]
    assert failure["reason"].startswith("the action (nan, nan) is not finite, so it was not taken")
    assert failure["reason"].endswith("; lower the learning rates"), "the method has no ρ"
    assert failure["step"].startswith("evaluation, step ")
    lines = (tmp_path / "results" / "ledger.jsonl").read_text().splitlines()
    assert [json.loads(line)["seeds"] for line in lines] == [[0], [1]], "it was looked at, so it was used"


def test_samples_that_are_not_finite_fail_the_cell(bench, fresh, tmp_path, monkeypatch):
    act = evaluate.act_in_block

    def broken(policy: Policy, observations: Tensor, *arguments: Any) -> Tensor:
        actions = act(policy, observations, *arguments)
        actions[1:3] = torch.tensor([1.0, float("inf")])
        return actions

    monkeypatch.setattr(evaluate, "act_in_block", broken)
    told = bench("run", *TOY, *fresh, "--methods", "unguided", "--seeds", "1")
    assert "Done: 0 results and 1 failed in" in told.out
    failure = results_in(tmp_path / "results")["unguided", None, 0]["failure"]
    assert failure["step"].startswith("evaluation at β = ")
    assert failure["reason"].startswith("2 of 20 samples are not finite")


def test_tuning_stops_at_a_diverged_seed_and_names_it(bench, fresh, monkeypatch):
    break_odd_seeds(monkeypatch, BehaviourDenoiser)
    said = bench(
        "tune-rho",
        *MAZE,
        *fresh,
        "--methods",
        "cep",
        "--grid",
        "1",
        "--data-set.transitions",
        "500",
        "--processes",
        "1",
    ).mistake
    assert said.startswith("seed 101 failed in behaviour, step 5 of 5: diverged: its loss is nan")


class Counting(gym.Env):
    """Six steps long; the observation is the number of steps, the reward the sum of the action."""

    observation_space = gym.spaces.Box(-np.inf, np.inf, (1,), np.float32)
    action_space = gym.spaces.Box(-1, 1, (2,), np.float32)
    open = 0

    def __init__(self) -> None:
        self.steps = 0
        type(self).open += 1

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[np.ndarray, dict]:
        return np.zeros(1, np.float32), {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict]:
        assert np.isfinite(action).all(), "it is never stepped with NaN"
        self.steps += 1
        return np.full(1, self.steps, np.float32), float(action.sum()), self.steps == 6, False, {}

    def close(self) -> None:
        type(self).open -= 1


class Failing:
    """An action of (ρ, number of steps), which is NaN at ρ = 2 in the fourth step."""

    def __init__(self) -> None:
        self.counts = Counts()

    def act(self, observations: Tensor, rho: Tensor, noise: object) -> Tensor:
        steps = observations[..., 0]
        first = torch.where((rho == 2) & (steps == 3), torch.nan, rho)
        return torch.stack([first, steps], -1)


def play(scales: Sequence[float], episodes: int = 60) -> tuple[Played, ...]:
    task = replace(
        TASK, observation_dim=1, action_dim=2, horizon=6, make_environment=Counting, success=None, top_view=None
    )
    asked = [Evaluation(0, rho, range(episodes), (), torch.device("cpu")) for rho in scales]
    return roll_out(Failing(), task, asked, lambda done, total: None)


def test_the_scale_that_fails_ends_and_the_others_play_as_without_it():
    first, failed, third = play([1.0, 2.0, 3.0])
    assert failed.failure is not None
    assert failed.failure.step.startswith("evaluation, step 4 of episode ")
    assert failed.failure.reason.startswith("the action (nan, 3) is not finite, so it was not taken")
    assert failed.episodes == {}
    assert first.failure is None
    assert third.failure is None
    alone_first, alone_third = play([1.0, 3.0])
    assert (first.episodes, third.episodes) == (alone_first.episodes, alone_third.episodes)
    # Six steps of ρ + 0 + 1 + ... + 5.
    assert {each.episode_return for each in third.episodes.values()} == {6 * 3.0 + 15}
    assert Counting.open == 0
