"""Finds suites and tasks by name and imports only the suite that is asked for.

A suite is a file in `suites/tasks` that declares one `SUITE`; its name is the file's, with `-` for `_`.
"""

import importlib
import pkgutil
from collections.abc import Iterable

from foundation.errors import unknown_name
from suites import tasks
from suites.task import Suite, Task

_registered: dict[str, Suite] = {}  # suites from outside `suites/tasks`, by name; they come before the files


def suite_names() -> tuple[str, ...]:
    """The names of all suites, in alphabetical order."""
    files = (module.name.replace("_", "-") for module in pkgutil.iter_modules(tasks.__path__))
    return tuple(sorted({*_registered, *files}))


def get_suite(name: str) -> Suite:
    """The suite of that name.

    Raises:
        UnknownName: no suite has the name; near names are suggested.
    """
    if name in _registered:
        return _registered[name]
    names = suite_names()
    if name not in names:
        raise unknown_name("suite", name, names)
    return importlib.import_module(f"{tasks.__name__}.{name.replace('-', '_')}").SUITE


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
            raise unknown_name(f"task of suite {found.name}", name, known)
    return tuple(known[name] for name in asked)
