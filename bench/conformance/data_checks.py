"""What is asked of a task's data: that they fit, that seed and size determine what is made here, and rewards."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from bench.conformance.environment_checks import make_environment, random_actions, roll_out
from bench.conformance.fault import Fault, Skipped
from foundation.program import program_name
from suites.sources.d4rl.fetch import load_file, stored_file
from suites.sources.d4rl.files import select_version
from suites.sources.minari import has_minari, minari_folder, read_minari
from suites.sources.transitions import Transitions, check, join_episodes, transform_rewards
from suites.task import ControlTask, Episode, Task
from suites.transforms import episode_returns

COUNT = 331  # transitions made to be checked; no episode has that length by chance
MANY = 5  # episodes that end early, of which a recipe may cut a few, such as the last of each of its policies


def check_local(task: ControlTask) -> str:
    """The generator gives the number of transitions that it is asked for, and a seed determines them."""
    one, again, other = (_generate(task, seed) for seed in (0, 0, 1))
    transitions = join_episodes(one, source="local", name=f"{task.name} made from seed 0")
    check(transitions, task)
    if len(transitions) != COUNT:
        raise Fault(
            f"has a `generate` that gives {len(transitions)} transitions for {COUNT}; cut its last episode."
        )
    if not _are_equal(one, again):
        raise Fault("has a `generate` that gives other data for an equal seed; draw all from the seed.")
    if _are_equal(one, other):
        raise Fault("has a `generate` that gives the same data for another seed; draw all from the seed.")
    if np.array_equal(transitions.observations, transitions.next_observations):
        raise Fault("has a `generate` whose observations never change; copy each before the next step.")
    _check_ends(task, one)
    return describe(task, transitions)


def _generate(task: ControlTask, seed: int) -> tuple[Episode, ...]:
    assert task.generate is not None
    found = task.generate(COUNT, seed, None)
    if not isinstance(found, tuple | list) or not all(isinstance(each, Episode) for each in found):
        raise Fault("has a `generate` that does not return a tuple of `Episode`.")
    return tuple(found)


def _are_equal(one: tuple[Episode, ...], two: tuple[Episode, ...]) -> bool:
    names = ("observations", "actions", "rewards", "terminations", "truncations")
    return len(one) == len(two) and all(
        np.array_equal(getattr(a, name), getattr(b, name)) for a, b in zip(one, two, strict=True) for name in names
    )


def _check_ends(task: ControlTask, episodes: tuple[Episode, ...]) -> None:
    """Ends of the task are not flagged as cuts, which would give them a value that follows."""
    early = [episode for episode in episodes[:-1] if len(episode) < task.horizon]
    if len(early) < MANY or any(episode.terminations.any() for episode in episodes):
        return
    environment = make_environment(task)
    ends = [roll_out(environment, random_actions(task, task.horizon, n), n).steps[-1].terminated for n in range(4)]
    environment.close()
    if any(ends):
        raise Fault(
            f"has a `generate` whose {len(early)} episodes that are shorter than the horizon are all flagged as "
            "truncated, while its environment terminates; set `terminations` where the task itself ended."
        )


def check_minari(task: Task, name: str) -> str:
    """A Minari data set that is on disk fits the task."""
    if not has_minari(name):
        raise Skipped(
            f"{name} is not in {minari_folder()}; `{program_name()} data fetch {task.name} --data minari`."
        )
    with tempfile.TemporaryDirectory() as folder:
        found = read_minari(minari_folder(), name, task, source="minari", directory=Path(folder))
    return describe(task, transform_rewards(found, task))


def check_d4rl(task: Task, name: str, directory: Path) -> str:
    """D4RL's file, where it is on disk, fits the task."""
    assert isinstance(task, ControlTask)
    select_version(name, None)
    path = stored_file(directory, name)
    if not path.is_file():
        raise Skipped(f"{name} is not in {directory}; `{program_name()} data fetch {task.name} --data d4rl`.")
    with tempfile.TemporaryDirectory() as folder:
        found = load_file(path, task, Path(folder), source="d4rl", name=name, bounded=False)
    return describe(task, transform_rewards(found, task))


def describe(task: Task, transitions: Transitions) -> str:
    """How many transitions there are, and the score of the best episode."""
    raw = transitions.rewards if transitions.raw_rewards is None else transitions.raw_rewards
    best = float(episode_returns(raw, transitions.ends).max())
    score = f", the best episode scores {task.normalized_score(best):.1f}" if isinstance(task, ControlTask) else ""
    return f"{len(transitions):,} transitions{score}"


def check_rewards(task: Task) -> str:
    """The reward transform gives one finite number for each reward, and leaves what it is given as it is."""
    rewards = np.random.default_rng(0).normal(size=COUNT).astype(np.float32)
    ends = np.arange(COUNT) % 50 == 49
    given, given_ends = rewards.copy(), ends.copy()
    found = task.reward(given, given_ends)
    if np.shape(found) != rewards.shape:
        raise Fault(f"has a reward transform that gives {np.shape(found)} for {rewards.shape}; keep the length.")
    if getattr(found, "dtype", None) != np.float32 or not np.isfinite(found).all():
        raise Fault("has a reward transform whose rewards are not all finite float32 numbers.")
    if not (np.array_equal(given, rewards) and np.array_equal(given_ends, ends)):
        raise Fault("has a reward transform that changes the rewards it is given; return a new array.")
    return task.reward.name


def list_data_checks(task: Task, directory: Path) -> dict[str, Callable[[], str | None]]:
    """The checks of a task's data, by title.

    Args:
        task: with a simulator or a density.
        directory: of all data, which is read only.
    """
    checks: dict[str, Callable[[], str | None]] = {"rewards": lambda: check_rewards(task)}
    for source, name in task.datasets.items():
        if source == "local" and isinstance(task, ControlTask):
            checks["local data"] = lambda task=task: check_local(task)
        elif source == "minari":
            checks["Minari's data"] = lambda name=name: check_minari(task, name)
        elif source == "d4rl":
            checks["D4RL's data"] = lambda name=name: check_d4rl(task, name, directory)
    if not task.datasets:
        checks["data"] = refuse_nothing
    return checks


def refuse_nothing() -> None:
    """A task without data of its own is run on the user's."""
    raise Skipped("the task declares no data; run it with --data file:PATH or file:NAMESPACE/NAME-v0.")
