"""What no result of the given folders refers to: components or seeds of them, records, data sets, flat copies.

A result names its components, and a component those that it was trained with. What the open cells of a plan need
counts as referred to, and what another process is making stays. Data that were downloaded are not looked at.
"""

import functools
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.storage.components import ComponentStore
from bench.storage.leftovers import Found, drop_inner, find_leftovers, find_states_of_trials, measure
from foundation.errors import UserError
from foundation.files import TEMPORARY
from foundation.locks import LockHeld, hold_lock, is_held
from reports.load.components import list_records, read_record
from reports.load.files import check_folder, read_file
from reports.load.headers import ReferenceHeader
from reports.load.origins import COMMANDS, DAMAGED
from reports.load.plans import list_missing, read_plans

COMPONENT, SEED, RECORD = "component", "seed of a component", "record of a component"
DATA_SET, FLAT_COPY = "data set", "flat copy"
COSTLY = "takes minutes to make again"
IMPORTED = "imported, so that no run makes it again"


@dataclass(frozen=True)
class References:
    """What results and open cells stand on.

    Attributes:
        seeds: label of a component, and seed, with those of the components that these were trained with.
        data: names of data sets at their sources.
    """

    seeds: frozenset[tuple[str, int]]
    data: frozenset[str]

    @functools.cached_property
    def components(self) -> frozenset[str]:
        """The labels."""
        return frozenset(label for label, _ in self.seeds)

    def list_seeds(self, label: str) -> list[int]:
        """The seeds of a component, ascending."""
        return sorted(seed for each, seed in self.seeds if each == label)


def read_references(results: Sequence[Path], artifacts: Path) -> References:
    """What the results and the open cells of these folders refer to.

    Raises:
        UserError: a folder that is not there or of another version, or a result, record or description that cannot
            be read, so that what it refers to is not known.
    """
    seeds, data = set[tuple[str, int]](), set[str]()
    for folder in results:
        if not folder.is_dir():
            raise UserError(
                f"there is no results folder at {str(folder)!r}; name those that there are with --results."
            )
        check_folder(folder)
        for path in sorted((folder / "runs").glob("*/*/seed-*.json")):
            header = read_file(path, ReferenceHeader)
            seeds.update((label, header.seed) for label in header.components.values())
            data.add(header.data.name)
        plans = read_plans(folder)
        for cell in list_missing((*plans.newest, *plans.earlier), folder):
            seeds.update((label, cell.seed) for label in cell.components)
            data.update([] if cell.data is None else [cell.data])
    return References(_add_upstream(seeds, ComponentStore(artifacts)), frozenset(data))


def _add_upstream(seeds: Iterable[tuple[str, int]], store: ComponentStore) -> frozenset[tuple[str, int]]:
    upstream = functools.cache(store.upstream)
    found, waiting = set[tuple[str, int]](), list(seeds)
    while waiting:
        label, seed = waiting.pop()
        if (label, seed) not in found:
            found.add((label, seed))
            waiting += [(above, seed) for above in upstream(label)]
    return frozenset(found)


def list_removable(results: Sequence[Path], artifacts: Path) -> list[Found]:
    """What can be removed of these folders, largest kinds first; nothing is.

    Raises:
        UserError: see `read_references`; also artifacts that are no folder.
    """
    if not artifacts.is_dir():
        raise UserError(f"there is no artifacts folder at {str(artifacts)!r}; name it with --artifacts.")
    known = read_references(results, artifacts)
    found = [*_find_components(known, artifacts), *_find_data(known, artifacts / "data")]
    found += [each for folder in results for each in _find_records(known, folder)]
    aside = [path for folder in results for path in sorted((folder / "runs").glob("*/*/damaged-*.json"))]
    found += [measure("damaged result", path, "kept aside when it was made again") for path in aside]
    aside = [path for folder in results for path in sorted(folder.glob(f"{DAMAGED}*-{COMMANDS}"))]
    found += [measure("damaged record", path, "kept aside when another was begun") for path in aside]
    found += find_states_of_trials(results)
    return drop_inner([*found, *find_leftovers(results, artifacts)])


