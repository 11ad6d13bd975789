"""What is asked of a task's evaluation environment: sizes, types, horizon, seeds, scores, success measure."""

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np

from bench.conformance.fault import Fault, Skipped
from suites.success import StepResult, take_step
from suites.task import ControlTask

FEW = 12  # steps of the checks that need no whole episode
TRIES = 4  # episodes in search of one that lasts until the horizon
MOST_RANDOM = 100.0  # score that no random policy reaches


@dataclass(frozen=True)
class Rollout:
    """What happened in an episode.

    Attributes:
        observations: the first one and that of every step.
        steps: what every step returned.
    """

    observations: list[np.ndarray]
    steps: list[StepResult]


def make_environment(task: ControlTask) -> gym.Env:
    """The environment, built as another process does."""
    return pickle.loads(pickle.dumps(task.make_environment))()


def random_actions(task: ControlTask, steps: int, seed: int = 0) -> np.ndarray:
    """Uniform actions in [-1, 1], (steps, action_dim) float32."""
    return np.random.default_rng(seed).uniform(-1, 1, (steps, task.action_dim)).astype(np.float32)


def roll_out(environment: gym.Env, actions: np.ndarray, seed: int) -> Rollout:
    """An episode under these actions until it ends or they do, with copies of its observations."""
    found = Rollout([np.array(environment.reset(seed=seed)[0])], [])
    for action in actions:
        step = take_step(environment, action.copy())
        found.steps.append(step)
        found.observations.append(np.array(step.observation))
        if step.terminated or step.truncated:
            break
    return found


def check_spaces(task: ControlTask) -> None:
    """Observations are a row of float32, actions a row of float32 in [-1, 1], of the task's sizes."""
    environment = make_environment(task)
    observations, actions = environment.observation_space, environment.action_space
    environment.close()
    if not isinstance(observations, gym.spaces.Box) or len(observations.shape) != 1:
        kind = type(observations).__name__ if not isinstance(observations, gym.spaces.Box) else observations.shape
        raise Fault(
            f"has observations that are no row of numbers ({kind}); join a dictionary by "
            "make_gymnasium(..., keys=...) or use gymnasium.wrappers.FlattenObservation."
        )
    if not isinstance(actions, gym.spaces.Box) or len(actions.shape) != 1:
        raise Fault(f"has actions that are no row of continuous numbers: {actions}.")
    for name, space, size in (
        ("observation", observations, task.observation_dim),
        ("action", actions, task.action_dim),
    ):
        if space.shape != (size,):
            raise Fault(f"says {name}_dim={size}, and its environment has {space.shape[0]}.")
        if space.dtype != np.float32:
            raise Fault(f"has {name}s of type {space.dtype}, not float32; use make_gymnasium or as_float32.")
    if not (np.all(actions.low == -1) and np.all(actions.high == 1)):
        raise Fault(
            f"has actions from {actions.low.min():g} to {actions.high.max():g}, not in [-1, 1]; use "
            "make_gymnasium, or gymnasium.wrappers.RescaleAction."
        )


def check_steps(task: ControlTask) -> None:
    """What reset and step return has the declared shape and type, and is finite."""
    environment = make_environment(task)
    first = environment.reset(seed=0)
    if not (isinstance(first, tuple) and len(first) == 2):
        raise Fault("has a reset that does not return an observation and a dictionary.")
    _check_observation(task, first[0], "reset")
    for number, action in enumerate(random_actions(task, FEW), 1):
        returned: Any = environment.step(action)
        if not (isinstance(returned, tuple) and len(returned) == 5):
            raise Fault(
                "has a step that does not return observation, reward, terminated, truncated and a dictionary."
            )
        step = StepResult(*returned)
        _check_observation(task, step.observation, f"step {number}")
        if np.ndim(step.reward) != 0 or not np.isfinite(float(step.reward)):
            raise Fault(f"has the reward {step.reward!r} in step {number}, not a finite number.")
        for name, flag in (("terminated", step.terminated), ("truncated", step.truncated)):
            if not isinstance(flag, bool | np.bool_):
                raise Fault(f"has {name}={flag!r} in step {number}, not True or False.")
        if step.terminated or step.truncated:
            break
    environment.close()


def _check_observation(task: ControlTask, observation: Any, where: str) -> None:
    if not isinstance(observation, np.ndarray):
        raise Fault(f"gives a {type(observation).__name__} for the observation of {where}, not an array.")
    if observation.shape != (task.observation_dim,) or observation.dtype != np.float32:
        raise Fault(
            f"gives an observation of shape {observation.shape} and type {observation.dtype} in {where}, not "
            f"({task.observation_dim},) and float32."
        )
    if not np.isfinite(observation).all():
        raise Fault(f"gives an observation that is not finite in {where}.")


