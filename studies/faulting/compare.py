"""What commands left in their folders as values to compare; times, and what tells of them, are left out.

A result is compared with every field but when it was made and how long that took; a component by the bytes of its
weights; a ledger as the set of its evaluations, since one that was killed is entered anew.
"""

import csv
import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

PASSING = frozenset(
    {
        "created", "seconds", "seconds_per_seed", "previous", "sha256", "description_sha256", "curve_sha256",
        "peak_memory",
    }
)  # fmt: skip
"""Fields that no two commands have equal."""
MADE_BY = frozenset({"made_on", "held_by"})
Described = dict[str, Any]


def describe_results(folder: Path) -> Described:
    """Results with their samples, choices, ledger and the newest plan."""
    found: Described = {}
    for file in sorted((folder / "runs").glob("*/*/seed-*")):
        place = str(file.relative_to(folder))
        found[place] = _hash_arrays(file) if file.suffix == ".npz" else _read_json(file)
    tuned = _read_json(folder / "tuned.json")
    if isinstance(tuned, dict):
        for choice in tuned.get("choices", []):
            choice["tried"] = sorted(choice["tried"], key=json.dumps)
    found["tuned.json"] = tuned
    found["ledger.jsonl"] = describe_ledger(folder / "ledger.jsonl")
    lines = _read_lines(folder / "plans.jsonl")
    found["plans.jsonl"] = lines[-1:] if all(isinstance(line, dict) for line in lines) else lines
    found["experiments.json"] = _read_json(folder / "experiments.json")
    return found


def describe_ledger(file: Path) -> list[str]:
    """Each evaluation once, whatever its trial's number."""
    lines = _read_lines(file)
    kept = [{k: v for k, v in line.items() if k != "trial"} if isinstance(line, dict) else line for line in lines]
    return sorted({json.dumps(line, sort_keys=True) for line in kept})


def describe_artifacts(folder: Path) -> Described:
    """Trained components with their curves and descriptions, floors, generated data, ledger."""
    found: Described = {"ledger.jsonl": describe_ledger(folder / "ledger.jsonl")}
    for file in sorted((folder / "components").glob("*/seed-*")):
        place = str(file.relative_to(folder))
        if file.suffix == ".safetensors":
            found[place] = _hash_bytes(file)
        elif file.suffix == ".csv":
            found[place] = _read_curve(file)
        else:
            found[place] = _read_json(file)
    for file in sorted((folder / "floors").glob("*/*.json")):
        found[str(file.relative_to(folder))] = _read_json(file)
    for file in sorted((folder / "data").rglob("*.hdf5")):
        if not any(part.startswith(".") for part in file.relative_to(folder).parts):
            found[str(file.relative_to(folder))] = _hash_hdf5(file)
    return found


def describe_report(folder: Path) -> Described:
    """Every file of a report by its content."""
    return {
        str(file.relative_to(folder)): _hash_bytes(file) for file in sorted(folder.rglob("*")) if file.is_file()
    }


def find_differences(found: Described, expected: Described) -> list[str]:
    """Places where two descriptions differ, with what is there."""
    differing = []
    for place in sorted({*found, *expected}):
        if place not in found:
            differing.append(f"{place} is not there")
        elif place not in expected:
            differing.append(f"{place} is new")
        elif found[place] != expected[place]:
            differing.append(f"{place} differs{_find_inner(found[place], expected[place])}")
    return differing


def list_leftovers(folder: Path) -> list[str]:
    """Half-written files, which are none of the results."""
    names = (".writing-*", ".unfinished-*", "*.state", "*.earlier", "publishing.json")
    return sorted(str(file.relative_to(folder)) for name in names for file in folder.rglob(name))


def _find_inner(found: Any, expected: Any) -> str:
    if not (isinstance(found, Mapping) and isinstance(expected, Mapping)):
        return f" ({str(found)[:80]} for {str(expected)[:80]})" if not isinstance(found, list) else ""
    names = [name for name in {**expected, **found} if found.get(name) != expected.get(name)]
    shown = [f"{name}: {str(found.get(name))[:40]} for {str(expected.get(name))[:40]}" for name in names[:2]]
    return f" in {'; '.join(shown)}"


def _strip(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _strip(each) for name, each in value.items() if name not in PASSING | MADE_BY}
    return [_strip(each) for each in value] if isinstance(value, list) else value


def _read_json(file: Path) -> Any:
    if not file.is_file():
        return None
    try:
        return _strip(json.loads(file.read_bytes()))
    except (ValueError, RecursionError):
        return f"no JSON: {_hash_bytes(file)}"


def _read_lines(file: Path) -> list[Any]:
    found = []
    for line in file.read_bytes().split(b"\n")[:-1] if file.is_file() else ():
        try:
            found.append(_strip(json.loads(line)))
        except (ValueError, RecursionError):
            found.append(line.decode(errors="replace"))
    return found


def _read_curve(file: Path) -> Any:
    if not file.is_file():
        return "no file"
    rows: Iterable[dict[str, str]] = csv.DictReader(io.StringIO(file.read_text(errors="replace")))
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


def _hash_bytes(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else "no file"


def _hash_arrays(file: Path) -> Any:
    try:
        with np.load(file, allow_pickle=False) as stored:
            return {name: hashlib.sha256(stored[name].tobytes()).hexdigest() for name in stored}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error):
        return f"no arrays: {_hash_bytes(file)}"


def _hash_hdf5(file: Path) -> Any:
    found: dict[str, str] = {}

    def take(name: str, each: Any) -> None:
        if isinstance(each, h5py.Dataset):
            found[name] = hashlib.sha256(np.asarray(each[...]).tobytes()).hexdigest()

    try:
        with h5py.File(file, "r") as stored:
            stored.visititems(take)
    except (OSError, RuntimeError, KeyError, ValueError):
        return f"no HDF5: {_hash_bytes(file)}"
    return found
