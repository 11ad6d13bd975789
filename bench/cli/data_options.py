"""The options of `data`'s subcommands; a field's text is its flag's help."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

Words = Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="TASK...")]
Word = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="TASK")]
File = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="FILE")]


@dataclass(frozen=True, kw_only=True)
class Folder:
    """Where data are kept."""

    artifacts: Path = Path("artifacts")
    """Folder of data sets and trained components, shared by all runs."""


@dataclass(frozen=True, kw_only=True)
class ListData(Folder):
    """Every task's data sets by source: what is here, its size and its transitions."""

    tasks: Words = ()
    """Tasks or suites; all of them if left out."""


@dataclass(frozen=True, kw_only=True)
class FetchData(Folder):
    """Download data sets; run again to go on with what broke off."""

    tasks: Words
    """Tasks or suites, as in hopper-medium-v2 antmaze."""
    data: str = "auto"
    """auto (the first source that can be downloaded), d4rl, d4rl:v0 (another version) or minari."""
    url: Annotated[str | None, tyro.conf.arg(metavar="URL")] = None
    """A mirror of D4RL's files, with the same paths below it; $D4RL_URL does the same."""
    tries: int = 5
    """Tries in a row that bring nothing new before a download is given up; the waits between them double."""


@dataclass(frozen=True, kw_only=True)
class MakeData(Folder):
    """Generate the local data sets of tasks."""

    tasks: Words
    """Tasks or suites, as in maze2d-umaze."""
    transitions: int = 1_000_000
    """Size of each data set."""
    seed: int = 0
    """Another seed makes another data set."""


@dataclass(frozen=True, kw_only=True)
class ImportData(Folder):
    """Take a copy of a D4RL file that was got elsewhere; it must be the file that the lock file names."""

    file: File
    """D4RL's original HDF5 file, under any name."""
    task: Annotated[str, tyro.conf.arg(metavar="TASK")]
    """The task it is for."""
    data: str = "d4rl"
    """d4rl, or d4rl:v0 for another version."""


@dataclass(frozen=True, kw_only=True)
class InfoData(Folder):
    """Episodes, lengths, returns, scores and actions of a task's data, and their histograms as a picture."""

    task: Word
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
    """Say everything that is wrong with an HDF5 file in D4RL's layout, and where."""

    file: File
    """The file."""
    task: Annotated[str | None, tyro.conf.arg(metavar="TASK")] = None
    """A task that it should fit."""


DATA_EXAMPLES = {
    "data list": ("data list", "data list antmaze"),
    "data fetch": (
        "data fetch hopper-medium-v2",
        "data fetch antmaze --data d4rl:v0",
        "data fetch kitchen",
    ),
    "data make": ("data make maze2d-umaze", "data make maze2d --transitions 100000 --seed 3"),
    "data import": ("data import ~/Downloads/hopper_medium-v2.hdf5 --task hopper-medium-v2",),
    "data info": ("data info maze2d-umaze --transitions 100000", "data info pen-human --data d4rl:v0"),
    "data check": ("data check mine.hdf5", "data check mine.hdf5 --task hopper-medium-v2"),
}
