"""Reads what the Python interface and the command line are given: names, seeds, numbers, paths and settings.

Each may be a text as it is typed on the command line (`swg,cep`, `0,3,7`), or Python's own values.
"""

import dataclasses
import itertools
import os
import reprlib
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np

from bench.config.check_settings import check_value, split_hint
from bench.config.moved_settings import refuse_moved
from bench.config.spec import Config
from foundation.errors import UserError, unknown_name
from methods.core.registry import get_method, method_names

T = TypeVar("T", int, float)

MOST_SEEDS = 1000  # all of them train in one loop
LARGEST_SEED = 2**63 - 1
LONGEST_NAME = 255  # bytes of a file or folder, on the usual file systems
DATA_SET = "data_set"  # `data` is the source, so the data set's own settings have this name

Names: TypeAlias = str | Iterable[str] | None
Numbers: TypeAlias = float | str | Iterable[float] | None
Ranges: TypeAlias = str | Iterable[str] | Mapping[str, str | Sequence[float]] | None
Seeds: TypeAlias = int | np.integer[Any] | str | Iterable[int]
FilePath: TypeAlias = str | os.PathLike[str]
Paths: TypeAlias = FilePath | Iterable[FilePath]


def read_names(name: str, value: Names) -> tuple[str, ...] | None:
    """`swg,cep` or a list of names, in order without repeats; None for what is left out.

    Raises:
        UserError: no name at all, or something that is not a text.
    """
    if value is None:
        return None
    items = value.split(",") if isinstance(value, str) else as_list(name, value)
    if not all(isinstance(item, str) for item in items):
        raise UserError(f"{name} {value!r} must be names, as in swg,cep or a list of them.")
    names = tuple(dict.fromkeys(filter(None, (item.strip() for item in items))))
    if not names:
        raise UserError(f"{name} {value!r} holds no name; leave it out for the default.")
    return names


def read_numbers(name: str, value: Numbers, kind: Callable[[Any], T]) -> tuple[T, ...]:
    """A number, `1,5,10` or a list, each number once; none for what is left out.

    Args:
        name: of the option.
        value: what is given.
        kind: int or float.

    Raises:
        UserError: something that is no number of that kind, or none at all.
    """
    if value is None:
        return ()
    items = value.split(",") if isinstance(value, str) else as_list(name, value)
    try:
        numbers = tuple(dict.fromkeys(kind(item) for item in items if item != ""))
        exact = all(isinstance(item, str) or kind(item) == item for item in items)
    except (TypeError, ValueError):
        numbers, exact = (), False
    if not numbers or not exact or any(isinstance(item, bool) for item in items):
        raise UserError(f"{name} {value!r} does not parse; give a number or a list such as 1,5,10.")
    return numbers


def read_ranges(value: Ranges) -> dict[str, tuple[float, float]]:
    """`candidates=1:16,rho=1:10`, a list of such texts, or a mapping of names to both ends; none if left out.

    Raises:
        UserError: a text that does not parse, a name that is given twice, or a range that does not rise.
    """
    if value is None:
        return {}
    listed = value.items() if isinstance(value, Mapping) else _split_ranges(value)
    try:
        pairs = [_read_range(name, ends) for name, ends in listed]
    except (TypeError, ValueError):
        pairs = []
    if not pairs:
        raise UserError(f"ranges {value!r} do not parse; give names and ends, as in candidates=1:16,rho=1:10.")
    found: dict[str, tuple[float, float]] = {}
    for name, (low, high) in pairs:
        if name in found:
            raise UserError(f"ranges {value!r} have {name} twice; give it once.")
        if not low < high:
            raise UserError(f"ranges {name}={low:g}:{high:g} must rise from a low end to a high one, as in 1:16.")
        found[name] = low, high
    return found


def _split_ranges(value: str | Iterable[str]) -> list[tuple[str, str]]:
    items = value.split(",") if isinstance(value, str) else as_list("ranges", value)
    split = [str(item).partition("=") for item in items if item != ""]
    return [(name, ends) for name, _, ends in split]


def _read_range(name: Any, ends: Any) -> tuple[str, tuple[float, float]]:
    """A setting's name and two numbers; a ValueError or a TypeError for anything else."""
    low, high = ends.split(":") if isinstance(ends, str) else ends
    if not isinstance(name, str) or not name.strip() or isinstance(low, bool) or isinstance(high, bool):
        raise TypeError
    return name.strip().replace("-", "_"), (float(low), float(high))


def read_seeds(value: Seeds) -> tuple[int, ...]:
    """5 or `5` → 0..4; `0,3,7` or a list → those; `7-9` → 7, 8, 9; `7,` → 7 alone; at most 1000.

    Raises:
        UserError: anything else.
    """
    message = (
        f"seeds {shorten_value(value)} do not parse; give a count from 1, such as 5, a list such as 0,3,7, a "
        f"range such as 7-9, or one seed with a comma, as in `7,`; {MOST_SEEDS} at most."
    )
    text = value.strip() if isinstance(value, str) else None
    is_count = np.ndim(value) == 0 and (text is None or text.isdecimal())  # pyright: ignore
    try:
        numbers: list[Any] = _read_seed_list(text) if text is not None else as_list("seeds", value)
        if not all(isinstance(item, (int, str, np.integer)) and not isinstance(item, bool) for item in numbers):
            raise TypeError
        numbers = [int(item) for item in numbers]
    except (TypeError, ValueError):
        raise UserError(message) from None
    if is_count:
        if not 1 <= numbers[0] <= MOST_SEEDS:
            raise UserError(message)
        return tuple(range(numbers[0]))
    if len(numbers) > MOST_SEEDS:
        raise UserError(message)
    if not numbers or min(numbers) < 0 or max(numbers) > LARGEST_SEED or len(set(numbers)) < len(numbers):
        raise UserError(f"seeds {shorten_value(value)} must be different numbers from 0 to {LARGEST_SEED}.")
    return tuple(numbers)


