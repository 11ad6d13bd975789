"""A task's data set, loaded once in a run, and the setup that its methods share."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench.config.request import Job, Request
from bench.config.sources import label_sources, list_wanted
from bench.config.spec import LEAST_ROWS, Config, flatten
from bench.progress import ProgressConsole
from bench.storage.results import ResultStore
from critics.known import KnownCritic
from foundation.errors import UserError
from methods.core.setup import Setup
from reports.load import schema
from reports.load.files import read_choices
from suites import DensityTask, Task, Transitions, action_bounds, load
from suites.sources.auto import Wanted
from suites.transforms import ReturnRange
from training import Data, Progress


@dataclass(frozen=True)
class LoadedData:
    """A data set as a run needs it.

    Attributes:
        data: the transitions, on the CPU.
        key: of the data and what was done to their rewards, for the keys of components.
        about: source, name, fingerprint, size, reward transform, range of actions and more, as results say them.
    """

    data: Data
    key: str
    about: schema.Data


def refuse_other_sources(request: Request[Any]) -> None:
    """Refuse a results folder that has results, or choices of ρ, of these suites on data of another source.

    Raises:
        UserError: both sources and how to go on.
    """
    held: dict[str, dict[str, str]] = {}
    for suite, labels in ResultStore(request.results).labels().items():
        held[suite] = dict.fromkeys(labels, "results")
    for choice in read_choices(request.results):
        held.setdefault(choice.suite, {}).setdefault(choice.data.label, "a tuned ρ")
    for suite, labels in label_sources(list_wanted(request.jobs), request.sources).items():
        for label, what in held.get(suite, {}).items():
            for other in labels.keys() - {label}:
                raise UserError(
                    f"results folder {str(request.results)!r} holds {what} of {suite} on data {label}, and this "
                    f"command takes data {other}: a folder has one source of data for a suite; go on with --data "
                    f"{_format_typed(label, labels[other])}, or write to another folder with --results."
                )


def _format_typed(label: str, wanted: Sequence[Wanted]) -> str:
    """The value of `--data` that gives these tasks data with that label."""
    if label == "file":
        return "file:PATH"
    if label == "d4rl" and wanted[0].version is not None:  # without a version, that of the table is meant
        return f"d4rl:{wanted[0].task.datasets['d4rl'].rpartition('-')[2]}"
    return label


def share_data(data: Data) -> Data | None:
    """The transitions in memory that other processes read without a copy.

    None where there is too little of such memory (in a container `/dev/shm` may be small): then each process reads
    them from their source.
    """
    try:
        return data.share_memory()
    except RuntimeError:
        return None


def open_data(request: Request[Any], job: Job, console: ProgressConsole) -> dict[int, LoadedData]:
    """The data of a job's task for each training seed, made with a progress bar if they have to be.

    Seeds that have one data set share it.
    """
    source, settings = request.sources[job.task.name], job.config.data
    found: dict[int, LoadedData] = {}  # by the seed of the data
    for seed in request.seeds:
        if settings.choose_seed(seed) not in found:
            named = f"{job.task.name} data{f' of seed {seed}' if settings.is_per_seed else ''}"
            with console.show_bar(named) as progress:
                loaded = load_data(job.task, job.config, source, request.artifacts, seed, progress)
            refuse_few_rows(job.task, loaded)
            for warning in warn_of_few_rows(request.jobs, job.task, loaded):
                console.say(f"  {warning}")
            found[settings.choose_seed(seed)] = loaded
    return {seed: found[settings.choose_seed(seed)] for seed in request.seeds}


def refuse_few_rows(task: Task, loaded: LoadedData) -> None:
    """A UserError for a data set from which nothing can be learned."""
    rows, about = len(loaded.data), loaded.about
    if rows < LEAST_ROWS:
        raise UserError(
            f"data set {about.name} ({about.source}) of task {task.name} has {rows} transitions, and a run learns "
            f"from {LEAST_ROWS} or more; name other data with --data."
        )


def warn_of_few_rows(jobs: Sequence[Job], task: Task, loaded: LoadedData) -> list[str]:
    """A sentence for each size of a batch on a task that its data set has fewer rows than."""
    sizes: dict[str, int] = {}
    for job in jobs:
        if job.task.name == task.name:
            settings = flatten(job.config)
            for name, method in job.methods.items():
                settings |= flatten(method, name)
            sizes |= {name: size for name, size in settings.items() if name.endswith(".batch_size")}
    if isinstance(task, DensityTask):
        sizes.pop("critic.batch_size", None)  # Q is known
    rows = len(loaded.data)
    return [
        f"{task.name}: {rows:,} transitions are fewer than {name}={size}, so every batch has some of them twice"
        for name, size in sizes.items()
        if rows < size
    ]


def group_by_data(data: Mapping[int, LoadedData]) -> list[tuple[LoadedData, tuple[int, ...]]]:
    """Each data set once, with the training seeds that have it."""
    seeds: dict[str, list[int]] = {}
    for seed, loaded in data.items():
        seeds.setdefault(loaded.key, []).append(seed)
    return [(data[each[0]], tuple(each)) for each in seeds.values()]


def load_data(
    task: Task, config: Config, source: str, artifacts: Path, seed: int, progress: Progress | None = None
) -> LoadedData:
    """The task's data from their source, on the CPU; made first where the source is local and nothing is there.

    Args:
        task: what the data are for.
        config: with the size and the seed of data made here.
        source: as `suites.load` takes it, never `auto`.
        artifacts: the folder whose `data` holds the data sets.
        seed: the training seed that learns from them.
        progress: called with (done, total) transitions while they are made.

    Raises:
        DataError: the data are missing, damaged or do not fit the task.
        UserError: a range of returns for a task that does not scale by it.
    """
    transitions = load(
        set_return_range(task, config.data.return_range),
        source,
        count=config.data.transitions,
        directory=(artifacts / "data").absolute(),  # Minari writes a relative folder beneath itself
        seed=config.data.choose_seed(seed),
        progress=progress,
    )
    about = describe_data(task, transitions, config.data.is_per_seed)
    return LoadedData(as_tensors(transitions), transitions.key, about)


def set_return_range(task: Task, width: float) -> Task:
    """The task with its rewards scaled to that range of returns.

    Raises:
        UserError: another width than the default, for a task that does not scale its rewards by it.
    """
    if width == ReturnRange().width and not isinstance(task.reward, ReturnRange):
        return task
    if not isinstance(task.reward, ReturnRange):
        raise UserError(
            f"data.return_range={width:g} is not for task {task.name}, whose rewards are {task.reward.name!r}; "
            "leave it out, or name tasks that are scaled by their range of returns, such as --suite locomotion."
        )
    return replace(task, reward=ReturnRange(width))


def as_tensors(transitions: Transitions) -> Data:
    """The transitions as float32 tensors with the key of the set; the flags become 0 and 1."""
    names = ("observations", "actions", "rewards", "next_observations", "terminals")
    arrays = {name: np.ascontiguousarray(getattr(transitions, name), dtype=np.float32) for name in names}
    return Data(**{name: torch.from_numpy(array) for name, array in arrays.items()}, key=transitions.key)


def describe_data(task: Task, transitions: Transitions, is_per_seed: bool) -> schema.Data:
    """Source, name, version, fingerprint and size of a data set, and what was done to its rewards.

    The fingerprint is of the data as they come from their source. A file of the user's own has no version.
    """
    low, high = action_bounds(task, transitions)
    number = re.search(r"-(v\d+)$", transitions.name)
    found = Wanted(task).canonical
    return schema.Data(
        source=transitions.source,
        name=transitions.name,
        version=number[1] if number else None,
        canonical=schema.Canonical(source=found.source, name=found.name) if found is not None else None,
        reward_transform=transitions.reward_transform,
        fingerprint=transitions.fingerprint,
        per_seed=is_per_seed,
        transitions=len(transitions),
        action_low=tuple(low.tolist()),
        action_high=tuple(high.tolist()),
    )


def make_setup(task: Task, config: Config, low: tuple[float, ...], high: tuple[float, ...]) -> Setup:
    """What every method shares on this task; `low` and `high` are the range of the actions per dimension."""
    known = None
    if isinstance(task, DensityTask):
        known = KnownCritic(task.density.name, task.density.energy, task.density.energy_max)
    return Setup(
        observation_dim=task.observation_dim,
        action_dim=task.action_dim,
        action_low=low,
        action_high=high,
        critic_config=config.critic,
        denoiser=config.denoiser,
        guidance_net_config=config.guidance_net,
        sampler=config.sampler,
        known_critic=known,
        actions_depend_on_observations=known is None,
        candidates=config.equal.candidates,
        guidance=config.guidance,
    )
