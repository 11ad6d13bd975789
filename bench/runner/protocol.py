"""Refuses to report methods that are not tuned as a protocol asks, and names the command that tunes them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.config.request import Job, Request, RunDetails
from bench.config.spec import join_items
from bench.runner.choose_rho import Purpose, find_tuned
from foundation.errors import UserError
from foundation.program import program_name
from methods.core.method import Method
from suites.task import Task

SHOWN = 4  # of the methods that lack trials


@dataclass(frozen=True)
class Tuned:
    """With how many trials a method's ρ was tuned on a task, for exactly the settings that it is run with."""

    method: str
    task: str
    trials: int

    def describe(self, wanted: int) -> str:
        """What is lacking of so many trials."""
        lack = f"has {self.trials} of {wanted} trials" if self.trials else "is not tuned"
        return f"{self.method} on {self.task} {lack}"


def list_tunable(method: Method, task: Task) -> tuple[str, ...]:
    """What tuning may set of a method on a task: ρ, where the scale that gives the target is not known."""
    return ("rho",) if method.rho is not None and task.rho is None else ()


def count_trials(request: Request[RunDetails], job: Job, purposes: Mapping[str, Purpose]) -> list[Tuned]:
    """The trials of each method of a job that has something to tune."""
    choices = {
        name: find_tuned(request.results, purposes[name])
        for name, method in job.methods.items()
        if list_tunable(method, job.task)
    }
    return [Tuned(name, job.task.name, 0 if c is None else c.trials) for name, c in choices.items()]


def refuse_untuned(request: Request[RunDetails], tuned: Sequence[Tuned]) -> None:
    """Refuse methods with fewer trials than the request's protocol asks for, or than another method has.

    Raises:
        UserError: see `explain_untuned`.
    """
    said = explain_untuned(request, tuned)
    if said is not None:
        raise UserError(said)


def explain_untuned(request: Request[RunDetails], tuned: Sequence[Tuned]) -> str | None:
    """Which methods lack trials that the request's protocol asks for, and the command that tunes them."""
    protocol = request.protocol
    if protocol is None:
        return None
    wanted = max([protocol.trials, *(each.trials for each in tuned)])
    lacking = [each.describe(wanted) for each in tuned if each.trials < wanted]
    if not lacking:
        return None
    more = f" and {len(lacking) - SHOWN} more" if len(lacking) > SHOWN else ""
    trials = f" --trials {wanted}" if wanted > protocol.trials else ""
    command = f"{program_name()} tune-rho --protocol {protocol.name}{trials} {request.typed}".rstrip()
    return (
        f"protocol {protocol.name} compares methods tuned with equally many trials: {join_items(lacking[:SHOWN])}"
        f"{more}; type `{command}` first, then this command again."
    )
