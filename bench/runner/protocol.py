"""Refuses to report methods that are not tuned as a protocol asks, and names the command that tunes them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.config.request import Job, Request, RunDetails
from bench.config.spec import PER_SEED, join_items
from bench.runner.choose_rho import Purpose, find_tuned
from foundation.errors import UserError
from foundation.program import program_name
from reports.analysis.protocol import Protocol
from reports.load.tuning_schema import Choice

SHOWN = 4  # of the methods that lack trials


@dataclass(frozen=True)
class Tuned:
    """With how many trials a method was tuned on a task, for exactly the settings that it is run with.

    Attributes:
        method, task: names.
        trials: of all searches; 0 where it is not tuned.
        missing: what the trials left as it was, of all that `tune` may set without training.
        short: the episodes of each seed in a complete trial, and those that a protocol asks for, if fewer.
    """

    method: str
    task: str
    trials: int
    missing: tuple[str, ...] = ()
    short: tuple[int, int] | None = None

    def lacks(self, wanted: int) -> bool:
        """Whether it is not tuned in everything with so many trials of enough episodes."""
        return self.trials < wanted or bool(self.missing) or self.short is not None

    def describe(self, wanted: int) -> str:
        """What is lacking of so many trials."""
        lack = f"has {self.trials} of {wanted} trials" if self.trials else "is not tuned"
        if self.trials and self.missing:
            lack = f"is tuned without {' and '.join(self.missing)}"
        elif self.trials >= wanted and self.short is not None:
            lack = f"is tuned on {self.short[0]} of {self.short[1]} episodes of a seed"
        return f"{self.method} on {self.task} {lack}"


def count_trials(
    request: Request[RunDetails], job: Job, purposes: Mapping[str, Purpose], tunable: Mapping[str, tuple[str, ...]]
) -> list[Tuned]:
    """The trials of each method of a job that has something to tune.

    Args:
        request, job: what is run.
        purposes: of each method.
        tunable: what tuning may set of each method.
    """
    found: list[Tuned] = []
    for name, names in tunable.items():
        choice = find_tuned(request.results, purposes[name])
        if names and choice is None:
            found.append(Tuned(name, job.task.name, 0))
        elif names and choice is not None:
            missing = tuple(each for each in names if each not in choice.names)
            short = find_short_trials(choice, request.protocol)
            found.append(Tuned(name, job.task.name, choice.trials, missing, short))
    return found


def find_short_trials(choice: Choice, protocol: Protocol | None) -> tuple[int, int] | None:
    """The episodes of each seed in a trial and those that the protocol asks for, where a choice had fewer."""
    had = choice.trial_episodes
    if protocol is None or had is None or had >= protocol.tuning_episodes:
        return None
    return had, protocol.tuning_episodes


def refuse_untuned(request: Request[RunDetails], tuned: Sequence[Tuned]) -> None:
    """Refuse methods with fewer trials than the request's protocol asks for, or than another method has.

    Raises:
        UserError: see `explain_untuned`.
    """
    said = explain_untuned(request, tuned)
    if said is not None:
        raise UserError(said)


def count_wanted(protocol: Protocol, tuned: Sequence[Tuned]) -> int:
    """The trials that each method is to have: the protocol's, or those of the method with the most."""
    return max([protocol.trials, *(each.trials for each in tuned)])


def explain_untuned(request: Request[RunDetails], tuned: Sequence[Tuned]) -> str | None:
    """Which methods lack trials that the request's protocol asks for, and the command that tunes them."""
    protocol = request.protocol
    if protocol is None:
        return None
    wanted = count_wanted(protocol, tuned)
    lacking = [each.describe(wanted) for each in tuned if each.lacks(wanted)]
    if not lacking:
        return None
    if any(job.config.data.is_per_seed for job in request.jobs):
        return (
            f"protocol {protocol.name} asks for tuned methods, and tuning chooses on one data set for all seeds; "
            f"leave out --protocol, or --data-set.seed {PER_SEED}."
        )
    more = f" and {len(lacking) - SHOWN} more" if len(lacking) > SHOWN else ""
    trials = f" --trials {wanted}" if wanted > protocol.trials else ""
    command = f"{program_name()} tune --protocol {protocol.name}{trials} {request.typed}".rstrip()
    return (
        f"protocol {protocol.name} compares methods tuned with equally many trials: {join_items(lacking[:SHOWN])}"
        f"{more}; type `{command}` first, then this command again."
    )
