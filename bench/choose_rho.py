"""Which ρ a run uses: the given one, else the exact, the tuned, its source's, the published, or its default."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from filelock import FileLock

from bench.errors import UserError
from bench.layers import SHARED, values_of
from bench.spec import joined
from bench.store import FORMAT, read_json, write_json
from methods.method import Method
from suites.task import Task

Choice = tuple[float | None, str | None]


def tuned_file(results: Path) -> Path:
    """Where `tune-rho` leaves its choices."""
    return results / "tuned.json"


def tuned_choices(results: Path) -> list[dict[str, Any]]:
    """Every choice made so far in this results folder."""
    file = tuned_file(results)
    return read_json(file)["choices"] if file.is_file() else []


def kind_of(choice: dict[str, Any]) -> tuple[str, str, str, str]:
    """What a choice was made for: task, method, preset and terms, which older files lack."""
    return choice["task"], choice["method"], choice["preset"], choice.get("terms", SHARED)


def find_tuned(results: Path, task: str, method: str, preset: str, terms: str) -> dict[str, Any] | None:
    """The choice for that task, method, preset and terms, if one was made."""
    wanted = (task, method, preset, terms)
    return next((choice for choice in tuned_choices(results) if kind_of(choice) == wanted), None)


def keep_tuned(results: Path, choice: dict[str, Any]) -> None:
    """Add a choice, or replace the earlier one for the same task, method, preset and terms."""
    with FileLock(results / ".tuned.lock"):  # several processes may tune into one folder
        others = [other for other in tuned_choices(results) if kind_of(other) != kind_of(choice)]
        write_json(tuned_file(results), {"format": FORMAT, "choices": [*others, choice]})


def refuse_tuned_seeds(
    results: Path, task: str, methods: Iterable[str], preset: str, terms: str, seeds: Iterable[int]
) -> None:
    """A UserError if a method's ρ was tuned on a seed that is to be reported."""
    for name in methods:
        tuned = find_tuned(results, task, name, preset, terms)
        both = sorted(set(seeds) & set(tuned["seeds"])) if tuned is not None else []
        if both:
            raise UserError(
                f"the ρ of {name} on {task} was tuned on seeds {joined(both)}; report others with --seeds, "
                "or give another folder with --results."
            )


def choose(
    method: Method, name: str, task: Task, preset: str, terms: str, given: tuple[float, ...], results: Path
) -> list[Choice]:
    """The scales a method runs with on a task, each with where it came from.

    Args:
        method, name: the method and its registered name.
        task: whose published scale may apply.
        preset, terms: tuning under others does not count; whose scale applies, see `bench.layers.source_of`.
        given: scales from the command line; each of them is run.
        results: the folder that holds the tuned choices.
    """
    if method.rho is None:
        return [(None, None)]
    if given:
        return [(rho, "given") for rho in given]
    if task.rho is not None:
        return [(task.rho, "exact")]
    tuned = find_tuned(results, task.name, name, preset, terms)
    if tuned is not None:
        return [(float(tuned["rho"]), "tuned")]
    sourced = values_of(method, preset, terms, task).get("rho")
    if sourced is not None:
        return [(float(sourced), "preset")]
    if method.rho.published and task.published_rho is not None:
        return [(task.published_rho, "published")]
    return [(method.rho.default, "default")]
