"""What is there of the plans of a results folder, and which processes work on the rest; nothing is written.

A finished result is its file. A component that is trained has a lock, and so has an evaluation a lease, with the
process that holds it (`foundation.leases`); a checkpoint says how many steps of a training are done.
"""

import contextlib
import json
import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict

from foundation.leases import EXPIRY, Holder, Lease, describe_self, is_gone
from foundation.program import program_name
from foundation.text import clean_line
from reports.errors import ReportError
from reports.load.files import MOST_SHOWN, check_folder, read_file
from reports.load.plans import PLANS, PlanRecord, read_plans
from reports.load.schema import PlanEntry, Seconds

_LONGEST_DIGEST, _LONGEST_LINE = 100, 2**26  # bytes of a checkpoint's first two lines


Parsed = TypeVar("Parsed")


def _check_time(text: str) -> str:
    if datetime.fromisoformat(text).tzinfo is None:
        raise ValueError("has a time without a zone")
    return text


Time = Annotated[str, AfterValidator(_check_time)]
"""A date and time with its zone, ISO 8601."""


class FinishedHeader(BaseModel):
    """What of a result says that it is there, since when, and what it took."""

    model_config = ConfigDict(strict=True)

    status: str
    created: Time
    seconds: Seconds


@dataclass(frozen=True)
class Held:
    """A lease that is not free.

    Attributes:
        holder: who has it; None where its file does not say.
        touched: its last sign of life, seconds since 1970.
        is_alive: whether the process runs, on another machine: whether it gave a sign of life within 60 s.
    """

    holder: Holder | None
    touched: float
    is_alive: bool


@dataclass(frozen=True)
class Training:
    """What a checkpoint says of a training.

    Attributes:
        seeds: that train together.
        step, steps: done, and all.
        touched: when it was written, seconds since 1970.
        before: step and time of the checkpoint before it, where that is still there.
    """

    seeds: tuple[int, ...]
    step: int
    steps: int
    touched: float
    before: tuple[int, float] | None = None


@dataclass(frozen=True)
class CellState:
    """A planned cell.

    Attributes:
        entry: as planned.
        finished: what its result says; None where there is none.
        held: who evaluates it, or did when it died.
        is_begun: whether episodes or samples of it are kept.
    """

    entry: PlanEntry
    finished: FinishedHeader | None = None
    held: Held | None = None
    is_begun: bool = False


@dataclass(frozen=True)
class ComponentState:
    """A component that planned cells need.

    Attributes:
        label: KIND-KEY.
        seeds: that are needed.
        done: of them, those that are made, with the seconds that each took; None where its description has none.
        failed: of them, those that failed when they were last tried.
        held: who makes it, or did when it died.
        trainings: its checkpoints.
        parts: how many parts of a computation are kept.
    """

    label: str
    seeds: tuple[int, ...]
    done: dict[int, float | None] = field(default_factory=dict)
    failed: tuple[int, ...] = ()
    held: Held | None = None
    trainings: tuple[Training, ...] = ()
    parts: int = 0

    @property
    def kind(self) -> str:
        """Such as `critic`."""
        return self.label.rpartition("-")[0]

    @property
    def newest(self) -> Training | None:
        """The checkpoint that was written last."""
        return max(self.trainings, key=lambda training: training.touched, default=None)

    @property
    def missing(self) -> tuple[int, ...]:
        """The seeds that are neither made nor failed."""
        return tuple(seed for seed in self.seeds if seed not in self.done and seed not in self.failed)


@dataclass(frozen=True)
class FolderState:
    """What is there of all plans of a folder.

    Attributes:
        planned: when the last plan was made, ISO 8601; None where there is none.
        cells: of the last plan, then those of earlier plans.
        newest: how many of them are of the last plan.
        components: that the cells need, in the order in which these name them.
        others: what else is held, in words: trials of tuning, data sets that are made.
    """

    planned: str | None
    cells: tuple[CellState, ...] = ()
    newest: int = 0
    components: tuple[ComponentState, ...] = ()
    others: tuple[tuple[str, Held], ...] = ()


def locate_lease(result: Path) -> Path:
    """The folder of the lease of an evaluation, beside its result."""
    return result.with_name(f".{result.stem}.holders")


def read_held(folder: Path) -> Held | None:
    """Who holds the lease of that folder; None where it is free."""
    state = Lease(folder).read_newest()
    if state.is_free:
        return None
    touched = state.touched / 1e9
    gone = None if state.holder is None else is_gone(state.holder, describe_self(has_flock=False))
    is_alive = time.time() - touched <= EXPIRY if gone is None else not gone
    return Held(state.holder, touched, is_alive)


