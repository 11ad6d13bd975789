"""A plug-in file registers methods, suites or both; a broken one gets one sentence with the remedy."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench.plugins import Plugin, load_plugin, load_plugins
from foundation.errors import UnknownName, UserError
from methods import MethodError, get_method, method_names
from methods.core import registry
from suites.environments import make
from suites.registry import ENTRY_POINTS, find_tasks, get_suite, suite_names

BUILT_IN = (
    "aepo", "bc", "cep", "cql", "ddice", "dps", "dql", "idql", "iql", "mse", "sfbc", "swg", "swg-r", "td3-bc",
    "unguided",
)  # fmt: skip
PLUGIN = '''
"""A method in one file."""
from dataclasses import dataclass
from methods import Method, register

@register("{name}")
@dataclass(frozen=True)
class {cls}(Method):
    title = "Mine"
    paper = "none"

    def components(self, setup):
        return {{"denoiser": setup.behaviour()}}

    def policy(self, models, setup):
        raise NotImplementedError
'''


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test registers or imports is gone after it."""
    for name in BUILT_IN:
        get_method(name)
    monkeypatch.setattr(registry, "_registered", dict(registry._registered))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.startswith("plugin_"):
            del sys.modules[name]


SUITE = '''
"""A suite in one file."""
from suites import ControlTask, Suite, make_gymnasium, register_suite

def make():
    return make_gymnasium("InvertedPendulum-v5", 9)

register_suite(Suite(name="{suite}", title="Mine", tasks=(
    ControlTask(
        name="{task}", observation_dim=4, action_dim=1, horizon=9, reference=(0, 9), make_environment=make),
)))
'''


@pytest.fixture
def plugin(tmp_path: Path) -> Callable[..., Path]:
    def write(text: str, file: str = "mine.py") -> Path:
        path = tmp_path / file
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    return write


def sentence(call: Callable[..., object], *arguments: object, error: type[UserError] = UserError) -> str:
    with pytest.raises(error) as caught:
        call(*arguments)
    return str(caught.value)


def test_a_plugin_registers_its_method(plugin):
    path = plugin(PLUGIN.format(name="my-way", cls="MyWay"))
    assert load_plugin(path).methods == ("my-way",)
    assert "my-way" in method_names()
    assert get_method("my-way").title == "Mine"
    assert "did you mean my-way" in sentence(get_method, "my-wai", error=UnknownName)


def test_loading_a_plugin_again_gives_the_same_names(plugin):
    path = plugin(PLUGIN.format(name="my-way", cls="MyWay"))
    assert load_plugin(path).methods == load_plugin(path).methods == ("my-way",)


def test_a_plugin_that_does_not_import_says_why_and_leaves_nothing_behind(plugin, monkeypatch):
    monkeypatch.delitem(sys.modules, "plugin_mine", raising=False)  # other tests have files of that name
    path = plugin(PLUGIN.format(name="my-way", cls="MyWay") + "\nimport no_such_package\n")
    message = sentence(load_plugin, path)
    assert message.startswith(f"plug-in {str(path)!r} fails to import: ModuleNotFoundError: ")
    assert "no_such_package" in message
    assert "plugin_mine" not in sys.modules
    assert "my-way" not in method_names()
    assert "SyntaxError" in sentence(load_plugin, plugin("def half(:\n"))


def test_a_plugin_without_a_method_says_so(plugin):
    path = plugin("answer = 42\n")
    assert sentence(load_plugin, path).endswith(
        "registers no method and no suite; decorate a method's class with @register(name), or call "
        "register_suite(Suite(...))."
    )


def test_a_plugin_may_import_a_built_in_method_which_is_not_its_own(plugin):
    """In a fresh process, since here every built-in method is imported already."""
    borrow = "from methods.swg import SWG\n"
    whole = plugin(borrow + PLUGIN.format(name="my-way", cls="MyWay"), "whole.py")
    broken, empty = plugin(borrow + "1 / 0\n", "broken.py"), plugin(borrow, "empty.py")
    program = (
        "import sys, pathlib; from bench.plugins import load_plugin; from methods import get_method\n"
        "from foundation.errors import UserError\n"
        "for name in sys.argv[1:]:\n"
        "  try: print(load_plugin(pathlib.Path(name)).methods)\n"
        "  except UserError as error: print(error)\n"
        "print(get_method('swg').title)"
    )
    arguments = [sys.executable, "-c", program, str(broken), str(empty), str(whole)]
    run = subprocess.run(arguments, capture_output=True, text=True, check=True)
    first, second, third, last = run.stdout.splitlines()
    assert "ZeroDivisionError" in first
    assert "registers no method" in second
    assert (third, last) == ("('my-way',)", "SWG")


