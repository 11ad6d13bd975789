"""Refuses a suite that cannot work, in one sentence, when it is registered; nothing is built or loaded for it."""

import dataclasses
import math
import pickle
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from foundation.names import NAME_WORDS, is_name
from suites.errors import SuiteError
from suites.success import Success
from suites.task import ControlTask, DensityTask, Suite, Task

SOURCES = ("local", "minari", "d4rl")


def check_declaration(suite: Suite) -> None:
    """Refuse a suite whose declaration cannot work.

    Raises:
        SuiteError: what is wrong and what to do, in one sentence.
    """
    if not isinstance(suite, Suite):
        raise SuiteError(f"register_suite takes a Suite, not {suite!r}.")
    for fault in find_suite_faults(suite):
        raise SuiteError(f"suite {suite.name!r} {fault}.")
    for task in suite.tasks:
        for fault in find_task_faults(task):
            raise SuiteError(f"task {task.name!r} of suite {suite.name!r} {fault}.")


def find_suite_faults(suite: Suite) -> Iterator[str]:
    """What is wrong with the suite itself, each as the end of a sentence."""
    if not is_name(suite.name):
        yield f"cannot have that name; use {NAME_WORDS}, as in my-suite"
    if not (isinstance(suite.title, str) and suite.title):
        yield "has no title; give it one for the report"
    if not suite.tasks:
        yield "has no task; give it one or more"
    names: list[str] = []
    for task in suite.tasks:
        if not isinstance(task, ControlTask | DensityTask):
            yield f"has {task!r} among its tasks; each must be a ControlTask or a DensityTask"
        if task.suite != suite.name:
            yield f"has the task {task.name!r} of the suite {task.suite!r}; leave `suite` out of the task"
        if task.name in names:
            yield f"has two tasks that are called {task.name!r}; rename one of them"
        if task.name == suite.name and len(suite.tasks) > 1:
            yield f"has a task of its own name beside others; rename the task {task.name!r}"
        names.append(task.name)
    if not all(isinstance(fields, Mapping) for fields in suite.settings.values()):
        yield "has settings that are not by preset; write them as {'smoke': {'evaluation.episodes': 1}}"


def find_task_faults(task: Task) -> Iterator[str]:
    """What is wrong with a task, each as the end of a sentence."""
    if not is_name(task.name):
        yield f"cannot have that name; use {NAME_WORDS}, as in my-task"
    for name in ("observation_dim", "action_dim", "episodes"):
        if not _is_count(getattr(task, name)):
            yield f"has {name}={getattr(task, name)!r}; give a whole number from 1 up"
    for source in task.datasets:
        if source not in SOURCES:
            yield f"has a data set from {source!r}; the sources are {', '.join(SOURCES)}"
    if not (callable(task.reward) and isinstance(getattr(task.reward, "name", None), str)):
        yield "has a reward transform without a name or that cannot be called; see suites/transforms.py"
    if isinstance(task, ControlTask):
        yield from find_control_faults(task)
    yield from find_pickle_faults(task)


def find_control_faults(task: ControlTask) -> Iterator[str]:
    """What is wrong with a task that has a simulator."""
    if not _is_count(task.horizon):
        yield f"has horizon={task.horizon!r}; give a whole number from 1 up"
    if not (_is_pair(task.reference) and task.reference[0] < task.reference[1]):
        yield (
            f"has reference={task.reference!r}; give two returns, the lower one first, such as a random policy's "
            "and an expert's"
        )
    for name in ("make_environment", "generate"):
        value = getattr(task, name)
        if not callable(value) and (value is not None or name == "make_environment"):
            yield f"has {name}={value!r}; give a function"
    if "local" in task.datasets and task.generate is None:
        yield "has a local data set and no `generate` that makes it"
    if task.success is not None and not (isinstance(task.success, Success) and _is_count(task.success.steps)):
        yield f"has success={task.success!r}; give a Success with 1 step or more"
    if not _is_range(task):
        yield (
            f"has action_range={task.action_range!r}; give the lowest and the highest action, each a number or "
            f"{task.action_dim} of them, as in (-2.0, 2.0)"
        )


def find_pickle_faults(task: Task) -> Iterator[str]:
    """Which field cannot be sent to the other processes of a run."""
    for item in dataclasses.fields(task):
        value = getattr(task, item.name)
        try:
            pickle.dumps(value)
        except Exception as error:  # pickle's own errors, and what an object's own reduction raises
            what = getattr(value, "__qualname__", None) or type(value).__name__
            yield (
                f"has {item.name}={what}, which no other process can load ({type(error).__name__}); define it at "
                "the top level of the file, or use functools.partial of a function that is"
            )


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_pair(value: Any) -> bool:
    try:
        return len(value) == 2 and all(math.isfinite(number) for number in value)
    except TypeError:
        return False


def _is_range(task: ControlTask) -> bool:
    """Whether the task's range of actions is two numbers, or two rows of one number for each dimension."""
    try:
        low, high = (np.broadcast_to(np.asarray(bound, float), (task.action_dim,)) for bound in task.action_range)
    except (TypeError, ValueError):
        return False
    return bool(np.isfinite(low).all() and np.isfinite(high).all() and (low < high).all())
