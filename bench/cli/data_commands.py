"""`python -m bench data`: lists, downloads, makes, imports, describes and checks data sets."""

import contextlib
import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from bench.cli.data_options import CheckData, FetchData, ImportData, InfoData, ListData, MakeData
from bench.cli.data_summary import draw_picture, summarize
from bench.cli.table import format_table
from bench.config.check_settings import check_bounds
from bench.config.sources import describe_choice, label_sources
from bench.progress import ProgressCallback, ProgressConsole
from foundation.errors import UserError
from suites.data import list_sources, load, parse_source
from suites.errors import DataError
from suites.registry import find_tasks, suite_names
from suites.sources.auto import PUBLISHED, Wanted, choose_sources, format_fetch, join_names, list_unstored
from suites.sources.cache import cache_path, count_rows
from suites.sources.d4rl.check import inspect
from suites.sources.d4rl.fetch import fetch_d4rl, import_d4rl, stored_file
from suites.sources.d4rl.files import FILES, find_checksum
from suites.sources.download import Patience
from suites.sources.minari import fetch_minari, has_minari, minari_folder
from suites.sources.stored import check_stored
from suites.sources.transitions import Transitions
from suites.task import ControlTask, Task

HEADER = ("task", "source", "data set", "on disk", "size", "transitions")
ON_DISK = {True: "yes", False: "no"}


def execute_data(options: Any, console: ProgressConsole) -> None:
    """Hand the options to their subcommand."""
    check_bounds(options)
    match options:
        case ListData():
            tasks = _tasks(options.tasks or suite_names())
            print(list_data(tasks, options.artifacts / "data"))
            print(describe_auto(tasks, options.artifacts / "data"))
        case FetchData():
            fetch(options, console)
        case MakeData():
            make(options, console)
        case ImportData():
            import_file(options, console)
        case InfoData():
            show_info(options, console)
        case CheckData():
            check(options, console)


def fetch(options: FetchData, console: ProgressConsole) -> None:
    """`data fetch`."""
    chosen = [(task, parse_source(task, _downloadable(task, options.data))) for task in _tasks(options.tasks)]
    for _, each in chosen:
        started = time.monotonic()
        if each.source == "minari":
            console.say(f"{each.name}: asking Minari's hub")
            fetched, kept = fetch_minari(each.name), "already downloaded"
        else:
            kept = "already downloaded, checksum verified"
            with _bytes_bar(each.name, console) as progress:
                fetched = fetch_d4rl(
                    each.name,
                    options.artifacts / "data",
                    base=options.url,
                    patience=Patience(tries=options.tries),
                    progress=progress,
                    say=lambda text, name=each.name: console.say(f"  {name}: {text}"),
                )
        took = f"fetched in {time.monotonic() - started:.1f} s" if fetched else kept
        console.say(f"{each.name} ({each.source}): {took}")


def make(options: MakeData, console: ProgressConsole) -> None:
    """`data make`."""
    tasks = _tasks(options.tasks)
    _refuse_unmade(tasks, options.artifacts / "data")
    for task in tasks:
        made = _load(task, "local", options, console)
        console.say(f"{made.name}: {len(made):,} transitions, fingerprint {made.fingerprint[:12]}")


def _refuse_unmade(tasks: Sequence[Task], directory: Path) -> None:
    """A UserError for tasks whose data cannot be made here, with the command that gets them."""
    unmade = [Wanted(task) for task in tasks if "local" not in task.datasets]
    if unmade:
        missing = list_unstored(unmade, directory)
        kinds = [each.canonical.source for each in missing if each.canonical is not None]
        first = [each for each, kind in zip(missing, kinds, strict=True) if kind == kinds[0]]
        fetch = f"with a connection, {format_fetch(first, directory)} gets them" if first else ""
        remedy = fetch or "give a file of them to the command that needs them, as in --data file:PATH"
        raise UserError(
            f"data of {join_names([each.task.name for each in unmade])} cannot be made here; {remedy}."
        )