def test_a_path_that_is_no_plugin_is_named(plugin, tmp_path):
    missing = tmp_path / "missing.py"
    assert sentence(load_plugin, missing).startswith(f"plug-in {str(missing)!r} is not a file")
    assert sentence(load_plugin, tmp_path).startswith(f"plug-in {str(tmp_path)!r} is not a file")
    assert "its name must end in .py" in sentence(load_plugin, plugin("x = 1\n", "mine.txt"))


def test_two_methods_cannot_have_one_name(plugin):
    load_plugin(plugin(PLUGIN.format(name="my-way", cls="MyWay"), "one.py"))
    message = sentence(load_plugin, plugin(PLUGIN.format(name="my-way", cls="Other"), "two.py"))
    assert message == "two methods are called 'my-way': plugin_one and plugin_two; rename one of them."
    assert get_method("my-way").__name__ == "MyWay"


def test_a_plugin_cannot_take_a_built_in_name_even_before_that_is_imported(plugin):
    path = plugin(PLUGIN.format(name="swg", cls="Mine"))
    expected = "two methods are called 'swg': methods.swg and plugin_mine; rename one of them."
    get_method("swg")
    assert sentence(load_plugin, path) == expected
    program = (
        "import sys, pathlib; from bench.plugins import load_plugin; from methods import MethodError\n"
        "try: load_plugin(pathlib.Path(sys.argv[1]))\n"
        "except MethodError as error: print(error)"
    )
    run = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == expected


UNFIT = {
    "a plain class": ("class Mine(SlotMethod): ...", "Mine is no frozen dataclass; put @dataclass"),
    "not frozen": ("@dataclass\nclass Mine(SlotMethod): ...", "Mine is no frozen dataclass"),
    "no default": ("@dataclass(frozen=True)\nclass Mine(SlotMethod):\n    n: int", "Mine.n has no default"),
}


@pytest.mark.parametrize("unfit", UNFIT)
def test_a_class_that_cannot_be_made_is_refused_when_it_is_registered(tmp_path: Path, unfit: str):
    code, sentence = UNFIT[unfit]
    file = tmp_path / "unfit.py"
    head = "from dataclasses import dataclass\nfrom methods import SlotMethod, register\n@register('my-unfit')\n"
    file.write_text(head + code + "\n")
    with pytest.raises(MethodError, match=re.escape(sentence)):
        load_plugin(file)
    assert "my-unfit" not in method_names()


def test_one_file_may_hold_methods_and_suites(plugin):
    path = plugin(PLUGIN.format(name="my-way", cls="MyWay") + SUITE.format(suite="my-suite", task="my-task"))
    for _ in range(2):
        assert load_plugin(path) == Plugin(path, ("my-way",), ("my-suite",))
    assert get_method("my-way").title == "Mine"
    (task,) = get_suite("my-suite").tasks
    assert (task.name, task.suite, task.episodes, dict(task.datasets)) == ("my-task", "my-suite", 20, {})
    assert find_tasks("my-task") == (task,)
    assert make("my-suite", "my-task").observation_space.shape == (4,)


def test_a_file_that_was_changed_is_read_again_and_what_it_no_longer_holds_is_gone(plugin):
    path = plugin(SUITE.format(suite="my-suite", task="my-task"))
    assert load_plugin(path).suites == ("my-suite",)
    path.write_text(SUITE.format(suite="other-suite", task="my-task").replace("(0, 9)", "(0, 90)"))
    assert load_plugin(path).suites == ("other-suite",)
    assert "my-suite" not in suite_names()
    path.write_text(path.read_text() + "\n1 / 0\n")
    assert "ZeroDivisionError" in sentence(load_plugin, path)
    assert get_suite("other-suite").tasks[0].name == "my-task"


TAKEN = {
    "a suite here": (("maze2d", "my-task"), "two suites are called 'maze2d': suites.tasks.maze2d and plugin_mine"),
    "a task here": (
        ("my-suite", "moons"),
        "task 'moons' of suite 'my-suite' is also a task of suite 'toy'; rename",
    ),
    "a suite's name": (
        ("my-suite", "kitchen"),
        "task 'kitchen' of suite 'my-suite' has the name of suite 'kitchen'",
    ),
    "a task's name": (("moons", "my-task"), "suite 'moons' has the name of a task of suite 'toy'; rename it."),
    "no name": (
        ("my suite", "my-task"),
        "suite 'my suite' cannot have that name; use letters from a to z, digits",
    ),
    "upper case": (("MySuite", "my-task"), "suite 'MySuite' cannot have that name; use letters from a to z"),
    "no task's name": (("my-suite", "my/task"), "task 'my/task' of suite 'my-suite' cannot have that name"),
}


