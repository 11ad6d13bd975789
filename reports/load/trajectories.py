"""The trajectories of a result in a maze: where its first episodes led, with the maze's walls and goals.

A file of arrays beside the result, with the episodes one after the other in `steps` and `points`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from foundation.npz import UNREADABLE
from reports.errors import ReportError
from reports.load.samples import are_trajectories_lost, find_trajectories_fault
from reports.load.schema import Result

MOST_EPISODES = 20
"""Of a seed: its first ones, whose trajectories are kept."""
MOST_POINTS = 100
"""Of a trajectory, its first and last among them."""
MOST_WALLS = 10_000


@dataclass(frozen=True)
class Trajectory:
    """An episode seen from above, in metres.

    Attributes:
        steps: (n,) int64, the environment's steps after which the points were reached, 0 first.
        points: (n, 2) float32, x and y.
        goal: (2,) float32.
    """

    steps: np.ndarray
    points: np.ndarray
    goal: np.ndarray


@dataclass(frozen=True)
class Trajectories:
    """What is kept of a result.

    Attributes:
        walls: (n, 4) float32, the left, lower, right and upper edge of each.
        radius: distance from a goal within which it is reached.
        episodes: number of the episode to its trajectory.
    """

    walls: np.ndarray
    radius: float
    episodes: Mapping[int, Trajectory]


def read_trajectories(result: Result) -> Trajectories | None:
    """The trajectories of a result; None where it has none, or their file is gone.

    Raises:
        ReportError: their file is not the one that was written, or does not hold such arrays.
    """
    if result.trajectories_file is None or are_trajectories_lost(result):
        return None
    fault = find_trajectories_fault(result)
    if fault is None:
        try:
            with np.load(result.path.parent / result.trajectories_file, allow_pickle=False) as arrays:
                return _unpack({name: np.asarray(arrays[name]) for name in _SHAPES}, len(result.episodes))
        except (*UNREADABLE, KeyError) as error:
            fault = f"cannot be read ({' '.join(str(error).split())})"
    raise ReportError(
        f"the file of trajectories {result.trajectories_file!r} of result {str(result.path)!r} {fault}: delete "
        "that result and run the same `bench run` command again."
    )


_SHAPES = {
    "episodes": ("i", (None,)),
    "lengths": ("i", (None,)),
    "steps": ("i", (None,)),
    "points": ("f", (None, 2)),
    "goals": ("f", (None, 2)),
    "walls": ("f", (None, 4)),
    "radius": ("f", ()),
}
"""Kind and shape of each array."""


def _unpack(arrays: Mapping[str, np.ndarray], episodes: int) -> Trajectories:
    """The trajectories in a file's arrays.

    Args:
        arrays: by name.
        episodes: of the result.

    Raises:
        ValueError: what is wrong with them.
    """
    for name, (kind, shape) in _SHAPES.items():
        found = arrays[name]
        fits = len(found.shape) == len(shape) and all(
            want in (None, have) for want, have in zip(shape, found.shape, strict=True)
        )
        if found.dtype.kind != kind or not fits or not np.isfinite(found).all():
            raise ValueError(f"`{name}` is of type {found.dtype} and shape {found.shape}, or not finite")
    numbers, lengths = arrays["episodes"], arrays["lengths"]
    if not (len(numbers) == len(lengths) == len(arrays["goals"]) <= MOST_EPISODES):
        raise ValueError(f"it has {len(numbers)} episodes, {len(lengths)} lengths, {len(arrays['goals'])} goals")
    if len(set(numbers.tolist())) != len(numbers) or ((numbers < 0) | (numbers >= episodes)).any():
        raise ValueError(f"its episodes are {numbers.tolist()}, of a result with {episodes}")
    is_bounded = bool(((lengths > 0) & (lengths <= MOST_POINTS)).all())
    if not is_bounded or lengths.sum() != len(arrays["points"]) or len(arrays["steps"]) != len(arrays["points"]):
        raise ValueError(f"its lengths {lengths.tolist()} are not those of {len(arrays['points'])} points")
    if len(arrays["walls"]) > MOST_WALLS:
        raise ValueError(f"it has {len(arrays['walls']):,} walls")
    ends = np.cumsum(lengths)[:-1]
    steps, points = np.split(arrays["steps"], ends), np.split(arrays["points"], ends)
    each = zip(numbers.tolist(), steps, points, arrays["goals"], strict=True)
    found = {number: Trajectory(*parts) for number, *parts in each}
    return Trajectories(arrays["walls"], float(arrays["radius"]), found)
