"""Loads a user's own file, which registers methods, suites or both.

The command line, the Python interface and every process of a run load it by `load_plugin`.
"""

import importlib.util
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from foundation.errors import UserError
from methods.core import registry as methods
from suites import registry as suites


@dataclass(frozen=True)
class Plugin:
    """What a file registered.

    Attributes:
        path: the file.
        methods, suites: names.
    """

    path: Path
    methods: tuple[str, ...] = ()
    suites: tuple[str, ...] = ()


def load_plugins(paths: Iterable[Path]) -> None:
    """Load each file; errors as `load_plugin`."""
    for path in paths:
        load_plugin(path)


def load_plugin(path: Path) -> Plugin:
    """Import a file; one that was loaded before is read again, one of `methods` or `suites/tasks` is itself.

    Returns:
        What it registers, and what packages of the user's own that it imports register.

    Raises:
        UserError: no such file, another file of that name, an import that fails (nothing stays registered then),
            a file that registers nothing, or what registering refuses.
    """
    if not path.is_file():
        raise UserError(f"plug-in {str(path)!r} is not a file; give the path of a Python file.")
    name, folder = path.stem.replace("_", "-"), path.resolve().parent
    if folder == methods.FOLDER.resolve():
        methods.get_method(name)
        return Plugin(path, methods=(name,))
    if folder == suites.FOLDER.resolve():
        suites.get_suite(name)
        return Plugin(path, suites=(name,))
    found = _import(path)
    if not (found.methods or found.suites):
        raise UserError(
            f"plug-in {str(path)!r} registers no method and no suite; decorate a method's class with "
            "@register(name), or call register_suite(Suite(...))."
        )
    return found


def _import(path: Path) -> Plugin:
    """Import the file as the module `plugin_STEM`, under which other processes find what it defines."""
    module = f"plugin_{path.stem}"
    _refuse_other_file(module, path)
    spec = importlib.util.spec_from_file_location(module, path)
    if spec is None or spec.loader is None:
        raise UserError(f"plug-in {str(path)!r} is not a Python file; its name must end in .py.")
    before = methods.snapshot_methods(), suites.snapshot_suites(), sys.modules.get(module)
    methods.forget_methods(module)
    suites.forget_suites(module)
    known = methods.outside_methods(), suites.outside_suites()
    sys.modules[module] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(sys.modules[module])
    except Exception as error:  # whatever a user's file raises while it is imported
        _restore(*before, module)
        if isinstance(error, UserError):
            raise
        raise UserError(f"plug-in {str(path)!r} fails to import: {type(error).__name__}: {error}.") from error
    now = methods.outside_methods(), suites.outside_suites()
    return Plugin(path, *(tuple(name for name in after if name not in old) for old, after in zip(known, now)))


def _refuse_other_file(module: str, path: Path) -> None:
    """Refuse a file whose module another file is still in use as."""
    in_use = module in {*methods.outside_methods().values(), *suites.outside_suites().values()}
    other = getattr(sys.modules.get(module), "__file__", None)
    if in_use and other is not None and Path(other).resolve() != path.resolve():
        raise UserError(f"two plug-ins are called {path.name!r}: {other} and {path}; rename one of the files.")


def _restore(
    registered_methods: dict, registered_suites: suites.Snapshot, loaded: ModuleType | None, module: str
) -> None:
    methods.restore_methods(registered_methods)
    suites.restore_suites(registered_suites)
    del sys.modules[module]
    if loaded is not None:
        sys.modules[module] = loaded
