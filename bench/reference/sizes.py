"""Counts what is trained for a method on a task and what an action of it takes, with fresh weights and no data."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from bench.config.comparison import Comparison, find_jobs
from bench.reference.methods import find_trained
from bench.runner.component_builder import count_parameters
from bench.runner.timed_policies import PolicyCall, build_policies
from reports.load.schema import Evaluations
from suites.registry import find_tasks
from suites.task import Task

TASK, PRESET = "hopper-medium-v2", "paper"
"""Where sizes are given when nobody says."""


@dataclass(frozen=True)
class Sizes:
    """A method on a task under one preset and terms.

    Attributes:
        trained: kind of a component that is trained for it → its parameters, of one seed; upstream first.
        acting: parameters of all networks that its policy is made from, target networks left out.
        evaluations: of one action, at the default ρ.
    """

    trained: Mapping[str, int]
    acting: int
    evaluations: Evaluations


@dataclass(frozen=True)
class SizesOnTask:
    """A method's sizes under both terms.

    Attributes:
        task, preset: where.
        controlled, as_published: with what all methods share, and with the method's own settings.
    """

    task: Task
    preset: str
    controlled: Sizes
    as_published: Sizes


def measure_method(name: str, task: str = TASK, preset: str = PRESET) -> SizesOnTask:
    """The sizes of the method of that name; of a suite's name its first task is taken.

    Raises:
        UserError: an unknown method, task or preset, or a method that does not work on the task.
    """
    declared = find_tasks(task)[0]
    controlled, as_published = (
        measure_sizes(name, declared, preset, terms) for terms in ("controlled", "as-published")
    )
    return SizesOnTask(declared, preset, controlled, as_published)


def measure_sizes(name: str, task: Task, preset: str, terms: str) -> Sizes:
    """The sizes of a method under these terms, a name in `TERMS`.

    Raises:
        UserError: see `measure_method`.
    """
    compared = Comparison(suite=task.suite, tasks=(task.name,), methods=(name,), preset=preset, terms=terms)
    device = torch.device("cpu")
    (timed,) = build_policies(find_jobs(compared), None, device)
    call = PolicyCall(timed, timed.method.rho is not None, 1, device)
    trained = {each.kind: count_parameters(each, (0,)) for each in find_trained(timed.method, timed.setup)}
    return Sizes(trained, timed.parameters, call.count(call.make()))


def list_rows(sizes: SizesOnTask) -> list[tuple[str, str, str]]:
    """What each number is of, and itself under both terms; a dash for what is trained under one alone."""
    one, other = sizes.controlled, sizes.as_published
    kinds = dict.fromkeys((*one.trained, *other.trained))
    rows = [(f"parameters of {kind}", one.trained.get(kind), other.trained.get(kind)) for kind in kinds]
    rows.append(("parameters of all that acts", one.acting, other.acting))
    spent, others = one.evaluations, other.evaluations
    rows += [
        ("an action: passes of the denoiser", spent.function, others.function),
        ("an action: gradients", spent.gradient, others.gradient),
        ("an action: passes of other networks", spent.beside, others.beside),
        ("an action: candidates", spent.candidates, others.candidates),
    ]
    return [(name, _format(first), _format(second)) for name, first, second in rows]


def _format(number: int | None) -> str:
    return "-" if number is None else f"{number:,}"
