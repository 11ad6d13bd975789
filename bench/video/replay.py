"""Plays an episode of a result again, from the same start and with the same noise, and keeps its states."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import gymnasium as gym
import numpy as np
import torch

from bench.runner.policy import LoadedPolicy
from bench.runner.result import describe_machine, read_versions
from bench.runner.rollout import roll_out
from foundation.errors import UserError
from reports.load.schema import Episode, Result
from suites.task import ControlTask
from suites.top_view import TopView
from training import Progress

ROUNDING = 1e-9  # of a return, relative to its size


@dataclass(frozen=True)
class State:
    """What a video shows of one moment.

    Attributes:
        seconds: of the simulator's clock; None where it has none.
        position: (x, y), the first two numbers of the observation.
        qpos, mocap_pos, mocap_quat: MuJoCo's; None where there is no MuJoCo.
    """

    seconds: float | None
    position: tuple[float, float]
    qpos: np.ndarray | None = None
    mocap_pos: np.ndarray | None = None
    mocap_quat: np.ndarray | None = None


class Recorder(gym.Wrapper):
    """An environment that keeps its states after the reset and after every step, and is otherwise as it was.

    Attributes:
        states: those of the last episode.
        view: its maze from above; None where it has none.
    """

    def __init__(self, environment: gym.Env, look: Callable[[gym.Env], TopView] | None):
        super().__init__(environment)
        self.states: list[State] = []
        self.view: TopView | None = None
        self._look = look

    @property
    def model(self) -> Any:
        """MuJoCo's model; None where there is none."""
        return getattr(self.unwrapped, "model", None)

    @property
    def looks(self) -> Mapping[str, Any]:
        """The camera that the environment itself would use, by the fields of MuJoCo's.

        Empty where it has none, or one without a place to look at, as the hand's.
        """
        for holder in (self.unwrapped, getattr(self.unwrapped, "robot_env", None)):
            found = getattr(getattr(holder, "mujoco_renderer", None), "default_cam_config", None)
            if found and not {"lookat", "trackbodyid"}.isdisjoint(found):
                return dict(found)
        return {}

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """As of the environment."""
        observation, info = self.env.reset(seed=seed, options=options)
        self.states = [self._read(observation)]
        self.view = self._look(self.env) if self._look is not None else None
        return observation, info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """As of the environment."""
        found = self.env.step(action)
        self.states.append(self._read(found[0]))
        return found

    def _read(self, observation: np.ndarray) -> State:
        x, y = (*map(float, observation[:2]), 0.0)[:2]
        data: Any = getattr(self.unwrapped, "data", None)
        if self.model is None or not hasattr(data, "qpos"):
            return State(None, (x, y))
        parts = (np.array(each) for each in (data.qpos, data.mocap_pos, data.mocap_quat))
        return State(float(data.time), (x, y), *parts)


@dataclass(frozen=True)
class Replay:
    """An episode that was played again.

    Attributes:
        number: of the episode.
        recorded, played: as the result has it, and as it came out now.
        states: after the reset and every step.
        model: MuJoCo's; None where there is none.
        looks: see `Recorder`.
        view: of a maze.
    """

    number: int
    recorded: Episode
    played: Episode
    states: list[State] = field(repr=False)
    model: Any = field(repr=False)
    looks: Mapping[str, Any] = field(repr=False)
    view: TopView | None = field(repr=False)


def open_recorder(task: ControlTask) -> Recorder:
    """A new environment of a task that keeps its states."""
    return Recorder(task.make_environment(), task.top_view)


def replay(loaded: LoadedPolicy, task: ControlTask, number: int, progress: Progress) -> Replay:
    """Play one of the episodes that a result was scored on.

    Args:
        loaded: the result's policy, which has not acted yet.
        task: the result's.
        number: of the episode, from 0.
        progress: called with (steps, the horizon).

    Raises:
        UserError: an action is not finite, which it was not when the result was made.
    """
    made: list[Recorder] = []

    def make_environment() -> Recorder:
        made.append(open_recorder(task))
        return made[-1]

    recorded_task = replace(task, make_environment=make_environment)
    evaluation = replace(loaded.evaluation, episodes=range(number, number + 1))
    with torch.no_grad():
        (found,) = roll_out(loaded.policy, recorded_task, [evaluation], progress)
    if found.failure is not None:
        raise UserError(
            f"episode {number} cannot be played again: {found.failure.reason}; here the policy computes otherwise "
            f"than where the result was made ({describe_difference(loaded.result, loaded.evaluation.device)})."
        )
    (recorder,), result = made, loaded.result
    return Replay(
        number,
        result.episodes[number],
        found.episodes[number],
        recorder.states,
        recorder.model,
        recorder.looks,
        recorder.view,
    )


def describe_match(played: Replay, result: Result, device: torch.device) -> str:
    """Whether the episode is the one that was scored: its return, and by how much it is another.

    Args:
        played: the episode.
        result: of which it is.
        device: where it was played again.
    """
    now, then = played.played, played.recorded
    outcome = f"return {now.episode_return:.6g} in {now.length:,} steps, score {now.normalized:.1f}"
    said = f"episode {played.number}: {outcome}"
    difference = abs(now.episode_return - then.episode_return)
    if now.length == then.length and difference == 0:
        return f"{said}, exactly as in the result"
    if now.length == then.length and difference <= ROUNDING * max(1.0, abs(then.episode_return)):
        return f"{said}, as in the result but for rounding ({difference:.1g})"
    return (
        f"{said}; not the episode that was scored, whose return is {then.episode_return:.6g} in {then.length:,} "
        f"steps, {difference:.6g} from it ({describe_difference(result, device)})"
    )


def describe_difference(result: Result, device: torch.device) -> str:
    """In what this machine and these packages are others than those that made a result."""
    here, there = describe_machine(device), result.machine
    pairs = [("device", there.device, here.device), ("processor", there.processor, here.processor)]
    versions = read_versions()
    pairs += [(name, result.versions.get(name, "none"), versions[name]) for name in versions]
    others = [f"{name} {then} there, {now} here" for name, then, now in pairs if then != now]
    return "; ".join(others) or "the processor and all versions are the same, so threads or settings differ"
