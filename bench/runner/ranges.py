"""Refuses what `tune --ranges` cannot search: a name or a range that no method has, and what is not tuned."""

from collections.abc import Mapping

from bench.config.request import Request, TuningDetails
from bench.config.spec import join_items
from bench.runner.data import make_setup
from bench.runner.knobs import find_knobs
from foundation.errors import UserError, unknown_name
from methods.core.method import Knob, Method, Rho
from methods.core.registry import get_method, method_names


def refuse_ranges(request: Request[TuningDetails]) -> None:
    """A UserError for a range that is no part of what each method with that knob declares, or is not tuned."""
    methods = {name: method for job in request.jobs for name, method in job.methods.items()}
    declared = {name: list_declared(method) for name, method in methods.items()}
    known = list(dict.fromkeys(each for of_method in declared.values() for each in of_method))
    for name, ends in request.details.ranges.items():
        if name not in known:
            refuse_other_methods(name)
            raise unknown_name("name in ranges", name, known)
        of_name = {method: each[name] for method, each in declared.items() if name in each}
        refuse_choices(name, of_name)
        refuse_beyond(name, ends, of_name)
    refuse_untuned_ranges(request)


def refuse_other_methods(name: str) -> None:
    """A UserError if methods have a knob of that name that are not compared."""
    others = [each for each in method_names() if name in get_method(each).knobs]
    if others:
        raise UserError(
            f"ranges {name} is a knob of {join_items(others)}, which {'are' if len(others) > 1 else 'is'} not "
            "compared; add one to --methods, or leave the range out."
        )


def list_declared(method: Method) -> dict[str, Knob | Rho]:
    """What a method declares that tuning may set: `rho`, and its knobs by their names."""
    return {**({} if method.rho is None else {"rho": method.rho}), **method.knobs}


def refuse_choices(name: str, declared: Mapping[str, Knob | Rho]) -> None:
    """A UserError if a method has choices in the place of a range."""
    for method, each in declared.items():
        if isinstance(each, Knob) and each.choices:
            raise UserError(
                f"ranges {name} has no numbers to narrow, since {method} has choices ({each.describe()}); give "
                f"one of them as the setting, as in --{method}.{name.replace('_', '-')} {each.choices[0]}."
            )


def refuse_beyond(name: str, ends: tuple[float, float], declared: Mapping[str, Knob | Rho]) -> None:
    """A UserError if a range goes beyond what a method declares, or has ends that are not whole where its are."""
    low, high = ends
    given = f"ranges {name}={low:g}:{high:g}"
    beyond: list[str] = []
    for method, each in declared.items():
        if each.low is None or each.high is None:
            continue
        if not each.low <= low < high <= each.high:
            beyond.append(f"{method} ({each.low:g}:{each.high:g})")
        elif isinstance(each, Knob) and each.is_whole and not (low.is_integer() and high.is_integer()):
            raise UserError(
                f"{given} must have whole numbers from {each.low} to {each.high}, as {method} has them."
            )
    if beyond:
        raise UserError(
            f"{given} is beyond what {join_items(beyond)} {'declare' if len(beyond) > 1 else 'declares'}; give a "
            "part of that, or leave the range out."
        )


def refuse_untuned_ranges(request: Request[TuningDetails]) -> None:
    """A UserError if no method tunes what has a range, since it is given, equal for all, or needs training."""
    details = request.details
    tuned: set[str] = set()
    for job in request.jobs:
        unknown = (0.0,) * job.task.action_dim  # the range of the actions changes no name of a knob
        setup = make_setup(job.task, job.config, unknown, unknown)
        for name, method in job.methods.items():
            tuned |= {"rho"} if method.rho is not None else set()
            tuned |= find_knobs(job, name, setup, details.training, details.ranges).keys()
    idle = [name for name in details.ranges if name not in tuned]
    if idle:
        raise UserError(
            f"ranges {join_items(idle)} would change nothing, since no method tunes it: it is given, or equal for "
            "all methods, or needs training; leave the range out, or add --training."
        )
