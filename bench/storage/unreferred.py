"""What no result of the given folders refers to: components, their records, data sets made here, flat copies.

A result names its components, and a component those that it was trained with. What the open cells of a plan need
counts as referred to, and what another process is making stays. Data that were downloaded are not looked at.
"""

import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.storage.components import ComponentStore
from bench.storage.leftovers import Found, drop_inner, find_leftovers, measure
from foundation.errors import UserError
from foundation.files import TEMPORARY
from foundation.locks import LockHeld, hold_lock, is_held
from reports.load.components import list_records, read_record
from reports.load.files import check_folder, read_file
from reports.load.headers import ReferenceHeader
from reports.load.plans import list_missing, read_plans

COMPONENT, DATA_SET, FLAT_COPY, RECORD = "component", "data set", "flat copy", "record of a component"
COSTLY = "takes minutes to make again"


@dataclass(frozen=True)
class References:
    """What results and open cells stand on.

    Attributes:
        components: labels, with those of the components that these were trained with.
        data: names of data sets at their sources.
    """

    components: frozenset[str]
    data: frozenset[str]


def read_references(results: Sequence[Path], artifacts: Path) -> References:
    """What the results and the open cells of these folders refer to.

    Raises:
        UserError: a folder that is not there or of another version, or a result, record or description that cannot
            be read, so that what it refers to is not known.
    """
    components, data = set[str](), set[str]()
    for folder in results:
        if not folder.is_dir():
            raise UserError(
                f"there is no results folder at {str(folder)!r}; name those that there are with --results."
            )
        check_folder(folder)
        for path in sorted((folder / "runs").glob("*/*/seed-*.json")):
            header = read_file(path, ReferenceHeader)
            components.update(header.components.values())
            data.add(header.data.name)
        plans = read_plans(folder)
        for cell in list_missing((*plans.newest, *plans.earlier), folder):
            components.update(cell.components)
            data.update([] if cell.data is None else [cell.data])
    return References(_add_upstream(components, ComponentStore(artifacts)), frozenset(data))


def _add_upstream(labels: Iterable[str], store: ComponentStore) -> frozenset[str]:
    found, waiting = set[str](), list(labels)
    while waiting:
        label = waiting.pop()
        if label not in found:
            found.add(label)
            waiting += store.upstream(label)
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
    return drop_inner([*found, *find_leftovers(results, artifacts)])


def _find_components(known: References, artifacts: Path) -> Iterator[Found]:
    for folder in sorted((artifacts / "components").glob("*")):
        if folder.is_dir() and not folder.name.startswith(".") and folder.name not in known.components:
            is_made = any(folder.glob("seed-*.safetensors"))
            if not is_held(folder / ".lock"):
                yield measure(COMPONENT, folder, "" if is_made else "its training was not finished")


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
    path, lock = found.path, None
    if found.kind in (COMPONENT, DATA_SET):
        lock = path / ".lock" if found.kind == COMPONENT else path.with_name(f".{path.name}.lock")
    try:
        if lock is None:
            _take_away(path)
        else:
            with hold_lock(lock, "", waits=False):
                _take_away(path)
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
