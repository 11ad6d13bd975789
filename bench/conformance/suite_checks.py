"""Conformance: what the harness asks of every suite, checked without a download and without training.

Declarations that can never work are refused when the suite is registered (`suites/declaration.py`); here are the
settings, the environments, the densities and the data.
"""

import pickle
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from bench.config.check_settings import check_settings
from bench.config.check_suite_settings import check_suite_settings
from bench.config.precedence import SHARED, Case, resolve_settings
from bench.config.presets import PRESETS
from bench.conformance.data_checks import list_data_checks
from bench.conformance.environment_checks import ENVIRONMENT_CHECKS
from bench.conformance.fault import Check, Fault, run_checks
from bench.plugins import load_plugin
from foundation.errors import UserError
from methods.core.registry import get_method, method_names
from suites.declaration import check_declaration
from suites.registry import get_suite
from suites.task import ControlTask, DensityTask, Suite, Task
from suites.toy.densities import sample_target

POINTS = 500


def find_suites(text: str) -> tuple[Suite, ...]:
    """The suite of that name, or all that a file registers.

    Raises:
        UserError: neither, or a file without a suite.
    """
    path = Path(text).expanduser()
    if path.suffix != ".py" and not path.is_file():
        return (get_suite(text),)
    names = load_plugin(path).suites
    if not names:
        raise UserError(f"{text!r} registers no suite; its methods are checked by check-method {text}.")
    return tuple(get_suite(name) for name in names)


def check_suite(suite: Suite, directory: Path, say: Callable[[str], None]) -> list[str]:
    """Run every check, say one line for each, and return the faults, one sentence each.

    Tasks that share an environment, horizon and reference have it checked once.

    Args:
        suite: as registered.
        directory: of all data; what is on disk there is checked, nothing is written.
        say: told a line.
    """
    say(f"suite {suite.name}")
    checks: dict[str, Check] = {
        "declaration": lambda: check_declaration(suite),
        "settings": lambda: check_all_settings(suite),
    }
    faults = run_checks(f"suite {suite.name}", checks, say)
    checked: dict[bytes, str] = {}
    for task in suite.tasks:
        say(f"task {task.name}")
        environment = identify_environment(task)
        same = checked.setdefault(environment, task.name)
        if same != task.name:
            say(f"  same    environment as {same}")
        checks = list_checks(task) if same == task.name else {}
        faults += run_checks(f"task {task.name}", checks | list_data_checks(task, directory), say)
    return faults


def check_all_settings(suite: Suite) -> None:
    """Every task has settings that work in every preset, with every method."""
    try:
        check_suite_settings(suite)
        methods = {name: get_method(name) for name in method_names()}
        for task in suite.tasks:
            for preset in PRESETS:
                check_settings(*resolve_settings(Case(preset, SHARED, suite, task, methods, {})))
    except UserError as error:
        raise Fault(str(error)) from error


def identify_environment(task: Task) -> bytes:
    """Equal for tasks whose environments are checked alike."""
    if not isinstance(task, ControlTask):
        return task.name.encode()
    sizes = (task.observation_dim, task.action_dim, task.horizon, task.reference, task.success)
    return pickle.dumps((task.make_environment, sizes))


def list_checks(task: Task) -> dict[str, Check]:
    """The checks of a task's environment or density, by title."""
    match task:
        case ControlTask():
            return {title: partial(check, task) for title, check in ENVIRONMENT_CHECKS.items()}
        case DensityTask():
            return {"density": partial(check_density, task), "targets": partial(check_targets, task)}
    raise UserError(f"task {task.name!r} is neither a control task nor a density.")


def check_density(task: DensityTask) -> None:
    """Points are drawn by the generator alone, with energies that do not pass the largest."""
    density = task.density
    (points, energies), again, other = (density.sample(POINTS, np.random.default_rng(seed)) for seed in (0, 0, 1))
    if np.shape(points) != (POINTS, 2) or np.shape(energies) != (POINTS,):
        raise Fault(f"draws points {np.shape(points)} and energies {np.shape(energies)}, not (n, 2) and (n,).")
    if not (np.isfinite(points).all() and np.isfinite(energies).all()):
        raise Fault("draws points or energies that are not finite.")
    if not np.array_equal(points, again[0]) or np.array_equal(points, other[0]):
        raise Fault("draws points that the generator does not determine; draw from it alone.")
    found = density.energy(points)
    if np.shape(found) != (POINTS,) or not np.isfinite(found).all():
        raise Fault(f"gives energies {np.shape(found)} for {POINTS} points, or some that are not finite.")
    if max(found.max(), energies.max()) > density.energy_max:
        raise Fault(
            f"has energies up to {max(found.max(), energies.max()):g}, above energy_max={density.energy_max:g}."
        )


def check_targets(task: DensityTask) -> None:
    """The exact target can be drawn at every inverse temperature."""
    for beta in task.inverse_temperatures:
        target = sample_target(task.density, beta, POINTS, np.random.default_rng(0))
        if np.shape(target) != (POINTS, 2) or not np.isfinite(target).all():
            raise Fault(f"has no exact target at β = {beta:g}.")
