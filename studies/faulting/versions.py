"""Folders and files that other versions wrote: refused in one sentence, or read as they were meant."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import compare, edits
from .cases import Case, Kind, Outcome, number_cases
from .commands import call
from .files import describe_run, describe_tuning
from .finished import Finished, prepare_finished
from .scenes import copy_folder, describe_report, keep_states_often

REFUSED: tuple[Kind, ...] = ("refused",)
REMADE: tuple[Kind, ...] = ("remade", "refused")
READ: tuple[Kind, ...] = ("equal",)
TOLD: tuple[Kind, ...] = ("equal", "named")
_ALL = ("run", "report", "tune-rho")


@dataclass(frozen=True)
class Version:
    """What another version wrote.

    Attributes:
        name: for the table.
        edit: makes a finished comparison so.
        expected: what may become of it, by command.
        reason: why a report of it may be another.
    """

    name: str
    edit: Callable[[Path], object]
    expected: dict[str, tuple[Kind, ...]]
    reason: str = ""


def write_format(text: bytes) -> Callable[[Path], object]:
    """A results folder of that format."""
    return lambda folder: (folder / "results" / "FORMAT").write_bytes(text)


def in_results(edit: edits.Edit) -> Callable[[Path], None]:
    """Edit the results of one method."""
    return lambda folder: edits.edit_results(folder / "results", "moons/swg-*", edit)


def drop(*names: str) -> edits.Edit:
    """Without fields that a version did not write."""

    def edit(value: Any) -> None:
        for name in names:
            value.pop(name, None)

    return edit


def write_old_ledger(entry: Any) -> None:
    """A line as version 0.2.0 wrote it: the mean of each seed alone."""
    entry["scores"] = [sum(values) / len(values) for values in entry.pop("values")]
    for name in ("study", "trial", "seconds"):
        entry.pop(name)


def edit_ledgers(edit: edits.Edit) -> Callable[[Path], None]:
    """Edit both ledgers."""

    def edit_both(folder: Path) -> None:
        for name in ("results", "artifacts"):
            edits.edit_lines(folder / name / "ledger.jsonl", edit)

    return edit_both


def write_old_descriptions(folder: Path) -> None:
    """Descriptions of components without their hash, and without the seeds they were made with."""
    for file in sorted((folder / "artifacts" / "components").glob("*/seed-?.json")):
        about = json.loads(file.read_text())
        for name in ("description_sha256", "made_with", "component"):
            about.pop(name)
        file.write_text(json.dumps(about))


def write_new_descriptions(folder: Path) -> None:
    """Descriptions of components with a field that this version does not know, and a hash that is right."""
    for file in sorted((folder / "artifacts" / "components").glob("*/seed-?.json")):
        about = {**json.loads(file.read_text()), "new": 1}
        about.pop("description_sha256")
        digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()
        file.write_text(json.dumps({**about, "description_sha256": digest}))


def every(kinds: tuple[Kind, ...]) -> dict[str, tuple[Kind, ...]]:
    """The same of all commands."""
    return dict.fromkeys(_ALL, kinds)


VERSIONS = (
    *(
        Version(f"FORMAT {t!r}", write_format(t), every(REFUSED))
        for t in (b"3\n", b"5\n", b"", b"4.0\n", b"\xff\xfe", b"four\n")
    ),
    Version("no FORMAT", lambda folder: (folder / "results" / "FORMAT").unlink(), every(REFUSED)),
    *(
        Version(
            f"a result of format {n}",
            in_results(edits.put(("format",), n)),
            {"run": REMADE, "report": REFUSED, "tune-rho": READ},
        )
        for n in (3, 5)
    ),
    Version(
        "a result with an unknown field",
        in_results(edits.put(("new",), 1)),
        {"run": REMADE, "report": REFUSED, "tune-rho": READ},
    ),
    Version(
        "results without `critics`",
        in_results(drop("critics")),
        {"run": READ, "report": TOLD, "tune-rho": READ},
        "an older result lacks a field, and its report says less",
    ),
    *(
        Version(
            f"results of another {name}",
            in_results(edits.put(("versions", name), "9.9")),
            {"run": READ, "report": kinds, "tune-rho": READ},
            "versions of torch may stand in one column: a report names them",
        )
        for name, kinds in (("mujoco", REFUSED), ("gymnasium", REFUSED), ("torch", TOLD))
    ),
    *(
        Version(
            f"tuned.json of format {n}",
            lambda f, n=n: edits.edit_json(f / "results" / "tuned.json", edits.put(("format",), n)),
            every(REFUSED),
        )
        for n in (3, 5)
    ),
    Version(
        "ledgers of version 0.2.0",
        edit_ledgers(write_old_ledger),
        {"run": READ, "report": TOLD, "tune-rho": READ},
        "an older ledger has means alone, and its report says so",
    ),
    Version("ledgers with an unknown field", edit_ledgers(edits.put(("new",), 1)), every(REFUSED)),
    Version("components of version 0.2.0", write_old_descriptions, every(READ)),
    Version("components of a later version", write_new_descriptions, every(READ)),
)


def make_cases(seed: int, scratch: Path, small: bool) -> list[Case]:
    """Every version and every command; the seed changes nothing."""
    finished = prepare_finished(scratch)
    named = [
        (f"{version.name}, {command}", Meeting(finished, version, command).run)
        for version in (VERSIONS[:2] if small else VERSIONS)
        for command in _ALL
    ]
    return number_cases("versions", named)


@dataclass(frozen=True)
class Meeting:
    """One version and one command."""

    finished: Finished
    version: Version
    command: str

    def run(self, work: Path) -> Outcome:
        """Make the folder of that version, do the command, look at what it left."""
        folder = work / "case"
        copy_folder(self.finished.folder, folder)
        self.version.edit(folder)
        describe = {"run": describe_run, "report": describe_report, "tune-rho": describe_tuning}[self.command]
        edited = describe(folder)
        ended = call(self.finished.line(self.command, folder), work, keep_states_often)
        if ended.fault is not None:
            return Outcome("failed", ended.fault)
        kind, said = (
            ("refused", ended.sentence) if ended.code == 2 else self._compare(describe(folder), edited, folder)
        )
        allowed = self.version.expected[self.command]
        return Outcome(kind, said) if kind in allowed else Outcome("failed", f"{kind}: {said}")

    def _compare(self, left: compare.Described, edited: compare.Described, folder: Path) -> tuple[Kind, str]:
        """What became of a folder that was not refused."""
        describe = {"run": describe_run, "report": describe_report, "tune-rho": describe_tuning}[self.command]
        before = describe(self.finished.folder)
        differing = compare.find_differences(left, before)
        if not differing:
            return ("remade" if list((folder / "results").rglob("damaged-*")) else "equal"), ""
        if self.command != "report" and not compare.find_differences(left, edited):
            return "equal", "it is read as it is"
        return "named", f"{self.version.reason} ({'; '.join(differing[:2])})"