def import_file(options: ImportData, console: ProgressConsole) -> None:
    """`data import`."""
    task = _task(options.task)
    chosen = None if options.data == "auto" else parse_source(task, options.data)
    if chosen is None or chosen.source != "d4rl":
        raise UserError(f"--data {options.data} cannot be imported; only D4RL's files can: d4rl, or d4rl:v0.")
    path = import_d4rl(options.file.expanduser(), chosen.name, options.artifacts / "data")
    console.say(f"{chosen.name} (d4rl): copied to {path}")


def show_info(options: InfoData, console: ProgressConsole) -> None:
    """`data info`."""
    task = _task(options.task)
    transitions = _load(task, options.data, options, console)
    pictures = options.artifacts / "data" / "pictures"
    path = options.picture or pictures / f"{task.name}-{transitions.source}.png"
    draw_picture(task, transitions, path)
    print(summarize(task, transitions))
    console.say(f"Picture: {path}")


def check(options: CheckData, console: ProgressConsole) -> None:
    """`data check`."""
    if options.file is None:
        if options.task is not None:
            raise UserError("--task says what a file should fit; name the file too.")
        check_all(options.artifacts, console)
        return
    task = None if options.task is None else _task(options.task)
    if task is not None and not isinstance(task, ControlTask):
        raise UserError(f"task {task.name} is a density, whose data are drawn here; no file can hold them.")
    found = inspect(options.file.expanduser(), task)
    print(format_table(str(options.file), ("column", "shape", "type"), found.columns))
    for number, fault in enumerate(found.faults, 1):
        print(f"  {number}. {fault}")
    if found.faults:
        count = "1 fault" if len(found.faults) == 1 else f"{len(found.faults)} faults"
        raise UserError(f"{options.file} has {count}.")
    console.say("No faults found.")


def check_all(artifacts: Path, console: ProgressConsole) -> None:
    """Hold all stored data against their checksums, one line each."""
    faults = unknown = 0
    for number, each in enumerate(check_stored(artifacts), 1):
        said = each.fault or ("as it was" if each.is_known else "no checksum is known")
        console.say(f"  {number}. {each.kind} {each.path}: {said}{f'; {each.remedy}' if each.fault else ''}")
        faults, unknown = faults + (each.fault is not None), unknown + (not each.is_known)
    if faults:
        raise UserError(f"{faults} of the stored data {'is' if faults == 1 else 'are'} not as they should be.")
    known = f"; of {unknown} no checksum is known" if unknown else ""
    console.say(f"No faults found{known}.")


def _load(task: Task, source: str, options: MakeData | InfoData, console: ProgressConsole) -> Transitions:
    with console.show_bar(f"{task.name} data") as progress:
        return load(
            task,
            source,
            count=options.transitions,
            directory=options.artifacts / "data",
            seed=options.seed,
            progress=progress,
        )


def _tasks(names: tuple[str, ...]) -> tuple[Task, ...]:
    found = {task.name: task for name in names for task in find_tasks(name)}
    return tuple(found.values())


def _task(name: str) -> Task:
    found = find_tasks(name)
    if len(found) != 1:
        raise UserError(f"{name!r} is a suite; choose one of its tasks: {', '.join(task.name for task in found)}.")
    return found[0]


def _downloadable(task: Task, asked: str) -> str:
    """The source to download: the one asked for, or the first that can be."""
    remote = [source for source in task.datasets if source in PUBLISHED]
    if asked == "auto" and remote:
        return remote[0]
    if asked.partition(":")[0] not in ("d4rl", "minari"):
        if remote:
            raise UserError(
                f"--data {asked} is not downloaded; for {task.name} choose {' or '.join(remote)}, or leave it out."
            )
        own = "its data are made here" if "local" in task.datasets else "it declares no data"
        raise UserError(f"task {task.name} has nothing to fetch: {own}; its sources are {list_sources(task)}.")
    return asked


