"""The records of several results folders as one: ledger, plans, looks, choices, timing, experiments, frozen plan.

A ledger's and a plan's lines hold the hash of the line before, so two chains cannot become one and keep their
hashes. The lines of the sources follow each other, each with all that it says and chained anew; the chains as they
were are kept beside (`reports.load.merged_schema`).
"""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from foundation.errors import UserError
from reports.load.files import EXPERIMENTS, TIMING, TUNED, read_bytes, read_choices, read_optional
from reports.load.frozen_plan import FROZEN, FrozenPlan, is_same_plan, read_frozen_plan
from reports.load.ledger import FIRST, LEDGER, hash_line, read_ledger, split_lines, strip_chain
from reports.load.looks import Look, read_looks
from reports.load.merged_schema import Taken
from reports.load.plans import PLANS, make_plan, read_plans
from reports.load.schema import FORMAT, Experiments, Plan
from reports.load.seals import seal_line
from reports.load.timing_schema import Timing
from reports.load.tuning_schema import Choice, Choices, LedgerEntry


@dataclass(frozen=True)
class Chain:
    """Lines of a record.

    Attributes:
        lines: without their ends.
        taken: of each source, how many of them are its.
    """

    lines: tuple[bytes, ...]
    taken: tuple[Taken, ...]

    @property
    def content(self) -> bytes:
        """Of the file."""
        return b"".join(line + b"\n" for line in self.lines)


def merge_ledgers(folders: Sequence[Path]) -> Chain:
    """The evaluations of all folders, one that several have once, in the order of the folders.

    Raises:
        UserError: a damaged ledger, or a seed that one was tuned on and another reports.
    """
    found = {folder: read_ledger(folder / LEDGER) for folder in folders}
    refuse_tuned_seeds(found)
    known, lines, taken = set[str](), list[bytes](), list[Taken]()
    for folder, entries in found.items():
        before = len(lines)
        for entry in entries:
            if strip_chain(entry) not in known:
                known.add(strip_chain(entry))
                chained = entry.model_copy(update={"previous": _hash_last(lines)})
                lines.append(seal_line(chained.model_dump_json(by_alias=True)))
        taken.append(Taken(lines=len(lines) - before, last=_find_last(folder / LEDGER)))
    return Chain(tuple(lines), tuple(taken))


def refuse_tuned_seeds(ledgers: Mapping[Path, Sequence[LedgerEntry]]) -> None:
    """Refuse ledgers of which one reports a method on seeds that another tuned it on, on the same data.

    Raises:
        UserError: the first such seed, and both files.
    """
    tuned = {
        (entry.task, entry.method, entry.data, seed): folder
        for folder, entries in ledgers.items()
        for entry in entries
        for seed in entry.seeds
        if entry.kind == "tuning"
    }
    for folder, entries in ledgers.items():
        for entry in (entry for entry in entries if entry.kind == "reported"):
            for seed in entry.seeds:
                other = tuned.get((entry.task, entry.method, entry.data, seed))
                if other is not None:
                    raise UserError(
                        f"{entry.method} on {entry.task} was tuned on seed {seed}, as {str(other / LEDGER)!r} "
                        f"says, and reports it in {str(folder / LEDGER)!r}: what ρ is tuned on is not reported; "
                        "run other seeds into a new folder, and merge that."
                    )


def merge_plans(folders: Sequence[Path]) -> Chain:
    """The plans of all folders in their order, and one of the cells of each folder's last: what is due now.

    Raises:
        UserError: a damaged record.
    """
    records = {folder: read_plans(folder) for folder in folders}
    known, lines, taken = set[str](), list[bytes](), list[Taken]()
    newest: Plan | None = None
    for folder, record in records.items():
        before = len(lines)
        for plan in record.plans:
            said = plan.model_copy(update={"previous": FIRST}).model_dump_json()
            if said not in known:
                known.add(said)
                newest = plan
                lines.append(_chain_plan(plan, lines))
        taken.append(Taken(lines=len(lines) - before, last=_find_last(folder / PLANS)))
    due = tuple({cell.path: cell for record in records.values() for cell in record.newest}.values())
    if newest is not None and newest.cells != due:
        lines.append(_chain_plan(make_plan(FIRST, now(), due), lines))
    return Chain(tuple(lines), tuple(taken))


