"""Where the data of every task come from: resolved once per command, said in the plan, one source per folder."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.config.request import Job, Request
from bench.config.spec import PER_SEED
from foundation.errors import UserError
from reports.load.sources import describe_source
from suites.data import parse_source
from suites.sources.auto import (
    PUBLISHED,
    Wanted,
    choose_sources,
    format_fetch,
    format_source,
    join_names,
    list_unstored,
)
from suites.task import DensityTask


def resolve_sources(jobs: Iterable[Job], asked: str, artifacts: Path) -> dict[str, str]:
    """The source of every task by its name, as `suites.load` takes it; never `auto`.

    D4RL's files of a part's version are meant where no other version is asked for.

    Args:
        jobs: all that are asked for.
        asked: the value of `--data`.
        artifacts: the folder whose `data` holds the data sets.

    Raises:
        DataError: a task that does not declare the source, or, for `auto`, data that are neither stored nor can be
            made here.
        UserError: a data set for each seed of a source that has one for all.
    """
    every = tuple(jobs)
    wanted, chosen = list_wanted(every), dict[str, str]()
    if asked == "auto":
        chosen = choose_sources(wanted, artifacts / "data")
    for each in wanted if asked != "auto" else ():
        source = f"d4rl:{each.version}" if asked == "d4rl" and each.version is not None else asked
        parse_source(each.task, source)  # refused before any other task's data are made
        chosen[each.task.name] = source
    refuse_files_per_seed(every, chosen)
    return chosen


def refuse_files_per_seed(jobs: Iterable[Job], sources: Mapping[str, str]) -> None:
    """Refuse a data set for each seed where the data are files, of which there is one.

    Raises:
        UserError: the first such task, and how to go on.
    """
    for job in jobs:
        source = parse_source(job.task, sources[job.task.name]).source
        if job.config.data.is_per_seed and source != "local":
            made = "local" in job.task.datasets
            remedy = "add --data local for data made here, or leave it out" if made else "leave it out"
            raise UserError(
                f"--data-set.seed {PER_SEED} makes a data set for each training seed, and the data of "
                f"{job.task.name} are files ({source}), one set for all seeds; {remedy}."
            )


def list_wanted(jobs: Iterable[Job]) -> list[Wanted]:
    """Every task once, with the version of D4RL's files that its part uses."""
    return list({job.task.name: Wanted(job.task, job.part.version) for job in jobs}.values())


def label_sources(wanted: Iterable[Wanted], sources: Mapping[str, str]) -> dict[str, dict[str, list[Wanted]]]:
    """Suite to label (see `Data.label`) to the tasks that have it; densities, of one source, are left out."""
    labels: dict[str, dict[str, list[Wanted]]] = {}
    for each in wanted:
        if not isinstance(each.task, DensityTask):
            label = format_source(each.task, parse_source(each.task, sources[each.task.name]))
            labels.setdefault(each.task.suite, {}).setdefault(label, []).append(each)
    return labels


def describe_sources(request: Request[Any]) -> str:
    """What the plan says of the data: `data local: made here, not D4RL's`, and how to get the published ones.

    Empty for densities, and for a command that loads no data.
    """
    if not request.sources:
        return ""
    said = [
        (suite, describe_choice(label, wanted, request.artifacts / "data"))
        for suite, labels in label_sources(list_wanted(request.jobs), request.sources).items()
        for label, wanted in labels.items()
    ]
    return "; ".join(f"data {text}" if len(said) == 1 else f"data of {suite} {text}" for suite, text in said)


def describe_choice(label: str, wanted: Sequence[Wanted], directory: Path) -> str:
    """A source of these tasks of one suite, and for data made here how to get the published ones.

    Args:
        label: see `Data.label`.
        wanted: the tasks that have it.
        directory: of all data.
    """
    canonical = wanted[0].canonical
    source = canonical.source if canonical is not None else None
    described = describe_source(label, source)
    if source is None or label != "local":
        return described
    owner, missing = PUBLISHED[source], list_unstored(wanted, directory)
    if not missing:
        return f"{described} (--data {source} takes {owner}, which are stored)"
    if len(missing) == len(wanted):
        return f"{described} ({format_fetch(missing, directory)} gets {owner})"
    names = [each.task.name for each in wanted if each not in missing]
    return (
        f"{described} ({owner} of {join_names(names)} are stored and not used; {format_fetch(missing, directory)} "
        "gets the others)"
    )
