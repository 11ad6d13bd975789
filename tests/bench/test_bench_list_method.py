"""`list method NAME` shows paper and code side by side, and no deviation of our code is left out."""

import json
import re
import subprocess
import sys
from itertools import takewhile
from pathlib import Path

import pytest

from bench.reference.deviations import find_paragraphs
from bench.reference.methods import describe_gradient, list_further, list_trained
from methods.cep import CEP
from methods.core.method import SlotMethod
from methods.core.registry import get_method, method_names
from methods.ddice import DiffusionDICE
from methods.dql import DiffusionQL

ROOT = Path(__file__).parents[2]
PROGRAM = """
import importlib, json, sys
files = {}
for method in sys.argv[1:]:
    importlib.import_module(method)
    ours = {name for name in sys.modules if name.split(".")[0] in ("methods", "critics", "training")}
    files[method] = sorted(sys.modules[name].__file__ for name in ours if sys.modules[name].__file__)
    for name in ours:  # the next method loads its own anew
        del sys.modules[name]
print(json.dumps(files))
"""


@pytest.fixture(scope="module")
def loaded() -> dict[str, list[str]]:
    """The files of our packages that Python itself loads for each method."""
    modules = {name: get_method(name).__module__ for name in method_names()}
    program = [sys.executable, "-c", PROGRAM, *modules.values()]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return {name: json.loads(done.stdout)[module] for name, module in modules.items()}


def shown_deviations(text: str) -> list[str]:
    """One string for each entry under the two titles."""
    entries: list[str] = []
    for line in text.partition("Deviations")[2].splitlines()[1:]:
        if line.startswith("    "):
            entries[-1] += " " + line.strip()
        elif line.startswith("  ") and line != "  none":
            entries.append(line.strip())
    return entries


def listed_above(text: str, title: str) -> list[str]:
    return [entry.partition(": ")[0] for entry in shown_deviations(text.partition(title)[0])]


def row_of(text: str, setting: str) -> list[str]:
    (line,) = [line for line in text.splitlines() if line.split(" ")[0] == setting]
    return line.split()


def named_in(file: Path) -> list[list[str]]:
    """The methods that each `Deviation (...):` of a file names; none for one that concerns all."""
    return [
        found.split(", ") if found else [] for found in re.findall(r"Deviation(?: \((.*?)\))?:", file.read_text())
    ]


@pytest.mark.parametrize("name", method_names())
def test_every_deviation_of_what_python_loads_is_listed_where_it_concerns_the_method(bench, loaded, name):
    told = bench("list", "method", name)
    assert told.code == 0
    listed = [entry.partition(": ")[0] for entry in shown_deviations(told.out)]
    expected = []
    for file in map(Path, loaded[name]):
        expected += [str(file.relative_to(ROOT)) for named in named_in(file) if not named or name in named]
    if issubclass(get_method(name), SlotMethod):
        assert sorted(listed) == sorted(expected)
    else:  # it imports the backbone and samples with none of it
        assert set(listed) <= set(expected)
        assert "methods/core/actors.py" in listed
        assert not any(file.startswith(("methods/diffusion/", "methods/core/guidance_net")) for file in listed)
    own = [file.partition("/")[2] for file in listed_above(told.out, "Deviations of the shared")]
    assert all(file and "/" not in file for file in own), "only files of methods are listed as the method's"


def test_a_deviation_of_a_shared_file_names_methods_that_it_is_imported_for(loaded):
    """So that none of them is left out everywhere."""
    found = {file: named_in(Path(file)) for files in loaded.values() for file in files}
    assert sum(map(len, found.values())) > 20
    for file, deviations in found.items():
        reached = {name for name, files in loaded.items() if file in files}
        for named in deviations:
            assert set(named) <= reached, file


def test_a_method_does_not_show_what_concerns_others_alone(bench):
    texts = {
        name: " ".join(shown_deviations(bench("list", "method", name).out)) for name in ("swg", "cep", "unguided")
    }
    for text, concerned in (
        ("the level is embedded as in the residual network", {"swg"}),
        ("CEP draws random Gaussian frequencies", {"cep"}),
        ("linex is clipped at `maximum`", {"swg"}),
        ("the code of CEP and Diffusion-DICE stops at t = 1e-3", {"cep"}),
    ):
        assert {name for name, shown in texts.items() if text in shown} == concerned


def test_a_method_shows_both_sources_of_each_setting(bench):
    text = bench("list", "method", "swg").out
    steps = "critic.steps 1,000,000 1,000,000 arXiv 2505.18345 500,000 SWG-JAX e312c4f"
    assert row_of(text, "critic.steps") == steps.split()
    assert row_of(text, "weight")[:3] == ["weight", "smooth-expectile", "smooth-expectile"]
    assert "hard-expectile" in row_of(text, "weight")
    assert row_of(text, "sampler.clip")[:3] == ["sampler.clip", "clean", "iterate"]
    exceptions = [line.split() for line in text.splitlines() if line.startswith("  on ")]
    assert ["on", "antmaze-*", "3,000,000", "1,000,000"] in exceptions
    assert ["on", "the", "toy", "sets", "0.0001", "2e-05"] in exceptions
    assert "published ρ" in text


