"""The interface for declaring tasks, data sets and environments; each name is imported when it is first used."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from suites.data import load, parse_source
    from suites.environments import as_float32, make, make_gymnasium, make_robotics
    from suites.errors import DataError, SuiteError
    from suites.registry import find_tasks, get_suite, get_tasks, register_suite, suite_names
    from suites.sources.transitions import Transitions, action_bounds
    from suites.success import InfoFlag, StepResult, Success
    from suites.task import ControlTask, Density, DensityTask, Episode, Progress, Suite, Task
    from suites.top_view import TopView
    from suites.transforms import MinusOne, QuarterTurn, ReturnRange, RewardTransform, Unchanged

_MODULES = {
    "data": ("load", "parse_source"),
    "environments": ("as_float32", "make", "make_gymnasium", "make_robotics"),
    "errors": ("DataError", "SuiteError"),
    "registry": ("find_tasks", "get_suite", "get_tasks", "register_suite", "suite_names"),
    "sources.transitions": ("Transitions", "action_bounds"),
    "success": ("InfoFlag", "StepResult", "Success"),
    "task": ("ControlTask", "Density", "DensityTask", "Episode", "Progress", "Suite", "Task"),
    "top_view": ("TopView",),
    "transforms": ("MinusOne", "QuarterTurn", "ReturnRange", "RewardTransform", "Unchanged"),
}

__all__ = sorted(name for names in _MODULES.values() for name in names)  # pyright: ignore


def __getattr__(name: str) -> Any:
    for module, names in _MODULES.items():
        if name in names:
            return getattr(importlib.import_module(f"suites.{module}"), name)
    raise AttributeError(f"module 'suites' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
