"""Which data sets of each suite are stored, by source, and whether those that a preset makes have space."""

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.doctor.finding import Finding, Subject
from bench.doctor.isolated import Processes
from foundation.program import program_name
from suites.errors import DataError
from suites.registry import get_suite, suite_names
from suites.sources.auto import PUBLISHED, Wanted, choose_sources, format_fetch, list_unstored
from suites.sources.d4rl.fetch import stored_file
from suites.sources.local import BYTES_PER_TRANSITION
from suites.sources.minari import has_minari
from suites.task import ControlTask, Suite, Task

PRESETS = ("quick", "paper")


def find_data(processes: Processes, subject: Subject) -> list[Finding]:
    """The data sets and their space, in another process, since declarations can be plug-ins."""
    found = processes.isolate("data", subject)
    remedy = f"`{program_name()} data list` says more"
    return [Finding("data", found, "fail", remedy)] if isinstance(found, str) else found


def list_data(subject: Subject, argument: str) -> list[Finding]:
    """A line for each suite, and one for the space that data made here take."""
    from bench.plugins import load_plugins

    load_plugins(subject.plugin)
    names = suite_names() if subject.suite is None else (subject.suite,)
    suites, directory = [get_suite(name) for name in names], subject.artifacts / "data"
    return [*(describe_suite(suite, directory) for suite in suites), *find_space(suites, directory)]


def describe_suite(suite: Suite, directory: Path) -> Finding:
    """What is stored of a suite, by source, and what `--data auto` takes of it."""
    what, tasks = f"data {suite.name}", suite.tasks
    if not any(isinstance(task, ControlTask) for task in tasks):
        return Finding(what, "drawn here from known densities")
    stored = ", ".join(count_stored(tasks, directory)) or "no source is declared"
    wanted = [Wanted(task) for task in tasks]
    try:
        chosen = sorted(set(choose_sources(wanted, directory).values()))
    except DataError:
        missing = list_unstored(wanted, directory)
        remedy = (
            f"with a connection, type {format_fetch(missing, directory)}" if missing else "name --data file:PATH"
        )
        return Finding(what, f"{stored}; --data auto takes nothing", "warn", remedy)
    made = " (made here where it is missing)" if "local" in chosen else ""
    return Finding(what, f"{stored}; --data auto takes {' and '.join(chosen)}{made}")


def count_stored(tasks: Sequence[Task], directory: Path) -> list[str]:
    """`d4rl 0 of 3`, `local 1 of 3`: how many tasks have a data set of each source here."""
    found: list[str] = []
    for source in (*PUBLISHED, "local"):
        having = [task for task in tasks if source in task.datasets]
        there = sum(is_stored(source, task.datasets[source], directory) for task in having)
        found += [f"{source} {there} of {len(having)}"] if having else []
    return found


def is_stored(source: str, name: str, directory: Path) -> bool:
    """Whether a data set is here; of those made here, any size and seed counts."""
    if source == "minari":
        return has_minari(name)
    if source == "d4rl":
        return stored_file(directory, name).is_file()
    return any(directory.glob(f"{name}-*/data"))


def find_space(suites: Iterable[Suite], directory: Path) -> list[Finding]:
    """The space that data made here take under the presets, if any of these suites makes its own."""
    making = [
        (suite, task)
        for suite in suites
        for task in suite.tasks
        if isinstance(task, ControlTask) and task.generate
    ]
    if not making:
        return []
    place = next(path for path in (directory, *directory.absolute().parents) if path.is_dir())
    free = shutil.disk_usage(place).free
    needed = {preset: sum(measure_made(preset, *each) for each in making) for preset in PRESETS}
    said = ", ".join(f"{preset} {size / 1e9:.1f} GB" for preset, size in needed.items())
    found = f"of {len(making)} tasks, if all are made here: {said}; {free / 1e9:,.1f} GB free"
    if free < needed[PRESETS[0]]:
        remedy = "free some space, take fewer tasks with --tasks, or choose another folder with --artifacts"
        return [Finding("space for data", found, "warn", remedy)]
    return [Finding("space for data", found)]


def measure_made(preset: str, suite: Suite, task: Task) -> int:
    """Bytes of the data set of a task that a preset makes."""
    from bench.config.precedence import SHARED, Case, resolve_settings

    config, _ = resolve_settings(Case(preset, SHARED, suite, task, {}, {}))
    return config.data.transitions * BYTES_PER_TRANSITION
