"""Names resolve lazily, and a wrong one is answered with the near ones."""

import subprocess
import sys

import pytest

from foundation.errors import UnknownName, unknown_name
from suites.registry import get_suite, get_tasks, suite_names


def test_suites_are_listed_in_order():
    assert suite_names() == ("toy", "maze2d", "locomotion", "antmaze", "kitchen", "adroit-pen")


@pytest.mark.parametrize("name", suite_names())
def test_every_suite_knows_its_own_name_and_its_tasks_know_theirs(name):
    suite = get_suite(name)
    assert suite.name == name
    assert suite.tasks
    assert all(task.suite == name for task in suite.tasks)
    assert len({task.name for task in suite.tasks}) == len(suite.tasks)


def test_task_names_are_unique_over_all_suites():
    names = [task.name for suite in suite_names() for task in get_suite(suite).tasks]
    assert len(names) == len(set(names))


def test_unknown_suite_suggests_the_near_one():
    with pytest.raises(
        UnknownName, match=r"unknown suite 'maze2'; did you mean maze2d or antmaze\? choose one of toy, "
    ):
        get_suite("maze2")


def test_unknown_task_suggests_the_near_one_and_lists_all():
    with pytest.raises(UnknownName) as caught:
        get_tasks("maze2d", ["maze2d-umaze", "maze2d-larg"])
    message = str(caught.value)
    assert "'maze2d-larg'" in message
    assert "did you mean maze2d-large" in message
    assert message.endswith("The choices are maze2d-umaze, maze2d-medium, maze2d-large.")


def test_a_name_like_nothing_gets_the_choices_only():
    assert str(unknown_name("suite", "zzz", ["toy", "maze2d"])) == (
        "unknown suite 'zzz': The choices are toy, maze2d."
    )


def test_case_does_not_hide_the_near_name():
    assert "did you mean HalfCheetah?" in str(unknown_name("robot", "halfcheeta", ["HalfCheetah", "Ant"]))


def test_tasks_come_in_the_order_asked_for_and_once():
    names = [task.name for task in get_tasks("maze2d", ["maze2d-large", "maze2d-umaze", "maze2d-large"])]
    assert names == ["maze2d-large", "maze2d-umaze"]
    assert len(get_tasks(get_suite("locomotion"))) == 9


def test_asking_for_one_suite_imports_no_other_and_no_torch():
    code = (
        "import sys; from suites.registry import get_suite; get_suite('kitchen'); "
        "others = ('suites.tasks.maze2d', 'suites.tasks.toy', 'mujoco', 'torch'); "
        "print(sorted(n for n in sys.modules if n in others))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
