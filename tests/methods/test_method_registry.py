"""A method is found by its name, lazily; a wrong name or a broken plug-in gets one sentence with the remedy."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from foundation.errors import UnknownName, UserError
from methods import MethodError, get_method, load_plugin, method_names
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


def sentence(call: Callable[..., object], *arguments: object, error: type[UserError] = MethodError) -> str:
    with pytest.raises(error) as caught:
        call(*arguments)
    return str(caught.value)


def test_every_built_in_method_is_found_under_its_name():
    assert set(BUILT_IN) <= set(method_names())
    assert list(method_names()) == sorted(method_names())
    for name in BUILT_IN:
        cls = get_method(name)
        assert get_method(name) is cls
        assert cls.title
        assert "arXiv" in cls.paper


def test_names_are_known_without_importing_a_method_and_one_method_brings_no_other():
    program = (
        "import sys; from methods.core.registry import get_method, method_names; names = method_names(); "
        "assert 'cep' in names and 'swg-r' in names, names; "
        "files = ['methods.' + name.replace('-', '_') for name in names]; "
        "print([file for file in files if file in sys.modules]); "
        "get_method('idql'); print([file for file in files if file in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines() == ["[]", "['methods.idql']"]


def test_an_unknown_name_gets_the_near_ones_and_all():
    message = sentence(get_method, "swgr", error=UnknownName)
    assert message.startswith("unknown method 'swgr'; did you mean ")
    assert "swg-r" in message.split("?")[0]
    assert message.endswith("choose one of cep, ddice, dps, idql, mse, swg, swg-r, unguided.")
    assert "did you mean" not in sentence(get_method, "zzzzzz", error=UnknownName)


def test_infrastructure_is_no_method():
    for name in ("method", "registry", "selection", "guidance-net", "support", "diffusion", "core", "presets"):
        assert name not in method_names()


def test_a_plugin_registers_its_method(plugin):
    path = plugin(PLUGIN.format(name="my-way", cls="MyWay"))
    assert load_plugin(path) == ("my-way",)
    assert "my-way" in method_names()
    assert get_method("my-way").title == "Mine"
    assert "did you mean my-way" in sentence(get_method, "my-wai", error=UnknownName)


def test_loading_a_plugin_again_gives_the_same_names(plugin):
    path = plugin(PLUGIN.format(name="my-way", cls="MyWay"))
    assert load_plugin(path) == load_plugin(path) == ("my-way",)


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
    assert sentence(load_plugin, path).endswith("registers no method; decorate its class with @register(name).")


def test_a_plugin_may_import_a_built_in_method_which_is_not_its_own(plugin):
    """In a fresh process, since here every built-in method is imported already."""
    borrow = "from methods.swg import SWG\n"
    whole = plugin(borrow + PLUGIN.format(name="my-way", cls="MyWay"), "whole.py")
    broken, empty = plugin(borrow + "1 / 0\n", "broken.py"), plugin(borrow, "empty.py")
    program = (
        "import sys, pathlib; from methods.core.registry import MethodError, get_method, load_plugin\n"
        "for name in sys.argv[1:]:\n"
        "  try: print(load_plugin(pathlib.Path(name)))\n"
        "  except MethodError as error: print(error)\n"
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
        "import sys, pathlib; from methods.core.registry import MethodError, load_plugin\n"
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
