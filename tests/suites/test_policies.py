"""The shipped policies are the trainer's own, score what the table says, and play the parts of D4RL's recipe."""

import csv
import math
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

import suites.recipes.policies
from suites.errors import DataError
from suites.recipes.policies.actor import Actor, Uniform, load_policies
from suites.recipes.policies.rollout import run_episodes

FOLDER = Path(suites.recipes.policies.__file__).parent
REFERENCE = {  # D4RL's minimum and maximum return
    "halfcheetah": (-280.178953, 12135.0),
    "hopper": (-20.272305, 3234.3),
    "walker2d": (1.629008, 4592.3),
}
ROBOTS = sorted(REFERENCE)


def table():
    rows = defaultdict(list)
    with (FOLDER / "returns.csv").open() as file:
        for row in csv.DictReader(file):
            rows[row["robot"]].append(row)
    return rows


def row_of(robot, role):
    (row,) = [row for row in table()[robot] if row["role"] == role]
    return row


@pytest.mark.parametrize("role", ["medium", "expert"])
@pytest.mark.parametrize("robot", ROBOTS)
def test_the_actor_answers_as_the_library_did(robot, role):
    stored = load_file(FOLDER / f"{robot}.safetensors")
    mean, log_std = getattr(load_policies(robot), role).distribution(stored[f"reference.{role}.observations"])
    theirs = stored[f"reference.{role}.mean"]
    assert mean.shape == theirs.shape == (16, {"hopper": 3}.get(robot, 6))
    assert np.abs(theirs).max() > 0.3
    # Weights are kept in float16, whose relative error is 5e-4; an answer is a sum of 256 terms of either sign.
    assert np.abs(np.tanh(mean) - np.tanh(theirs)).max() < 0.02
    assert np.abs(log_std - stored[f"reference.{role}.log_std"]).max() < 0.05


def test_actions_follow_the_squashed_gaussian():
    # One layer worked by hand: mean 0.5 s, standard deviation exp(-1).
    actor = Actor(((np.array([[0.5, 0.0]], np.float32), np.array([0.0, -1.0], np.float32)),))
    actions = actor.sample(np.full((20_000, 1), 0.8, np.float32), np.random.default_rng(0))
    assert (actions.dtype, actions.shape) == (np.float32, (20_000, 1))
    before = np.arctanh(actions.astype(np.float64))
    assert before.mean() == pytest.approx(0.4, abs=4 * math.exp(-1) / math.sqrt(20_000))
    assert before.std() == pytest.approx(math.exp(-1), rel=0.03)


def test_hidden_layers_are_rectified_and_the_deviation_is_bounded():
    layers = (
        (np.array([[1.0, -1.0]], np.float32), np.array([0.0, 0.5], np.float32)),
        (np.array([[2.0, 100.0], [3.0, 0.0]], np.float32), np.array([0.1, 0.0], np.float32)),
    )
    mean, log_std = Actor(layers).distribution(np.array([[1.0], [-1.0]], np.float32))
    assert mean[:, 0].tolist() == pytest.approx([2.1, 4.6])  # hidden (1, 0) and (0, 1.5)
    assert log_std[:, 0].tolist() == [2.0, 0.0]


def test_the_untrained_policy_is_uniform():
    actions = Uniform(3).sample(np.zeros((20_000, 11), np.float32), np.random.default_rng(0))
    assert (actions.dtype, actions.shape) == (np.float32, (20_000, 3))
    assert np.histogram(actions, 4, (-1, 1))[0] / actions.size == pytest.approx(np.full(4, 0.25), abs=0.01)


@pytest.mark.parametrize("robot", ROBOTS)
def test_the_expert_scores_what_the_table_says(robot):
    row = row_of(robot, "expert, measured again")
    episodes = 10
    mean = run_episodes(robot, load_policies(robot).expert, 1000, episodes, np.random.SeedSequence(99))[0].mean()
    error = float(row["sd"]) * math.sqrt(1 / episodes + 1 / int(row["episodes"]))
    assert mean == pytest.approx(float(row["mean_return"]), abs=4 * error + 10)
    assert mean > 2 * float(row_of(robot, "medium")["mean_return"])


@pytest.mark.parametrize("robot", ROBOTS)
def test_roles_are_cast_by_the_recipe(robot):
    rows = [row for row in table()[robot] if "again" not in row["role"] and row["role"] != "untrained"]
    scores = {int(row["steps"]): float(row["normalized_score"]) for row in rows}
    steps = {row["role"]: int(row["steps"]) for row in rows if row["role"]}
    assert scores[steps["expert"]] == max(scores.values())
    high = min(step for step, score in scores.items() if score >= max(scores.values()) * 2 / 3)
    rising = {step: abs(score - max(scores.values()) / 3) for step, score in scores.items() if step < high}
    falls = {int(row["steps"]): int(row["falls"]) for row in rows}
    if robot == "halfcheetah":  # which cannot fall
        assert set(falls.values()) == {0}
    else:
        rising = {step: away for step, away in rising.items() if falls[step] >= 5}
    assert rising[steps["medium"]] == min(rising.values())
    way = [step for role, step in steps.items() if role.startswith("earlier-")]
    assert 1 <= len(way) <= 6
    assert sorted(way) == way
    assert max(way) < steps["medium"]
    policies = load_policies(robot)
    assert len(policies.earlier) == 1 + len(way)
    assert isinstance(policies.earlier[0], Uniform)


def test_scores_in_the_table_are_d4rls():
    for robot, rows in table().items():
        low, high = REFERENCE[robot]
        for row in rows:
            score = 100 * (float(row["mean_return"]) - low) / (high - low)
            assert float(row["normalized_score"]) == pytest.approx(score, abs=0.01)
            assert int(row["episodes"]) == 20
        assert float(rows[0]["normalized_score"]) == pytest.approx(0.0, abs=3.0)  # the untrained policy
    assert sorted(table()) == ROBOTS


def test_all_policies_together_are_small():
    files = sorted(FOLDER.glob("*.safetensors"))
    assert [file.stem for file in files] == ROBOTS
    assert sum(file.stat().st_size for file in files) < 6_000_000


def test_missing_and_damaged_policies_are_named_with_the_remedy(tmp_path):
    with pytest.raises(DataError, match=r"local data of hopper cannot be made: .*train\.py --robot hopper"):
        load_policies("hopper", tmp_path)
    whole = (FOLDER / "hopper.safetensors").read_bytes()
    (tmp_path / "hopper.safetensors").write_bytes(whole[:1_000])
    with pytest.raises(DataError, match=r"policies in .* cannot be read .* restore that file"):
        load_policies("hopper", tmp_path)
