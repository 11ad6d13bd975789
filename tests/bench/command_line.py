"""Tiny runs of the command line, what a command leaves on the screen and in its results folder."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import api, planning, requests
from bench.cli.arguments import parse
from bench.cli.main import collect_fields
from bench.config.comparison import find_jobs
from bench.config.protocol import choose_sampler
from bench.config.request import Job, Request, RunDetails, TimingDetails, TuningDetails
from bench.config.values import read_numbers, read_ranges

STEPS = ("--critic.steps", "5", "--denoiser.steps", "5", "--guidance-net.steps", "5")
NETWORKS = ("--critic.width", "8", "--denoiser.width", "8", "--guidance-net.width", "8", "--denoiser.blocks", "2")
TINY = ("--preset", "smoke", "--device", "cpu", "--threads", "1", *STEPS, *NETWORKS)
FEW = ("--sampler.steps", "2")
MAZE = ("--suite", "maze2d", "--tasks", "maze2d-umaze", "--evaluation.episodes", "1", *TINY, *FEW)
TOY = ("--suite", "toy", "--tasks", "moons", "--evaluation.episodes", "20", *TINY)


@dataclass(frozen=True)
class Told:
    """What a command left behind: its exit code and its two streams."""

    code: int
    out: str
    err: str

    @property
    def mistake(self) -> str:
        """The one sentence of a mistake; fails if it is anything else."""
        assert self.code == 2, self
        assert self.err.startswith("error: ")
        assert self.err.count("\n") == 1, self.err
        return self.err.removeprefix("error: ").rstrip("\n")


Call = Callable[..., Told]


def results_in(folder: Path) -> dict[tuple[str, float | None, int], dict]:
    """Every result of a folder by (method, ρ, seed)."""
    files = sorted((folder / "runs").glob("*/*/seed-*.json"))
    read = [json.loads(file.read_text()) for file in files]
    return {(r["method"], r["rho"], r["seed"]): r for r in read}


FUNCTIONS = {
    "run": (api.run, lambda o: RunDetails(read_numbers("rho", o["rho"], float))),
    "plan": (planning.plan, lambda o: RunDetails(read_numbers("rho", o["rho"], float))),
    "tune-rho": (
        api.tune_rho,
        lambda o: TuningDetails(
            choose_sampler(o["search"], None), o["trials"], read_numbers("grid", o["grid"], float)
        ),
    ),
    "tune": (
        api.tune,
        lambda o: TuningDetails("tpe", o["trials"], (), True, o["training"], read_ranges(o["ranges"])),
    ),
    "time": (api.time, lambda o: TimingDetails(read_numbers("batches", o["batches"], int), o["calls"])),
}


def arguments_of(words: Sequence[str]) -> dict[str, Any]:
    """The arguments of a command's function, by name."""
    line = parse(words)
    return {**FUNCTIONS[words[0]][0].__kwdefaults__, **collect_fields(line.options), "settings": line.given}


def request_of(words: Sequence[str]) -> Request[Any]:
    """What a command line of run, tune-rho or time asks for, without doing it."""
    given, (function, details) = arguments_of(words), FUNCTIONS[words[0]]
    return requests.make_request(function, given, lambda: details(given))


def jobs_of(words: Sequence[str]) -> tuple[Job, ...]:
    """The jobs of a command line, whether their data are there or not."""
    return find_jobs(requests.make_comparison(FUNCTIONS[words[0]][0], arguments_of(words)))
