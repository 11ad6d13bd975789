"""The command line: `python -m bench COMMAND`, the commands being those of `bench.cli.options`.

A mistake is one sentence on the error stream and exit code 2; what was finished before it is kept. A run with
failed cells and a check that finds faults leave with 1. Each command imports what it needs itself, since torch,
the statistics and the plots take seconds.
"""

import contextlib
import dataclasses
import errno
import os
import reprlib
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import bench
from bench.cli.arguments import parse
from bench.cli.options import (
    CheckMethodOptions,
    CheckSuiteOptions,
    CleanOptions,
    CommandLine,
    DoctorOptions,
    ImportCheckpointOptions,
    ListOptions,
    MergeOptions,
    PlanOptions,
    PublishOptions,
    RenderOptions,
    ReportOptions,
    RunOptions,
    TimeOptions,
    TuneOptions,
    TuneRhoOptions,
    WatchOptions,
)
from bench.entry import STOPPED
from bench.progress import ProgressConsole
from foundation.errors import UserError
from foundation.exhausted import DISK_ERRORS, describe_memory_error, describe_unwritten, is_out_of_memory
from foundation.program import program_name
from foundation.stopping import Stopped, handle_signals
from foundation.text import clean_line, shorten_words

NOT_A_FILE = (errno.EISDIR, errno.ENOTDIR)


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the command line says; a mistake leaves with exit code 2, SIGINT with 130, SIGTERM with 143."""
    try:
        with handle_signals(replace=True):
            execute(parse(sys.argv[1:] if arguments is None else arguments))
    except UserError as error:
        fail(str(error))
    except BrokenPipeError:  # the reader of a pipe, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except (OSError, MemoryError, RuntimeError, ImportError) as error:
        sentence = describe_error(error)
        if sentence is None:
            raise
        fail(sentence)
    except KeyboardInterrupt as error:
        with contextlib.suppress(OSError):  # the terminal may be gone
            print(f"\n{STOPPED}", file=sys.stderr)
        sys.exit(error.exit_code if isinstance(error, Stopped) else 128 + signal.SIGINT)


def describe_error(error: Exception) -> str | None:
    """The sentence for an error that a machine or a file's name can cause; None for a fault of the program."""
    if is_out_of_memory(error):
        return describe_memory_error(error)
    if not isinstance(error, OSError):
        return None
    if error.errno == errno.ENAMETOOLONG:
        return f"{reprlib.repr(error.filename)} is too long for the name of a file; choose a shorter one."
    if error.errno in NOT_A_FILE:
        return f"{str(error.filename)!r} is a folder where a file should be, or the reverse; remove it, run again."
    return describe_unwritten(error.filename, error) if error.errno in DISK_ERRORS else None


def fail(sentence: str) -> NoReturn:
    """Print one sentence and leave with exit code 2."""
    print(f"error: {shorten_words(clean_line(sentence))}", file=sys.stderr)
    sys.exit(2)


def execute(line: CommandLine) -> None:
    """Hand the options to their command."""
    match line.options:
        case PlanOptions() as options:
            bench.plan(**collect_fields(options), **line.given)
        case RunOptions() as options:
            leave_with_failed(list(bench.run(**collect_fields(options), **line.given)["status"]))
        case TuneOptions() as options:
            bench.tune(**collect_fields(options), **line.given)
        case TuneRhoOptions() as options:
            bench.tune_rho(**collect_fields(options), **line.given)
        case TimeOptions() as options:
            bench.time(**collect_fields(options), **line.given)
        case ReportOptions() as options:
            show_report(bench.report(**collect_fields(options)), options)
        case WatchOptions() as options:
            bench.watch(**collect_fields(options))
        case RenderOptions() as options:
            bench.render(**collect_fields(options))
        case MergeOptions() as options:
            folder = bench.merge(**collect_fields(options))
            ProgressConsole().say(f"Merged: {folder}")
        case PublishOptions() as options:
            publish(options)
        case ImportCheckpointOptions() as options:
            bench.import_checkpoint(**collect_fields(options), **line.given)
        case CleanOptions() as options:
            bench.clean(**collect_fields(options))
        case CheckMethodOptions() as options:
            check_methods(options.file)
        case CheckSuiteOptions() as options:
            check_suites(options)
        case DoctorOptions() as options:
            examine(options)
        case ListOptions() as options:
            from bench.cli.list import list_choices

            print(list_choices(options.what, options.name, options.task, options.preset))
        case options:
            from bench.cli.data_commands import execute_data

            execute_data(options, ProgressConsole())


def show_report(folder: Path, options: ReportOptions) -> None:
    """Say where a report, an export or a comparison is, and print what is to be read of it."""
    if options.compare is not None:
        print((folder / "compare.md").read_text())
        ProgressConsole().say(f"What changed: {folder / 'compare.md'}")
        return
    if options.export is not None:
        ProgressConsole().say(f"Results as {options.export}: {folder}")
        return
    print((folder / "summary.txt").read_text())
    ProgressConsole().say(f"Report: {folder / 'report.md'}")


def publish(options: PublishOptions) -> None:
    """Add a run to a site and say where it is, or check a site; leave with exit code 1 if it has faults."""
    fields = collect_fields(options)
    site, results, to = (fields.pop(name) for name in ("check", "results", "to"))
    if site is not None:
        if results is not None or to is not None or any(fields.values()):
            raise UserError("--check checks a site and adds nothing: leave out RESULTS, --to, --name and --note.")
        faults = bench.check_site(site)
        print(*faults, sep="\n", end="\n" if faults else "")
        leave_with_faults(faults, "docs/publish.md")
        return
    lacking = [name for name, given in (("the results folder", results), ("--to", to)) if given is None]
    if results is None or to is None:
        said = f"publish lacks {' and '.join(lacking)}"
        raise UserError(f"{said}: give both, as in `{program_name()} publish results --to site`.")
    bench.publish(results, to=to, **fields)
    ProgressConsole().say(f"Site: {to / 'index.html'}")


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


def leave_with_failed(statuses: Sequence[str]) -> None:
    """Leave with exit code 1 if cells of a run failed, which its last lines have named."""
    if "failed" in statuses:
        sys.exit(1)


def examine(options: DoctorOptions) -> None:
    """Examine this machine and installation; leave with exit code 1 if something does not work."""
    from bench.doctor.examine import examine_all
    from bench.doctor.finding import Subject

    if not examine_all(Subject(**collect_fields(options)), ProgressConsole().say):
        sys.exit(1)


def leave_with_faults(faults: Sequence[str], page: str) -> None:
    """Leave with exit code 1 if there are faults."""
    if faults:
        print(f"{len(faults)} of the checks failed; see {page}.", file=sys.stderr)
        sys.exit(1)
