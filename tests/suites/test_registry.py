"""Names resolve lazily, and a wrong one is answered with the near ones."""

import subprocess
import sys

import pytest

import suites
from foundation.errors import UnknownName, unknown_name
from suites.registry import get_suite, get_tasks, suite_names


def test_suites_are_found_by_their_files_and_listed_alphabetically():
    assert suite_names() == ("adroit-pen", "antmaze", "kitchen", "locomotion", "maze2d", "toy")


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
        UnknownName, match=r"unknown suite 'maze2'; did you mean maze2d or antmaze\? choose one of adroit-pen, "
    ):
        get_suite("maze2")


def test_unknown_task_suggests_the_near_one_and_lists_all():
    with pytest.raises(UnknownName) as caught:
        get_tasks("maze2d", ["maze2d-umaze", "maze2d-larg"])
    message = str(caught.value)
    assert "'maze2d-larg'" in message
    assert "did you mean maze2d-large" in message
    assert message.endswith("choose one of maze2d-umaze, maze2d-medium, maze2d-large.")


def test_a_name_like_nothing_gets_the_choices_only():
    assert str(unknown_name("suite", "zzz", ["toy", "maze2d"])) == (
        "unknown suite 'zzz'; choose one of toy, maze2d."
    )


def test_case_does_not_hide_the_near_name():
    assert "did you mean HalfCheetah?" in str(unknown_name("robot", "halfcheeta", ["HalfCheetah", "Ant"]))


def test_tasks_come_in_the_order_asked_for_and_once():
    names = [task.name for task in get_tasks("maze2d", ["maze2d-large", "maze2d-umaze", "maze2d-large"])]
    assert names == ["maze2d-large", "maze2d-umaze"]
    assert len(get_tasks(get_suite("locomotion"))) == 9


def modules_after(code):
    """The names of all modules that a fresh interpreter has imported after running the code."""
    code = f"import sys; before = set(sys.modules); {code}; print(*(set(sys.modules) - before))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_asking_for_one_suite_imports_no_other_and_no_torch():
    found = modules_after("from suites import get_suite; get_suite('kitchen')")
    assert {name for name in found if name.startswith("suites.tasks.")} == {"suites.tasks.kitchen"}
    assert not found & {"mujoco", "torch", "minari", "suites.toy.densities"}


def test_importing_the_package_imports_the_standard_library_only():
    found = {name.split(".")[0] for name in modules_after("import suites")}
    assert found <= {"suites", *sys.stdlib_module_names}
    assert "numpy" in modules_after("from suites import Task")


@pytest.mark.parametrize("module", ["task", "registry", "transforms", "environments", "data"])
def test_importing_a_module_imports_no_task(module):
    assert not {name for name in modules_after(f"import suites.{module}") if name.startswith("suites.tasks.")}


def test_every_name_of_the_interface_is_there_and_no_other():
    assert all(getattr(suites, name).__name__ == name for name in suites.__all__ if name != "Progress")
    assert suites.Suite is type(get_suite("toy"))
    assert set(suites.__all__) <= set(dir(suites))
    with pytest.raises(AttributeError, match="has no attribute 'Sweet'"):
        _ = suites.Sweet
