"""Loads a user's own file, which registers methods, suites or both.

The command line, the Python interface and every process of a run load it by `load_plugin`.
"""

import importlib.util
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from foundation.errors import UserError
from methods.core import registry as methods
from methods.core.method import Method
from suites import registry as suites
from suites.task import Suite

_loaded: dict[Path, "Plugin"] = {}


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
    """Load each file.

    Raises:
        UserError: as `load_plugin`, or two different files of one name.
    """
    by_module: dict[str, Path] = {}
    for path in paths:
        other = by_module.setdefault(path.stem, path)
        if other.resolve() != path.resolve():
            raise UserError(f"two plug-ins are called {path.name!r}: {other} and {path}; rename one of the files.")
        load_plugin(path)


def load_plugin(path: Path) -> Plugin:
    """Import a file: one of `methods` or `suites/tasks` as itself, one that was loaded before anew.

    It takes the place of a file of the same name that was loaded before, which is forgotten.

    Returns:
        What it registers, and what packages of the user's own that it imports register.

    Raises:
        UserError: no such file, an import that fails (nothing of it stays registered), a file that registers
            nothing, or what registering refuses.
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


def find_files(names: Iterable[str], suite_names: Iterable[str]) -> tuple[Path, ...]:
    """The loaded files that register one of these methods or suites, which another process has to load too."""
    wanted, of_suites = set(names), set(suite_names)
    return tuple(
        path
        for path, plugin in _loaded.items()
        if path.is_file()
        and find_origin(f"plugin_{path.stem}") == path
        and (wanted & set(plugin.methods) or of_suites & set(plugin.suites))
    )


def find_origin(module: str) -> Path | None:
    """The file that an imported module comes from."""
    origin = getattr(sys.modules.get(module), "__file__", None)
    return None if origin is None else Path(origin).resolve()


def _import(path: Path) -> Plugin:
    """Import the file as the module `plugin_STEM`, under which other processes find what it defines."""
    module = f"plugin_{path.stem}"
    spec = importlib.util.spec_from_file_location(module, path)
    if spec is None or spec.loader is None:
        raise UserError(f"plug-in {str(path)!r} is not a Python file; its name must end in .py.")
    before = methods.forget_methods(module), suites.forget_suites(module), sys.modules.get(module)
    known = methods.outside_methods(), suites.outside_suites()
    sys.modules[module] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(sys.modules[module])
    except (Exception, SystemExit) as error:  # whatever a user's file raises while it is imported
        _restore(*before, module)
        if isinstance(error, UserError):
            raise
        raise UserError(f"plug-in {str(path)!r} fails to import: {type(error).__name__}: {error}.") from error
    # A package that the file imports is imported once, so what it registers is new the first time only.
    earlier = _loaded.get(path.resolve(), Plugin(path))
    now = methods.outside_methods(), suites.outside_suites()
    _loaded[path.resolve()] = Plugin(
        path,
        *(
            tuple(name for name in after if name not in old or name in its)
            for old, after, its in zip(known, now, (earlier.methods, earlier.suites), strict=True)
        ),
    )
    return _loaded[path.resolve()]


def _restore(
    of_methods: Mapping[str, type[Method]], of_suites: Mapping[str, Suite], loaded: ModuleType | None, module: str
) -> None:
    """Forget what a file registered before it failed, and put back what stood there before."""
    methods.forget_methods(module)
    suites.forget_suites(module)
    methods.restore_methods(of_methods)
    suites.restore_suites(of_suites, module)
    del sys.modules[module]
    if loaded is not None:
        sys.modules[module] = loaded
