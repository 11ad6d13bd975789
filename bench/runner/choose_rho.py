"""Which ρ a run uses: the given one, else the exact, the tuned, its source's, the published, or its default."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from bench.config.precedence import find_source_values
from bench.config.spec import RhoChoice, join_items
from foundation.errors import UserError
from methods.core.method import Method
from reports.load.files import TUNED, read_choices, write_file
from reports.load.schema import FORMAT, Choice, Choices
from suites.task import Task

DataId = tuple[str, str]  # source and fingerprint, as a result has them


@dataclass(frozen=True)
class Purpose:
    """What a ρ is tuned for; it is used for nothing else.

    Attributes:
        task, method: names.
        preset, terms: what the method trains with.
        data: another version of a set, or another size or seed of one made here, is other data.
    """

    task: str
    method: str
    preset: str
    terms: str
    data: DataId


def purpose_of(choice: Choice) -> Purpose:
    """What a choice was made for."""
    return Purpose(choice.task, choice.method, choice.preset, choice.terms, choice.data.identity)


def find_tuned(results: Path, purpose: Purpose) -> Choice | None:
    """The choice for exactly that purpose, if one was made."""
    return next((choice for choice in read_choices(results) if purpose_of(choice) == purpose), None)


def keep_tuned(results: Path, choice: Choice) -> None:
    """Add a choice, or replace the earlier one for the same purpose."""
    with FileLock(results / ".tuned.lock"):  # several processes may tune into one folder
        others = [other for other in read_choices(results) if purpose_of(other) != purpose_of(choice)]
        write_file(results / TUNED, Choices(format=FORMAT, choices=(*others, choice)))


def refuse_tuned_seeds(results: Path, purpose: Purpose, seeds: Iterable[int]) -> None:
    """A UserError if the ρ for that purpose was tuned on a seed that is to be reported."""
    tuned = find_tuned(results, purpose)
    both = sorted(set(seeds) & set(tuned.seeds)) if tuned is not None else []
    if both:
        raise UserError(
            f"the ρ of {purpose.method} on {purpose.task} was tuned on seeds {join_items(both)}; report others "
            "with --seeds, or give another folder with --results."
        )


def choose(
    method: Method, task: Task, purpose: Purpose, given: tuple[float, ...], results: Path
) -> list[RhoChoice]:
    """The scales a method runs with on a task, each with where it came from.

    Args:
        method: with its settings.
        task: whose published scale may apply.
        purpose: tuning for others does not count.
        given: scales from the command line; each of them is run.
        results: the folder that holds the tuned choices.
    """
    if method.rho is None:
        return [(None, None)]
    if given:
        return [(rho, "given") for rho in given]
    if task.rho is not None:
        return [(task.rho, "exact")]
    tuned = find_tuned(results, purpose)
    if tuned is not None:
        return [(tuned.rho, "tuned")]
    sourced = find_source_values(method, purpose.preset, purpose.terms, task).get("rho")
    if sourced is not None:
        return [(float(sourced), "preset")]
    if method.rho.published and task.published_rho is not None:
        return [(task.published_rho, "published")]
    return [(method.rho.default, "default")]
