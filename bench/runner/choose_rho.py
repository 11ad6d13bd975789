"""Which ρ a run uses: the given one, else the exact, the tuned, its source's, the published, or its default.

What was tuned, ρ and a method's own settings, is used for exactly what it was tuned for: task, method, preset,
terms, data and every setting that the policy or its training depended on before tuning.
"""

import json
import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.config.code import hash_method
from bench.config.precedence import find_source_values
from bench.config.request import Job, Request
from bench.config.spec import Config, RhoChoice, flatten, flatten_keyed, join_items
from bench.runner.knobs import is_knob_value
from bench.storage.components import hash_json
from bench.storage.ledger import Ledger, Subject, refuse_seeds
from foundation.errors import UserError
from foundation.locks import hold_lock
from methods.core.method import Method
from methods.core.registry import get_method
from reports.load.files import TUNED, read_choices, write_file
from reports.load.schema import FORMAT, Data
from reports.load.tuning_schema import Choice, Choices
from reports.load.variants import name_terms
from suites.task import Task

KEY_LENGTH = 16
SHOWN_DIFFERENCES = 4


@dataclass(frozen=True)
class Purpose:
    """What ρ and a method's settings are tuned for; they are used for nothing else.

    Attributes:
        task, method, preset, terms: names.
        data: another version of a set, or another size or seed of one made here, is other data.
        policy: hash of what its components were made from, of the sampler and of the method's own settings.
        settings: those that the policy or its training may depend on, by dotted name, as JSON values.
        given: the method's settings that the user or an experiment gives, by the method's names for them; a choice
            that tuned one of them is not used.
    """

    task: str
    method: str
    preset: str
    terms: str
    data: Data
    policy: str
    settings: Mapping[str, Any]
    given: frozenset[str] = frozenset()

    @property
    def subject(self) -> Subject:
        """The method on these data, whatever the settings."""
        return Subject(self.task, self.method, self.data.identity)

    def fits(self, choice: Choice) -> bool:
        """Whether a choice was made for exactly this, whatever is given."""
        return choice.purpose == (
            self.task, self.method, self.preset, self.terms, *_tell_apart(self.data), self.policy
        )  # fmt: skip


def make_purpose(job: Job, preset: str, name: str, labels: Mapping[str, str], data: Data) -> Purpose:
    """What a job's method is tuned for.

    Args:
        job: with the settings.
        preset: its name.
        name: of the method.
        labels: of its components, whose keys hold everything that they were made from.
        data: that they are made from.
    """
    method, config = job.methods[name], job.config
    shared = {key: value for key, value in flatten(config).items() if not key.startswith("evaluation.")}
    settings = json.loads(json.dumps(shared | flatten(method, name)))  # as `tuned.json` gives them back
    policy = hash_policy(method, name, config, labels)
    given = frozenset(field for field in method.knobs if f"{name}.{field}" in job.given)
    return Purpose(job.task.name, name, preset, job.terms, data, policy, settings, given)


def hash_policy(method: Method, name: str, config: Config, labels: Mapping[str, str]) -> str:
    """A hash of all that a policy depends on but ρ and the seed; `labels` are those of its components."""
    applied = flatten_keyed(config.sampler, "sampler") | flatten_keyed(config.guidance, "guidance")
    acting = applied | flatten_keyed(config.equal, "equal") | flatten_keyed(method, name)
    return hash_json([labels, acting, hash_method(method)])[:KEY_LENGTH]


def _tell_apart(data: Data) -> tuple[Any, ...]:
    """What tuning on one set is not for: another set, and the same set as one of those that each seed has."""
    return data.identity, data.per_seed


def find_choice(results: Path, purpose: Purpose) -> Choice | None:
    """The choice for exactly that purpose, if one was made.

    Raises:
        UserError: it has a value that the method cannot have.
    """
    found = next((choice for choice in read_choices(results) if purpose.fits(choice)), None)
    if found is not None:
        check_choice(found, results / TUNED)
    return found


