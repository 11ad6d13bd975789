"""Refuses to report methods that a protocol's tuning has not tuned, and names the command that does."""

from collections.abc import Mapping, Sequence

from bench.config.request import Job, Request, RunDetails
from bench.config.spec import join_items
from bench.runner.choose_rho import Purpose, find_tuned
from foundation.errors import UserError
from foundation.program import program_name
from methods.core.method import Method
from suites.task import Task


def list_tunable(method: Method, task: Task) -> tuple[str, ...]:
    """What tuning may set of a method on a task: ρ, where the scale that gives the target is not known."""
    return ("rho",) if method.rho is not None and task.rho is None else ()


def find_untuned(
    request: Request[RunDetails], job: Job, purposes: Mapping[str, Purpose]
) -> tuple[tuple[str, str], ...]:
    """(method, what is lacking) of the methods of a job that are not tuned as the request's protocol asks."""
    protocol, lacking = request.protocol, list[tuple[str, str]]()
    if protocol is None:
        return ()
    for name, method in job.methods.items():
        if not list_tunable(method, job.task):
            continue
        choice = find_tuned(request.results, purposes[name])
        if choice is None:
            lacking.append((name, f"{name} on {job.task.name} is not tuned"))
        elif choice.trials < protocol.trials:
            lacking.append((name, f"{name} on {job.task.name} has {choice.trials} of {protocol.trials} trials"))
    return tuple(lacking)


def refuse_untuned(request: Request[RunDetails], lacking: Sequence[tuple[str, str]], shown: int = 4) -> None:
    """A UserError if a method lacks the protocol's tuning; `shown` of them are named."""
    if request.protocol is None or not lacking:
        return
    said = join_items(text for _, text in lacking[:shown])
    more = f" and {len(lacking) - shown} more" if len(lacking) > shown else ""
    command = f"{program_name()} tune-rho --protocol {request.protocol.name} {request.typed}".rstrip()
    raise UserError(
        f"protocol {request.protocol.name} compares tuned methods: {said}{more}; type `{command}` first, then "
        "this command again."
    )
