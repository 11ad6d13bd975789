"""Generates a task's data from a seed, stores them as a Minari data set and reads that.

A set is written under another name and renamed when it is whole, so that a killed generation leaves no partial
set. Its name has everything that determines it: the task, the number of transitions, the seed unless it is 0,
and the version of the recipe.
"""

import os
import shutil
import tempfile
from pathlib import Path

import gymnasium as gym
import minari
import mujoco
import numpy as np
from minari.data_collector import EpisodeBuffer

from foundation.files import make_folder, sync_file, sync_folder
from foundation.locks import hold_lock
from foundation.program import say_aside
from suites.environments import make_specification
from suites.errors import DataError
from suites.sources.checksums import FilesChanged, find_change, record_files
from suites.sources.minari import read_minari, redirect_minari
from suites.sources.transitions import Transitions, check
from suites.task import ControlTask, DensityTask, Episode, Progress

VERSION = 1  # of the recipes; a change in what a seed gives, by new policies too, must raise it
INVERSE_TEMPERATURE_MAX = 20.0
UNFINISHED = ".unfinished-"  # what a folder is called in which a set is being written
BYTES_PER_TRANSITION = 300  # stored set and flat copy together, with room to spare


def format_local_name(base: str, count: int, seed: int) -> str:
    """The name of a set made here, such as `local/maze2d-umaze-100k-v0` or `...-100k-seed3-v0`."""
    if count % 1_000_000 == 0:
        size = f"{count // 1_000_000}m"
    else:
        size = f"{count // 1000}k" if count % 1000 == 0 else str(count)
    return f"{base}-{size}{f'-seed{seed}' if seed else ''}-v{VERSION}"


def load_local(
    task: ControlTask, count: int, directory: Path, seed: int, progress: Progress | None
) -> Transitions:
    """The task's set of that size and seed, generated if `directory` does not hold it yet.

    A set whose files are not those that were made is made again.

    Raises:
        DataError: it cannot be made here, the disk is full or closed to writing, or its files are damaged.
    """
    if task.generate is None:
        raise DataError(
            f"data set {task.datasets['local']} (local) of task {task.name} cannot be generated: "
            f"its recipe is not built yet"
        )
    name = format_local_name(task.datasets["local"], count, seed)
    if not (directory / name).is_dir():
        _make(task, name, count, directory, seed, progress)
    try:
        return read_minari(directory, name, task, source="local", directory=directory)
    except FilesChanged as change:
        say_aside(f"  {str(change).partition(';')[0]}; it is made again")
        _make(task, name, count, directory, seed, progress)
        return read_minari(directory, name, task, source="local", directory=directory)


def _make(task: ControlTask, name: str, count: int, directory: Path, seed: int, progress: Progress | None) -> None:
    """Generate and store the set, unless another process did so meanwhile; one that was changed is replaced."""
    assert task.generate is not None
    _require_space(directory, count)
    place = directory / name
    try:
        with hold_lock(place.with_name(f".{place.name}.lock"), f"data set {name}"):
            if place.is_dir() and find_change(place) is None:
                return
            episodes = task.generate(count, seed, progress)
            if (made := sum(map(len, episodes))) != count:
                raise DataError(
                    f"the `generate` of task {task.name} gives {made} transitions for {count}; "
                    "cut its last episode"
                )
            _store(task, episodes, name, directory, seed)
    except OSError as error:
        raise DataError(
            f"data set {name} cannot be written to {directory} ({error}); "
            f"free space there or choose another folder"
        ) from error


def draw_density(task: DensityTask, count: int, seed: int) -> Transitions:
    """Points of a density as one-step transitions: observation β, action the point, reward its energy.

    β is uniform on [0, 20] (arXiv 2505.18345, appendix D.1). Every transition is terminal, and its next
    observation is its own. Points are neither clipped nor scaled. Nothing is stored: drawing is fast.
    """
    generator = np.random.default_rng(seed)
    points, energies = task.density.sample(count, generator)
    betas = generator.uniform(0.0, INVERSE_TEMPERATURE_MAX, (count, 1)).astype(np.float32)
    transitions = Transitions(
        observations=betas,
        actions=np.asarray(points, np.float32),
        rewards=np.asarray(energies, np.float32),
        next_observations=betas,
        terminals=np.ones(count, bool),
        timeouts=np.zeros(count, bool),
        source="local",
        name=format_local_name(task.datasets["local"], count, seed),
    )
    check(transitions, task)
    return transitions


def _store(task: ControlTask, episodes: tuple[Episode, ...], name: str, directory: Path, seed: int) -> None:
    """Write the episodes as the Minari data set `directory`/`name`, whole or not at all; what is there goes."""
    target = directory / name
    make_folder(target.parent)
    with tempfile.TemporaryDirectory(prefix=UNFINISHED, dir=directory) as folder:
        with redirect_minari(Path(folder)):
            _create(task, episodes, name, seed)
        record_files(Path(folder) / name)
        for path in (Path(folder) / name / "data").rglob("*"):
            if path.is_file():
                sync_file(path)
        if target.is_dir():
            os.rename(target, Path(folder) / "changed")
        os.rename(Path(folder) / name, target)
        sync_folder(target.parent)


def _create(task: ControlTask, episodes: tuple[Episode, ...], name: str, seed: int) -> None:
    bound = np.full(task.observation_dim, np.inf, np.float32)
    recipe = getattr(task.generate, "func", task.generate).__module__
    dataset = minari.create_dataset_from_buffers(
        name,
        [_to_buffer(episode) for episode in episodes],
        env=make_specification(task),
        eval_env=make_specification(task),
        algorithm_name=f"{recipe}, version {VERSION}",
        author="diffusion-guidance-bench",
        author_email=set(),
        code_permalink=recipe,
        description=f"Data for {task.name} made by its suite's recipe from seed {seed}.",
        action_space=gym.spaces.Box(-1.0, 1.0, (task.action_dim,), np.float32),
        observation_space=gym.spaces.Box(-bound, bound, dtype=np.float32),
        data_format="hdf5",
    )
    versions = {"mujoco": mujoco.__version__, "gymnasium": gym.__version__, "numpy": np.__version__}
    dataset.storage.update_metadata({"seed": seed, "recipe_version": VERSION, "versions": versions})


def _to_buffer(episode: Episode) -> EpisodeBuffer:
    return EpisodeBuffer(
        observations=episode.observations,  # pyright: ignore[reportArgumentType] (arrays are stored as lists are)
        actions=episode.actions,  # pyright: ignore[reportArgumentType]
        rewards=episode.rewards,  # pyright: ignore[reportArgumentType]
        terminations=episode.terminations,  # pyright: ignore[reportArgumentType]
        truncations=episode.truncations,  # pyright: ignore[reportArgumentType]
    )


def _require_space(directory: Path, count: int) -> None:
    """Refuse a set that is larger than the free space, before it is generated."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"data folder {directory} cannot be made ({error}); choose another folder") from error
    free, needed = shutil.disk_usage(directory).free, count * BYTES_PER_TRANSITION
    if free < needed:
        raise DataError(
            f"{count} transitions need {needed / 1e6:.0f} MB and {directory} has {free / 1e6:.0f} MB free: "
            f"free space there or choose another folder"
        )
