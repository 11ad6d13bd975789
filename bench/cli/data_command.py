"""`python -m bench data`: what data there are, and getting, making, looking at and checking them."""

import contextlib
import time
from collections.abc import Callable, Iterator

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from bench.cli.arguments import parse
from bench.cli.data_info import picture, summary
from bench.cli.data_listing import list_data
from bench.cli.data_options import CheckData, FetchData, ImportData, InfoData, ListData, MakeData
from bench.cli.list import table
from bench.config.spec import joined
from bench.progress import Screen
from foundation.errors import UserError, unknown_name
from suites.data import list_sources, load, parse_source
from suites.registry import find_tasks, suite_names
from suites.sources.d4rl.layout import inspect
from suites.sources.d4rl.store import fetch_d4rl, import_d4rl
from suites.sources.download import Patience
from suites.sources.minari import fetch_minari
from suites.task import ControlTask, Task
from suites.task import Progress as ProgressCallback

USAGE = """python -m bench data COMMAND [OPTIONS]

commands:
  list       every task's data sets by source: what is here, its size and its transitions
  fetch      download data sets of tasks, going on where a download broke off
  make       generate the local data sets of tasks
  import     take a copy of a D4RL file that was got elsewhere
  info       episodes, lengths, returns, scores and actions of a task's data, with a picture
  check      everything that is wrong with an HDF5 file in D4RL's layout, and where

`python -m bench data COMMAND --help` shows the options of a command.
"""


def command_data(arguments: list[str]) -> None:
    """`data`: hands the arguments to one of its commands."""
    commands: dict[str, Callable[[list[str], Screen], None]] = {
        "list": show_list,
        "fetch": fetch,
        "make": make,
        "import": take,
        "info": show_info,
        "check": check,
    }
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(USAGE)
        return
    if arguments[0] not in commands:
        raise unknown_name("data command", arguments[0], commands)
    commands[arguments[0]](arguments[1:], Screen())


def show_list(arguments: list[str], screen: Screen) -> None:
    """`data list`: see `ListData`."""
    options = parse(ListData, "data list", arguments)
    print(list_data(_tasks(options.tasks or suite_names()), options.artifacts / "data"))


def fetch(arguments: list[str], screen: Screen) -> None:
    """`data fetch`: see `FetchData`."""
    options = parse(FetchData, "data fetch", arguments)
    if not options.tasks:
        raise UserError("data fetch needs a task or a suite, as in python -m bench data fetch hopper-medium-v2.")
    if options.tries < 1:
        raise UserError(f"--tries {options.tries} must be at least 1.")
    chosen = [(task, parse_source(task, _downloadable(task, options.data))) for task in _tasks(options.tasks)]
    for _, each in chosen:
        started = time.monotonic()
        if each.source == "minari":
            screen.say(f"{each.name}: asking Minari's hub")
            fetched = fetch_minari(each.name)
        else:
            with _bytes_bar(each.name, screen) as progress:
                fetched = fetch_d4rl(
                    each.name,
                    options.artifacts / "data",
                    base=options.url,
                    patience=Patience(tries=options.tries),
                    progress=progress,
                    say=lambda text, name=each.name: screen.say(f"  {name}: {text}"),
                )
        took = f"fetched in {time.monotonic() - started:.1f} s" if fetched else "is here already, and is right"
        screen.say(f"{each.name} ({each.source}): {took}")


def make(arguments: list[str], screen: Screen) -> None:
    """`data make`: see `MakeData`."""
    options = parse(MakeData, "data make", arguments)
    if not options.tasks:
        raise UserError("data make needs a task or a suite, as in python -m bench data make maze2d-umaze.")
    for task in _tasks(options.tasks):
        with screen.bar(f"{task.name} data") as progress:
            made = load(
                task,
                "local",
                count=options.transitions,
                directory=options.artifacts / "data",
                seed=options.seed,
                progress=progress,
            )
        screen.say(f"{made.name}: {len(made):,} transitions, fingerprint {made.fingerprint[:12]}")


def take(arguments: list[str], screen: Screen) -> None:
    """`data import`: see `ImportData`."""
    options = parse(ImportData, "data import", arguments)
    chosen = parse_source(_task(options.task), options.data)
    if chosen.source != "d4rl":
        raise UserError(f"--data {options.data} cannot be imported; only D4RL's files can: d4rl, or d4rl:v0.")
    path = import_d4rl(options.file.expanduser(), chosen.name, options.artifacts / "data")
    screen.say(f"{chosen.name} (d4rl): copied to {path}")


def show_info(arguments: list[str], screen: Screen) -> None:
    """`data info`: see `InfoData`."""
    options = parse(InfoData, "data info", arguments)
    task = _task(options.task)
    with screen.bar(f"{task.name} data") as progress:
        transitions = load(
            task,
            options.data,
            count=options.transitions,
            directory=options.artifacts / "data",
            seed=options.seed,
            progress=progress,
        )
    path = options.picture
    if path is None:
        path = options.artifacts / "data" / "pictures" / f"{task.name}-{transitions.source}.png"
    picture(task, transitions, path)
    print(summary(task, transitions))
    screen.say(f"Picture: {path}")


def check(arguments: list[str], screen: Screen) -> None:
    """`data check`: see `CheckData`."""
    options = parse(CheckData, "data check", arguments)
    task = None if options.task is None else _task(options.task)
    if task is not None and not isinstance(task, ControlTask):
        raise UserError(f"task {task.name} is a density, whose data are drawn here; no file can hold them.")
    found = inspect(options.file.expanduser(), task)
    print(table(str(options.file), ("column", "shape", "type"), found.columns))
    for number, fault in enumerate(found.faults, 1):
        print(f"  {number}. {fault}")
    if found.faults:
        count = "1 fault" if len(found.faults) == 1 else f"{len(found.faults)} faults"
        raise UserError(f"{options.file} has {count}.")
    screen.say("Nothing is wrong with it.")


def _tasks(names: tuple[str, ...]) -> tuple[Task, ...]:
    found = {task.name: task for name in names for task in find_tasks(name)}
    return tuple(found.values())


def _task(name: str) -> Task:
    found = find_tasks(name)
    if len(found) != 1:
        raise UserError(f"{name!r} is a suite; choose one of its tasks: {joined(task.name for task in found)}.")
    return found[0]


def _downloadable(task: Task, asked: str) -> str:
    """The source to download: the one asked for, or the first that can be."""
    remote = [source for source in task.datasets if source != "local"]
    if asked == "auto" and remote:
        return remote[0]
    if asked.partition(":")[0] not in ("d4rl", "minari"):
        what = "its data are made here" if not remote else f"--data {asked} is not downloaded"
        raise UserError(f"task {task.name} has nothing to fetch: {what}; its sources are {list_sources(task)}.")
    return asked


@contextlib.contextmanager
def _bytes_bar(label: str, screen: Screen) -> Iterator[ProgressCallback | None]:
    """A progress bar in bytes with its rate, on a terminal."""
    if screen.quiet or not screen.console.is_terminal:
        yield None
        return
    columns = (
        TextColumn("  {task.description:32}"),
        BarColumn(bar_width=10),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=screen.console) as progress:
        task = progress.add_task(label, total=None, visible=False)
        yield lambda done, total: progress.update(task, completed=done, total=total or None, visible=True)
