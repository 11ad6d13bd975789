"""The types by which suites declare tasks: data sets, environments, and the numbers that the papers fixed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import gymnasium as gym
import numpy as np

from suites.success import Success
from suites.top_view import TopView
from suites.transforms import QuarterTurn, RewardTransform, Unchanged

Progress = Callable[[int, int], None]  # called with (done, total) transitions
Bound: TypeAlias = float | tuple[float, ...]
"""One number for all dimensions of an action, or one for each."""


@dataclass(frozen=True)
class Episode:
    """One episode, laid out as Minari stores it.

    Attributes:
        observations: (T + 1, observation_dim); row t + 1 is what followed action t.
        actions: (T, action_dim).
        rewards: (T,), for arriving at row t + 1.
        terminations: (T,) bool, true only where the task itself ended.
        truncations: (T,) bool, true where the trajectory was cut for another reason.
    """

    observations: np.ndarray
    actions: np.ndarray
    rewards: np.ndarray
    terminations: np.ndarray
    truncations: np.ndarray

    def __len__(self) -> int:
        return len(self.actions)


@dataclass(frozen=True, kw_only=True)
class Task:
    """What every task declares.

    Attributes:
        name: the field's own name of the task, such as `maze2d-umaze`; no other task of any suite has it.
        suite: the name of the suite it belongs to, which `Suite` fills in.
        observation_dim, action_dim: sizes of one observation and one action.
        datasets: source (`local`, `minari`, `d4rl`) to the data set's name there; the first that is published
            (`minari`, `d4rl`) is canonical. Without any, `--data file:...` names the data.
        episodes: evaluation episodes per seed in the papers' protocol (samples per β for a density).
        settings: config fields, by dotted name, that this task sets in every preset.
        published_rho: SWG's guidance scale for the task (arXiv 2505.18345, Tables 4-7), if there is one.
        rho: the scale of every method where the exact target distribution is known, which ρ = 1 gives.
        reward: gives the rewards to learn from; applied when the data are loaded.
    """

    name: str
    suite: str = ""
    observation_dim: int
    action_dim: int
    datasets: Mapping[str, str] = field(default_factory=dict)
    episodes: int = 20
    settings: Mapping[str, Any] = field(default_factory=dict)
    published_rho: float | None = None
    rho: float | None = None
    reward: RewardTransform = field(default_factory=Unchanged)


@dataclass(frozen=True, kw_only=True)
class ControlTask(Task):
    """A task scored by the return of episodes in a simulator.

    Attributes:
        horizon: environment steps after which an episode is cut.
        reference: D4RL's (minimum, maximum) return, such as a random policy's and an expert's; normalised score =
            100 (R - min) / (max - min).
        make_environment: builds one evaluation environment with a flat float32 observation and float32 actions in
            [-1, 1], as `make_gymnasium` does; a function at the top level of its file, or a `partial` of one.
        generate: makes the `local` data set from (transitions, seed, progress), where progress(done, total)
            may be None, with actions in [-1, 1]; None for a task whose data cannot be made here. The set's name
            is `local/TASK` where `datasets` has no other.
        success: when an episode counts as a success; None where the task has no such measure.
        action_range: the lowest and highest action of data from `minari`, `d4rl` and `file`, which are rescaled
            to [-1, 1] when they are read.
        observation_keys: of data whose observations are a dictionary, the entries to join, in this order; none
            takes `observation`, after `achieved_goal` where the width asks for it.
        longest_step: in data of D4RL's layout, the distance between two rows' positions (their first two
            numbers) above which they belong to different episodes, whatever the flags say; None for no limit.
        frame: takes data of D4RL's layout into the simulator's frame; None where they share it.
        top_view: takes a reset environment to the walls and the goal of its maze, where an observation begins with
            x and y in metres; evaluation then keeps the paths of episodes. A function at the top level of its
            file; None for a task that is no maze.
    """

    horizon: int
    reference: tuple[float, float]
    make_environment: Callable[[], gym.Env]
    generate: Callable[[int, int, Progress | None], tuple[Episode, ...]] | None = None
    success: Success | None = None
    action_range: tuple[Bound, Bound] = (-1.0, 1.0)
    observation_keys: tuple[str, ...] = ()
    longest_step: float | None = None
    frame: QuarterTurn | None = None
    top_view: Callable[[gym.Env], TopView] | None = None

    def __post_init__(self):
        if self.generate is not None and "local" not in self.datasets:
            object.__setattr__(self, "datasets", {**self.datasets, "local": f"local/{self.name}"})

    def normalized_score(self, episode_return: float) -> float:
        """D4RL's normalised score of one episode's return (0 at the reference minimum, 100 at the maximum)."""
        low, high = self.reference
        return 100.0 * (episode_return - low) / (high - low)


@dataclass(frozen=True)
class Density:
    """A 2-D set: how to draw its points and the energy of any point.

    Attributes:
        name: such as `8gaussians`.
        sample: (count, generator) to independent points (count, 2) and their own energies (count,), float64.
        energy: points (n, 2) to energies (n,), for points that no data set labels.
        energy_max: the largest energy of a point; for the swiss roll, whose energy has no bound, one that
            about one point in a million passes.
        tilted: (inverse temperature, count, generator) to points (count, 2) of p ∝ q·e^{βE}, for a set whose
            energy has no bound; None where rejection does it.
    """

    name: str
    sample: Callable[[int, np.random.Generator], tuple[np.ndarray, np.ndarray]]
    energy: Callable[[np.ndarray], np.ndarray]
    energy_max: float
    tilted: Callable[[float, int, np.random.Generator], np.ndarray] | None = None


@dataclass(frozen=True, kw_only=True)
class DensityTask(Task):
    """A two-dimensional density steered by a known energy; scored by the distance to the exact target.

    Attributes:
        density: samples and energies of the set.
        inverse_temperatures: the β at which it is scored and drawn.
    """

    density: Density
    inverse_temperatures: tuple[float, ...] = (0.0, 3.0, 10.0, 20.0)

    def __post_init__(self):
        if "local" not in self.datasets:
            object.__setattr__(self, "datasets", {**self.datasets, "local": f"local/{self.name}"})


@dataclass(frozen=True, kw_only=True)
class Suite:
    """A group of tasks and the config fields, by dotted name, that it sets in each preset.

    Attributes:
        name, title: as typed on the command line, and as printed.
        tasks: the tasks in their customary order; one that names no suite gets this one's name.
        settings: preset (`smoke`, `quick`, `paper`, `official`) to the fields it sets for this suite.
    """

    name: str
    title: str
    tasks: tuple[Task, ...]
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self):
        named = tuple(
            replace(task, suite=self.name) if isinstance(task, Task) and not task.suite else task
            for task in self.tasks
        )
        object.__setattr__(self, "tasks", named)
