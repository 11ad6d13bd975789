"""Where D4RL's original files lie, by the name of the data set.

Paths are those of `d4rl/infos.py` (github.com/Farama-Foundation/D4RL), below one address.
"""

import os
import re
from collections.abc import Mapping

from suites.errors import DataError

BASE_URL = "http://rail.eecs.berkeley.edu/datasets/offline_rl/"
URL_VARIABLE = "D4RL_URL"  # an environment variable: a mirror with the same paths below it

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


def address(name: str, base: str | None = None) -> str:
    """The URL of a data set's file, below `base`, else below `$D4RL_URL`, else at its original place."""
    return (base or os.environ.get(URL_VARIABLE) or BASE_URL).rstrip("/") + "/" + FILES[name]


def versioned(name: str, version: str | None) -> str:
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