def _find_components(known: References, artifacts: Path) -> Iterator[Found]:
    """Whole components, or those of their seeds that no result refers to."""
    for folder in sorted((artifacts / "components").glob("*")):
        if not folder.is_dir() or folder.name.startswith(".") or is_held(folder / ".lock"):
            continue
        weights = {int(seed): path for path in folder.glob("seed-*") if (seed := _read_seed(path)) is not None}
        if folder.name not in known.components:
            yield measure(
                COMPONENT, folder, _describe_making(folder) if weights else "its training was not finished"
            )
            continue
        referred = known.list_seeds(folder.name)
        for seed in sorted(weights.keys() - referred):
            parts = [measure(SEED, path) for path in _list_files(weights[seed]) if path.exists()]
            if not parts:  # removed since by somebody else
                continue
            size, changed = sum(part.size for part in parts), max(part.changed for part in parts)
            note = f"results refer to seeds {', '.join(map(str, referred))}"
            yield Found(SEED, weights[seed], size, changed, note)


def _describe_making(folder: Path) -> str:
    """That a component was imported; nothing of one that a run makes again."""
    return IMPORTED if any(b'"imported": {' in path.read_bytes() for path in folder.glob("seed-*.json")) else ""


def _read_seed(path: Path) -> str | None:
    """The seed of a component's weights; None for another file."""
    seed = path.stem.removeprefix("seed-")
    return seed if path.suffix == ".safetensors" and seed.isdecimal() else None


def _list_files(weights: Path) -> list[Path]:
    """The files of one seed of a component, first that which says that it is made."""
    return [weights.with_suffix(".json"), weights.with_suffix(".csv"), weights]


def _find_records(known: References, results: Path) -> Iterator[Found]:
    """The records of components that no result stands on; they say themselves what else a component stands on."""
    records = {path: read_record(path) for path in list_records(results)}
    above = {(each.label, each.seed): each.upstream.values() for each in records.values()}
    waiting = [(label, seed) for label, seed in above if label in known.components]
    kept = set(waiting)
    while waiting:
        place = waiting.pop()
        further = {(label, place[1]) for label in above.get(place, ())} - kept
        kept |= further
        waiting += further
    yield from (measure(RECORD, path) for path, each in records.items() if (each.label, each.seed) not in kept)


def _find_data(known: References, data: Path) -> Iterator[Found]:
    for files in sorted(data.glob("local/**/data")):
        folder = files.parent
        name = folder.relative_to(data).as_posix()
        if name not in known.data and not is_held(folder.with_name(f".{folder.name}.lock")):
            yield measure(DATA_SET, folder, COSTLY)
    flat = {name.replace("/", "--") for name in known.data}
    for path in sorted((data / "flat").glob("*.npz")):
        name = path.stem.partition("-")[2].rpartition("-")[0]  # SOURCE-NAME-WIDTH
        if name not in flat and not path.name.startswith("."):
            yield measure(FLAT_COPY, path)


def remove_found(found: Found) -> bool:
    """Remove it; False where another process has meanwhile begun to make it anew.

    It gets another name first, so that killed in between it is what a killed process left.

    Raises:
        UserError: it cannot be removed.
    """
    path = found.path
    locks = {COMPONENT: path / ".lock", SEED: path.parent / ".lock"}
    locks[DATA_SET] = path.with_name(f".{path.name}.lock")
    lock = locks.get(found.kind)
    try:
        if lock is None:
            _take_away(path)
        else:
            with hold_lock(lock, "", waits=False):
                for each in _list_files(path) if found.kind == SEED else [path]:
                    _take_away(each)
    except LockHeld:
        return False
    except FileNotFoundError:  # another process removed it
        return True
    except OSError as error:
        raise UserError(
            f"cannot remove {str(path)!r} ({error.strerror or error}); what was listed before it is gone."
        ) from error
    return True


def _take_away(path: Path) -> None:
    if not os.path.lexists(path):  # a component that is not trained has no curve
        return
    with tempfile.TemporaryDirectory(prefix=TEMPORARY, dir=path.parent) as place:
        os.rename(path, Path(place) / path.name)


def find_other_results(results: Sequence[Path], artifacts: Path) -> list[Path]:
    """Results folders beside or in the given ones, beside the artifacts or in the working folder."""
    given = {folder.resolve() for folder in results}
    places = {folder.resolve() for each in (*results, artifacts) for folder in (each, each.parent)} | {Path.cwd()}
    markers = {
        marker for place in places for pattern in ("*/FORMAT", "*/*/FORMAT") for marker in place.glob(pattern)
    }
    found = {marker.parent for marker in markers if (marker.parent / "runs").is_dir()}
    return sorted(found - given)
