"""A plug-in file registers methods, suites or both; a broken one gets one sentence with the remedy."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench.plugins import load_plugin
from foundation.errors import UnknownName, UserError
from methods import MethodError, get_method, method_names
from methods.core import registry

BUILT_IN = ("cep", "ddice", "dps", "idql", "mse", "swg", "swg-r", "unguided")
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


def test_a_plugin_that_does_not_import_says_why_and_leaves_nothing_behind(plugin):
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
