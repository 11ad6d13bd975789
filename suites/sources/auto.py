"""What `--data auto` means: published data where they are stored, else data made here; nothing is downloaded.

The tasks of a suite that are asked for together get one source, so that no table of theirs mixes two. Only the
disk is looked at, so the answer does not depend on a connection.
"""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from foundation.program import program_name
from suites.errors import DataError
from suites.registry import get_suite, suite_names
from suites.sources.d4rl.fetch import stored_file
from suites.sources.d4rl.files import select_version
from suites.sources.minari import has_minari, minari_folder
from suites.task import ControlTask, DensityTask, Task

PUBLISHED: Mapping[str, str] = {"d4rl": "D4RL's", "minari": "Minari's"}
DEFAULT_DIRECTORY = Path("artifacts/data")  # where `python -m bench data fetch` stores without `--artifacts`
_NAMED = 3  # tasks that a sentence names before it counts the rest


@dataclass(frozen=True)
class Source:
    """Where a task's data come from.

    Attributes:
        source: `local`, `minari`, `d4rl` or `file`.
        name: the data set's name there; of `file`, the path or Minari name as it was typed.
    """

    source: str
    name: str


@dataclass(frozen=True)
class Wanted:
    """A task that needs data.

    Attributes:
        task: the task.
        version: of D4RL's files, for a task that has such; None for the version that the task declares.
    """

    task: Task
    version: str | None = None

    @property
    def canonical(self) -> Source | None:
        """The first published data set that the task declares, if it declares one."""
        source = next((source for source in self.task.datasets if source in PUBLISHED), None)
        if source is None:
            return None
        name = self.task.datasets[source]
        return Source(source, select_version(name, self.version) if source == "d4rl" else name)


def format_source(task: Task, chosen: Source) -> str:
    """`local`, `minari`, `file` or `d4rl`, or `d4rl:v0` where the version is not the one the task declares."""
    if chosen.source == "d4rl" and chosen.name != task.datasets["d4rl"]:
        return f"d4rl:{chosen.name.rpartition('-')[2]}"
    return chosen.source


def choose_sources(wanted: Iterable[Wanted], directory: Path) -> dict[str, str]:
    """The source of every task by its name, as `load` takes it.

    Of every suite, the published data are taken if all its wanted tasks have theirs stored, else data made here if
    all of them can be made.

    Args:
        wanted: the tasks, of one suite or of several.
        directory: of all data but Minari's.

    Raises:
        DataError: data are missing and cannot be made here; says what to type.
    """
    suites: dict[str, list[Wanted]] = {}
    for each in wanted:
        suites.setdefault(each.task.suite, []).append(each)
    chosen: dict[str, str] = {}
    lacking: list[list[Wanted]] = []
    for group in suites.values():
        found = _choose(group, directory)
        chosen |= found
        lacking += [] if found else [group]
    if lacking:
        raise DataError(_describe_lack(lacking, directory))
    return chosen


def list_unstored(wanted: Iterable[Wanted], directory: Path) -> list[Wanted]:
    """Those whose canonical data set is published and not stored."""
    return [each for each in wanted if each.canonical is not None and not _is_stored(each.canonical, directory)]


def format_fetch(wanted: Sequence[Wanted], directory: Path) -> str:
    """The command that downloads the canonical data of these tasks, which have one source and version."""
    task = wanted[0].task
    names = list(dict.fromkeys(each.task.name for each in wanted))
    if task.suite in suite_names() and set(names) == {other.name for other in get_suite(task.suite).tasks}:
        names = [task.suite]
    typed = _format_canonical(wanted[0])
    version = f" --data {typed}" if ":" in typed else ""
    place = _format_place(directory) if typed.startswith("d4rl") else ""  # Minari's have a folder of their own
    return f"`{program_name()} data fetch {' '.join(names)}{version}{place}`"


def join_names(names: Sequence[str]) -> str:
    """`a`, `a and b`, or the first three and how many more."""
    if len(names) > _NAMED:
        return f"{', '.join(names[:_NAMED])} and {len(names) - _NAMED} more"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _choose(group: Sequence[Wanted], directory: Path) -> dict[str, str]:
    """One suite's sources by task; empty where there is none for all of its tasks."""
    canonical = [each.canonical for each in group]
    kinds = {each.source if each is not None else None for each in canonical}
    if len(kinds) == 1 and None not in kinds and not list_unstored(group, directory):
        return {each.task.name: _format_canonical(each) for each in group}
    if all(_can_be_made(each.task) for each in group):
        return {each.task.name: "local" for each in group}
    return {}


def _is_stored(chosen: Source, directory: Path) -> bool:
    return has_minari(chosen.name) if chosen.source == "minari" else stored_file(directory, chosen.name).is_file()


def _can_be_made(task: Task) -> bool:
    can = isinstance(task, DensityTask) or (isinstance(task, ControlTask) and task.generate is not None)
    return can and "local" in task.datasets


def _format_canonical(wanted: Wanted) -> str:
    return "" if wanted.canonical is None else format_source(wanted.task, wanted.canonical)


def _format_place(directory: Path) -> str:
    """The option that leads to another folder than the usual one."""
    is_usual = directory.absolute() == DEFAULT_DIRECTORY.absolute()
    return "" if is_usual else f" --artifacts {shlex.quote(str(directory.parent))}"


def _describe_lack(suites: Sequence[Sequence[Wanted]], directory: Path) -> str:
    """Which data of these suites are missing and what to type, in one sentence."""
    said, ways, fetches, imports = [], [], [], []
    for group in suites:
        missing = list_unstored(group, directory)
        bare = [each.task.name for each in group if each.canonical is None and not _can_be_made(each.task)]
        if bare:
            said.append(f"no published data are declared for {join_names(bare)}")
        elif not missing:
            said.append(f"no one source has data for all of {join_names([each.task.name for each in group])}")
            ways.append("name tasks of one source with --tasks")
        for typed in dict.fromkeys(map(_format_canonical, missing)):
            part = [each for each in missing if _format_canonical(each) == typed]
            said.append(_describe_missing(part, directory))
            fetches.append(format_fetch(part, directory))
            if typed.startswith("d4rl"):
                imports.append(_format_import(part, directory))
    ways += [f"with a connection, type {' and '.join(fetches)}"] if fetches else []
    ways += [f"with copies of D4RL's files, {' or '.join(dict.fromkeys(imports))}"] if imports else []
    every = [each for group in suites for each in group]
    ways += [
        f"for {owner} data instead, --data {source}"
        for source, owner in PUBLISHED.items()
        if all(source in list(each.task.datasets)[1:] for each in every)
    ]
    ways.append("with data of your own, --data file:PATH")
    return f"{'; '.join(said)}, and none can be made here: {'; '.join(ways)}"


def _describe_missing(missing: Sequence[Wanted], directory: Path) -> str:
    """Tasks whose canonical data are of one source and version, and where these were looked for."""
    source, _, version = _format_canonical(missing[0]).partition(":")
    place = minari_folder() if source == "minari" else directory
    names = join_names([each.task.name for each in missing])
    return f"{PUBLISHED[source]} data{f' ({version})' if version else ''} of {names} are not in {place}"


def _format_import(missing: Sequence[Wanted], directory: Path) -> str:
    typed, task = _format_canonical(missing[0]), missing[0].task.name if len(missing) == 1 else "TASK"
    version = f" --data {typed}" if ":" in typed else ""
    return f"`{program_name()} data import FILE --task {task}{version}{_format_place(directory)}`"
