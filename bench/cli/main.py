"""The command line: `python -m bench run | tune-rho | report | time | list | data`.

A user's mistake is one sentence on the error stream and exit code 2; what was finished before it is kept.
"""

import errno
import os
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

import torch

from bench.cli.arguments import listed, parse, parse_batches, parse_jobs, parse_rhos
from bench.cli.list import listing
from bench.cli.options import Common, ListOptions, ReportOptions, RunOptions, TimeOptions, TuneOptions
from bench.config.request import Request
from bench.config.spec import parse_seeds
from bench.progress import Screen
from bench.runner.run import run
from bench.runner.timing import time_methods
from bench.runner.tune import TuneRequest, tune
from foundation.errors import UserError, unknown_name
from methods.core.registry import load_plugin

DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS)

USAGE = """python -m bench COMMAND [OPTIONS]

Which way of guiding a diffusion policy is better, by how much, how surely, and at what inference cost?

commands:
  run        train what is missing and evaluate methods on a suite's tasks
  tune-rho   choose the guidance scale ρ per task on other seeds and episodes than the reported ones
  report     tables, intervals and figures of a results folder
  time       milliseconds per action of every method, guided and unguided
  list       methods, suites, tasks, experiments, presets and weights
  data       list, fetch, make, import, describe and check data sets

examples:
  python -m bench run --suite maze2d --tasks maze2d-umaze --preset quick
  python -m bench run --suite locomotion --methods swg,cep --seeds 5
  python -m bench tune-rho --suite maze2d --methods swg --preset quick
  python -m bench run --experiment swg-table3 --preset quick --data local
  python -m bench report

`python -m bench COMMAND --help` shows the options of a command.
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; a user's mistake is one sentence on the error stream and exit code 2."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    commands: dict[str, Callable[[list[str]], None]] = {
        "run": command_run,
        "tune-rho": command_tune,
        "report": command_report,
        "time": command_time,
        "list": command_list,
        "data": command_data_sets,
    }
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(USAGE)
        return
    if arguments[0] not in commands:
        fail(str(unknown_name("command", arguments[0], commands)))
    try:
        commands[arguments[0]](list(arguments[1:]))
    except UserError as error:
        fail(str(error))
    except BrokenPipeError:  # the reader of a pipe, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except OSError as error:
        if error.errno not in DISK_ERRORS:
            raise
        fail(f"{error.strerror}: {error.filename or 'a file of this run'}; what is finished is kept.")
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
    if options.processes is not None and options.processes < 1:
        raise UserError(f"processes={options.processes} must be at least 1.")
    device = prepare_device(options)
    request = Request(
        jobs=jobs,
        seeds=parse_seeds(options.seeds),
        rhos=parse_rhos("--rho", options.rho),
        preset=options.preset,
        source=options.data,
        device=device,
        results=options.results,
        artifacts=options.artifacts,
        processes=options.processes,
        threads=torch.get_num_threads(),
        plugins=options.plugin,
        experiment=options.experiment,
    )
    run(request, Screen())


def command_tune(arguments: list[str]) -> None:
    """`tune-rho`: see `TuneOptions`."""
    options, jobs = parse_jobs(TuneOptions, "tune-rho", arguments)
    if options.trials < 1:
        raise UserError(f"--trials {options.trials} must be at least 1.")
    if options.grid is not None and options.search != "grid":
        raise UserError("--grid holds the scales of --search grid; tpe searches each method's own range.")
    request = TuneRequest(
        jobs=jobs,
        seeds=parse_seeds(options.seeds),
        search=options.search,
        trials=options.trials,
        grid=parse_rhos("--grid", options.grid),
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
    batches = parse_batches(options.batches)
    first = [job for job in jobs if job.task.name == jobs[0].task.name]
    time_methods(first, options.preset, batches, options.calls, prepare_device(options), options.results, Screen())


def command_report(arguments: list[str]) -> None:
    """`report`: see `ReportOptions`."""
    from reports.report import write_report  # here, since the statistics' packages take a second to import

    options = parse(ReportOptions, "report", arguments)
    screen = Screen()
    files = write_report(
        options.results,
        options.out or options.results / "report",
        baseline=options.baseline,
        tasks=listed("--tasks", options.tasks),
        methods=listed("--methods", options.methods),
        progress=screen.say,
    )
    print(next(file for file in files if file.name == "summary.txt").read_text())
    screen.say(f"Report: {files[0]}")


def command_data_sets(arguments: list[str]) -> None:
    """`data`: its own commands, see `bench.cli.data_command`."""
    from bench.cli.data_command import command_data  # here, since it draws pictures, and the others need not

    command_data(arguments)


def command_list(arguments: list[str]) -> None:
    """`list`: see `ListOptions`."""
    options = parse(ListOptions, "list", arguments)
    for path in options.plugin:
        load_plugin(path)
    print(listing(options.what, options.name))


def prepare_device(options: Common) -> torch.device:
    """The device asked for, with the number of CPU threads set.

    Raises:
        UserError: a device that is not there, or a number of threads below 1.
    """
    if options.device not in ("auto", "cpu", "cuda"):
        raise UserError(f"unknown device {options.device!r}; choose auto, cpu or cuda.")
    if options.threads is not None and options.threads < 1:
        raise UserError(f"threads={options.threads} must be at least 1.")
    torch.set_num_threads(options.threads or 1)
    if options.device == "cuda" and not torch.cuda.is_available():
        raise UserError("device cuda is not there (torch sees no CUDA GPU); use --device cpu.")
    if options.device == "cpu":
        return torch.device("cpu")
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
