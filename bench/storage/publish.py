"""Adds a results folder to a site of contributed runs, and checks a site again; nothing leaves this machine.

A run is checked, then copied and reported in a temporary folder, which is moved into place when it is whole. The
index is made anew of all runs that are there, so what a killed process left of it is put right by the next.
"""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.storage.leftovers import remove
from bench.storage.merge import make_whole
from bench.storage.merge_records import now
from bench.storage.publish_checks import check_contribution
from foundation.errors import UserError
from foundation.exhausted import describe_unwritten
from foundation.files import is_leftover, is_temporary, make_folder, write_atomically
from foundation.locks import hold_lock
from reports.analysis.recorded import refuse_copied_seeds
from reports.leaderboard import render_site
from reports.load.contribution_schema import MARKER, REPORT, RESULTS, RUN, RUNS, SITE, Contribution
from reports.load.contributions import (
    Run,
    check_site,
    hash_content,
    hash_files,
    list_files,
    read_content,
    read_results,
    read_run,
    read_runs,
)
from reports.load.files import read_bytes, read_headers, write_file
from reports.load.looks import LOCK
from reports.load.schema import Result
from reports.render.numbers import count_noun
from reports.report import write_report

Say = Callable[[str], None]
_LOCK = ".lock"


def publish_folder(results: Path, site: Path, name: str, note: str, say: Say) -> Path:
    """Add a results folder to a site, unless the site has it; the folder stays as it is.

    Args:
        results: the folder.
        site: a site, or a new or empty folder.
        name, note: the contributor's words.
        say: called with a line on what was done.

    Returns:
        The folder of the run in the site.

    Raises:
        UserError: a file that cannot be contributed, a site of another layout or with a damaged run, or a copy of
            another run's results under other seeds. Nothing is left of it then.
    """
    check_places(results, site)
    read_headers(results)
    hashes = hash_files(results, list_files(results))
    said = Contribution(
        site=SITE, content=hash_content(hashes), name=name, note=note, created=now(), results=hashes, report={}
    )
    place = site / RUNS / said.id
    if not (place / RUN).is_file():
        check_contribution(results, said)  # before a new site is made
    with hold_site(site, say):
        known = {run.said.content: run.said for run in read_runs(site)}
        if said.content in known:
            say(describe_known(known[said.content], said))
        else:
            _refuse_other_seeds(results, site)
            say(f"{results}: checked; making its report")
            _add_run(results, place, said)
            say(f"Added: run {said.id}, {count_noun(len(read_results(results)), 'result')}")
        written = write_index(site)
        if written:
            say(f"Written: {', '.join(written)}")
    return place


def describe_known(known: Contribution, said: Contribution) -> str:
    """That a site has a run already, and that the contributor's words stay."""
    stays = "; its name and note stay as they are" if (known.name, known.note) != (said.name, said.note) else ""
    return f"Nothing to add: these results are run {known.id} ({known.name}), added {known.created}{stays}."


def _refuse_other_seeds(results: Path, site: Path) -> None:
    """Refuse results with the episodes of a run that the site has, under another seed."""
    every = [result for run in read_runs(site) for result in read_results(run.results)] + read_results(results)
    refuse_copied_seeds([result for result in every if isinstance(result, Result)])


def check_places(results: Path, site: Path) -> None:
    """Refuse a results folder that is not there, and one of two folders that is in the other.

    Raises:
        UserError: one of them.
    """
    if not results.is_dir():
        raise UserError(f"there is no results folder at {str(results)!r}; name the one to be published.")
    one, other = results.resolve(), site.resolve()
    if other.is_relative_to(one) or one.is_relative_to(other):
        how = "is" if one == other else "lies in" if other.is_relative_to(one) else "holds"
        raise UserError(
            f"{str(site)!r} {how} the results folder {str(results)!r}: name a folder elsewhere with --to, so that "
            "both stay what they are."
        )


@contextlib.contextmanager
def hold_site(site: Path, say: Say) -> Iterator[None]:
    """Hold a site's lock for the time of the block; a new or empty folder becomes a site.

    Raises:
        UserError: a folder that holds something else, another layout, or a place that cannot be written.
    """
    if os.path.lexists(site) and not site.is_dir():
        raise UserError(f"{str(site)!r} is a file: name a folder with --to.")
    if site.is_dir() and any(not path.name.startswith(_LOCK) for path in site.iterdir()):
        check_site(site)
    try:
        make_folder(site)
    except OSError as error:
        raise UserError(describe_unwritten(site, error)) from error
    with hold_lock(site / _LOCK, f"site {site}", say):
        if not (site / MARKER).exists():
            write_atomically(site / MARKER, f"{SITE}\n".encode())
        make_folder(site / RUNS)
        _remove_leftovers(site)
        yield