def _read_seed_list(text: str) -> list[int]:
    """Seeds and ranges of them; one comma may stand at the end, which makes a list of one seed."""
    return list(itertools.chain(*map(_read_range_of_seeds, text.removesuffix(",").split(","))))


def _read_range_of_seeds(item: str) -> range:
    """`7` or `7-9`; a ValueError for anything else, and for more seeds than there may be."""
    low, dash, high = item.partition("-")
    first, last = int(low), int(high) if dash else int(low)
    if not low.strip() or not 0 <= last - first < MOST_SEEDS:
        raise ValueError
    return range(first, last + 1)


def shorten_value(value: Any) -> str:
    """A value for a sentence, cut in its middle where it is long."""
    try:
        return reprlib.repr(value)
    except ValueError:  # Python writes no integer of more than 4,300 digits
        return "of too many digits"


def read_paths(name: str, value: Paths) -> tuple[Path, ...]:
    """A path or a list of them."""
    items = [value] if isinstance(value, (str, os.PathLike)) else as_list(name, value)
    return tuple(read_path(name, item) for item in items)


def read_path(name: str, value: FilePath) -> Path:
    """One path, `~` being the home folder.

    Raises:
        UserError: it is not a path, or a name in it is longer than file systems take.
    """
    if not isinstance(value, (str, os.PathLike)) or not os.fspath(value):
        raise UserError(f"{name} {value!r} must be a path.")
    path = Path(value).expanduser()
    if any(len(os.fsencode(part)) > LONGEST_NAME for part in path.parts):
        raise UserError(f"{name} {reprlib.repr(str(path))} has a name of more than {LONGEST_NAME} bytes.")
    return path


def as_list(name: str, value: Any) -> list[Any]:
    """The items of a list, a tuple, an array and the like; a single number is one item.

    Raises:
        UserError: neither.
    """
    if isinstance(value, (int, float, np.number)):
        return [value]
    if isinstance(value, np.ndarray) and value.ndim != 1:
        return [value.item()] if value.ndim == 0 else value.ravel().tolist()
    if not isinstance(value, Iterable) or isinstance(value, (bytes, Mapping)):
        raise UserError(f"{name} {value!r} must be a single value or a list of them.")
    return list(value)


def read_settings(given: Mapping[str, Any], options: Iterable[str]) -> dict[str, Any]:
    """Settings by dotted name, from `{"critic": {"steps": 5}}` or `{"critic.steps": 5}`.

    A method's name may have `_` for `-`; `data_set` are the data set's settings. Values get the type of their
    field where nothing is lost: a list becomes a tuple, a whole number a float, a NumPy scalar Python's own.

    Args:
        given: what is left of a call's arguments when its options are taken.
        options: the names of those, for the near ones of an unknown name.

    Raises:
        UserError: a name that is none of an option, of a shared config or of a method; a group that is no mapping.
    """
    shared = {field.name for field in dataclasses.fields(Config)} - {"data"} | {DATA_SET}
    flat: dict[str, Any] = {}
    for name, value in flatten_mapping(given).items():
        head, dot, rest = name.partition(".")
        group = head if head in shared else head.replace("_", "-")
        if head not in shared and group not in method_names():
            raise unknown_name("option or setting", head, [*options, *sorted(shared), *method_names()])
        if not dot:
            raise UserError(f"{head}={value!r} must be a mapping of settings, such as {head}={{'steps': 1000}}.")
        refuse_moved(f"{group}.{rest}")
        config = Config if head in shared else get_method(group)
        place = "data" if head == DATA_SET else group
        path = [place, *rest.split(".")] if head in shared else rest.split(".")
        if f"{place}.{rest}" in flat:
            raise UserError(f"setting {group}.{rest} is given twice; give it once.")
        hint = find_hint(config, path)
        flat[f"{place}.{rest}"] = convert_value(value, hint)
        check_value(f"{group}.{rest}", flat[f"{place}.{rest}"], hint)
    return flat


def flatten_mapping(given: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as dotted names → values."""
    flat: dict[str, Any] = {}
    for key, value in given.items():
        name = f"{prefix}{key}"
        flat |= flatten_mapping(value, f"{name}.") if isinstance(value, Mapping) else {name: value}
    return flat


def find_hint(config: type, path: list[str]) -> Any:
    """The type hint of a dotted field; Any where there is no such field, which the settings' own check names."""
    hint: Any = config
    for name in path:
        base = split_hint(hint)[0]
        hints = get_type_hints(base, include_extras=True) if dataclasses.is_dataclass(base) else {}
        hint = hints.get(name, Any)
    return hint


def convert_value(value: Any, hint: Any) -> Any:
    """The value in its field's type where nothing is lost, else as it is, for the check of bounds to refuse."""
    if isinstance(value, np.generic):
        value = value.item()
    base, _ = split_hint(hint)
    arms = get_args(base) if get_origin(base) in (Union, types.UnionType) else (base,)
    kinds = [split_hint(arm)[0] for arm in arms]
    tuples = [kind for kind in kinds if get_origin(kind) is tuple]
    if tuples and isinstance(value, (list, tuple, np.ndarray)):
        inner = get_args(tuples[0])[0]
        return tuple(convert_value(item, inner) for item in value)
    if float in kinds and int not in kinds and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return value