def check_choice(choice: Choice, file: Path) -> None:
    """Refuse a choice that tuning cannot have made: with values that the method does not have.

    Raises:
        UserError: the first such value, and the file.
    """
    method = get_method(choice.method)
    wrong = [name for name, value in choice.knobs.items() if not is_knob_value(method.knobs.get(name), value)]
    if choice.rho is not None and method.rho is None:
        wrong.append("rho")
    if wrong or not choice.names:
        value = choice.rho if wrong and wrong[0] == "rho" else choice.knobs.get(wrong[0]) if wrong else None
        said = f"{reprlib.repr(value)} for {wrong[0]!r} of" if wrong else "no value for"
        raise UserError(
            f"file {str(file)!r} has {said} {choice.method} on {choice.task}, which tuning does not choose: it "
            "was edited, or another version wrote it; delete it and tune again."
        )


def find_tuned(results: Path, purpose: Purpose) -> Choice | None:
    """The choice for exactly that purpose, if one was made and nothing that it tuned is given."""
    choice = find_choice(results, purpose)
    return None if choice is None or purpose.given & set(choice.knobs) else choice


def keep_tuned(results: Path, choice: Choice) -> None:
    """Add a choice, or replace the earlier one for the same purpose."""
    with hold_lock(results / ".tuned.lock", f"choices of ρ in {results}"):  # several processes may tune there
        others = [other for other in read_choices(results) if other.purpose != choice.purpose]
        write_file(results / TUNED, Choices(format=FORMAT, choices=(*others, choice)))


def explain_unused(results: Path, purpose: Purpose, used: RhoChoice) -> str | None:
    """Why the nearest tuned choice of this task and method is not used; None without one.

    A tuned ρ alone that gives way to one that is given or exact needs no word.

    Args:
        results: the folder that holds the tuned choices.
        purpose: of the run.
        used: its scale in the place of the tuned one, and where that came from.
    """
    near = [c for c in read_choices(results) if (c.task, c.method) == (purpose.task, purpose.method)]
    if used[1] in ("given", "exact"):
        near = [choice for choice in near if choice.knobs and purpose.fits(choice)]
    if not near:
        return None
    nearest = min(near, key=lambda choice: (not purpose.fits(choice), len(list_differences(choice, purpose))))
    here = "settings as they are" if used[0] is None else f"ρ = {used[0]:g} ({used[1]})"
    there = nearest.describe() if nearest.knobs else f"{nearest.rho:g}"
    if purpose.fits(nearest):
        fixed = [name for name in nearest.knobs if name in purpose.given] or ["ρ"]
        return f"{purpose.method}: {here}, not {there} as tuned, since {join_items(fixed)} is fixed here"
    differing = list_differences(nearest, purpose)
    more = len(differing) - SHOWN_DIFFERENCES
    shown = join_items(differing[:SHOWN_DIFFERENCES]) + (f" and {more} more" if more > 0 else "")
    return f"{purpose.method}: {here}, not {there}, which was tuned with {shown}"


def list_differences(choice: Choice, purpose: Purpose) -> list[str]:
    """What a choice was made with and the purpose is not, such as `sampler.steps 5 (here 3)`."""
    pairs = {
        "preset": (choice.preset, purpose.preset),
        "terms": (name_terms(choice.terms), name_terms(purpose.terms)),
        "data": (_describe_data(choice.data), _describe_data(purpose.data)),
    }
    names = dict.fromkeys([*choice.settings, *purpose.settings])
    pairs |= {name: (choice.settings.get(name, "unset"), purpose.settings.get(name, "unset")) for name in names}
    found = [f"{name} {then} (here {now})" for name, (then, now) in pairs.items() if then != now]
    return found or ["components of another version of their code"]


def refuse_tuned_seeds(request: Request[Any], purpose: Purpose, seeds: Sequence[int]) -> None:
    """A UserError if a ρ of that method on those data was tuned on a seed to report, with whatever settings."""
    subject = purpose.subject
    Ledger(request.artifacts, request.results).refuse("reported", subject, seeds)
    # A choice without its ledger counts too.
    made = [c for c in read_choices(request.results) if (c.task, c.method) == (subject.task, subject.method)]
    tuned = {seed for choice in made if choice.data.identity == subject.data for seed in choice.seeds}
    refuse_seeds("reported", subject, seeds, tuned, request.results / TUNED)


def _describe_data(data: Data) -> str:
    return f"{data.label} {data.name} {data.fingerprint[:8]}"


def choose(method: Method, task: Task, purpose: Purpose, given: Sequence[float], results: Path) -> list[RhoChoice]:
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
    if method.takes_published_rho() and task.published_rho is not None:
        return [(task.published_rho, "published")]
    return [(method.rho.default, "default")]
