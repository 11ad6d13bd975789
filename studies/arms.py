"""The same methods with several choices of settings, on the same seeds in one results folder.

Each choice is an arm of one comparison: one plan holds all of them, so what arms share is trained once, units of
all arms run side by side, and a run that was stopped goes on. Used by `precision.py` and `weight_heads.py`.
"""

import argparse
import json
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from bench import api
from bench.config.experiments import Part
from bench.config.precedence import SHARED
from bench.config.request import Request, RunDetails, make_jobs
from bench.progress import ProgressConsole
from bench.requests import make_request
from bench.runner.freeze import plan
from bench.runner.run import run
from foundation.errors import UserError
from foundation.files import write_atomically
from reports.analysis.intervals import FEWEST
from reports.load.files import read_choices, read_result
from reports.load.schema import Result
from reports.render.document import Table, format_markdown_table

MEASURED, TABLES = "measured.json", "tables.md"
TINY: Mapping[str, Any] = {
    "critic.steps": 20,
    "critic.width": 8,
    "denoiser.steps": 20,
    "denoiser.width": 8,
    "guidance_net.steps": 20,
    "guidance_net.width": 8,
    "sampler.steps": 2,
}
"""Settings over the preset `smoke` with which a study takes seconds and measures nothing."""


@dataclass(frozen=True)
class Tuned:
    """ρ and settings of one method, the same in every arm.

    Attributes:
        rho: None leaves it to `bench run`: exact, published or the default.
        settings: by their dotted names.
    """

    rho: float | None
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class Place:
    """Where a result stands in a study."""

    arm: str
    task: str
    method: str
    seed: int


@dataclass(frozen=True)
class Study:
    """Methods with several choices of settings.

    Attributes:
        suite, tasks: where; None takes all tasks of the suite.
        methods: their names.
        arms: name to the settings by dotted name, which say what is compared.
        seeds: how many; all arms have the same.
        preset: of the training sizes.
        results, artifacts: the folders.
        settings: by dotted name, the same in every arm.
        tuned: method to its ρ and settings; methods without one are run as `bench run` would.
        processes: None leaves it to the plan.
    """

    suite: str
    tasks: tuple[str, ...] | None
    methods: tuple[str, ...]
    arms: Mapping[str, Mapping[str, Any]]
    seeds: int
    preset: str
    results: Path
    artifacts: Path
    settings: Mapping[str, Any] = field(default_factory=dict)
    tuned: Mapping[str, Tuned] = field(default_factory=dict)
    processes: int | None = None

    def request(self) -> Request[RunDetails]:
        """What `bench run` is asked for: every method at its ρ in every arm."""
        given = {
            **(api.run.__kwdefaults__ or {}),
            "suite": self.suite,
            "tasks": self.tasks,
            "methods": self.methods,
            "preset": self.preset,
            "seeds": self.seeds,
            "results": self.results,
            "artifacts": self.artifacts,
            "processes": self.processes,
            "device": "cpu",
            "settings": {},
        }
        jobs = make_jobs(self._parts(), self.preset, SHARED, self.settings)
        return replace(make_request(api.run, given, RunDetails), jobs=jobs)

    def _parts(self) -> list[Part]:
        """A part for every method of every arm."""
        none = Tuned(None, {})
        return [
            Part(
                suite=self.suite,
                tasks=self.tasks,
                methods={method: method},
                rhos=() if tuned.rho is None else (tuned.rho,),
                settings={**arm, **tuned.settings},
            )
            for arm in self.arms.values()
            for method in self.methods
            for tuned in [self.tuned.get(method, none)]
        ]

    def show_plan(self, console: ProgressConsole) -> None:
        """Print what is to be trained and evaluated, and how long it should take."""
        plan(self.request(), None, console)

    def run(self, console: ProgressConsole) -> dict[Place, Result]:
        """Make what is missing, and read every result.

        Raises:
            UserError: a method failed or diverged.
        """
        entries = run(self.request(), console)
        found: dict[Place, Result] = {}
        for path in (self.results / entry.path for entry in entries):
            result = read_result(path)
            if not isinstance(result, Result):
                raise UserError(f"{result.method} on {result.task} failed with seed {result.seed}, see {path}.")
            place = Place(self._find_arm(result), result.task, result.method, result.seed)
            found[place] = result
        return found

    def _find_arm(self, result: Result) -> str:
        """The one arm whose settings the result has."""
        (arm,) = (
            name
            for name, settings in self.arms.items()
            if all(result.config[setting] == value for setting, value in settings.items())
        )
        return arm