def _chain_plan(plan: Plan, before: Sequence[bytes]) -> bytes:
    return seal_line(plan.model_copy(update={"previous": _hash_last(before)}).model_dump_json())


def now() -> str:
    """Date and time in UTC, ISO 8601."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def _hash_last(lines: Sequence[bytes]) -> str:
    return hash_line(lines[-1]) if lines else FIRST


def _find_last(file: Path) -> str:
    """The hash of a file's last whole line."""
    lines, _ = split_lines(read_bytes(file)) if file.exists() else ([], b"")
    return _hash_last(lines)


def merge_looks(folders: Sequence[Path]) -> bytes:
    """The looks at all folders, oldest first, the first of those that saw the same.

    Raises:
        UserError: a damaged record.
    """
    looks = sorted((look for folder in folders for look in read_looks(folder)), key=lambda look: look.created)
    seen: list[Look] = []
    for look in looks:
        if not any(other.model_copy(update={"created": look.created}) == look for other in seen):
            seen.append(look)
    return b"".join(seal_line(look.model_dump_json()) + b"\n" for look in seen)


def merge_choices(folders: Sequence[Path]) -> Choices:
    """The choices of ρ and knobs of all folders.

    Raises:
        UserError: two folders chose for the same purpose, and not the same from the same trials.
    """
    found: dict[tuple[object, ...], tuple[Choice, Path]] = {}
    for folder in folders:
        for choice in read_choices(folder):
            other, place = found.setdefault(choice.purpose, (choice, folder))
            if other != choice:
                raise UserError(
                    f"{str(place / TUNED)!r} and {str(folder / TUNED)!r} have different choices for "
                    f"{choice.method} on {choice.task}, {other.describe()} and {choice.describe()}: tune in one "
                    "folder alone, or merge copies of the folders of which one has no choices."
                )
    return Choices(format=FORMAT, choices=tuple(choice for choice, _ in found.values()))


def merge_timing(folders: Sequence[Path]) -> tuple[Timing, int]:
    """The measurements of all folders, a later folder's in the place of an earlier one's of the same; how many.

    Raises:
        UserError: a damaged file.
    """
    files = [read_optional(folder / TIMING, Timing) for folder in folders]
    rows = [row for file in files if file is not None for row in file.rows]
    kept = {row.key: row for row in rows}
    different = len({row.model_dump_json() for row in rows})
    return Timing(format=FORMAT, rows=tuple(kept.values())), different - len(kept)


def merge_experiments(folders: Sequence[Path]) -> Experiments:
    """The cells of the experiments of all folders; of the same row, task, method and seed the last folder's.

    Raises:
        UserError: a damaged file.
    """
    files = [read_optional(folder / EXPERIMENTS, Experiments) for folder in folders]
    cells = [cell for file in files if file is not None for cell in file.cells]
    kept = {(c.experiment, c.row, c.task, c.method, c.seed): c for c in cells}
    return Experiments(format=FORMAT, cells=tuple(kept.values()))


def find_frozen(folders: Sequence[Path]) -> Path | None:
    """The first folder with a frozen plan, where the others have the same or none; None where none has one.

    Raises:
        UserError: a plan that was edited, or two that differ.
    """
    first: tuple[Path, FrozenPlan] | None = None
    for folder in folders:
        plan = read_frozen_plan(folder / FROZEN)
        if plan is None:
            continue
        if first is not None and not is_same_plan(first[1], plan):
            raise UserError(
                f"{str(first[0] / FROZEN)!r} and {str(folder / FROZEN)!r} are different frozen plans, and a "
                "folder has one: report the folders each by itself."
            )
        first = first or (folder, plan)
    return first[0] if first is not None else None
