"""The command line: `python -m bench COMMAND`, the commands being those of `bench.cli.options`.

A mistake is one sentence, or what tyro says of it, on the error stream and exit code 2; what was finished before
it is kept. Each command imports what it needs itself, since torch, the statistics and the plots take seconds.
"""

import dataclasses
import errno
import os
import reprlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import bench
from bench.cli.arguments import parse
from bench.cli.options import (
    CheckMethodOptions,
    CheckSuiteOptions,
    CommandLine,
    ListOptions,
    PlanOptions,
    ReportOptions,
    RunOptions,
    TimeOptions,
    TuneOptions,
    TuneRhoOptions,
)
from bench.progress import ProgressConsole
from foundation.errors import UserError
from foundation.text import clean_line

DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS)


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the command line says; a mistake leaves with exit code 2, an interruption with 130."""
    try:
        execute(parse(sys.argv[1:] if arguments is None else arguments))
    except UserError as error:
        fail(str(error))
    except BrokenPipeError:  # the reader of a pipe, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            fail(f"{reprlib.repr(error.filename)} is too long for the name of a file; choose a shorter one.")
        if error.errno not in DISK_ERRORS:
            raise
        fail(f"{error.strerror}: {error.filename or 'a file of this run'}; what is finished is kept.")
    except KeyboardInterrupt:
        print("\nStopped; what is finished is kept. Run the same command again to go on.", file=sys.stderr)
        sys.exit(130)


def fail(sentence: str) -> NoReturn:
    """Print one sentence and leave with exit code 2."""
    print(f"error: {clean_line(sentence)}", file=sys.stderr)
    sys.exit(2)


def execute(line: CommandLine) -> None:
    """Hand the options to their command."""
    match line.options:
        case PlanOptions() as options:
            bench.plan(**collect_fields(options), **line.given)
        case RunOptions() as options:
            bench.run(**collect_fields(options), **line.given)
        case TuneOptions() as options:
            bench.tune(**collect_fields(options), **line.given)
        case TuneRhoOptions() as options:
            bench.tune_rho(**collect_fields(options), **line.given)
        case TimeOptions() as options:
            bench.time(**collect_fields(options), **line.given)
        case ReportOptions() as options:
            folder = bench.report(**collect_fields(options))
            print((folder / "summary.txt").read_text())
            ProgressConsole().say(f"Report: {folder / 'report.md'}")
        case CheckMethodOptions() as options:
            check_methods(options.file)
        case CheckSuiteOptions() as options:
            check_suites(options)
        case ListOptions() as options:
            from bench.cli.list import list_choices

            print(list_choices(options.what, options.name))
        case options:
            from bench.cli.data_commands import execute_data

            execute_data(options, ProgressConsole())


def collect_fields(options: Any) -> dict[str, Any]:
    """The options by name, as the functions of `bench` take them."""
    return {field.name: getattr(options, field.name) for field in dataclasses.fields(options)}


def check_methods(file: Path) -> None:
    """Check every method that a file registers; leave with exit code 1 if one has a fault."""
    import torch

    from bench.conformance.checks import check_method
    from bench.plugins import load_plugin
    from methods.core.registry import get_method

    torch.set_num_threads(1)
    faults: list[str] = []
    names = load_plugin(file).methods
    if not names:
        raise UserError(f"{str(file)!r} registers no method; its suites are checked by check-suite {file}.")
    for name in names:
        print(name)
        faults += check_method(name, get_method(name), print)
    leave_with_faults(faults, "docs/add-a-method.md")


def check_suites(options: CheckSuiteOptions) -> None:
    """Check the suite of that name, or every suite that a file registers; exit code 1 if one has a fault."""
    from bench.conformance.suite_checks import check_suite, find_suites

    faults: list[str] = []
    for suite in find_suites(options.suite):
        faults += check_suite(suite, options.artifacts / "data", print)
    leave_with_faults(faults, "docs/add-a-suite.md")


def leave_with_faults(faults: Sequence[str], page: str) -> None:
    """Leave with exit code 1 if there are faults."""
    if faults:
        print(f"{len(faults)} of the checks failed; see {page}.", file=sys.stderr)
        sys.exit(1)
