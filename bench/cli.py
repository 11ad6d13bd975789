"""The command line: `python -m bench run | tune-rho | report | time | list`.

The arguments of a command are a dataclass; for `run`, `tune-rho` and `time` it gets a field for each shared
config and for each compared method, so every setting has a flag and its default is the preset's.
"""

import dataclasses
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

import torch
import tyro

from bench.errors import UserError
from bench.listing import listing
from bench.run import Job, Request, run
from bench.screen import Screen
from bench.spec import PRESETS, Config, flatten, joined, layered, names_in, parse_seeds
from bench.timing import time_methods
from bench.tune import TuneRequest, tune
from methods.method import Method
from methods.registry import MethodError, get_method, load_plugin, method_names
from reports.errors import ReportError
from reports.page import write_report
from suites.errors import DataError, UnknownName
from suites.registry import get_suite, get_tasks
from suites.task import Suite, Task

USER_ERRORS = (UserError, MethodError, DataError, UnknownName, ReportError)

USAGE = """python -m bench COMMAND [OPTIONS]

Which way of guiding a diffusion policy is better, by how much, how surely, and at what inference cost?

commands:
  run        train what is missing and evaluate methods on a suite's tasks
  tune-rho   choose the guidance scale ρ per task on other seeds and episodes than the reported ones
  report     tables, intervals and figures of a results folder
  time       milliseconds per action of every method, guided and unguided
  list       methods, suites, tasks, presets and weights

examples:
  python -m bench run --suite maze2d --tasks maze2d-umaze --preset quick
  python -m bench run --suite locomotion --methods swg,cep --seeds 5
  python -m bench tune-rho --suite maze2d --methods swg --preset quick
  python -m bench report

`python -m bench COMMAND --help` shows the options of a command.
"""


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Options that say what is compared; the rest of a command's options depend on them."""

    suite: str
    """Task group: toy, maze2d, locomotion, antmaze, kitchen or adroit-pen."""
    tasks: str | None = None
    """Tasks of the suite, as in maze2d-umaze,maze2d-large; all of them if left out."""
    methods: str | None = None
    """Methods to compare, as in swg,cep; all of them if left out."""
    preset: str = "quick"
    """Size of everything: smoke (seconds), quick (minutes), paper (the papers' own)."""
    plugin: tuple[Path, ...] = ()
    """Python files that register methods of your own; they are compared with the others."""


@dataclass(frozen=True, kw_only=True)
class Common(Selection):
    """Options of every command that builds policies."""

    device: str = "auto"
    """auto, cpu or cuda."""
    threads: int | None = None
    """CPU threads; every core of this process's share if left out."""
    results: Path = Path("results")
    """Folder of the result files."""
    artifacts: Path = Path("artifacts")
    """Folder of data sets and trained components, shared by all runs."""
    data: str = "auto"
    """Data source: auto (the task's canonical one), local, minari or d4rl; sources are never mixed."""


@dataclass(frozen=True, kw_only=True)
class RunOptions(Common):
    """Train what is missing and evaluate; finished results are kept."""

    seeds: str = "3"
    """A count (5 means 0 to 4) or a list such as 0,3,7."""
    rho: str | None = None
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
    grid: str | None = None
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
    out: Path | None = None
    """Where to write; RESULTS/report if left out."""
    baseline: str | None = None
    """Method that the probability of improvement is over; unguided if it is there."""
    tasks: str | None = None
    """Only these tasks."""
    methods: str | None = None
    """Only these methods."""


