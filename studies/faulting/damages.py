"""Ways to damage a file: a byte flipped, cut, emptied, swapped, forged, or something else in its place."""

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from safetensors.numpy import load, save

REPEATS = {"flip": 3, "forge": 3}
"""Damages that are tried at several places of a file."""
_SHIFT = 1.0 + 1 / 64  # of a forged number


@dataclass(frozen=True)
class Place:
    """A file to damage.

    Attributes:
        file: in the folder of the case.
        partner: another file of its kind; None where there is none.
        elsewhere: a folder outside the case's.
    """

    file: Path
    partner: Path | None
    elsewhere: Path


def flip(place: Place, generator: np.random.Generator) -> str:
    """One bit of one byte."""
    content = bytearray(place.file.read_bytes())
    if not content:
        raise LookupError("the file is empty")
    at, bit = int(generator.integers(len(content))), int(generator.integers(8))
    content[at] ^= 1 << bit
    place.file.write_bytes(content)
    return f"bit {bit} of byte {at} of {len(content)}"


def halve(place: Place, generator: np.random.Generator) -> str:
    """The first half."""
    content = place.file.read_bytes()
    place.file.write_bytes(content[: len(content) // 2])
    return f"{len(content) // 2} of {len(content)} bytes"


def empty(place: Place, generator: np.random.Generator) -> str:
    """Nothing."""
    place.file.write_bytes(b"")
    return "no byte"


def swap(place: Place, generator: np.random.Generator) -> str:
    """What another file of the kind holds."""
    if place.partner is None or place.partner.read_bytes() == place.file.read_bytes():
        raise LookupError("there is no other of its kind")
    content = place.partner.read_bytes()
    place.file.write_bytes(content)
    return f"the content of {place.partner.name}"


def forge(place: Place, generator: np.random.Generator) -> str:
    """Another value in valid syntax."""
    content = place.file.read_bytes()
    made, said = FORGERS.get(place.file.suffix, _forge_text)(content, generator, place.file)
    if made is not None:
        place.file.write_bytes(made)
    return said


def make_directory(place: Place, generator: np.random.Generator) -> str:
    """A folder in its place."""
    place.file.unlink()
    place.file.mkdir()
    return "a folder"


def link(place: Place, generator: np.random.Generator) -> str:
    """A link to where it now lies, outside."""
    place.elsewhere.mkdir(parents=True, exist_ok=True)
    target = place.elsewhere / place.file.name
    shutil.move(place.file, target)
    os.symlink(target, place.file)
    return "a link out of the folder"


DAMAGES: Mapping[str, Callable[[Place, np.random.Generator], str]] = {
    "flip": flip,
    "half": halve,
    "empty": empty,
    "swap": swap,
    "forge": forge,
    "directory": make_directory,
    "link": link,
}


def list_leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The places of all numbers, texts and truth values of a JSON value."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield from list_leaves(each, (*path, name))
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from list_leaves(each, (*path, number))
    else:
        yield path


def change_leaf(value: Any, path: tuple[Any, ...]) -> Any:
    """The JSON value with another leaf in one place; returns what was put there."""
    for step in path[:-1]:
        value = value[step]
    old = value[path[-1]]
    match old:
        case bool():
            new: Any = not old
        case int():
            new = old + 1
        case float():
            new = old * _SHIFT + (old == 0)
        case str():
            new = f"{old}x"
        case _:
            new = 0
    value[path[-1]] = new
    return new


def _forge_json(content: bytes, generator: np.random.Generator, file: Path) -> tuple[bytes, str]:
    value = json.loads(content)
    leaves = list(list_leaves(value))
    path = leaves[int(generator.integers(len(leaves)))]
    new = change_leaf(value, path)
    return json.dumps(value, indent=1).encode() + b"\n", f"{'.'.join(map(str, path))} = {str(new)[:60]}"


def _forge_lines(content: bytes, generator: np.random.Generator, file: Path) -> tuple[bytes, str]:
    lines = content.splitlines()
    at = int(generator.integers(len(lines)))
    made, said = _forge_json(lines[at], generator, file)
    lines[at] = json.dumps(json.loads(made)).encode()
    return b"".join(line + b"\n" for line in lines), f"line {at + 1} of {len(lines)}: {said}"


def _forge_text(content: bytes, generator: np.random.Generator, file: Path) -> tuple[bytes, str]:
    digits = [place for place, each in enumerate(content) if chr(each).isdigit()]
    if not digits:
        return content + b"x", "an x at its end"
    at, made = digits[int(generator.integers(len(digits)))], bytearray(content)
    made[at] = ord("1") + (made[at] - ord("0")) % 9
    return bytes(made), f"byte {at} is {chr(made[at])}"


def _forge_tensors(content: bytes, generator: np.random.Generator, file: Path) -> tuple[bytes, str]:
    tensors = load(content)
    name = sorted(tensors)[int(generator.integers(len(tensors)))]
    tensors[name] = tensors[name] * 2 + 1
    return save(tensors), f"other numbers in {name}"


def _forge_arrays(content: bytes, generator: np.random.Generator, file: Path) -> tuple[None, str]:
    with np.load(file, allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored}
    names = sorted(name for name, array in arrays.items() if array.dtype.kind == "f")
    name = names[int(generator.integers(len(names)))]
    arrays[name] = arrays[name] * np.asarray(_SHIFT, arrays[name].dtype)
    np.savez(file, allow_pickle=False, **arrays)
    return None, f"other numbers in {name}"


def _forge_hdf5(content: bytes, generator: np.random.Generator, file: Path) -> tuple[None, str]:
    with h5py.File(file, "r+") as stored:
        names: list[str] = []
        stored.visititems(lambda name, each: names.append(name) if isinstance(each, h5py.Dataset) else None)
        numbers = sorted(name for name in names if name.endswith(("rewards", "observations", "actions")))
        name = numbers[int(generator.integers(len(numbers)))]
        found: Any = stored[name]
        found[...] = np.asarray(found[...]) * 0.5
    return None, f"other numbers in {name}"


FORGERS: Mapping[str, Callable[[bytes, np.random.Generator, Path], tuple[bytes | None, str]]] = {
    ".json": _forge_json,
    ".jsonl": _forge_lines,
    ".log": _forge_lines,
    ".safetensors": _forge_tensors,
    ".npz": _forge_arrays,
    ".hdf5": _forge_hdf5,
}
