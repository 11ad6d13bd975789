"""Finds suites and tasks by name and imports only the suite that is asked for.

A suite is a file that calls `register_suite`: in `suites/tasks`, where the file's name is the suite's with `_` for
`-`; in an installed package, by an entry point; or anywhere, by `--plugin`.
"""

import importlib
import pkgutil
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import entry_points
from pathlib import Path

from foundation.errors import UnknownName, UserError, unknown_name
from suites import tasks
from suites.declaration import check_declaration
from suites.errors import SuiteError, shorten
from suites.task import Suite, Task

ENTRY_POINTS = "diffusion_guidance_bench.suites"
FOLDER = Path(tasks.__path__[0])

_registered: dict[str, Suite] = {}
_origins: dict[str, str] = {}  # suite → the module that registered it


def register_suite(suite: Suite) -> Suite:
    """Make a suite known by its name; to be called at the top level of a file, after all that the suite uses.

    Returns:
        The same suite.

    Raises:
        SuiteError: the name is taken, or the declaration cannot work; see `check_declaration`.
    """
    check_declaration(suite)
    origin = sys._getframe(1).f_globals.get("__name__", "?")  # the module that calls, as namedtuple finds it
    built_in = _built_in(suite.name)
    other = _origins.get(suite.name) if suite.name in _registered else built_in if built_in != origin else None
    if other is not None and not (other == origin == "__main__"):  # there a notebook's cell is run again
        raise SuiteError(f"two suites are called {suite.name!r}: {other} and {origin}; rename one of them.")
    _registered[suite.name], _origins[suite.name] = suite, origin
    try:
        if origin != built_in:  # a file here imports no other; tests hold its names apart
            _refuse_shared_names(suite)
    except UserError:
        del _registered[suite.name]
        raise
    return suite


def _refuse_shared_names(suite: Suite) -> None:
    """Refuse a task that another suite has too, and a task and a suite of one name."""
    others = [get_suite(name) for name in suite_names() if name != suite.name]
    for task in suite.tasks:
        for other in others:
            if task.name == other.name or any(task.name == its.name for its in other.tasks):
                what = "has the name of" if task.name == other.name else "is also a task of"
                raise SuiteError(
                    f"task {task.name!r} of suite {suite.name!r} {what} suite {other.name!r}; rename it."
                )
    for other in others:
        if any(suite.name == its.name for its in other.tasks):
            raise SuiteError(f"suite {suite.name!r} has the name of a task of suite {other.name!r}; rename it.")


def forget_suites(module: str) -> dict[str, Suite]:
    """Forget what a module registered, before its file is read again, and return it."""
    names = [name for name in _registered if _origins.get(name) == module]
    return {name: _registered.pop(name) for name in names}


def restore_suites(forgotten: Mapping[str, Suite], module: str) -> None:
    """Register again what was forgotten of a module."""
    for name, suite in forgotten.items():
        _registered[name], _origins[name] = suite, module


def outside_suites() -> dict[str, str]:
    """Every registered suite that no file here declares → the module that registered it."""
    return {name: _origins[name] for name in _registered if _origins.get(name, _built_in(name)) != _built_in(name)}


def suite_names() -> tuple[str, ...]:
    """The names of all suites, in alphabetical order, without importing one."""
    files = (module.name.replace("_", "-") for module in pkgutil.iter_modules(tasks.__path__))
    installed = (point.name for point in entry_points(group=ENTRY_POINTS))
    return tuple(sorted({*_registered, *files, *installed}))


def get_suite(name: str) -> Suite:
    """The suite of that name; imports its file if nobody has.

    Raises:
        UnknownName: no suite has the name; near names are suggested.
        SuiteError: a file or an installed package that cannot be imported, or does not register its suite.
    """
    if name not in _registered:
        names = suite_names()
        if name not in names:
            raise unknown_name("suite", name, names)
        _import(name)
    if name not in _registered:
        raise SuiteError(
            f"the file of suite {name!r} registers no suite of that name; add register_suite(Suite(name={name!r}, "
            "...))."
        )
    return _registered[name]


def _built_in(name: str) -> str | None:
    """The module here that declares the suite of that name, imported or not."""
    file = name.replace("-", "_")
    return f"{tasks.__name__}.{file}" if (FOLDER / f"{file}.py").is_file() and file != "__init__" else None


def _import(name: str) -> None:
    module = _built_in(name)
    if module is not None:
        importlib.import_module(module)
        return
    for point in entry_points(group=ENTRY_POINTS, name=name):
        try:
            point.load()
        except UserError:
            raise
        except Exception as error:  # whatever an installed package raises while it is imported
            raise SuiteError(
                f"suite {name!r} of the installed package {point.value!r} fails to import: "
                f"{type(error).__name__}: {shorten(error)}."
            ) from error


def find_tasks(name: str) -> tuple[Task, ...]:
    """The task of that name, in whichever suite, or all tasks of the suite of that name.

    Raises:
        UnknownName: neither exists; near names are suggested.
    """
    suites = {suite: get_suite(suite) for suite in suite_names()}
    if name in suites:
        return suites[name].tasks
    known = {task.name: task for suite in suites.values() for task in suite.tasks}
    if name not in known:
        raise unknown_name("task or suite", name, [*suites, *known])
    return (known[name],)


def _refuse_other_task(suite: str, name: str) -> None:
    """Refuse a task of another suite, by that suite's name."""
    for other in suite_names():
        if other != suite and any(task.name == name for task in get_suite(other).tasks):
            raise UnknownName(
                f"task {name!r} is one of suite {other}, not of {suite}; name that suite with --suite {other}."
            )


def get_tasks(suite: Suite | str, names: Iterable[str] | None = None) -> tuple[Task, ...]:
    """The suite's tasks of those names in the order asked for, or all of them in the suite's own order.

    Args:
        suite: a suite or its name.
        names: task names, each at most once in the answer; None (or nothing) for all.

    Raises:
        UnknownName: the suite, or one of the names in it, does not exist; near names are suggested.
    """
    found = get_suite(suite) if isinstance(suite, str) else suite
    known = {task.name: task for task in found.tasks}
    asked = tuple(dict.fromkeys(names or known))
    for name in asked:
        if name not in known:
            _refuse_other_task(found.name, name)
            raise unknown_name(f"task of suite {found.name}", name, known)
    return tuple(known[name] for name in asked)
