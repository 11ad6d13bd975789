"""Imports modules of other repositories' checkouts; what these import and a study does not need is empty."""

import importlib
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any


class Absent(ModuleType):
    """A module that is imported and not used: every name in it is a class, whose calls give their argument."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {"__call__": lambda self, *args, **kwargs: args[0] if args else self})


class Shims(MetaPathFinder, Loader):
    """Gives an `Absent` for modules of the named packages, where these are not installed."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:
        """For every module below one of the names."""
        is_named = fullname.split(".")[0] in self.names
        return ModuleSpec(fullname, self, is_package=True) if is_named else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """An empty module."""
        return Absent(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """There is nothing in it."""


SHIMS = Shims()
sys.meta_path.append(SHIMS)  # the last: what is installed is found before


def pass_over(*names: str) -> None:
    """Put empty modules in the place of packages that are not installed."""
    SHIMS.names.update(names)


def load(folder: Path, module: str) -> ModuleType:
    """A module of a checkout."""
    sys.path.insert(0, str(folder))
    return importlib.import_module(module)
