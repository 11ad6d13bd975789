"""Makes one results folder from several: into a temporary folder, which is moved into place when it is whole."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.storage.merge_cells import Cell, collect_cells, hash_file, read_unchanged
from bench.storage.merge_origins import find_records, merge_commands
from bench.storage.merge_records import (
    Chain,
    find_frozen,
    merge_choices,
    merge_experiments,
    merge_ledgers,
    merge_looks,
    merge_plans,
    merge_timing,
    now,
)
from foundation.errors import UserError
from foundation.exhausted import describe_unwritten
from foundation.files import TEMPORARY, make_folder, sync_folder, write_atomically
from foundation.text import clean_line
from reports.load.files import EXPERIMENTS, TIMING, TUNED, check_folder, read_bytes, read_lines, write_file
from reports.load.frozen_plan import FROZEN
from reports.load.ledger import LEDGER
from reports.load.looks import LOOKS
from reports.load.merged_schema import MERGED, SOURCES, Merged, Source
from reports.load.origins import COMMANDS
from reports.load.plans import PLANS
from reports.load.schema import FORMAT, Experiments
from reports.load.timing_schema import Timing
from reports.load.tuning_schema import Choices

_RECORDS = (LEDGER, PLANS, LOOKS, COMMANDS, TUNED, TIMING, EXPERIMENTS, FROZEN, MERGED)
_JOURNALS = "tuning/*.log"


@dataclass(frozen=True)
class Contents:
    """All that a merged folder is to hold, read and checked before anything is written.

    Attributes:
        cells: the results, each once.
        replaced: measurements of time that a later folder's replaced.
        frozen: the folder whose frozen plan it has.
        journals: name of a journal of trials to the folder that it is taken from.
        clashing: journals that folders have with different contents, which are left out.
        records: name of a record of a component or method to the folder that it is taken from.
        commands: lines of the record of commands.
    """

    cells: Sequence[Cell]
    ledger: Chain
    plans: Chain
    looks: bytes
    choices: Choices
    timing: Timing
    replaced: int
    experiments: Experiments
    frozen: Path | None
    journals: dict[str, Path]
    clashing: Sequence[str]
    records: dict[str, Path]
    commands: bytes


def merge_folders(folders: Sequence[Path], to: Path, say: Callable[[str], None]) -> None:
    """Make a results folder from others, of which nothing is changed.

    Args:
        folders: two or more results folders of this format.
        to: the new folder; not there yet, or empty.
        say: called with a line on what is in it, and on what could not be merged.

    Raises:
        UserError: too few folders, a folder of another format or that is damaged, a `to` that holds something, or
            folders that do not fit together. Nothing is left of it then.
    """
    check_places(folders, to)
    contents = read_contents(folders)
    with make_whole(to) as partial:
        write_contents(contents, folders, partial)
    for line in describe_contents(contents, folders):
        say(line)


def check_places(folders: Sequence[Path], to: Path) -> None:
    """Refuse what cannot be merged, or not into that place; see `merge_folders`."""
    if len(folders) < 2:
        raise UserError("merge takes two results folders or more, as in `merge results-a results-b --to results`.")
    places = [folder.resolve() for folder in folders]
    for i, folder in enumerate(folders):
        if not folder.is_dir():
            raise UserError(f"there is no results folder at {str(folder)!r}; name those that are to be merged.")
        check_folder(folder)
        if places[i] in places[:i]:
            raise UserError(f"{str(folder)!r} is named twice; name each folder once.")
        if to.resolve().is_relative_to(places[i]):
            raise UserError(f"{str(to)!r} is in {str(folder)!r}, which stays as it is; name a folder elsewhere.")
    if os.path.lexists(to) and not (to.is_dir() and not any(to.iterdir())):
        raise UserError(f"{str(to)!r} is there and not an empty folder; name a new folder with --to.")


def read_contents(folders: Sequence[Path]) -> Contents:
    """What the merged folder is to hold; ledgers are read after results, which are written after their entries."""
    cells = collect_cells(folders)
    timing, replaced = merge_timing(folders)
    journals, clashing = _find_journals(folders)
    return Contents(
        cells=cells,
        ledger=merge_ledgers(folders),
        plans=merge_plans(folders),
        looks=merge_looks(folders),
        choices=merge_choices(folders),
        timing=timing,
        replaced=replaced,
        experiments=merge_experiments(folders),
        frozen=find_frozen(folders),
        journals=journals,
        clashing=clashing,
        records=find_records(folders),
        commands=merge_commands(folders),
    )


def _find_journals(folders: Sequence[Path]) -> tuple[dict[str, Path], list[str]]:
    """Journals that can be taken as they are, since the lines of one build on those before; and the others."""
    found: dict[str, list[Path]] = {}
    for folder in folders:
        for file in sorted(folder.glob(_JOURNALS)):
            found.setdefault(file.relative_to(folder).as_posix(), []).append(folder)
    equal = {name: len({hash_file(folder / name) for folder in places}) == 1 for name, places in found.items()}
    return {name: found[name][0] for name in found if equal[name]}, [name for name in found if not equal[name]]


@contextlib.contextmanager
def make_whole(to: Path) -> Iterator[Path]:
    """A temporary folder beside `to`, which takes its place at the end of the block, or is removed.

    Raises:
        UserError: the disk is full, or the place cannot be written or was taken meanwhile.
    """
    try:
        make_folder(to.absolute().parent)
        place = Path(tempfile.mkdtemp(dir=to.absolute().parent, prefix=TEMPORARY))
    except OSError as error:
        raise UserError(describe_unwritten(to, error)) from error
    try:
        partial = place / "merged"
        partial.mkdir()
        yield partial
        try:
            if to.is_dir():
                to.rmdir()  # it was empty
            os.rename(partial, to)
            sync_folder(to.absolute().parent)
        except OSError as error:
            raise UserError(describe_unwritten(to, error)) from error
    finally:
        shutil.rmtree(place, ignore_errors=True)


def write_contents(contents: Contents, folders: Sequence[Path], place: Path) -> None:
    """Write all files of a merged folder."""
    for cell in contents.cells:
        for name in cell.hashes:
            write_atomically(place / name, read_unchanged(cell, name))
    for name, folder in (contents.journals | contents.records).items():
        write_atomically(place / name, read_lines(folder / name))
    if contents.frozen is not None:
        write_atomically(place / FROZEN, read_bytes(contents.frozen / FROZEN))
    lines = {LEDGER: contents.ledger.content, PLANS: contents.plans.content, LOOKS: contents.looks}
    lines[COMMANDS] = contents.commands
    for name, content in lines.items():
        if content:
            write_atomically(place / name, content)
    for number, folder in enumerate(folders, 1):
        _keep_records(folder, place / SOURCES / str(number))
    if contents.choices.choices:
        write_file(place / TUNED, contents.choices)
    if contents.timing.rows:
        write_file(place / TIMING, contents.timing)
    if contents.experiments.cells:
        write_file(place / EXPERIMENTS, contents.experiments)
    write_file(place / MERGED, _describe_sources(contents, folders))
    write_atomically(place / "FORMAT", f"{FORMAT}\n".encode())


def _keep_records(folder: Path, place: Path) -> None:
    """Copy a source's records as they are, with those of its own sources where it was merged itself."""
    records = [folder / name for name in _RECORDS if (folder / name).exists()]
    own = (path for path in sorted((folder / SOURCES).rglob("*")) if path.is_file())
    for file in (*records, *sorted(folder.glob(_JOURNALS)), *own):
        write_atomically(place / file.relative_to(folder), read_lines(file))


def _describe_sources(contents: Contents, folders: Sequence[Path]) -> Merged:
    sources = tuple(
        Source(
            name=clean_line(folder.resolve().name),
            results=sum(cell.folder == folder for cell in contents.cells),
            ledger=ledger,
            plans=plans,
        )
        for folder, ledger, plans in zip(folders, contents.ledger.taken, contents.plans.taken, strict=True)
    )
    return Merged(format=FORMAT, created=now(), sources=sources)


def describe_contents(contents: Contents, folders: Sequence[Path]) -> Iterator[str]:
    """What a merged folder holds, and what could not be merged, in lines."""
    for folder in folders:
        own = sum(cell.folder == folder for cell in contents.cells)
        yield f"{folder}: {own} result{'' if own == 1 else 's'}"
    if contents.replaced:
        yield f"{TIMING}: {contents.replaced} of the measurements that were made twice are the last folder's"
    if contents.clashing:
        yield (
            f"Left out: {', '.join(contents.clashing)}, of which the folders have different ones (kept in "
            f"{SOURCES}/); tuning for these tasks and methods would begin again in the merged folder."
        )
