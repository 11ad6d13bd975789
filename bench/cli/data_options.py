"""The options of the subcommands of `data`, as `bench.cli.options` has those of the commands."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from bench.cli.option_types import File, Files, TaskName, Tasks
from foundation.bounds import Count


@dataclass(frozen=True, kw_only=True)
class DataOptions:
    """Where data are kept, and files that declare tasks."""

    artifacts: Path = Path("artifacts")
    """Folder of data sets and trained components, shared by all runs."""
    plugin: Files = ()
    """A Python file that registers suites of your own."""


@dataclass(frozen=True, kw_only=True)
class ListData(DataOptions):
    """Every task's data sets by source: what is here, its size and its transitions."""

    tasks: Tasks = ()
    """Tasks or suites; all of them if left out."""


@dataclass(frozen=True, kw_only=True)
class FetchData(DataOptions):
    """Download data sets; run again to resume an interrupted download."""

    tasks: Tasks
    """Tasks or suites, as in hopper-medium-v2 antmaze."""
    data: str = "auto"
    """auto (the task's canonical source), d4rl, d4rl:v0 (another version) or minari."""
    url: Annotated[str | None, tyro.conf.arg(metavar="URL")] = None
    """A mirror of D4RL's files, with the same paths below it; $D4RL_URL does the same."""
    tries: Count = 5
    """Tries in a row that bring nothing new before a download is given up; the waits between them double."""


@dataclass(frozen=True, kw_only=True)
class MakeData(DataOptions):
    """Generate the local data sets of tasks."""

    tasks: Tasks
    """Tasks or suites, as in maze2d-umaze."""
    transitions: int = 1_000_000
    """Size of each data set."""
    seed: int = 0
    """Another seed makes another data set."""


@dataclass(frozen=True, kw_only=True)
class ImportData(DataOptions):
    """Import a D4RL file that you downloaded yourself; its checksum must match the lock file."""

    file: File
    """D4RL's original HDF5 file, under any name."""
    task: TaskName
    """The task it is for."""
    data: str = "d4rl"
    """d4rl, or d4rl:v0 for another version."""


@dataclass(frozen=True, kw_only=True)
class InfoData(DataOptions):
    """Episodes, lengths, returns, scores and actions of a task's data, and their histograms as a picture."""

    task: Annotated[TaskName, tyro.conf.Positional]
    """The task."""
    data: str = "auto"
    """The source, as for run."""
    transitions: int = 1_000_000
    """Size of a set made here, which is made if it is not there."""
    seed: int = 0
    """Seed of a set made here."""
    picture: Annotated[Path | None, tyro.conf.arg(metavar="PNG")] = None
    """Where to write the picture; ARTIFACTS/data/pictures/TASK-SOURCE.png if left out."""


@dataclass(frozen=True, kw_only=True)
class CheckData:
    """List all faults of an HDF5 file in D4RL's layout, with rows; without a file, check all that is stored."""

    file: Annotated[Path | None, tyro.conf.Positional, tyro.conf.arg(metavar="FILE")] = None
    """The file; if left out, all stored data are held against the checksums that were kept of them."""
    task: Annotated[str | None, tyro.conf.arg(metavar="TASK")] = None
    """A task that it should fit."""
    artifacts: Path = Path("artifacts")
    """Folder whose data are checked where no file is named."""


DATA_COMMANDS: Mapping[str, type] = {
    "list": ListData,
    "fetch": FetchData,
    "make": MakeData,
    "import": ImportData,
    "info": InfoData,
    "check": CheckData,
}