def _remove_leftovers(site: Path) -> None:
    """Remove what killed processes left a day ago or earlier."""
    for place in (site / RUNS).iterdir():
        if is_temporary(place) and is_leftover(place):
            shutil.rmtree(place, ignore_errors=True)


def _add_run(results: Path, place: Path, said: Contribution) -> None:
    """Copy a run's files, make its report, and move both into place together."""
    with make_whole(place) as partial:
        for name, digest in said.results.items():
            content = read_content(results / name)
            write_atomically(partial / RESULTS / name, content)
            if hash_files(partial / RESULTS, [name])[name] != digest:
                raise UserError(
                    f"file {str(results / name)!r} changed while it was published: wait until nothing writes into "
                    "that folder, and publish again."
                )
        try:
            write_report(partial / RESULTS, partial / REPORT)
        except UserError as error:  # the copy is gone when this is read
            raise UserError(str(error).replace(str(partial / RESULTS), str(results))) from error
        for lock in (partial / RESULTS).glob(f"{LOCK}*"):  # of the report, which nobody makes there again
            remove(lock)
        kept = {folder: _hash_all(partial / folder) for folder in (RESULTS, REPORT)}
        write_file(partial / RUN, said.model_copy(update={"results": kept[RESULTS], "report": kept[REPORT]}))


def _hash_all(folder: Path) -> dict[str, str]:
    """SHA-256 of every file in a folder by its path."""
    return hash_files(folder, [p.relative_to(folder).as_posix() for p in sorted(folder.rglob("*")) if p.is_file()])


def write_index(site: Path) -> list[str]:
    """Make the index of what is there, and write its files that are not so yet; their names."""
    made = render_site(site)
    changed = [name for name, content in made.items() if _read_or_nothing(site / name) != content]
    for name in changed:
        write_atomically(site / name, made[name])
    return changed


def _read_or_nothing(file: Path) -> bytes | None:
    return read_bytes(file) if file.is_file() else None


def find_site_faults(site: Path, say: Say) -> list[str]:
    """Check a site from its files alone: every hash, every run as on entry, and the index; nothing is changed.

    Args:
        site: the site.
        say: called with a line for each run.

    Returns:
        What is wrong, a sentence each; none where nothing is.

    Raises:
        UserError: it is no site, or one of another layout.
    """
    check_site(site)
    faults: list[str] = []
    for place in sorted((site / RUNS).iterdir()) if (site / RUNS).is_dir() else []:
        try:
            run = read_run(place)
            own = find_changes(run)
            if not own:
                check_contribution(run.results, run.said)
        except UserError as error:
            own = [str(error)]
        say(f"run {place.name}: {'as it was added' if not own else count_noun(len(own), 'fault')}")
        faults += own
    return faults if faults else _find_index_faults(site)


def find_changes(run: Run) -> list[str]:
    """What of a run's files is not as its `run.json` says."""
    links = [path for path in sorted(run.folder.rglob("*")) if path.is_symlink()]
    others = [path for path in sorted(run.folder.iterdir()) if path.name not in (RUN, RESULTS, REPORT)]
    if links or others:
        return [f"{str((links or others)[0])!r} is no part of a run: remove it."]
    faults: list[str] = []
    for folder, expected in ((RESULTS, run.said.results), (REPORT, run.said.report)):
        found = _hash_all(run.folder / folder)
        for name in sorted({*expected, *found}):
            if expected.get(name) != found.get(name):
                what = (
                    "is missing" if name not in found else "was changed" if name in expected else "was put there"
                )
                faults.append(f"file {str(run.folder / folder / name)!r} {what} since the run was added.")
    if not faults and hash_content(run.said.results) != run.said.content:
        faults.append(f"file {str(run.folder / RUN)!r} does not have the hash of its content.")
    return faults


def _find_index_faults(site: Path) -> list[str]:
    """Which files of the index are not what its runs give."""
    try:
        made = render_site(site)
    except UserError as error:
        return [str(error)]
    return [
        f"file {str(site / name)!r} is not what the runs give, here and with this version: publish any of them "
        "once more, and it is made anew."
        for name, content in made.items()
        if _read_or_nothing(site / name) != content
    ]
