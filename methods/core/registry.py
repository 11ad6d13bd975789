"""A method is found by its name: one file in this folder, one entry point, or a file given by `--plugin`.

A file `methods/my_method.py` holds the method `my-method`; nothing is imported until it is asked for.
"""

import dataclasses
import importlib
import importlib.util
import re
from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import TypeVar

from foundation.errors import UserError, unknown_name
from foundation.names import is_name
from methods.core.method import Method, MethodError
from methods.presets.value import Presets

MethodT = TypeVar("MethodT", bound=Method)
ENTRY_POINTS = "diffusion_guidance_bench.methods"
FOLDER = Path(__file__).parent.parent

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
RESERVED = frozenset({"data", "data-set", "critic", "denoiser", "guidance-net", "sampler", "evaluation"})
"""The groups of shared settings, whose flags a method's settings would take."""

_registered: dict[str, type[Method]] = {}


def register(name: str) -> Callable[[type[MethodT]], type[MethodT]]:
    """Class decorator that makes a method known by `name`.

    Args:
        name: as typed on the command line: lower case, words joined by `-`.

    Raises:
        MethodError: it is no such name, another class already has it, its settings are not those of a frozen
            dataclass with a default for each, or a knob is none of them.
    """

    if not isinstance(name, str) or NAME.fullmatch(name) is None or not is_name(name) or name in RESERVED:
        raise MethodError(
            f"a method cannot be called {name!r}: choose lower-case words and digits joined by `-`, as in "
            f"my-method, and none of {', '.join(sorted(RESERVED))}, which are groups of settings."
        )

    def keep(cls: type[MethodT]) -> type[MethodT]:
        check_settings_of(cls, name)
        other = _registered.get(name)
        taken = other.__module__ if other is not None else _built_in(name)
        same = cls.__module__ == taken and (other is None or other.__qualname__ == cls.__qualname__)
        if taken is not None and not same:
            raise MethodError(
                f"two methods are called {name!r}: {taken} and {cls.__module__}; rename one of them."
            )
        if cls.__module__ == _built_in(name):
            cls.presets = _presets(name)
        _registered[name] = cls
        return cls

    return keep


def check_settings_of(cls: type[Method], name: str) -> None:
    """Refuse a class that cannot be made with its settings' defaults."""
    if not ("__dataclass_params__" in vars(cls) and vars(cls)["__dataclass_params__"].frozen):
        raise MethodError(
            f"{cls.__name__} is no frozen dataclass; put @dataclass(frozen=True) between @register({name!r}) and "
            "the class."
        )
    for field in dataclasses.fields(cls):  # pyright: ignore[reportArgumentType]
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise MethodError(f"{cls.__name__}.{field.name} has no default; every setting of a method needs one.")
    own = {field.name for field in dataclasses.fields(cls)}  # pyright: ignore[reportArgumentType]
    for setting in cls.rho.published_with if cls.rho is not None else ():
        if setting not in own:
            raise MethodError(
                f"{cls.__name__}.rho is published with {setting!r}, which is none of its settings; name one of "
                f"{', '.join(sorted(own)) or 'its own, of which it has none'}."
            )
    for knob in cls.knobs:
        if knob not in own or knob == "rho":
            raise MethodError(
                f"{cls.__name__} has a knob {knob!r}, which is none of its settings; name one of "
                f"{', '.join(sorted(own - {'rho'})) or 'its own, of which it has none'} (its scale is its `rho`)."
            )


def method_names() -> tuple[str, ...]:
    """Every known name, sorted, without importing a method."""
    here = {path.stem.replace("_", "-") for path in FOLDER.glob("*.py") if path.stem != "__init__"}
    installed = {point.name for point in entry_points(group=ENTRY_POINTS)}
    return tuple(sorted(here | installed | set(_registered)))


def compared_names() -> tuple[str, ...]:
    """The methods that are compared when nobody names any: all but the baselines that are known to be biased."""
    return tuple(name for name in method_names() if get_method(name).in_default_comparison)


def get_method(name: str) -> type[Method]:
    """The method of that name; imports its file if nobody has.

    Raises:
        UnknownName: no method has the name; near names are suggested.
        MethodError: a file that does not register its method.
    """
    if name not in _registered:
        if name not in method_names():
            raise unknown_name("method", name, method_names())
        _import(name)
    if name not in _registered:
        raise MethodError(
            f"the file of method {name!r} registers no method of that name; add @register({name!r})."
        )
    return _registered[name]


def forget_methods(module: str) -> dict[str, type[Method]]:
    """Forget what a module registered, before its file is read again, and return it."""
    names = [name for name, cls in _registered.items() if cls.__module__ == module]
    return {name: _registered.pop(name) for name in names}


def restore_methods(forgotten: Mapping[str, type[Method]]) -> None:
    """Register again what was forgotten."""
    _registered.update(forgotten)


def outside_methods() -> dict[str, str]:
    """Every registered method that no file here holds → the module that registered it."""
    return {name: cls.__module__ for name, cls in _registered.items() if cls.__module__ != _built_in(name)}


def _built_in(name: str) -> str | None:
    """The module in this folder that owns the name, imported or not."""
    file = name.replace("-", "_")
    return f"methods.{file}" if (FOLDER / f"{file}.py").is_file() and file != "__init__" else None


def _presets(name: str) -> Presets:
    """What stands in `methods/presets` under the method's name, if anything."""
    module = f"methods.presets.{name.replace('-', '_')}"
    return importlib.import_module(module).PRESETS if importlib.util.find_spec(module) else {}


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
            raise MethodError(
                f"method {name!r} of the installed package {point.value!r} fails to import: "
                f"{type(error).__name__}: {error}."
            ) from error
