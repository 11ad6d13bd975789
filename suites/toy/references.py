"""The numbers of a set that all methods are held against, each computed once: noise floors and laws of the energy.

`references.json` beside this file has those of the six sets at the numbers of points that the presets evaluate
(`studies/floors.py` makes it); others are computed when they are first asked for and kept in
`artifacts/floors/NAME-FINGERPRINT/`. The fingerprint is a hash of exact samples and energies, so that another
set, or one whose code has changed, never gets numbers of an old one. A file there has a hash of its numbers and of
what they are of; one that does not fit is computed again.
"""

import functools
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from foundation.files import write_atomically
from foundation.locks import hold_lock
from foundation.program import say_aside
from suites.task import Density, Progress
from suites.toy.densities import sample_target
from suites.toy.effective_beta import EnergyLaw, tabulate_energies
from suites.toy.floors import Floor, compute_floor

SHIPPED = "references.json"
ENERGIES = "energies"


@dataclass(frozen=True)
class Reference:
    """What samples of one set at one β are held against.

    Attributes:
        floor: of two exact samples of as many points.
        law: of the set's energy.
    """

    floor: Floor
    law: EnergyLaw


def find_reference(
    density: Density, inverse_temperature: float, samples: int, folder: Path, progress: Progress
) -> Reference:
    """The reference numbers: those that are shipped or stored, else computed now and stored.

    Args:
        density, inverse_temperature: the target.
        samples: points of each sample, at least 1.
        folder: the artifacts folder.
        progress: called with (done, total) while a floor is computed.

    Raises:
        UserError: the folder cannot be written.
        ValueError: as `sample_target` does for the inverse temperature.
    """
    stored = _StoredNumbers(density, folder / "floors")
    name = name_floor(inverse_temperature, samples)
    floor = stored.find(
        name, lambda: asdict(compute_floor(density, inverse_temperature, samples, progress=progress))
    )
    law = stored.find(ENERGIES, lambda: pack_law(tabulate_energies(density)))
    return Reference(Floor(**floor), unpack_law(law))


def name_floor(inverse_temperature: float, samples: int) -> str:
    """The name of a floor among the numbers of a set."""
    return f"beta-{inverse_temperature:g}-samples-{samples}"


def pack_law(law: EnergyLaw) -> dict[str, Any]:
    """As JSON; `unpack_law` is the inverse."""
    arrays = {"betas": law.betas, "means": law.means, "deviations": law.deviations}
    return {**{name: array.tolist() for name, array in arrays.items()}, "draws": law.draws}


def unpack_law(packed: Mapping[str, Any]) -> EnergyLaw:
    """The law that was packed."""
    betas, means, deviations = (np.array(packed[name]) for name in ("betas", "means", "deviations"))
    return EnergyLaw(betas, means, deviations, packed["draws"])


def compute_fingerprint(density: Density) -> str:
    """A hash of 256 exact samples at β = 1 and their energies, rounded to four decimals."""
    points = sample_target(density, 1.0, 256, np.random.default_rng(0))
    values = np.concatenate([points, density.energy(points)[:, None]], axis=1)
    return hashlib.sha256((np.round(values, 4) + 0.0).tobytes()).hexdigest()[:16]  # + 0: no negative zeros


@functools.cache
def read_shipped() -> Mapping[str, Any]:
    """Set to its `fingerprint` and its numbers by name."""
    return json.loads((resources.files("suites.toy") / SHIPPED).read_text(encoding="utf-8"))


class _StoredNumbers:
    """The numbers of one set, in the shipped file or in a folder of its own."""

    def __init__(self, density: Density, folder: Path):
        fingerprint = compute_fingerprint(density)
        shipped = read_shipped().get(density.name, {})
        self._shipped = shipped if shipped.get("fingerprint") == fingerprint else {}
        self._folder = folder / f"{density.name}-{fingerprint}"

    def find(self, name: str, compute: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """What is known by that name, computed and stored if nothing is."""
        if name in self._shipped:
            return self._shipped[name]
        path = self._folder / f"{name}.json"
        found = read_numbers(path)
        if found is not None:
            return found
        with hold_lock(self._folder / ".lock", f"noise floors of {self._folder.name}"):
            found = read_numbers(path)
            if found is None:
                if path.exists():
                    say_aside(f"  {str(path)!r} has not the hash of what it holds; it is computed again")
                found = compute()
                write_numbers(path, found)
            return found


def write_numbers(path: Path, numbers: Mapping[str, Any]) -> None:
    """Write a file of numbers with their hash."""
    content = {"numbers": numbers, "sha256": _hash_numbers(path, numbers)}
    write_atomically(path, f"{json.dumps(content)}\n".encode())


def read_numbers(path: Path) -> dict[str, Any] | None:
    """The numbers of a file; None where there is none, and where their hash is another, or missing as in 0.2.0."""
    try:
        content = json.loads(path.read_bytes())
        numbers, kept = content["numbers"], content["sha256"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return numbers if isinstance(numbers, dict) and kept == _hash_numbers(path, numbers) else None


def _hash_numbers(path: Path, numbers: Mapping[str, Any]) -> str:
    """SHA-256 of the numbers and of the names of set and file, so that none is taken for another."""
    return hashlib.sha256(json.dumps([path.parent.name, path.stem, numbers], sort_keys=True).encode()).hexdigest()
