"""What is learned from is what each group's papers learn from, worked by hand; the fingerprint is the data's."""

from dataclasses import replace

import numpy as np
import pytest
from d4rl_layout import columns, write

from suites.data import load
from suites.errors import DataError
from suites.registry import get_suite, suite_names
from suites.sources.transitions import transform_rewards
from suites.transforms import MinusOne, ReturnRange, Unchanged, episode_lengths, episode_returns

ENDS = np.array([0, 0, 1, 1, 0, 0], bool)
REWARDS = np.array([1, 2, 3, -4, 5, 1], np.float32)  # returns 6, -4 and 6


def test_returns_and_lengths_by_hand():
    assert episode_returns(REWARDS, ENDS).tolist() == [6, -4, 6]
    assert episode_lengths(ENDS).tolist() == [3, 1, 2]
    assert episode_returns(REWARDS[:1], ENDS[:1]).tolist() == [1]
    assert episode_lengths(ENDS[:3]).tolist() == [3]


def test_transforms_by_hand():
    assert ReturnRange()(REWARDS, ENDS).tolist() == [100, 200, 300, -400, 500, 100]  # × 1000 / (6 + 4)
    assert MinusOne()(REWARDS, ENDS).tolist() == [0, 1, 2, -5, 4, 0]
    assert Unchanged()(REWARDS, ENDS) is REWARDS
    alone = ReturnRange(1.0)
    assert alone(REWARDS, ENDS).tolist() == pytest.approx([0.1, 0.2, 0.3, -0.4, 0.5, 0.1])
    assert (ReturnRange().name, alone.name) == (
        "r × 1000 / (max return - min return)",
        "r / (max return - min return)",
    )
    assert ReturnRange()(REWARDS, ENDS).dtype == MinusOne()(REWARDS, ENDS).dtype == np.float32


def test_no_range_of_returns_is_an_error():
    with pytest.raises(DataError, match="every one of the 2 episodes returns 3"):
        ReturnRange()(np.array([1, 2, 3], np.float32), np.array([0, 1, 1], bool))


def test_each_group_has_its_own():
    declared = {name: {type(task.reward) for task in get_suite(name).tasks} for name in suite_names()}
    assert declared == {
        "toy": {Unchanged},
        "maze2d": {Unchanged},
        "locomotion": {ReturnRange},
        "antmaze": {MinusOne},
        "kitchen": {Unchanged},
        "adroit-pen": {Unchanged},
    }


def test_loading_applies_it_and_keeps_the_datas_fingerprint(tmp_path):
    tasks = {task.name: task for task in get_suite("locomotion").tasks}
    hopper = tasks["hopper-medium-v2"]
    path = write(tmp_path / "x.hdf5", "locomotion", columns("locomotion"))
    scaled = load(hopper, f"file:{path}", count=1, directory=tmp_path)
    raw = load(replace(hopper, reward=Unchanged()), f"file:{path}", count=1, directory=tmp_path)
    # kept: rows 0-3 (row 4 is cut), 5-8 and 9-10; returns 0+1+2+3, 5+6+7+8 and 9+10
    assert raw.rewards.tolist() == [0, 1, 2, 3, 5, 6, 7, 8, 9, 10]
    assert np.allclose(scaled.rewards, raw.rewards * 1000 / (26 - 6))
    assert scaled.raw_rewards is not None
    assert scaled.raw_rewards.tolist() == raw.rewards.tolist()
    assert scaled.fingerprint == raw.fingerprint
    assert scaled.key != raw.key == raw.fingerprint
    assert (scaled.reward_transform, raw.reward_transform) == ("r × 1000 / (max return - min return)", "r")
    assert transform_rewards(raw, replace(hopper, reward=MinusOne())).key not in (raw.key, scaled.key)
    again = load(hopper, f"file:{path}", count=1, directory=tmp_path)  # from the flat copy
    assert again.key == scaled.key
    assert np.array_equal(again.rewards, scaled.rewards)
