"""The command line called as a user would, in this process, on folders that vanish."""

import dataclasses
from pathlib import Path

import h5py
import numpy as np
import pytest
from command_line import Call, Told

import suites.registry
from bench.cli.main import main
from methods.core import registry
from suites.sources.d4rl.files import FILES


@pytest.fixture
def bench(capsys: pytest.CaptureFixture[str]) -> Call:
    """Call `python -m bench ...` in this process; an exception that a user would see as a traceback passes."""

    def call(*arguments: object) -> Told:
        capsys.readouterr()
        code = 0
        try:
            main([str(argument) for argument in arguments])
        except SystemExit as stop:
            code = int(stop.code or 0)
        said = capsys.readouterr()
        return Told(code, said.out, said.err)

    return call


@pytest.fixture(scope="session")
def kept_artifacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One artifacts folder for every test that does not mind what is in it."""
    return tmp_path_factory.mktemp("artifacts")


@pytest.fixture
def artifacts(kept_artifacts: Path) -> Path:
    """That folder; its ledger knows of no evaluation."""
    (kept_artifacts / "ledger.jsonl").unlink(missing_ok=True)
    return kept_artifacts


@pytest.fixture
def folders(tmp_path: Path, artifacts: Path) -> tuple[object, ...]:
    """The flags of a fresh results folder and of the shared artifacts."""
    return ("--results", tmp_path / "results", "--artifacts", artifacts)


@pytest.fixture
def fresh(tmp_path: Path) -> tuple[object, ...]:
    """The flags of a fresh results folder and of fresh artifacts."""
    return ("--results", tmp_path / "results", "--artifacts", tmp_path / "artifacts")


@pytest.fixture
def unknown_scale(monkeypatch: pytest.MonkeyPatch) -> None:
    """The toy sets without the ρ that gives their exact target: densities where ρ can be tuned."""
    toy = suites.registry.get_suite("toy")
    tasks = tuple(dataclasses.replace(task, rho=None) for task in toy.tasks)
    monkeypatch.setitem(suites.registry._registered, "toy", dataclasses.replace(toy, tasks=tasks))


@pytest.fixture
def original(tmp_path: Path) -> Path:
    """A file in the layout of D4RL's maze2d, where its server would have it."""
    path = tmp_path / "mirror" / FILES["maze2d-umaze-v1"]
    path.parent.mkdir(parents=True)
    generator = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        file["observations"] = generator.uniform(1, 3, (1_000, 4)).astype(np.float32)
        file["actions"] = generator.uniform(-1, 1, (1_000, 2)).astype(np.float32)
        file["rewards"] = (np.arange(1_000) % 100 == 0).astype(np.float32)
        file["terminals"] = np.zeros(1_000, bool)
        file["timeouts"] = np.arange(1_000) % 100 == 99
    return path


@pytest.fixture(autouse=True)
def forgotten_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """A method or a suite that a test registers is gone after it."""
    for name in registry.method_names():
        registry.get_method(name)
    for name in suites.registry.suite_names():
        suites.registry.get_suite(name)
    monkeypatch.setattr(registry, "_registered", dict(registry._registered))
    monkeypatch.setattr(suites.registry, "_registered", dict(suites.registry._registered))