MADE = {
    "unguided": ({"behaviour"}, None),
    "idql": ({"behaviour", "critic"}, None),
    "sfbc": ({"behaviour", "critic"}, None),
    "swg": ({"critic", "joint"}, "the denoiser"),
    "swg-r": ({"critic", "joint"}, "the denoiser"),
    "dps": ({"behaviour", "critic"}, "the denoiser"),
    "cep": ({"behaviour", "critic", "cep-energy"}, "a network of its own"),
    "ddice": ({"behaviour", "critic", "ddice-guidance"}, "a network of its own"),
    "mse": ({"behaviour", "critic", "mse-energy"}, "a network of its own"),
    "aepo": ({"behaviour", "critic", "aepo-energy"}, "a network of its own"),
    "dql": ({"critic", "dql-policy"}, None),
    "iql": ({"critic", "iql-actor"}, None),
    "td3-bc": ({"td3-bc"}, None),
    "cql": ({"cql"}, None),
    "bc": ({"bc"}, None),
}
"""What each paper trains, read from it, and what it differentiates; Diffusion-QL has a Q of its own if asked."""
FURTHER = {"cep": "cep-energy", "ddice": "ddice-guidance", "mse": "mse-energy", "aepo": "aepo-energy"}
"""The network that guides and is no denoiser, by the papers: SWG's point is that it needs none."""


@pytest.mark.parametrize("name", MADE)
def test_what_is_trained_for_a_method_is_what_its_paper_trains(name):
    trained, gradient = MADE[name]
    method = get_method(name)()
    assert set(list_trained(method)) == trained
    assert describe_gradient(method) == gradient
    assert list_further(method) == ((FURTHER[name],) if name in FURTHER else ())


def test_every_method_is_held_to_its_paper():
    assert set(MADE) == set(method_names())


@pytest.mark.parametrize(
    ("method", "further"),
    [
        (CEP(), {"cep-energy"}),
        (DiffusionDICE(candidates=4, select="ensemble"), {"ddice-guidance"}),
        (DiffusionQL(critic="q-learning"), set()),
        (DiffusionQL(critic="q-learning", candidates=1), set()),
    ],
)
def test_own_critics_and_the_whole_of_an_actor_critic_are_nothing_further(method, further):
    assert set(list_further(method)) == further


def test_a_page_says_what_is_trained_and_through_what_the_gradient_goes(bench):
    lines = bench("list", "method", "swg").out.splitlines()
    assert "Trained for it at its default settings: critic, joint." in lines
    assert "Of these neither a critic nor what acts: none." in lines
    assert "The gradient of its guidance goes through the denoiser." in lines
    assert "The gradient of" not in bench("list", "method", "idql").out


def test_a_value_that_shared_terms_leave_out_says_so(bench):
    lines = bench("list", "method", "dql").out.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("critic  "))
    assert lines[start].split()[:3] == ["critic", "shared", "q-learning"]
    row = takewhile(lambda line: line.startswith(" "), lines[start + 1 :])
    assert {"--terms", "as-published)"} <= set(" ".join(row).split())


@pytest.mark.parametrize("name", method_names())
def test_a_page_fits_a_terminal(bench, name):
    assert max(map(len, bench("list", "method", name).out.splitlines())) <= 120


PLUGIN = '''
"""Plain: the behaviour model.

Deviation: nobody
published it.
"""

from dataclasses import dataclass
from typing import ClassVar

from methods import Best, Count, Presets, SlotMethod, Value, register


@register("plain")
@dataclass(frozen=True)
class Plain(SlotMethod):
    """Objective: behaviour. Guidance: none. Selection: the first."""

    title: ClassVar[str] = "Plain"
    paper: ClassVar[str] = "none"
    presets: ClassVar[Presets] = {
        "official": {"draws": Value(9, "mine.py"), "denoiser.levels": Value(7, "mine.py")},
    }
    draws: Count = 4

    def selection(self) -> Best:
        """The best of some."""
        return Best(self.draws)  # Deviation: in passing
'''


def test_a_plug_in_declares_its_presets_in_its_one_file(bench, tmp_path, folders):
    file = tmp_path / "mine.py"
    file.write_text(PLUGIN)
    text = bench("list", "method", "plain", "--plugin", file).out
    assert row_of(text, "draws") == ["draws", "4", "-", "-", "9", "mine.py"]
    assert row_of(text, "denoiser.levels") == ["denoiser.levels", "15", "-", "-", "7", "mine.py"]
    assert shown_deviations(text)[:2] == ["mine.py: nobody published it.", "mine.py: in passing"]
    assert not any(entry.startswith("critics/iql.py: ") for entry in shown_deviations(text)), "of named methods"


def test_a_paragraph_ends_where_its_docstring_or_comment_ends():
    source = '''"""Title.

Deviation: one
and more.

Not this.
"""

x = 1  # Deviation: two
# and its end.
y = 2
# Deviation: three
# four.
# Deviation (swg, swg-r): five
def f():
    """Deviation: six."""
    return "nothing"
'''
    found = [text for _, text in find_paragraphs(source)]
    assert found == ["one and more.", "two and its end.", "three four.", "five", "six."]
    assert [named for named, _ in find_paragraphs(source)] == [(), (), (), ("swg", "swg-r"), ()]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("list method sgw", ("unknown method 'sgw'", "did you mean swg")),
        ("list method", ("list method needs a method's name", "list methods")),
        ("list tasks swg", ("list tasks takes no name such as 'swg'",)),
        ("list tasks --task moons", ("list tasks has no sizes, so --task would change nothing",)),
        ("list method swg --task hoper-medium-v2", ("'hoper-medium-v2'", "did you mean hopper-medium-v2")),
        ("list method swg --preset offcial", ("unknown preset 'offcial'", "did you mean official")),
    ],
)
def test_a_mistake_is_one_sentence(bench, arguments, words):
    sentence = bench(*arguments.split()).mistake
    for part in words:
        assert part in sentence
