"""When an episode counts as a success, by hand."""

import numpy as np
import pytest

from suites.errors import DataError
from suites.registry import get_suite, suite_names
from suites.success import InfoFlag, StepResult, Success
from suites.task import ControlTask


def always(step: StepResult) -> bool:
    return True


@pytest.mark.parametrize(
    ("measure", "held", "expected"),
    [
        (Success(always), [False, True, False], True),
        (Success(always), [False, False], False),
        (Success(always, steps=2), [True, False, False], False),
        (Success(always, steps=2), [True, False, True], True),
        (Success(always, at_end=True), [True, False], False),
        (Success(always, at_end=True), [False, True], True),
        (Success(always), [], False),
    ],
)
def test_enough_steps_make_a_success(measure, held, expected):
    assert measure.judge(held) is expected


def test_an_entry_of_info_is_read_and_a_missing_one_is_named():
    def step(info):
        return StepResult(np.zeros(1), 0.0, False, False, info)

    assert InfoFlag("is_success")(step({"is_success": 1.0})) is True
    assert InfoFlag("is_success")(step({"is_success": np.False_})) is False
    with pytest.raises(DataError, match="info has no 'is_success' for the success measure; it has goal, success"):
        InfoFlag("is_success")(step({"success": True, "goal": 1}))


def test_the_suites_whose_source_defines_a_success_have_one():
    defined = {
        suite: {task.success is not None for task in get_suite(suite).tasks if isinstance(task, ControlTask)}
        for suite in suite_names()
    }
    assert defined == {
        "adroit-pen": {True},
        "antmaze": {True},
        "kitchen": {True},
        "locomotion": {False},
        "maze2d": {False},
        "toy": set(),
    }
    (pen, _) = get_suite("adroit-pen").tasks
    assert isinstance(pen, ControlTask)
    assert pen.success is not None
    assert (pen.success.judge([True] * 20), pen.success.judge([True] * 21)) == (False, True)