@dataclass(frozen=True, kw_only=True)
class ListOptions:
    """Methods, suites, tasks, presets and weights."""

    what: Annotated[Literal["all", "methods", "suites", "tasks", "presets", "weights"], tyro.conf.Positional] = (
        "all"
    )
    """What to list."""
    plugin: tuple[Path, ...] = ()
    """Python files that register methods of your own."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; a user's mistake is one sentence on the error stream and exit code 2."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    commands: dict[str, Callable[[list[str]], None]] = {
        "run": command_run,
        "tune-rho": command_tune,
        "report": command_report,
        "time": command_time,
        "list": command_list,
    }
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(USAGE)
        return
    if arguments[0] not in commands:
        fail(f"unknown command {arguments[0]!r}; choose one of {joined(commands)}.")
    try:
        commands[arguments[0]](list(arguments[1:]))
    except USER_ERRORS as error:
        fail(str(error))
    except KeyboardInterrupt:
        print("\nStopped; what is finished is kept. Run the same command again to go on.", file=sys.stderr)
        sys.exit(130)


def fail(sentence: str) -> NoReturn:
    """Print one sentence and leave with exit code 2."""
    print(f"error: {sentence}", file=sys.stderr)
    sys.exit(2)


def command_run(arguments: list[str]) -> None:
    """`run`: see `RunOptions`."""
    options, jobs = parse_jobs(RunOptions, "run", arguments)
    request = Request(
        jobs=jobs,
        seeds=parse_seeds(options.seeds),
        rhos=parse_rhos(options.rho),
        preset=options.preset,
        source=options.data,
        device=prepare_device(options),
        results=options.results,
        artifacts=options.artifacts,
    )
    run(request, Screen())


def command_tune(arguments: list[str]) -> None:
    """`tune-rho`: see `TuneOptions`."""
    options, jobs = parse_jobs(TuneOptions, "tune-rho", arguments)
    request = TuneRequest(
        jobs=jobs,
        seeds=parse_seeds(options.seeds),
        search=options.search,
        trials=options.trials,
        grid=parse_rhos(options.grid),
        preset=options.preset,
        source=options.data,
        device=prepare_device(options),
        results=options.results,
        artifacts=options.artifacts,
    )
    tune(request, Screen())


def command_time(arguments: list[str]) -> None:
    """`time`: see `TimeOptions`."""
    options, jobs = parse_jobs(TimeOptions, "time", arguments)
    batches = [int(number) for number in parse_rhos(options.batches)]
    time_methods(jobs[:1], batches, options.calls, prepare_device(options), options.results, Screen())


def command_report(arguments: list[str]) -> None:
    """`report`: see `ReportOptions`."""
    options = tyro.cli(ReportOptions, prog="python -m bench report", args=arguments)
    screen = Screen()
    files = write_report(
        options.results,
        options.out or options.results / "report",
        baseline=options.baseline,
        tasks=names_in(options.tasks) if options.tasks else None,
        methods=names_in(options.methods) if options.methods else None,
        progress=screen.say,
    )
    print(next(file for file in files if file.name == "summary.txt").read_text())
    screen.say(f"Report: {files[0]}")


def command_list(arguments: list[str]) -> None:
    """`list`: see `ListOptions`."""
    options = tyro.cli(ListOptions, prog="python -m bench list", args=arguments)
    for path in options.plugin:
        load_plugin(path)
    print(listing(options.what))


def parse_jobs(options: type[Any], command: str, arguments: list[str]) -> tuple[Any, tuple[Job, ...]]:
    """Parse a command line against every task's own defaults.

    Args:
        options: the command's dataclass.
        command: its name, for the help.
        arguments: what follows the command.

    Returns:
        The options, and one job per task.
    """
    first = parse_selection(options, command, arguments)
    for path in first.plugin:
        load_plugin(path)
    suite = get_suite(first.suite)
    tasks = get_tasks(suite, names_in(first.tasks) if first.tasks else None)
    names = names_in(first.methods) if first.methods else method_names()
    methods = {name: get_method(name) for name in names}
    parsed = [parse_task(options, command, arguments, first, suite, task, methods) for task in tasks]
    return parsed[0][0], tuple(job for _, job in parsed)


def parse_selection(options: type[Any], command: str, arguments: list[str]) -> Selection:
    """Read only the options that decide which others there are."""
    if "-h" in arguments or "--help" in arguments:
        arguments = [a for a in arguments if a not in ("-h", "--help")]
        if "--suite" not in arguments:
            arguments += ["--suite", "maze2d"]
    if not any(a == "--suite" or a.startswith("--suite=") for a in arguments):
        fail(f"{command} needs --suite; choose one of toy, maze2d, locomotion, antmaze, kitchen, adroit-pen.")
    selection, _ = tyro.cli(
        Selection, args=arguments, return_unknown_args=True, add_help=False, prog=f"python -m bench {command}"
    )
    if selection.preset not in PRESETS:
        raise UserError(f"unknown preset {selection.preset!r}; choose one of {joined(PRESETS)}.")
    return selection


def parse_task(
    options: type[Any],
    command: str,
    arguments: list[str],
    selection: Selection,
    suite: Suite,
    task: Task,
    methods: dict[str, type[Method]],
) -> tuple[Any, Job]:
    """Parse the whole command line with one task's settings as the defaults of every flag."""
    config, made = layered(selection.preset, suite, task, methods)
    shared = [field.name for field in dataclasses.fields(Config)]
    clash = {"data": "data_set"}  # --data is the source; the data set's own settings are --data-set.*
    extra: list[tuple[str, Any, Any]] = [
        (clash.get(name, name), type(getattr(config, name)), getattr(config, name)) for name in shared
    ]
    flags = {name.replace("-", "_"): name for name, method in made.items() if flatten(method)}
    extra += [(flag, type(made[name]), made[name]) for flag, name in flags.items()]
    fields = [(name, kind, dataclasses.field(default=default)) for name, kind, default in extra]
    combined = dataclasses.make_dataclass(options.__name__, fields, bases=(options,), frozen=True, kw_only=True)
    combined.__doc__ = options.__doc__
    parsed = tyro.cli(combined, prog=f"python -m bench {command}", args=arguments)
    config = Config(**{name: getattr(parsed, clash.get(name, name)) for name in shared})
    made |= {name: getattr(parsed, flag) for flag, name in flags.items()}
    return parsed, Job(task, config, made)


def parse_rhos(text: str | None) -> tuple[float, ...]:
    """`1,5,10` → the numbers; none for None."""
    try:
        numbers = tuple(float(item) for item in names_in(text or ""))
    except ValueError:
        raise UserError(f"{text!r} is not a number or a list of numbers such as 1,5,10.") from None
    if any(not 0 <= number < float("inf") for number in numbers):
        raise UserError(f"{text!r} must hold numbers of 0 or more.")
    return numbers


def prepare_device(options: Common) -> torch.device:
    """The device asked for, with the number of CPU threads set.

    Raises:
        UserError: a device that is not there, or a number of threads below 1.
    """
    if options.device not in ("auto", "cpu", "cuda"):
        raise UserError(f"unknown device {options.device!r}; choose auto, cpu or cuda.")
    if options.threads is not None and options.threads < 1:
        raise UserError(f"threads={options.threads} must be at least 1.")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    torch.set_num_threads(options.threads or cores)
    if options.device == "cuda" and not torch.cuda.is_available():
        raise UserError("device cuda is not there (torch sees no CUDA GPU); use --device cpu.")
    if options.device == "cpu":
        return torch.device("cpu")
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