@dataclass
class ProgressReader:
    """Reads the state of a folder again and again; a file that did not change is not parsed twice.

    Attributes:
        results, artifacts: the folders.
    """

    results: Path
    artifacts: Path
    _known: dict[Path, tuple[tuple[int, int], Any]] = field(default_factory=dict)

    def read(self) -> FolderState:
        """What is there now.

        Raises:
            ReportError: no such folder, one of another format, a damaged record of plans, or a damaged result.
        """
        if not self.results.is_dir():
            raise ReportError(
                f"there is no results folder at {str(self.results)!r}: start `{program_name()} run`, or name the "
                "folder with --results."
            )
        if not (self.results / PLANS).exists():
            return FolderState(None, others=tuple(self._find_others()))
        check_folder(self.results)
        record = self._parse(self.results / PLANS, self._read_plans)
        cells = tuple(self._read_cell(entry) for entry in (*record.newest, *record.earlier))
        return FolderState(
            record.plans[-1].created if record.plans else None,
            cells,
            len(record.newest),
            tuple(self._read_components(cells)),
            tuple(self._find_others()),
        )

    def _read_plans(self, file: Path) -> PlanRecord:
        """The record of plans, of which the last says when it was made."""
        record = read_plans(self.results)
        try:
            _check_time(record.plans[-1].created if record.plans else "1970-01-01T00:00Z")
        except ValueError as error:
            created = clean_line(record.plans[-1].created)[:MOST_SHOWN]
            raise ReportError(
                f"the record of plans {str(file)!r} has {created!r} for when the last plan was made, which is no "
                "date and time with a zone; restore it from a copy."
            ) from error
        return record

    def _read_cell(self, entry: PlanEntry) -> CellState:
        file = self.results / entry.path
        with contextlib.suppress(FileNotFoundError):  # not there, or set aside meanwhile
            return CellState(entry, self._parse(file, lambda path: read_file(path, FinishedHeader)))
        state = file.with_name(f".unfinished-{file.stem}.state")
        return CellState(entry, None, read_held(locate_lease(file)), state.is_file())

    def _read_components(self, cells: Iterable[CellState]) -> Iterator[ComponentState]:
        needed: dict[str, set[int]] = {}
        for cell in cells:
            for label in cell.entry.components:
                needed.setdefault(label, set()).add(cell.entry.seed)
        return (self._read_component(label, tuple(sorted(seeds))) for label, seeds in needed.items())

    def _read_component(self, label: str, seeds: tuple[int, ...]) -> ComponentState:
        folder = self.artifacts / "components" / label
        done: dict[int, float | None] = {}
        for seed in seeds:
            with contextlib.suppress(FileNotFoundError):
                done[seed] = self._parse(folder / f"seed-{seed}.json", _read_seconds)
        if len(done) == len(seeds):
            return ComponentState(label, seeds, done)
        failed = tuple(s for s in seeds if s not in done and (folder / f"seed-{s}.failed.json").is_file())
        trainings = (_read_training(path) for path in sorted(folder.glob("checkpoint-*.state")))
        parts = sum(1 for _ in folder.glob("checkpoint-*.part-*"))
        held = read_held(folder / ".lock.holders")
        return ComponentState(
            label, seeds, done, failed, held, tuple(t for t in trainings if t is not None), parts
        )

    def _find_others(self) -> Iterator[tuple[str, Held]]:
        """Trials of tuning, and data sets and noise floors that are made."""
        places = [(path, "a trial of tuning") for path in (self.results / "tuning").glob(".*-*.holders")]
        places += [(path, "a data set") for path in (self.artifacts / "data").rglob(".*.lock.holders")]
        places += [(path, "noise floors") for path in (self.artifacts / "floors").glob("*/.lock.holders")]
        for path, what in sorted(places):
            held = read_held(path)
            name = path.parent.name if what == "noise floors" else path.name.removesuffix(".holders").strip(".")
            if held is not None:
                yield f"{what}, {name.removesuffix('.lock')}", held

    def _parse(self, path: Path, read: Callable[[Path], Parsed]) -> Parsed:
        """What a file says, by its time and size read again only where it changed.

        Raises:
            FileNotFoundError: it is not there.
            ReportError: it is damaged.
        """
        status = path.stat()
        stamp = (status.st_mtime_ns, status.st_size)
        if path not in self._known or self._known[path][0] != stamp:
            try:
                self._known[path] = (stamp, read(path))
            except ReportError:
                path.stat()  # one that was taken away meanwhile is not damaged
                raise
        return self._known[path][1]


def _read_seconds(description: Path) -> float | None:
    """The seconds that a component took for one seed; None where its description does not say."""
    try:
        seconds = json.loads(description.read_bytes())["seconds_per_seed"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    is_sound = isinstance(seconds, int | float) and 0 <= seconds < math.inf
    return float(seconds) if is_sound else None


def _read_training(path: Path) -> Training | None:
    """What a checkpoint says by its first lines, whatever its SHA-256 says; None where it does not tell."""
    found = _read_step(path)
    before = _read_step(path.with_suffix(".earlier"))
    if found is None:
        found, before = before, None
    if found is None:
        return None
    seeds, step, steps, touched = found
    return Training(seeds, step, steps, touched, (before[1], before[3]) if before is not None else None)


def _read_step(path: Path) -> tuple[tuple[int, ...], int, int, float] | None:
    """Seeds, step, steps and time of a checkpoint."""
    try:
        with path.open("rb") as file:
            touched = path.stat().st_mtime
            file.readline(_LONGEST_DIGEST)
            about = json.loads(file.readline(_LONGEST_LINE))
        owner = about["owner"]
        seeds, step, steps = owner["seeds"], about["step"], owner["steps"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    is_sound = isinstance(seeds, list) and bool(seeds) and all(type(n) is int for n in (*seeds, step, steps))
    return (tuple(seeds), step, steps, touched) if is_sound and 0 < step <= steps else None
