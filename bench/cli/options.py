"""The options of each command as frozen dataclasses; a field's text is its flag's help."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from bench.cli.data_options import DATA_EXAMPLES

Files = Annotated[tuple[Path, ...], tyro.conf.UseAppendAction]
Name = Annotated[str | None, tyro.conf.arg(metavar="NAME")]
Names = Annotated[str | None, tyro.conf.arg(metavar="NAME,...")]
Numbers = Annotated[str | None, tyro.conf.arg(metavar="NUMBER,...")]


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Options that say what is compared; the rest of a command's options depend on them."""

    suite: Name = None
    """Task group: toy, maze2d, locomotion, antmaze, kitchen or adroit-pen."""
    tasks: Names = None
    """Tasks of it, as in maze2d-umaze,maze2d-large; all of them if left out."""
    methods: Names = None
    """Methods to compare, as in swg,cep; all but the biased baselines mse and dps if left out."""
    preset: str = "quick"
    """Size of everything: smoke (seconds), quick (minutes), paper or official (as published, as coded)."""
    terms: str = "shared"
    """shared: one critic, one network and one sampler for all methods; own: each method with its authors'."""
    plugin: Files = ()
    """A Python file that registers methods of your own; they are compared with the others."""


@dataclass(frozen=True, kw_only=True)
class Common(Selection):
    """Options of every command that builds policies."""

    device: str = "auto"
    """auto, cpu or cuda."""
    threads: Annotated[int | None, tyro.conf.arg(metavar="INT")] = None
    """CPU threads of each process; 1 if left out, since more help little with networks of this size."""
    results: Path = Path("results")
    """Folder of the result files."""
    artifacts: Path = Path("artifacts")
    """Folder of data sets and trained components, shared by all runs."""
    data: str = "auto"
    """auto (the task's canonical source), local, minari, d4rl, d4rl:v0, file:PATH or file:NAME; never mixed."""


@dataclass(frozen=True, kw_only=True)
class RunOptions(Common):
    """Train what is missing and evaluate; finished results are kept."""

    experiment: Name = None
    """Instead of a suite: swg-figure1, swg-table2, swg-table3, swg-table8, swg-table9 (`list experiments`)."""
    seeds: str = "3"
    """A count (5 means 0 to 4) or a list such as 0,3,7."""
    processes: Annotated[int | None, tyro.conf.arg(metavar="INT")] = None
    """Components and evaluations worked on at once; one per core if left out, 1 on a GPU or for a short run."""
    rho: Numbers = None
    """Guidance scales for every method that has one, as in 5 or 1,5,10; else tuned, published or default."""


@dataclass(frozen=True, kw_only=True)
class TuneOptions(Common):
    """Choose ρ per task by Optuna; run again to resume, or from several terminals to share the trials."""

    seeds: str = "100,101"
    """Training seeds for tuning only; they must not be seeds of reported results."""
    search: Literal["grid", "tpe"] = "grid"
    """grid: the method's own grid; tpe: its continuous range, with pruning of poor scales."""
    trials: int = 12
    """Trials of tpe; the grid tries each of its scales once."""
    grid: Numbers = None
    """Scales of the grid, as in 1,5,10; each method's own if left out."""


@dataclass(frozen=True, kw_only=True)
class TimeOptions(Common):
    """Milliseconds per action, parameters and memory of every method on one task's sizes."""

    batches: str = "1,20,256"
    """Observations per call."""
    calls: int = 50
    """Timed calls of each kind, after warm-up."""


@dataclass(frozen=True, kw_only=True)
class ReportOptions:
    """Tables, intervals and figures of a results folder, as Markdown, HTML, CSV, PNG and SVG."""

    results: Path = Path("results")
    """Folder of the result files."""
    out: Annotated[Path | None, tyro.conf.arg(metavar="PATH")] = None
    """Where to write; RESULTS/report if left out."""
    baseline: Annotated[str | None, tyro.conf.arg(metavar="NAME")] = None
    """Method that the probability of improvement is over; unguided if it is there."""
    tasks: Names = None
    """Only these tasks."""
    methods: Names = None
    """Only these methods."""


@dataclass(frozen=True, kw_only=True)
class ListOptions:
    """Methods, suites, tasks, experiments, presets and weights, or all about one method."""

    what: Annotated[
        Literal["all", "methods", "method", "suites", "tasks", "experiments", "presets", "weights"],
        tyro.conf.Positional,
    ] = "all"
    """What to list."""
    name: Annotated[str | None, tyro.conf.Positional] = None
    """The method of `list method`: its settings by paper and code, and where ours departs from them."""
    plugin: Files = ()
    """A Python file that registers methods of your own."""


EXAMPLES: Mapping[str, tuple[str, ...]] = {
    "run": (
        "run --suite maze2d --tasks maze2d-umaze --preset quick",
        "run --suite maze2d --methods swg,cep --seeds 5 --rho 1,5,10",
        "run --suite toy --tasks moons --methods unguided,swg --swg.weight exponential:inverse_temperature=3",
        "run --suite maze2d --methods unguided,mine --preset smoke --plugin mine.py",
        "run --experiment swg-table8 --tasks hopper-medium-v2 --data local --preset quick",
    ),
    "tune-rho": (
        "tune-rho --suite maze2d --methods swg,cep --preset quick",
        "tune-rho --suite maze2d --methods swg --search tpe --trials 20 --seeds 100,101",
        "tune-rho --suite maze2d --tasks maze2d-umaze --methods swg --grid 1,5,10",
    ),
    "time": (
        "time --suite maze2d --preset paper",
        "time --suite locomotion --methods unguided,swg --batches 1,256 --calls 100 --device cuda",
    ),
    "report": ("report", "report --results results --baseline unguided --methods unguided,swg,cep"),
    "list": ("list", "list methods", "list method swg", "list experiments", "list methods --plugin mine.py"),
    **DATA_EXAMPLES,
}
