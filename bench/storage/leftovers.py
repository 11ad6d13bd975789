"""What killed processes left: half-written files and folders, and states of work that is finished.

The first go once nothing in them was changed for a day, the others at once. What a command goes on from stays.
"""

import contextlib
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.storage import unfinished
from bench.storage.components import ComponentStore
from foundation.files import LEFTOVER_SECONDS, TEMPORARY, is_leftover
from reports.errors import ReportError
from reports.load.files import read_file
from reports.load.headers import ResultHeader
from reports.load.progress import read_held
from suites.sources.local import UNFINISHED
from training.saved_state import read_seeds

_NOT_OURS = ("logs",)  # in a results folder: other programs write there


@dataclass(frozen=True)
class Found:
    """A file or folder that can be removed.

    Attributes:
        kind: what it is, in words.
        path: where.
        size: bytes, with all that is in it.
        changed: when something in it was last changed, seconds since 1970.
        note: what to know before it is removed.
    """

    kind: str
    path: Path
    size: int
    changed: float
    note: str = ""


def measure(kind: str, path: Path, note: str = "") -> Found:
    """A file or folder with its size and the time of its last change; links are not followed."""
    sizes, times = [0], [0.0]
    for each in (path, *_walk(path)):
        with contextlib.suppress(FileNotFoundError):  # another process removes it too
            status = each.lstat()
            sizes.append(0 if each.is_dir() else status.st_size)
            times.append(status.st_mtime)
    return Found(kind, path, sum(sizes), max(times), note)


def _walk(path: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(path):
        yield from (Path(place, name) for name in (*folders, *files))


def find_leftovers(results: Iterable[Path], artifacts: Path) -> list[Found]:
    """What is left over in folders of results and of artifacts."""
    now, folders = time.time(), tuple(results)
    partly = [found for folder in (*folders, artifacts) for found in _find_half_written(folder)]
    old = [found for found in partly if now - found.changed > LEFTOVER_SECONDS]
    states = [found for folder in folders for found in _find_states(folder)]
    return [*old, *_find_checkpoints(ComponentStore(artifacts)), *states]


def _find_half_written(root: Path) -> Iterator[Found]:
    for place, folders, files in os.walk(root):
        left = [name for name in (*folders, *files) if name.startswith(TEMPORARY)]
        left += [name for name in folders if name.startswith(UNFINISHED)]
        yield from (measure("half written", Path(place, name)) for name in left)
        folders[:] = [name for name in folders if name not in left and name not in _NOT_OURS]


def _find_checkpoints(store: ComponentStore) -> Iterator[Found]:
    """The checkpoints of components of which each seed is made."""
    for path in sorted((store.root / "components").glob("*/checkpoint-*")):
        with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
            seeds = read_seeds(file)
            if seeds and not store.missing(path.parent.name, seeds):
                yield measure("checkpoint of a finished training", path)


def _find_states(folder: Path) -> Iterator[Found]:
    """The states of evaluations whose result is there, and the leases of those that were killed just then."""
    for path in sorted((folder / "runs").glob(f"*/*/{unfinished.UNFINISHED}*.state")):
        name = path.name.removeprefix(unfinished.UNFINISHED).removesuffix(".state")
        if _is_done(path.with_name(f"{name}.json")):
            yield measure("state of a finished evaluation", path)
    for path in sorted((folder / "runs").glob("*/*/.seed-*.holders")):
        held = read_held(path)
        if _is_done(path.with_name(f"{path.stem.removeprefix('.')}.json")) and not (held and held.is_alive):
            yield measure("lease of a finished evaluation", path)


def find_states_of_trials(results: Iterable[Path]) -> Iterator[Found]:
    """What stopped trials of `tune` and `tune-rho` left and nobody went on with for a day: states and leases."""
    for folder in results:
        for path in sorted((folder / "tuning").glob(f"{unfinished.UNFINISHED}*.state")):
            if is_leftover(path):
                yield measure("state of a stopped trial", path, "the same tuning goes on from it")
        for path in sorted((folder / "tuning").glob(".*-*.holders")):
            if path.name.endswith(".lock.holders"):  # of a journal's lock
                continue
            held, found = read_held(path), measure("lease of a stopped trial", path)
            if time.time() - found.changed > LEFTOVER_SECONDS and not (held and held.is_alive):
                yield found


def _is_done(result: Path) -> bool:
    """Whether a result is there; one that cannot be read is made again."""
    try:
        return result.is_file() and read_file(result, ResultHeader).status == "done"
    except ReportError:
        return False


def sweep_leftovers(results: Path, artifacts: Path, say: Callable[[str], None]) -> None:
    """Remove what is left over in both folders, and say so if that was anything."""
    swept = [found for found in find_leftovers([results], artifacts) if remove(found.path)]
    if swept:
        count = "1 leftover" if len(swept) == 1 else f"{len(swept)} leftovers"
        say(f"  removed {count} of killed processes ({format_size(sum(found.size for found in swept))})")


def remove(path: Path) -> bool:
    """Remove a file or folder; whether it is gone and was there, which another process can prevent."""
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    except OSError:
        return False
    return True


def format_size(size: int) -> str:
    """Bytes as a reader would say them."""
    for unit, bytes_of in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= bytes_of:
            return f"{size / bytes_of:,.1f} {unit}"
    return f"{size} B"


def drop_inner(found: Sequence[Found]) -> list[Found]:
    """Those that lie in no other of them."""
    places = {each.path for each in found}
    return [each for each in found if not places & set(each.path.parents)]