def collect_seeds(results: Mapping[Place, Any], arm: str, task: str, method: str) -> list[Any]:
    """What is there for one arm, task and method, in the order of the seeds."""
    own = {p.seed: value for p, value in results.items() if (p.arm, p.task, p.method) == (arm, task, method)}
    return [own[seed] for seed in sorted(own)]


def read_tuned(source: Path, suite: str, task: str) -> dict[str, Tuned]:
    """What `tune` or `tune-rho` chose, by method.

    Args:
        source: a results folder, or one that is kept as `.tar.xz`.
        suite, task: what was tuned.

    Raises:
        UserError: nothing was tuned for the task, or a method several times.
    """
    with tempfile.TemporaryDirectory() as scratch:
        if source.is_file():
            with tarfile.open(source) as archive:
                archive.extractall(scratch, filter="data")
        choices = read_choices(Path(scratch) if source.is_file() else source)
    own = [choice for choice in choices if (choice.suite, choice.task) == (suite, task)]
    names = {choice.method for choice in own}
    if not own or len(names) != len(own):
        what = "several choices for a method" if own else "nothing tuned"
        raise UserError(f"{str(source)!r} has {what} on {task}; name one that `tune` wrote one choice of each to.")
    return {
        choice.method: Tuned(
            choice.rho, {f"{choice.method}.{name}": value for name, value in choice.knobs.items()}
        )
        for choice in own
    }


def average_log_multiple(result: Result) -> float:
    """Mean over β of the logarithm of a distance as a multiple of its noise floor."""
    return float(np.mean([np.log(density.distance / density.floor) for density in result.densities]))


def check_seeds(options: argparse.Namespace) -> None:
    """A UserError where there are too few seeds for intervals."""
    for name, seeds in (("--seeds", options.seeds), ("--toy-seeds", options.toy_seeds)):
        if seeds < FEWEST:
            raise UserError(f"{name} {seeds} gives no intervals; name {FEWEST} or more.")


def add_options(parser: argparse.ArgumentParser, name: str) -> None:
    """The options that studies of arms have in common."""
    parser.add_argument("--seeds", type=int, default=10, help="of maze2d-umaze")
    parser.add_argument("--toy-seeds", type=int, default=5)
    parser.add_argument("--toy-samples", type=int, default=5_000, help="for each β")
    parser.add_argument("--preset", default="quick")
    parser.add_argument("--tuned-from", type=Path, help="results whose tuned ρ and settings are taken")
    parser.add_argument("--results", type=Path, default=Path("results") / name, help="folder of the runs")
    parser.add_argument("--artifacts", type=Path, default=Path("artifacts"))
    parser.add_argument("--out", type=Path, default=Path("results/tables") / name, help="folder of the numbers")
    parser.add_argument("--processes", type=int)
    parser.add_argument("--plan", action="store_true", help="say what would be run and how long it should take")
    parser.add_argument("--kept", action="store_true", help="measure nothing: tables from --out")
    parser.add_argument("--tiny", action="store_true", help="seconds, to see that it works: no measurement")


def write_measured(folder: Path, measured: Mapping[str, Any]) -> None:
    """Keep what was measured, from which all tables are made."""
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / MEASURED, f"{json.dumps(measured, indent=1)}\n".encode())


def read_measured(folder: Path) -> dict[str, Any]:
    """What was measured.

    Raises:
        UserError: nothing was.
    """
    file = folder / MEASURED
    if not file.is_file():
        raise UserError(f"{str(file)!r} is not there; leave out --kept to measure.")
    return json.loads(file.read_text(encoding="utf-8"))


def write_tables(folder: Path, tables: list[Table]) -> None:
    """Write and print the tables."""
    text = "\n\n".join(format_markdown_table(table) for table in tables)
    write_atomically(folder / TABLES, f"{text}\n".encode())
    print(text)
