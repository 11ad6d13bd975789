"""A method is found by its name, lazily; a wrong name gets one sentence with the near ones."""

import subprocess
import sys
from collections.abc import Callable

import pytest

from foundation.errors import UnknownName, UserError
from methods import get_method, method_names

BUILT_IN = (
    "aepo", "bc", "cep", "cql", "ddice", "dps", "dql", "idql", "iql", "mse", "sfbc", "swg", "swg-r", "td3-bc",
    "unguided",
)  # fmt: skip


def sentence(call: Callable[..., object], *arguments: object, error: type[UserError]) -> str:
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
    assert message.endswith(f"choose one of {', '.join(BUILT_IN)}.")
    assert "did you mean" not in sentence(get_method, "zzzzzz", error=UnknownName)


def test_infrastructure_is_no_method():
    for name in ("method", "registry", "selection", "guidance-net", "support", "diffusion", "core", "presets"):
        assert name not in method_names()