@pytest.mark.parametrize("taken", TAKEN)
def test_names_that_are_taken_are_refused_and_leave_nothing_behind(plugin, taken):
    (suite, task), said = TAKEN[taken]
    before = suite_names()
    assert said in sentence(load_plugin, plugin(SUITE.format(suite=suite, task=task)))
    assert suite_names() == before
    assert get_suite("maze2d").tasks[0].name == "maze2d-umaze"


def test_two_suites_cannot_have_one_name_in_one_file_or_in_two(plugin):
    text = SUITE.format(suite="my-suite", task="my-task")
    twice = plugin(text + SUITE.format(suite="my-suite", task="other"), "twice.py")
    assert "two suites are called 'my-suite': plugin_twice and plugin_twice" in sentence(load_plugin, twice)
    load_plugin(plugin(text, "one.py"))
    again = plugin(text, "two.py")
    assert "two suites are called 'my-suite': plugin_one and plugin_two" in sentence(load_plugin, again)
    assert "is also a task of suite 'my-suite'" in sentence(
        load_plugin, plugin(SUITE.format(suite="third", task="my-task"), "three.py")
    )


def test_two_files_of_one_name_cannot_be_loaded_together(plugin):
    one = plugin(SUITE.format(suite="one", task="task-1"), "a/mine.py")
    two = plugin(SUITE.format(suite="two", task="task-2"), "b/mine.py")
    assert sentence(load_plugins, (one, two)).startswith("two plug-ins are called 'mine.py': ")
    load_plugins((one, one))
    load_plugins((two,))  # another command, or a copy of the file: it takes the other's place
    assert "one" not in suite_names()
    assert "two" in suite_names()


def test_a_task_of_another_suite_or_a_task_twice_is_refused(plugin):
    text = SUITE.format(suite="my-suite", task="my-task")
    alien = plugin(text.replace("observation_dim", "suite='toy', observation_dim"))
    assert "has the task 'my-task' of the suite 'toy'; leave `suite` out" in sentence(load_plugin, alien)
    twice = text.replace("tasks=(", "tasks=2 * (")
    assert "has two tasks that are called 'my-task'" in sentence(load_plugin, plugin(twice))


def test_a_suite_here_is_checked_by_its_file():
    path = Path(get_suite.__code__.co_filename).parent / "tasks" / "maze2d.py"
    assert load_plugin(path) == Plugin(path, suites=("maze2d",))


@pytest.mark.parametrize("broken", ["", "1 / 0"])
def test_an_installed_suite_is_found_by_its_entry_point(tmp_path, monkeypatch, broken):
    (tmp_path / "my_package.py").write_text(SUITE.format(suite="my-installed", task="my-task") + broken)
    info = tmp_path / "my_package-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-package\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{ENTRY_POINTS}]\nmy-installed = my_package\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert "my-installed" in suite_names()
    if broken:
        said = "suite 'my-installed' of the installed package 'my_package' fails to import: ZeroDivisionError"
        assert said in sentence(get_suite, "my-installed")
    else:
        assert get_suite("my-installed").tasks[0].name == "my-task"
    sys.modules.pop("my_package", None)


def test_every_command_on_data_knows_the_tasks_of_a_plugin(bench, plugin, tmp_path):
    path = plugin(SUITE.format(suite="my-suite", task="my-task"))
    flags = ("--plugin", path, "--artifacts", tmp_path / "artifacts")
    assert "my-task" in bench("list", "tasks", "--plugin", path).out
    assert bench("data", "list", "my-suite", *flags).code == 0
    said = "data of my-task cannot be made here; give a file of them to the command that needs them, as in --data"
    assert bench("data", "make", "my-task", *flags).mistake == f"{said} file:PATH."
    said = "task my-task has nothing to fetch: it declares no data; its sources are file:PATH."
    assert bench("data", "fetch", "my-task", *flags).mistake == said
    assert "task my-task" in bench("data", "info", "my-task", "--data", "file:none.hdf5", *flags).mistake
    assert (
        "unknown task or suite 'my-tusk'; did you mean my-task" in bench("data", "info", "my-tusk", *flags).mistake
    )