def check_horizon(task: ControlTask) -> str | None:
    """An episode is cut after `horizon` steps and at no other step."""
    environment, longest, reached = make_environment(task), 0, False
    for number in range(TRIES):
        actions = random_actions(task, task.horizon + 1, number) * (number > 0)  # at rest first
        steps = roll_out(environment, actions, number).steps
        longest = max(longest, len(steps))
        last = steps[-1]
        if last.truncated and len(steps) < task.horizon:
            raise Fault(
                f"cuts an episode after {len(steps)} steps, and horizon is {task.horizon}; an end of the task "
                "itself must be `terminated`, not `truncated`."
            )
        if len(steps) > task.horizon:
            raise Fault(
                f"goes on after horizon={task.horizon} steps; cut it by make_gymnasium or "
                "gymnasium.wrappers.TimeLimit with that number."
            )
        reached |= len(steps) == task.horizon
        if reached and number > 0:
            break
    environment.close()
    return None if reached else f"not reached, since each of {TRIES} episodes terminated within {longest} steps"


def check_seeds(task: ControlTask) -> str | None:
    """A seed fixes the start and all that follows, whatever was run before."""
    one, two = make_environment(task), make_environment(task)
    actions = random_actions(task, FEW)
    first = roll_out(one, actions, 5)
    for environment, what in ((two, "another environment"), (one, "the same environment again")):
        roll_out(environment, actions[:3], 6)
        again = roll_out(environment, actions, 5)
        if not _are_equal(first, again):
            raise Fault(
                f"is not fixed by its reset seed: {what} gives another episode for equal seed and actions; call "
                "super().reset(seed=seed) and draw from self.np_random alone."
            )
    starts = [roll_out(two, actions[:0], seed).observations[0] for seed in range(4)]
    one.close()
    two.close()
    return "every seed starts the same" if all(np.array_equal(start, starts[0]) for start in starts) else None


def check_apart(task: ControlTask) -> None:
    """Environments side by side do not influence each other."""
    alone, one, other = (make_environment(task) for _ in range(3))
    actions = random_actions(task, FEW, 1)
    expected = roll_out(alone, actions, 3)
    observation = np.array(one.reset(seed=3)[0])
    other.reset(seed=4)
    for number, (action, after) in enumerate(zip(actions, expected.observations[1:], strict=False)):
        other.step(-action)
        if number == FEW // 2:
            other.reset(seed=5)
        observation = np.array(one.step(action)[0])
        if not np.array_equal(observation, after):
            raise Fault("changes with the environments beside it; keep its state in the object, not in its class.")
    for environment in (alone, one, other):
        environment.close()


def check_in_place(task: ControlTask) -> None:
    """A returned observation stays as it is, and an action is not changed."""
    environment = make_environment(task)
    kept = [environment.reset(seed=2)[0]]
    copies = [kept[0].copy()]
    for action in random_actions(task, FEW, 2):
        given = action.copy()
        step = take_step(environment, given)
        if not np.array_equal(given, action):
            raise Fault("changes the action that it is given; copy it first.")
        if any(not np.array_equal(now, before) for now, before in zip(kept, copies, strict=True)):
            raise Fault("changes an observation in place after it was returned; return a copy.")
        if step.terminated or step.truncated:
            break
        kept.append(step.observation)
        copies.append(step.observation.copy())
    environment.close()


def check_scores(task: ControlTask) -> str:
    """Random actions do not score above the reference maximum."""
    environment = make_environment(task)
    returns = [
        sum(step.reward for step in roll_out(environment, random_actions(task, task.horizon, n), n).steps)
        for n in range(2)
    ]
    environment.close()
    score = task.normalized_score(float(np.mean(returns)))
    low, high = task.reference
    if score > MOST_RANDOM:
        raise Fault(
            f"has the reference ({low:g}, {high:g}), by which random actions score {score:.1f} (return "
            f"{np.mean(returns):.4g}); a score must rise from 0 to 100 with the return."
        )
    return f"random actions score {score:.1f}, return {np.mean(returns):.4g}"


def check_success(task: ControlTask) -> str:
    """The success measure can judge an episode."""
    if task.success is None:
        raise Skipped("the task has no success measure.")
    environment = make_environment(task)
    steps = roll_out(environment, random_actions(task, task.horizon), 0).steps
    environment.close()
    held = [task.success.holds(step) for step in steps]
    for value in held:
        if not isinstance(value, bool | np.bool_):
            raise Fault(f"has a success measure that gives {value!r} for a step, not True or False.")
    return f"an episode of random actions is {'a' if task.success.judge(held) else 'no'} success"


def _are_equal(one: Rollout, two: Rollout) -> bool:
    return (
        len(one.steps) == len(two.steps)
        and all(np.array_equal(a, b) for a, b in zip(one.observations, two.observations, strict=True))
        and all(
            (a.reward, a.terminated, a.truncated) == (b.reward, b.terminated, b.truncated)
            for a, b in zip(one.steps, two.steps, strict=True)
        )
    )


ENVIRONMENT_CHECKS: dict[str, Callable[[ControlTask], str | None]] = {
    "spaces": check_spaces,
    "steps": check_steps,
    "horizon": check_horizon,
    "seeds": check_seeds,
    "apart": check_apart,
    "in place": check_in_place,
    "scores": check_scores,
    "success": check_success,
}
