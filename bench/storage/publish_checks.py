"""What is asked of a results folder before it is contributed, beside what a report asks."""

import math
from collections.abc import Sequence
from pathlib import Path

from bench.storage.merge_records import refuse_tuned_seeds
from foundation.errors import UserError
from reports.analysis.contributed import ContributedRun, read_contributed
from reports.errors import MissingResults
from reports.load.components import list_records, read_record
from reports.load.contribution_schema import Contribution
from reports.load.contributions import list_sources
from reports.load.files import EXPERIMENTS, TIMING, check_folder, read_lines, read_optional
from reports.load.frozen_plan import FROZEN, read_frozen_plan
from reports.load.ledger import FIRST, LEDGER, hash_line, read_tuning_records, split_lines
from reports.load.looks import read_looks
from reports.load.merged_schema import MERGED, Merged
from reports.load.origins import list_method_records, read_commands, read_method_record
from reports.load.plans import PLANS, read_plans
from reports.load.samples import are_trajectories_lost, find_samples_fault, find_trajectories_fault
from reports.load.schema import Experiments, Result
from reports.load.timing_schema import Timing
from suites.registry import get_suite, suite_names
from suites.task import ControlTask

_CLOSE = 1e-6


def check_contribution(folder: Path, said: Contribution) -> ContributedRun:
    """Check every file of a results folder, and what they say together.

    Args:
        folder: of the results.
        said: what `run.json` is to say of it.

    Raises:
        UserError: names the first file that cannot be contributed, and what is wrong with it.
    """
    check_folder(folder)
    for place in list_sources(folder):
        check_records(place)
    try:
        found = read_contributed(folder, said)
    except MissingResults as error:
        raise UserError(
            f"{error.lacking}; what is published has every result of its last plan: run the same `bench run` "
            "command again, which computes what is missing, and publish then."
        ) from error
    refuse_tuned_seeds({folder: found.records.ledger})
    check_scores(found.results)
    check_samples(found.results)
    return found


def check_records(folder: Path) -> None:
    """Read every record of a results folder, or of a source of a merged one, with its hashes.

    Raises:
        UserError: a damaged one, or one that is not what the merged folder above it took.
    """
    read_tuning_records(folder)
    read_plans(folder)
    read_looks(folder)
    read_commands(folder)
    for path in list_records(folder):
        read_record(path)
    for path in list_method_records(folder):
        read_method_record(path)
    read_frozen_plan(folder / FROZEN)
    read_optional(folder / TIMING, Timing)
    read_optional(folder / EXPERIMENTS, Experiments)
    _check_sources(folder)


def _check_sources(folder: Path) -> None:
    """Hold the records of a merged folder's sources against what it says that it took."""
    merged = read_optional(folder / MERGED, Merged)
    sources = [place for place in list_sources(folder)[1:] if place.parent.parent == folder]
    for place, source in zip(sources, merged.sources if merged is not None else (), strict=False):
        for name, taken in ((LEDGER, source.ledger), (PLANS, source.plans)):
            if _hash_last(place / name) != taken.last:
                raise UserError(
                    f"file {str(place / name)!r} is not the record that was merged, as {MERGED} says: restore it "
                    "from a copy, or merge the folders again."
                )
    named = len(merged.sources) if merged is not None else 0
    if len(sources) != named:
        raise UserError(
            f"{str(folder)!r} has the records of {len(sources)} merged sources, and {MERGED} names {named}: "
            "restore them from a copy, or merge the folders again."
        )


def _hash_last(file: Path) -> str:
    """The hash of the last whole line of a record; 64 zeros where it has none."""
    lines, _ = split_lines(read_lines(file))
    return hash_line(lines[-1]) if lines else FIRST


def check_scores(results: Sequence[Result]) -> None:
    """Compute the normalised score of every episode anew from its return, of the tasks that are known here.

    Raises:
        UserError: the first that differs.
    """
    suites = {result.suite for result in results} & set(suite_names())
    tasks = {(suite, task.name): task for suite in suites for task in get_suite(suite).tasks}
    for result in results:
        task = tasks.get((result.suite, result.task))
        if not isinstance(task, ControlTask):
            continue
        for number, episode in enumerate(result.episodes):
            score = task.normalized_score(episode.episode_return)
            if not math.isclose(score, episode.normalized, rel_tol=_CLOSE, abs_tol=_CLOSE):
                raise UserError(
                    f"file {str(result.path)!r} has {episode.normalized:g} for the score of episode {number}, "
                    f"whose return of {episode.episode_return:g} gives {score:g} on {result.task}: it was edited; "
                    "restore it from a copy, or delete it and run again."
                )


def check_samples(results: Sequence[Result]) -> None:
    """Check the files of samples and of trajectories, by their headers and their hashes.

    Raises:
        UserError: the first that is damaged, or a missing file of samples; one of trajectories may be gone.
    """
    for result in results:
        lost = are_trajectories_lost(result)
        for name, fault in (
            (result.samples_file, find_samples_fault(result)),
            (result.trajectories_file, None if lost else find_trajectories_fault(result)),
        ):
            if fault is not None:
                raise UserError(
                    f"file {str(result.path.parent / (name or ''))!r} {fault}: restore it from a copy, "
                    "or delete its result and run again."
                )
