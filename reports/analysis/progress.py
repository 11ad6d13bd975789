"""How far the plans of a results folder are: counts by task and method, the rate, and the end that is expected.

The expected end is the work that is left, divided by the processes that are at it. What a piece of work takes is
measured: the mean of what is finished of the same method or kind on the same task, else on others; a training that
writes checkpoints by its own steps. What has no measure is named, and the end is then no earlier than said.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias, get_args

from reports.load.progress import CellState, ComponentState, FolderState, Held, Training
from reports.load.variants import label_entries

WINDOWS = (3600.0, 6 * 3600.0, 24 * 3600.0)
"""Seconds over which the rate is counted: the first of them with `ENOUGH` results, else the last."""
ENOUGH = 5
Status: TypeAlias = Literal["done", "failed", "running", "stopped", "waiting"]
"""`stopped` is what was begun and nobody is at."""
STATUSES: tuple[Status, ...] = get_args(Status)


@dataclass(frozen=True)
class Row:
    """How many cells of a variant on a task, at all its ρ, have each status.

    Attributes:
        suite, task, method: names.
        variant: the method with the settings that set it apart from its others, without ρ.
        counts: of each status.
    """

    suite: str
    task: str
    method: str
    variant: str
    counts: Mapping[Status, int]

    @property
    def total(self) -> int:
        """All cells."""
        return sum(self.counts.values())


@dataclass(frozen=True)
class ComponentRow:
    """A component that is not finished.

    Attributes:
        state: of it.
        tasks, methods: whose cells need it.
        status: of all its seeds together.
    """

    state: ComponentState
    tasks: tuple[str, ...]
    methods: tuple[str, ...]
    status: Status


@dataclass(frozen=True)
class Work:
    """What a process holds.

    Attributes:
        what: in words.
        held: the lease.
    """

    what: str
    held: Held


@dataclass(frozen=True)
class Rate:
    """Results that were finished lately: how many, failed ones too, and in how many seconds until now."""

    results: int
    seconds: float

    @property
    def per_hour(self) -> float:
        return 3600 * self.results / self.seconds


@dataclass(frozen=True)
class Forecast:
    """When all that is open will be done, as long as as many processes work as now.

    Attributes:
        seconds: from now.
        processes: at work now.
        results, components: how many finished ones the measure is of; components count each seed.
        trainings: under way, whose steps are measured too.
        unknown: methods and kinds of components without a measure, which are not in the seconds.
    """

    seconds: float
    processes: int
    results: int
    components: int
    trainings: int
    unknown: tuple[str, ...]


@dataclass(frozen=True)
class Progress:
    """How far a folder's plans are.

    Attributes:
        planned: when the last plan was made, ISO 8601; None where nothing is planned.
        rows: of each task and variant.
        earlier: open cells of plans before the last.
        made: seeds of components that are made; needed: all of them.
        components: those that are not finished.
        work: what is held, those first whose process is gone.
        rate: None where nothing is planned.
        forecast: None where nothing is open, or nobody works on it.
    """

    planned: str | None
    rows: tuple[Row, ...]
    earlier: int
    made: int
    needed: int
    components: tuple[ComponentRow, ...]
    work: tuple[Work, ...]
    rate: Rate | None
    forecast: Forecast | None

    @property
    def counts(self) -> Counter[Status]:
        """How many cells have each status."""
        return sum((Counter(row.counts) for row in self.rows), Counter[Status]())

    @property
    def open(self) -> int:
        """Cells without a result."""
        counts = self.counts
        return counts["running"] + counts["stopped"] + counts["waiting"]

    @property
    def is_finished(self) -> bool:
        """Whether every cell of every plan has a result, failed or not."""
        return self.planned is not None and not self.open


def measure_progress(state: FolderState, now: float) -> Progress:
    """How far the plans of a folder are.

    Args:
        state: as it was read.
        now: seconds since 1970.
    """
    components = tuple(_list_components(state))
    labels = label_entries([cell.entry for cell in state.cells])
    work = sorted(_list_work(state, labels), key=lambda each: each.held.is_alive)
    rows = _count_rows(state.cells, labels)
    is_open = any(cell.finished is None for cell in state.cells)
    return Progress(
        planned=state.planned,
        rows=rows,
        earlier=sum(cell.finished is None for cell in state.cells[state.newest :]),
        made=sum(len(component.done) for component in state.components),
        needed=sum(len(component.seeds) for component in state.components),
        components=components,
        work=tuple(work),
        rate=None if state.planned is None else _measure_rate(state, now),
        forecast=_forecast(state, work, now) if is_open else None,
    )


def find_status(cell: CellState) -> Status:
    """What a cell is in."""
    if cell.finished is not None:
        return "failed" if cell.finished.status == "failed" else "done"
    if cell.held is not None:
        return "running" if cell.held.is_alive else "stopped"
    return "stopped" if cell.is_begun else "waiting"


def find_component_status(state: ComponentState) -> Status:
    """What the seeds of a component that are not made are in."""
    if state.held is not None and state.held.is_alive:
        return "running"
    if not state.missing:
        return "failed" if state.failed else "done"
    return "stopped" if state.held is not None or state.trainings or state.parts else "waiting"


def _count_rows(cells: Iterable[CellState], labels: Mapping[str, str]) -> tuple[Row, ...]:
    found: dict[tuple[str, str, str, str], Counter[Status]] = {}
    for cell in cells:
        key = (cell.entry.suite, cell.entry.task, cell.entry.method, labels[cell.entry.path])
        found.setdefault(key, Counter())[find_status(cell)] += 1
    return tuple(Row(*key, counts) for key, counts in found.items())


def _list_components(state: FolderState) -> Iterable[ComponentRow]:
    """The components that are not finished, as the plans name them."""
    for component in state.components:
        status = find_component_status(component)
        if status != "done":
            own = [cell.entry for cell in state.cells if component.label in cell.entry.components]
            tasks = tuple(dict.fromkeys(entry.task for entry in own))
            methods = tuple(dict.fromkeys(entry.method for entry in own))
            yield ComponentRow(component, tasks, methods, status)


def _list_work(state: FolderState, labels: Mapping[str, str]) -> Iterable[Work]:
    """What is held; labels are of variants by their paths, without ρ."""
    for component in state.components:
        if component.held is not None:
            yield Work(f"component {component.label}", component.held)
    for cell in state.cells:
        if cell.held is not None and cell.finished is None:
            rho = "" if cell.entry.rho is None else f", ρ = {cell.entry.rho:g}"
            variant = f"{labels[cell.entry.path]}{rho}"
            yield Work(f"evaluation {cell.entry.task}, {variant}, seed {cell.entry.seed}", cell.held)
    for what, held in state.others:
        yield Work(what, held)


def _measure_rate(state: FolderState, now: float) -> Rate:
    """Results of all plans over a window until now, which does not begin before the first of them was begun."""
    ages = sorted(now - _read_time(cell.finished.created) for cell in state.cells if cell.finished is not None)
    begun = max(now - _read_time(state.planned), 1.0) if state.planned is not None else WINDOWS[-1]
    oldest = max(begun, ages[-1] if ages else 0.0)
    for window in WINDOWS:
        seconds = min(window, oldest)
        count = sum(age <= seconds for age in ages)
        if count >= ENOUGH or seconds == oldest or window == WINDOWS[-1]:
            return Rate(count, seconds)
    raise AssertionError("the last window is taken")


def _read_time(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _forecast(state: FolderState, work: Iterable[Work], now: float) -> Forecast | None:
    """When all will be done, by what was measured; None while nobody works on it."""
    leases = [each.held for each in work if each.held.is_alive]
    processes = len({(held.holder.host, held.holder.process) for held in leases if held.holder is not None})
    if not processes:
        return None
    tasks = _find_tasks(state.cells)
    finished = [(cell.entry, cell.finished) for cell in state.cells if find_status(cell) == "done"]
    spent = [(entry.task, entry.method, found.seconds.evaluate) for entry, found in finished if found is not None]
    trained = [(tasks[c.label], c.kind, s) for c in state.components for s in c.done.values() if s is not None]
    under_way = [(tasks[c.label], c.kind, s) for c in state.components if (s := _measure_training(c)) is not None]
    of_cells, of_components = _average(spent), _average([*trained, *under_way])
    left: list[tuple[str, float | None]] = []
    for cell in state.cells:
        if cell.finished is None:
            seconds = of_cells(cell.entry.task, cell.entry.method)
            rest = None if seconds is None else max(seconds - _count_elapsed(cell.held, now), 0.0)
            left.append((cell.entry.method, rest))
    for component in state.components:
        if component.missing:
            per_seed = of_components(tasks[component.label], component.kind)
            left.append((component.kind, _estimate_component(component, per_seed, now)))
    known = [seconds for _, seconds in left if seconds is not None]
    unknown = tuple(dict.fromkeys(name for name, seconds in left if seconds is None))
    seconds = max(sum(known) / processes, max(known, default=0.0))
    return Forecast(seconds, processes, len(spent), len(trained), len(under_way), unknown)


def _find_tasks(cells: Iterable[CellState]) -> dict[str, str]:
    """Component to the first task that needs it."""
    found: dict[str, str] = {}
    for cell in cells:
        for label in cell.entry.components:
            found.setdefault(label, cell.entry.task)
    return found


def _average(measured: Sequence[tuple[str, str, float]]) -> Callable[[str, str], float | None]:
    """What gives the mean seconds for a task and a name: of both, else of the name on other tasks, else None."""

    def find(task: str, name: str) -> float | None:
        named = [(where, seconds) for where, what, seconds in measured if what == name]
        own = [seconds for where, seconds in named if where == task] or [seconds for _, seconds in named]
        return sum(own) / len(own) if own else None

    return find


def _count_elapsed(held: Held | None, now: float) -> float:
    """Seconds that the living holder has had it; 0 where there is none."""
    if held is None or held.holder is None or not held.is_alive:
        return 0.0
    return max(now - _read_time(held.holder.since), 0.0)


def _estimate_component(component: ComponentState, per_seed: float | None, now: float) -> float | None:
    """Seconds that a component still takes, by the speed of its own steps, or by what others took.

    Args:
        component: with seeds that are missing.
        per_seed: seconds that a seed of such a component took; None where none is made.
        now: seconds since 1970.
    """
    training = component.newest
    if training is None:
        if per_seed is None:
            return None
        return max(per_seed * len(component.missing) - _count_elapsed(component.held, now), 0.0)
    speed, rest = _measure_speed(training, component.held), training.steps - training.step
    if speed is not None:
        seconds = rest / speed
    elif per_seed is not None:
        seconds = per_seed * len(training.seeds) * rest / training.steps
    else:
        return None
    since = now - training.touched if component.held is not None and component.held.is_alive else 0.0
    return max(seconds - since, 0.0)


def _measure_training(component: ComponentState) -> float | None:
    """Seconds for each seed of the whole training that is under way, by the speed of its steps."""
    training = component.newest
    speed = _measure_speed(training, component.held) if training is not None else None
    return training.steps / speed / len(training.seeds) if training is not None and speed is not None else None


def _measure_speed(training: Training, held: Held | None) -> float | None:
    """Steps per second between two checkpoints of the holder, or since it began where there is one alone."""
    if held is None or held.holder is None:
        return None
    since = _read_time(held.holder.since)
    step, touched = training.before or (0, since)
    if touched < since or training.touched <= touched or training.step <= step:
        return None
    return (training.step - step) / (training.touched - touched)
