"""Which results are finished: those that parse, check and are of their cell. Any other is said and made again."""

import contextlib
import itertools
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.config.request import resolve_betas, resolve_episodes
from bench.config.spec import Cell
from bench.progress import ProgressConsole
from reports.errors import ReportError
from reports.load.files import read_file, read_finished
from reports.load.headers import ResultHeader
from reports.load.samples import are_trajectories_lost, find_samples_fault, find_trajectories_fault
from reports.load.schema import FailedResult, Result
from suites.task import DensityTask


@dataclass(frozen=True)
class Damaged:
    """A file in the place of a result that cannot stay there.

    Attributes:
        path: the file.
        fault: what is wrong with it, a sentence.
        cell: whose result belongs there.
        components: KIND-KEY of each trained part by the method's name for it.
    """

    path: Path
    fault: str
    cell: Cell
    components: dict[str, str]


def find_damage(path: Path, cell: Cell, components: dict[str, str]) -> Damaged | None:
    """What is wrong with the result of a cell; None where nothing is, or where it is still to be made."""
    if not os.path.lexists(path):
        return None
    try:
        result = read_finished(path)
    except ReportError as error:
        return Damaged(path, str(error), cell, components)
    fault = find_mismatch(result, cell, components)
    said = f"file {str(path)!r} {fault}: it was moved or edited." if fault is not None else None
    return Damaged(path, said, cell, components) if said is not None else None


def is_failed(path: Path) -> bool:
    """Whether a result says that its cell failed.

    Raises:
        ReportError: it is not there, or cannot be read.
    """
    return read_file(path, ResultHeader).status == "failed"


def find_mismatch(result: Result | FailedResult, cell: Cell, components: dict[str, str]) -> str | None:
    """In what a result is not that of a cell, or lacks something of it; None where it is."""
    settings = json.loads(json.dumps(cell.settings()))  # as a file gives them back
    others = [name for name in {**settings, **result.config} if settings.get(name) != result.config.get(name)]
    if others:
        return f"has another `{others[0]}` than its place says"
    for name, here, there in (
        ("rho", cell.rho, result.rho),
        ("preset", cell.preset, result.preset),
        ("terms", cell.terms, result.terms),
        ("components", components, dict(result.components)),
    ):
        if here != there:
            return f"has another `{name}` than its place says"
    return find_missing_part(result, cell) if isinstance(result, Result) else None


def find_missing_part(result: Result, cell: Cell) -> str | None:
    """What a finished result lacks: episodes, samples or the file with them; or a changed file of trajectories.

    A file of trajectories that is gone is not missed: no score stands on it.
    """
    wanted, task = resolve_episodes(cell.task, cell.config), cell.task
    if not isinstance(task, DensityTask):
        found = len(result.episodes)
        if found != wanted:
            return f"has {found} of {wanted} episodes"
        fault = None if are_trajectories_lost(result) else find_trajectories_fault(result)
        return None if fault is None else f"has a file of trajectories that {fault}"
    betas = [density.inverse_temperature for density in result.densities]
    if betas != list(resolve_betas(task, cell.config)):
        return "has other β than its settings say"
    if any(density.samples != wanted for density in result.densities):
        return f"has not {wanted} samples at each β"
    if result.samples_file is None:
        return None
    fault = find_samples_fault(result)
    return None if fault is None else f"has a file of samples that {fault}"


def set_aside(damaged: Sequence[Damaged], console: ProgressConsole) -> None:
    """Move damaged files out of the places of results, and say where they are kept."""
    for each in damaged:
        # Another process may have put a sound result there since this one looked.
        if find_damage(each.path, each.cell, each.components) is None:
            continue
        names = (f"damaged-{number}-{each.path.name}" for number in itertools.count(1))
        kept = next(each.path.with_name(name) for name in names if not os.path.lexists(each.path.with_name(name)))
        with contextlib.suppress(FileNotFoundError):  # or set it aside itself
            os.replace(each.path, kept)
            if os.path.lexists(each.path.with_suffix(".npz")):
                os.replace(each.path.with_suffix(".npz"), kept.with_suffix(".npz"))
            console.say(f"  {each.fault} It is made again; what was there is kept as {str(kept)!r}.")
