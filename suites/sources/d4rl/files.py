"""The names, addresses, sizes and SHA-256 of D4RL's original files.

Paths are those of `d4rl/infos.py` (github.com/Farama-Foundation/D4RL), below one address. Sizes and hashes are in
`d4rl.lock.json`; they are those that TensorFlow Datasets checks its downloads of D4RL against
(github.com/tensorflow/datasets, `tensorflow_datasets/d4rl/*/checksums.tsv`). Four files are not among them
(antmaze-medium-play-v2 and the three of maze2d): the first download or import of one is accepted, and its size
and hash are written to `learned.lock.json` beside the files, which every later download must match. Delete an
entry there to accept another file.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from foundation.files import write_atomically
from suites.errors import DataError
from suites.sources.checksums import Checksum, format_checksums, read_checksums

BASE_URL = "http://rail.eecs.berkeley.edu/datasets/offline_rl/"
URL_VARIABLE = "D4RL_URL"  # an environment variable: a mirror with the same paths below it
SHIPPED = Path(__file__).with_name("d4rl.lock.json")
LEARNED = "learned.lock.json"

_LOCOMOTION = {
    f"{robot}-{kind}-v2": f"gym_mujoco_v2/{robot}_{kind.replace('-', '_')}-v2.hdf5"
    for robot in ("halfcheetah", "hopper", "walker2d")
    for kind in ("medium", "medium-replay", "medium-expert")
}
_MAZES = {  # the files' name of the maze, and whether its starts and goals vary
    "umaze": ("u-maze", False, False),
    "umaze-diverse": ("u-maze", True, True),
    "medium-play": ("big-maze", True, False),
    "medium-diverse": ("big-maze", True, True),
    "large-play": ("hardest-maze", True, False),
    "large-diverse": ("hardest-maze", True, True),
}
_ANTMAZE = {
    f"antmaze-{task}-v{version}": (
        f"{folder}/Ant_maze_{maze}_noisy_multistart_{starts}_multigoal_{goals}_sparse{ending}.hdf5"
    )
    for version, folder, ending in ((2, "ant_maze_v2", "_fixed"), (0, "ant_maze_new", ""))
    for task, (maze, starts, goals) in _MAZES.items()
}
_PEN = {
    "pen-human-v1": "hand_dapg_v1/pen-human-v1.hdf5",
    "pen-cloned-v1": "hand_dapg_v1/pen-cloned-v1.hdf5",
    "pen-human-v0": "hand_dapg/pen-v0_demos_clipped.hdf5",
    "pen-cloned-v0": "hand_dapg/pen-demos-v0-bc-combined.hdf5",
}
_MAZE2D = {f"maze2d-{size}-v1": f"maze2d/maze2d-{size}-sparse-v1.hdf5" for size in ("umaze", "medium", "large")}

FILES: Mapping[str, str] = {**_LOCOMOTION, **_ANTMAZE, **_PEN, **_MAZE2D}


def build_url(name: str, base: str | None = None) -> str:
    """The URL of a data set's file, below `base`, else below `$D4RL_URL`, else at its original place."""
    return (base or os.environ.get(URL_VARIABLE) or BASE_URL).rstrip("/") + "/" + FILES[name]


def select_version(name: str, version: str | None) -> str:
    """The data set's name in another version.

    Args:
        name: the canonical name, such as `antmaze-umaze-v2`.
        version: such as `v0`; None for the canonical one.

    Raises:
        DataError: D4RL has no file of that version that is known here.
    """
    stem = re.sub(r"-v\d+$", "", name)
    chosen = name if version is None else f"{stem}-{version}"
    if chosen not in FILES:
        known = [key.rpartition("-")[2] for key in FILES if key.rpartition("-")[0] == stem]
        raise DataError(
            f"D4RL's data set {stem} has no version {version!r} here: the choices are "
            f"{', '.join(f'd4rl:{each}' for each in sorted(known, reverse=True)) or 'none'}"
        )
    return chosen


def find_checksum(name: str, folder: Path) -> tuple[Checksum, str] | None:
    """What the data set's file must be and the lock file that says so; None if none has an entry for it.

    Raises:
        DataError: a lock file is damaged.
    """
    for path in (SHIPPED, folder / LEARNED):
        entry = _read_checksums(path).get(name)
        if entry is not None:
            return entry, path.name
    return None


def record_checksum(name: str, found: Checksum, folder: Path) -> None:
    """Keep the checksum of a file when it is first seen, unless a lock file has one.

    Raises:
        DataError: a lock file is damaged.
        UserError: this one cannot be written.
    """
    if find_checksum(name, folder) is not None:
        return
    path = folder / LEARNED
    write_atomically(path, format_checksums(_read_checksums(path) | {name: found}))


def _read_checksums(path: Path) -> dict[str, Checksum]:
    try:
        return read_checksums(path) or {}
    except ValueError as error:
        raise DataError(f"lock file {path} is damaged ({error}); delete it and fetch again") from error
