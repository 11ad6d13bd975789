"""A file in D4RL's layout that is imported, so that its checksum is learned, and a run on it."""

from pathlib import Path

import h5py
import numpy as np

from .scenes import MICRO, ONE, do, places

IMPORTED = "imported"  # a results folder of its own: a folder has one source of data for a suite
MAZE_D4RL = ("--suite", "maze2d", "--tasks", "maze2d-umaze", "--data", "d4rl", "--evaluation.episodes", "1")
D4RL_RUN = ("run", *MAZE_D4RL, *MICRO, *ONE, "--methods", "unguided", "--seeds", "1")
ROWS = 600


def write_original(file: Path, seed: int = 0) -> None:
    """A file in the layout of D4RL's maze2d."""
    generator = np.random.default_rng(seed)
    with h5py.File(file, "w") as stored:
        stored["observations"] = generator.uniform(1, 3, (ROWS, 4)).astype(np.float32)
        stored["actions"] = generator.uniform(-1, 1, (ROWS, 2)).astype(np.float32)
        stored["rewards"] = (np.arange(ROWS) % 100 == 0).astype(np.float32)
        stored["terminals"] = np.zeros(ROWS, bool)
        stored["timeouts"] = np.arange(ROWS) % 100 == 99


def prepare_import(folder: Path, scratch: Path, seed: int = 0) -> None:
    """Import such a file and run on it."""
    original = scratch / "original.hdf5"
    original.unlink(missing_ok=True)
    write_original(original, seed)
    artifacts = places(folder)[2:]
    do(("data", "import", original, "--task", "maze2d-umaze", "--data", "d4rl", *artifacts), scratch)
    do((*D4RL_RUN, "--results", folder / IMPORTED, *artifacts), scratch)
