"""Which ρ a run uses: the given one, else the task's exact, the tuned, the published, or the method's own."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from filelock import FileLock

from bench.errors import UserError
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


def find_tuned(results: Path, task: str, method: str, preset: str) -> dict[str, Any] | None:
    """The choice for that task, method and preset, if one was made."""
    wanted = (task, method, preset)
    for choice in tuned_choices(results):
        if (choice["task"], choice["method"], choice["preset"]) == wanted:
            return choice
    return None


def keep_tuned(results: Path, choice: dict[str, Any]) -> None:
    """Add a choice, or replace the earlier one for the same task, method and preset."""
    wanted = (choice["task"], choice["method"], choice["preset"])
    with FileLock(results / ".tuned.lock"):  # several processes may tune into one folder
        others = [c for c in tuned_choices(results) if (c["task"], c["method"], c["preset"]) != wanted]
        write_json(tuned_file(results), {"format": FORMAT, "choices": [*others, choice]})


def refuse_tuned_seeds(
    results: Path, task: str, methods: Iterable[str], preset: str, seeds: Iterable[int]
) -> None:
    """A UserError if a method's ρ was tuned on a seed that is to be reported."""
    for name in methods:
        tuned = find_tuned(results, task, name, preset)
        both = sorted(set(seeds) & set(tuned["seeds"])) if tuned is not None else []
        if both:
            raise UserError(
                f"the ρ of {name} on {task} was tuned on seeds {joined(both)}; report others with --seeds, "
                "or give another folder with --results."
            )


def choose(
    method: Method, name: str, task: Task, preset: str, given: tuple[float, ...], results: Path
) -> list[Choice]:
    """The scales a method runs with on a task, each with where it came from.

    Args:
        method, name: the method and its registered name.
        task: whose published scale may apply.
        preset: tuning at another preset does not count.
        given: scales from the command line; each of them is run.
        results: the folder that holds the tuned choices.
    """
    if method.rho is None:
        return [(None, None)]
    if given:
        return [(rho, "given") for rho in given]
    if task.rho is not None:
        return [(task.rho, "exact")]
    tuned = find_tuned(results, task.name, name, preset)
    if tuned is not None:
        return [(float(tuned["rho"]), "tuned")]
    if method.rho.published and task.published_rho is not None:
        return [(task.published_rho, "published")]
    return [(method.rho.default, "default")]
