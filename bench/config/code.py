"""What of a task and of a method's code decides a score, for the keys of results.

A component's code has a `version` that its author raises. A method's guidance and selection, and a task's
environment, have none, so their code itself is in the key.
"""

import ast
import hashlib
import inspect
import re
import sys
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import suites
from suites.task import ControlTask, Task

ADDRESS = re.compile(r" at 0x[0-9a-f]+")  # of an object in memory, which is another in each process
SUITES = Path(inspect.getfile(suites)).parent


def describe_task(task: Task) -> list[Any]:
    """A task's evaluation as JSON: horizon, reference, environment and success measure.

    Of a suite outside `suites/`, the code of the file that declares it too.
    """
    if not isinstance(task, ControlTask):
        return []
    functions = [task.make_environment, *([task.success.holds] if task.success is not None else [])]
    success = None if task.success is None else [task.success.steps, task.success.at_end]
    return [task.horizon, list(task.reference), success, [describe_function(each) for each in functions]]


def describe_function(function: Callable[..., Any]) -> list[Any]:
    """A function's name and bound arguments, and the hash of its file where that is not in `suites/`."""
    inner = function.func if isinstance(function, partial) else function
    named = inner if inspect.isroutine(inner) or inspect.isclass(inner) else type(inner)
    given = (function.args, sorted(function.keywords.items())) if isinstance(function, partial) else ()
    bound = [ADDRESS.sub("", repr(each)) for each in (*given, *([inner] if named is not inner else []))]
    file = find_file(named)
    is_ours = file is not None and file.is_relative_to(SUITES)
    own = [] if is_ours or file is None else [hash_code(file)]
    return [f"{named.__module__}.{named.__qualname__}", *bound, *own]


def hash_method(method: Any) -> str:
    """The hash of the code of the file that defines a method; empty where there is no file, as in a notebook."""
    file = find_file(type(method))
    return "" if file is None else hash_code(file)


def find_file(thing: Any) -> Path | None:
    """The file that defines a class or a function."""
    name = getattr(sys.modules.get(thing.__module__), "__file__", None)
    return Path(name).resolve() if name is not None and Path(name).is_file() else None


def hash_code(file: Path) -> str:
    """The hash of a file's code; comments, docstrings and layout do not count."""
    return _hash_code(file, file.stat().st_mtime_ns)


@cache
def _hash_code(file: Path, changed: int) -> str:
    tree = ast.parse(file.read_text("utf-8"))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        first = body[0] if isinstance(body, list) and body else None
        value = first.value if isinstance(first, ast.Expr) else None
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            value.value = ""
    return hashlib.sha256(ast.unparse(tree).encode()).hexdigest()[:16]