@contextlib.contextmanager
def _bytes_bar(label: str, console: ProgressConsole) -> Iterator[ProgressCallback | None]:
    """A progress bar in bytes with its rate, on a terminal."""
    if console.quiet or not console.console.is_terminal:
        yield None
        return
    columns = (
        TextColumn("  {task.description:32}"),
        BarColumn(bar_width=10),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console.console) as progress:
        task = progress.add_task(label, total=None, visible=False)
        yield lambda done, total: progress.update(task, completed=done, total=total or None, visible=True)


def list_data(tasks: Sequence[Task], directory: Path) -> str:
    """A table with a row for every data set that a task can have.

    Args:
        tasks: in the order to show them.
        directory: of all data.
    """
    rows = [row for task in tasks for source in task.datasets for row in _rows(task, source, directory)]
    return format_table("Data sets", HEADER, rows)


def describe_auto(tasks: Sequence[Task], directory: Path) -> str:
    """What `--data auto` takes now for the tasks of each suite together, a line each.

    Args:
        tasks: in the order to show them.
        directory: of all data.
    """
    suites: dict[str, list[Wanted]] = {}
    for task in tasks:
        suites.setdefault(task.suite, []).append(Wanted(task))
    lines = [f"  {suite}: {_describe_auto(group, directory)}" for suite, group in suites.items()]
    return "\n".join(["--data auto takes, for these tasks of a suite together:", *lines])


def _describe_auto(group: Sequence[Wanted], directory: Path) -> str:
    try:
        found = choose_sources(group, directory)
    except DataError:
        missing = list_unstored(group, directory)
        return f"nothing; {format_fetch(missing, directory)} gets what is missing" if missing else "nothing"
    labels = [pair for by_label in label_sources(group, found).values() for pair in by_label.items()]
    return "; ".join(describe_choice(*pair, directory) for pair in labels) or "local: drawn here from a known law"


def _rows(task: Task, source: str, directory: Path) -> Iterator[tuple[str, ...]]:
    name = task.datasets[source]
    if source == "local":
        yield from _local(task, name, directory)
    elif source == "minari":
        there = has_minari(name)
        folder = minari_folder() / name
        size = _megabytes(_bytes_below(folder)) if there else "-"
        yield task.name, source, name, ON_DISK[there], size, _count(task, source, name, directory, folder)
    else:
        stem = name.rpartition("-")[0]
        for each in sorted((known for known in FILES if known.rpartition("-")[0] == stem), reverse=True):
            file = stored_file(directory, each)
            there, expected = file.is_file(), find_checksum(each, directory / "d4rl")
            size = _megabytes(file.stat().st_size if there else expected[0].size if expected else None)
            typed = source if each == name else f"{source}:{each.rpartition('-')[2]}"
            yield task.name, typed, each, ON_DISK[there], size, _count(task, source, each, directory, None)


def _local(task: Task, base: str, directory: Path) -> Iterator[tuple[str, ...]]:
    found = sorted(directory.glob(f"{base}-*/data"))
    if not found:
        yield task.name, "local", base, "no", "-", "-"
    for data in found:
        name = str(data.parent.relative_to(directory))
        size = _megabytes(_bytes_below(data))
        yield task.name, "local", name, "yes", size, _count(task, "local", name, directory, data.parent)


def _count(task: Task, source: str, name: str, directory: Path, minari: Path | None) -> str:
    """Transitions by the flat copy; else the steps that Minari's description says; else a dash."""
    rows = count_rows(cache_path(directory, source, name, task.observation_dim))
    if rows is None and minari is not None:
        try:
            rows = int(json.loads((minari / "data" / "metadata.json").read_text())["total_steps"])
        except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
            rows = None
    return "-" if rows is None else f"{rows:,}"


def _bytes_below(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _megabytes(size: int | None) -> str:
    return "-" if size is None else f"{size / 1e6:,.1f} MB"
