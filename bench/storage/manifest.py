"""The manifest of a results folder: what was planned, so that a report can say what is missing.

`plans.jsonl` has a line for each run's cells, and lines are only added; `experiments.json` holds the cells of
every experiment, each with its row of the published table, the newest run's where two runs made the same one;
`commands.jsonl` has a line for each command.
"""

import datetime
import itertools
import os
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path

from bench.storage.ledger_file import append_lines
from foundation.errors import UserError
from foundation.locks import hold_lock
from foundation.program import say_aside
from reports.errors import ReportError
from reports.load.files import EXPERIMENTS, read_lines, read_optional, write_file
from reports.load.ledger import split_lines
from reports.load.method_schema import CommandRecord
from reports.load.origins import COMMANDS, DAMAGED, read_commands
from reports.load.plans import PLANS, make_plan, read_plans
from reports.load.schema import FORMAT, ExperimentEntry, Experiments, PlanEntry
from reports.load.sealed_lines import DamagedLine
from reports.load.seals import seal_line

_DISTRIBUTION = "diffusion-guidance-bench"


def record_plan(cells: Sequence[PlanEntry], results: Path) -> None:
    """Add the cells of this comparison to the record of plans, unless it is the last plan once more.

    Raises:
        UserError: the disk is full or the folder cannot be written.
        ReportError: a damaged record.
    """
    with hold_lock(results / ".plans.lock", f"plans of {results}"):  # several processes may run there
        known = read_plans(results)
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        plan = make_plan(known.last, now, cells)
        if known.plans and known.newest == plan.cells:
            return
        append_lines(results / PLANS, [seal_line(plan.model_dump_json())], known.length)


def record_experiment(cells: Sequence[ExperimentEntry], results: Path) -> None:
    """Add this run's cells to the experiment's; one of the same row, task, method and seed is replaced."""
    with hold_lock(results / ".experiments.lock", f"experiments of {results}"):  # several processes may run there
        before = read_optional(results / EXPERIMENTS, Experiments)
        both = [*(before.cells if before is not None else ()), *cells]
        merged = {(c.experiment, c.row, c.task, c.method, c.seed): c for c in both}
        write_file(results / EXPERIMENTS, Experiments(format=FORMAT, cells=tuple(merged.values())))


def record_command(command: str, results: Path, say: Callable[[str], None] = say_aside) -> None:
    """Add a command that writes into the folder, unless the same version was called so before.

    A damaged record is set aside, and another is begun: no result stands on it.

    Args:
        command: as it is typed, without the program's name.
        results: the folder.
        say: prints a sentence about a record that is set aside.

    Raises:
        UserError: the disk is full or the folder cannot be written.
    """
    file = results / COMMANDS
    with hold_lock(results / ".commands.lock", f"commands of {results}"):  # several processes may run there
        try:
            known = read_commands(results)
        except DamagedLine as error:
            known = ()
            say(f"  {error.fault}. It is set aside as {str(set_aside(file))!r}, and a new record begins.")
        except ReportError as error:
            say(f"  {error} This command is not added to it.")
            return
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        record = CommandRecord(created=now, command=command, version=read_version())
        if any((each.command, each.version) == (record.command, record.version) for each in known):
            return
        whole, _ = split_lines(read_lines(file))
        length = sum(len(line) + 1 for line in whole)
        append_lines(file, [seal_line(record.model_dump_json())], length)


def set_aside(file: Path) -> Path:
    """Move a damaged record out of its place; returns where it is kept.

    Raises:
        UserError: it cannot be moved.
    """
    names = (f"{DAMAGED}{number}-{file.name}" for number in itertools.count(1))
    kept = next(place for name in names if not os.path.lexists(place := file.with_name(name)))
    try:
        os.replace(file, kept)
    except OSError as error:
        raise UserError(
            f"cannot move the damaged {str(file)!r} ({error.strerror or error}); move it away."
        ) from error
    return kept


def read_version() -> str | None:
    """The version of this program; None where it is not installed as a package."""
    try:
        return metadata.version(_DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return None
