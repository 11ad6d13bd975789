"""The methods in README.md and in docs/ work as pasted, and the commands and paths that the pages name exist."""

import contextlib
import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import methods
import suites.registry
from bench.cli.main import main
from bench.conformance.subject import Subject, ignore, small_setup
from bench.plugins import load_plugin
from critics.known import KnownCritic
from methods.core import registry
from training import Component, Data, SeedStreams, fit

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
GUIDE = ROOT / "docs" / "add-a-method.md"
SUITE_GUIDE = ROOT / "docs" / "add-a-suite.md"
PAGES = [README, *sorted((ROOT / "docs").rglob("*.md"))]
STEPS = ("--critic.steps", "5", "--denoiser.steps", "5", "--guidance-net.steps", "5")
NETWORKS = ("--critic.width", "8", "--denoiser.width", "8", "--guidance-net.width", "8", "--denoiser.blocks", "2")
TINY = ("--preset", "smoke", "--device", "cpu", "--threads", "1", "--denoiser.levels", "3", *STEPS, *NETWORKS)
MAZE = ("--suite", "maze2d", "--tasks", "maze2d-umaze", "--seeds", "1", "--evaluation.episodes", "1", *TINY)


BLOCKS = [
    block
    for page in PAGES
    for block in re.findall(r"^```python\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE)
]


def examples() -> dict[str, str]:
    """Every Python block of the pages that registers a method, by the method's name."""
    named = [(re.findall(r'^@register\("(.+)"\)$', block, re.MULTILINE), block) for block in BLOCKS]
    return {names[0]: block for names, block in named if names}


EXAMPLES = examples()
every_example = pytest.mark.parametrize("name", EXAMPLES)


@pytest.fixture(autouse=True)
def forgotten_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """A method or a suite that a test registers is gone after it."""
    for name in registry.method_names():
        registry.get_method(name)
    for name in suites.registry.suite_names():
        suites.registry.get_suite(name)
    monkeypatch.setattr(registry, "_registered", dict(registry._registered))
    monkeypatch.setattr(suites.registry, "_registered", dict(suites.registry._registered))


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Results and artifacts of all examples, so that they share data, critic and the unguided policy."""
    return tmp_path_factory.mktemp("results"), tmp_path_factory.mktemp("artifacts")


@pytest.fixture
def paste(tmp_path: Path):
    """Writes an example to a file."""

    def write(name: str) -> Path:
        file = tmp_path / f"{name.replace('-', '_')}.py"
        file.write_text(EXAMPLES[name])
        return file

    return write


def result(folder: Path, method: str, rho: float | None) -> dict:
    """One cell's result."""
    read = [json.loads(file.read_text()) for file in folder.glob("runs/*/*/seed-*.json")]
    (found,) = [r for r in read if (r["method"], r["rho"]) == (method, rho)]
    return found


def test_there_are_three_examples_and_their_names_are_free():
    assert list(EXAMPLES) == ["my-ascent", "my-weight-net", "my-cfg"]
    assert EXAMPLES["my-ascent"].count("\n") <= 30
    assert not EXAMPLES.keys() & set(registry.method_names())


@every_example
def test_an_example_imports_methods_alone_and_at_most_fifteen_of_its_names(name):
    packages = re.findall(r"^(?:from|import) (\w+)", EXAMPLES[name], re.MULTILINE)
    assert set(packages) <= {"dataclasses", "typing", "torch", "methods"}
    imported = re.findall(r"^from methods import (?:\((.*?)\)|(.*?)$)", EXAMPLES[name], re.DOTALL | re.MULTILINE)
    names = re.findall(r"\w+", " ".join(imported[0]))
    assert len(names) <= 15


@every_example
@pytest.mark.usefixtures("short_episodes")
def test_a_pasted_example_runs_and_is_reported(name, paste, folders, capsys):
    results, artifacts = folders
    what = ("--methods", f"unguided,{name}", "--rho", "0,1", "--plugin", str(paste(name)))
    main(["run", *MAZE, *what, "--results", str(results), "--artifacts", str(artifacts)])
    capsys.readouterr()
    guided, unguided = (result(results, name, rho)["evaluations"] for rho in (1.0, 0.0))
    assert guided["guided_rows"] > unguided["guided_rows"] == 0
    assert guided["gradient"] == (0 if name == "my-cfg" else guided["guided_rows"])
    assert guided["function"] == unguided["function"] * (2 if name == "my-cfg" else 1)
    if name == "my-weight-net":  # the same objective and selection as unguided
        plain = result(results, "unguided", None)
        assert result(results, name, 0.0)["episodes"] == plain["episodes"]
    main(["report", "--results", str(results)])
    assert name in capsys.readouterr().out


@pytest.fixture
def suite_file(tmp_path: Path) -> Path:
    """The suite of the guide as pasted into a file."""
    (block,) = (block for block in BLOCKS if "register_suite(" in block)
    assert block in SUITE_GUIDE.read_text()
    file = tmp_path / "my_cart.py"
    file.write_text(block)
    return file


def test_the_pasted_suite_passes_check_suite(suite_file, tmp_path, capsys):
    main(["check-suite", str(suite_file), "--artifacts", str(tmp_path)])
    said = capsys.readouterr()
    assert said.out.count("  ok      ") == 12
    assert "FAILED" not in said.out
    assert "skipped" not in said.out


def test_the_pasted_suite_runs_and_its_success_rates_are_reported(suite_file, tmp_path, capsys):
    """In two processes, so that its functions are loaded by name; a success lasts until the horizon."""
    folders = ("--artifacts", str(tmp_path / "a"))
    what = ("--plugin", str(suite_file), *folders)
    run = ("run", "--suite", "my-cart", "--methods", "unguided,swg", "--seeds", "1", "--evaluation.episodes", "3")
    main(
        [
            *run,
            *TINY,
            "--data-set.transitions",
            "3000",
            "--processes",
            "2",
            *what,
            "--results",
            str(tmp_path / "r"),
        ]
    )
    read = [json.loads(file.read_text()) for file in (tmp_path / "r").glob("runs/*/*/seed-*.json")]
    assert {(each["method"], each["data"]["source"], each["data"]["transitions"]) for each in read} == {
        ("unguided", "local", 3000),
        ("swg", "local", 3000),
    }
    for episode in (episode for each in read for episode in each["episodes"]):
        assert episode["success"] == (episode["length"] == 200)
        assert episode["return"] == pytest.approx(episode["length"] - (not episode["success"]), abs=1e-6)
    main(["report", "--results", str(tmp_path / "r")])
    report = (tmp_path / "r" / "report" / "report.md").read_text()
    table = report.partition("### Success rate")[2].partition("###")[0]
    for each in read:
        count = sum(episode["success"] for episode in each["episodes"])
        assert f"{count / 3:.2f} ({count} of 3)" in table
    main(["data", "info", "pole-noisy", "--transitions", "3000", *what])
    assert "3,000 transitions" in capsys.readouterr().out


@every_example
def test_a_pasted_example_passes_check_method(name, paste, capsys):
    with contextlib.suppress(SystemExit):
        main(["check-method", str(paste(name))])
    said = capsys.readouterr()
    assert "ok " in said.out
    assert "FAILED" not in said.out
    assert not said.err


def test_the_classifier_free_example_moves_from_the_unconditional_to_the_conditional_prediction(paste):
    """Training labels the upper 30 %; ρ = 0 is the prediction without condition, ρ = 1 that given c = 1."""
    load_plugin(paste("my-cfg"))
    subject = Subject("my-cfg", registry.get_method("my-cfg")())
    assert isinstance(subject.method, methods.SlotMethod)
    objective, guidance = subject.method.objective(), subject.method.guidance()
    assert guidance is not None
    component = objective.component(subject.setup)
    model, streams = subject.models((0, 1, 2))["denoiser"], SeedStreams((0, 1, 2), "test")
    z, s = streams.normal(6, 2), streams.normal(6, 3)
    steer = guidance.steer(objective.denoiser(model), {"denoiser": model}, z, 2, s)
    shift = model.schedule.sigma[2] ** 2 / model.schedule.alpha[2] * steer.score
    for rho, condition in ((0, 0.0), (1, 1.0)):
        given = model(z, 2, torch.cat([s, torch.full((3, 6, 1), condition)], -1))
        torch.testing.assert_close(steer.clean + rho * shift, given, rtol=1e-5, atol=1e-5)

    critic = subject.make(component.upstream()["critic"], (0, 1, 2))
    assert isinstance(component, methods.Trained)
    step = methods.Step(subject.data, {"critic": critic}, streams)
    condition = component.precompute(step)["condition"]
    states, actions = (t.expand(3, -1, -1) for t in (subject.data.observations, subject.data.actions))
    advantage = (critic.q(states, actions) - critic.v(states)).detach().numpy()
    for row in range(3):
        upper = np.argsort(advantage[row])[-14:]  # 30 % of 48, less than 14.4
        assert sorted(np.flatnonzero(condition[row].numpy() == 1)) == sorted(upper)


def test_the_weight_net_example_learns_the_mean_weight_of_a_noisy_action(paste):
    """μ = N(0, I) and Q - V = a_1: given a_k, a is N(α a_k, σ²), and E[w | a_k] an integral over it."""
    load_plugin(paste("my-weight-net"))
    example: Any = registry.get_method("my-weight-net")
    method = example(width=32)
    assert isinstance(method, methods.SlotMethod)
    critic = KnownCritic("slope", lambda points: points[:, 0], 0.0)
    small = small_setup()
    config = dataclasses.replace(small.guidance_net_config, steps=600, learning_rate=3e-3)
    setup = dataclasses.replace(small, guidance_net_config=config, known_critic=critic)
    actions = torch.randn(20_000, 2, generator=torch.Generator().manual_seed(0))
    ones, zeros = torch.ones(len(actions), 3), torch.zeros(len(actions))
    guidance = method.guidance()
    assert guidance is not None
    component: Component = guidance.components(setup, setup.behaviour())["guidance"]
    assert isinstance(component, methods.Trained)
    net: Any = fit(component, Data(ones, actions, zeros, ones, zeros), {"critic": critic}, (0, 1), ignore).module

    nodes, masses = np.polynomial.hermite_e.hermegauss(60)
    points = torch.stack([torch.linspace(-1.5, 1.5, 9), torch.zeros(9)], -1).expand(2, -1, -1)
    for level in range(len(net.schedule)):
        alpha, sigma = float(net.schedule.alpha[level]), float(net.schedule.sigma[level])
        inside = alpha * np.linspace(-1.5, 1.5, 9)[:, None] + sigma * nodes
        mean = (1 / (1 + np.exp(-3 * inside))) @ masses / masses.sum()
        learned = net(points, level, torch.ones(2, 9, 3)).exp().numpy()
        np.testing.assert_allclose(learned, np.stack([mean, mean]), atol=0.05)


def test_the_guide_lists_every_name_of_the_interface():
    table = GUIDE.read_text().partition("## The interface")[2].partition("**Setup**")[0]
    listed = [
        name for row in re.findall(r"^\|.*\|(.*)\|$", table, re.MULTILINE) for name in re.findall("`(.+?)`", row)
    ]
    assert sorted(listed) == sorted(methods.__all__)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_paths_that_a_page_names_exist(page):
    folders = "bench|methods|critics|training|suites|reports|foundation|tests|studies|docs"
    named = re.findall(rf"`((?:{folders})/[\w./-]*)`", page.read_text())
    assert [path for path in named if "my_" not in path and not (ROOT / path).exists()] == []


COMMANDS = {name for page in PAGES for name in re.findall(r"python -m bench ([a-z-]+)", page.read_text())}


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_of_the_pages_has_help(command, capsys):
    with contextlib.suppress(SystemExit):
        main([command, "--help"])
    assert f"bench {command}" in capsys.readouterr().out
