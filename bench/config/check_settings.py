"""Checks every setting against its field's type hint (bounds, choices, parsers); see `foundation/bounds.py`."""

import dataclasses
import inspect
import itertools
import math
import numbers
import reprlib
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import annotated_types

from foundation.bounds import Parsed
from foundation.errors import UserError, unknown_name
from methods.core.method import SlotMethod
from suites.sources.local import INVERSE_TEMPERATURE_MAX

COMPARISONS = {
    annotated_types.Ge: (lambda value, bound: value >= bound.ge, lambda bound: f"at least {bound.ge:g}"),
    annotated_types.Gt: (lambda value, bound: value > bound.gt, lambda bound: f"above {bound.gt:g}"),
    annotated_types.Le: (lambda value, bound: value <= bound.le, lambda bound: f"at most {bound.le:g}"),
    annotated_types.Lt: (lambda value, bound: value < bound.lt, lambda bound: f"below {bound.lt:g}"),
}
LARGEST = 2**63
KINDS = {bool: "yes or no", int: "a whole number", float: "a finite number", str: "a text"}


def check_settings(config: Any, methods: Mapping[str, Any]) -> None:
    """The shared config and the methods of a comparison, each setting alone and those that depend on another.

    Args:
        config: a `bench.config.spec.Config`.
        methods: by name.

    Raises:
        UserError: names the first setting that cannot work and what it may be.
    """
    check_bounds(config)
    for name, method in methods.items():
        check_bounds(method, name)
    check_equal_candidates(config, methods)
    check_guidance(config.guidance)
    check_first_steps(config, methods)
    steps, levels = config.sampler.steps, config.denoiser.levels
    if steps is not None and steps > levels:
        raise UserError(f"sampler.steps={steps} must be at most denoiser.levels={levels}.")
    if config.denoiser.network == "u-shaped" and config.denoiser.first_level != 1:
        raise UserError(
            f"denoiser.first_level={config.denoiser.first_level} is not for denoiser.network=u-shaped, which sees "
            "the share k/K of the level; set denoiser.first_level to 1, or take another network."
        )
    betas = config.evaluation.inverse_temperatures
    within = betas is None or all(0 <= beta <= INVERSE_TEMPERATURE_MAX for beta in betas)
    if betas is not None and (not betas or len(set(betas)) < len(betas) or not within):
        raise UserError(
            f"evaluation.inverse_temperatures={', '.join(map(str, betas)) or 'nothing'} must be different numbers "
            f"from 0 to {INVERSE_TEMPERATURE_MAX:g}, such as 0 3 10 20."
        )


def check_first_steps(config: Any, methods: Mapping[str, Any]) -> None:
    """What a method does otherwise in its first steps must end before its training does.

    Args:
        config: a `bench.config.spec.Config`.
        methods: by name.

    Raises:
        UserError: CQL's policy would never follow Q, or next actions of Diffusion-QL would be those of the
            untrained policy to the end.
    """
    cql, dql = methods.get("cql"), methods.get("dql")
    if cql is not None and cql.warm_up_steps is not None and cql.warm_up_steps >= config.critic.steps:
        raise UserError(
            f"cql.warm_up_steps={cql.warm_up_steps} is not below critic.steps={config.critic.steps}, so the "
            "policy would never follow Q; set --cql.warm-up-steps to fewer, or to None."
        )
    if dql is not None and dql.critic == "q-learning" and dql.target_start >= config.denoiser.steps:
        raise UserError(
            f"dql.target_start={dql.target_start} is not below denoiser.steps={config.denoiser.steps}, so next "
            "actions would be those of the untrained policy to the end; set --dql.target-start to fewer."
        )


def check_guidance(applied: Any) -> None:
    """A bound of the score's norm and a set norm exclude each other.

    Args:
        applied: a `methods.diffusion.guidance.GuidanceConfig`.

    Raises:
        UserError: both are given.
    """
    if applied.clip is not None and applied.normalise:
        raise UserError(
            f"guidance.clip={applied.clip:g} would change nothing beside guidance.normalise, which sets the "
            "norm of every score; leave one of them out."
        )


def check_equal_candidates(config: Any, methods: Mapping[str, Any]) -> None:
    """An equal number of candidates, where one is set, must reach every method and give different candidates.

    Raises:
        UserError: a method that is not of three slots, or a sampler without noise.
    """
    candidates = config.equal.candidates
    if candidates is None:
        return
    others = [name for name, method in methods.items() if not isinstance(method, SlotMethod)]
    if others:
        raise UserError(
            f"equal.candidates={candidates} cannot be set for {', '.join(others)}, which has a policy of its own; "
            "leave it out with --methods."
        )
    if candidates > 1 and config.sampler.temperature == 0:
        raise UserError(
            f"equal.candidates={candidates} are all the same at sampler.temperature=0; set it above 0, such as 1."
        )


def check_bounds(settings: Any, prefix: str = "") -> None:
    """Every field of a dataclass, and of those below it, by its type hint.

    Args:
        settings: a dataclass's instance.
        prefix: its own dotted name, for the error.

    Raises:
        UserError: the first value that its hint does not allow, and what it may be.
    """
    hints = get_type_hints(type(settings), include_extras=True)
    for field in dataclasses.fields(settings):
        name = f"{prefix}.{field.name}" if prefix else field.name
        check_value(name, getattr(settings, field.name), hints[field.name])


def check_arguments(function: Callable[..., Any], given: Mapping[str, Any]) -> None:
    """The arguments of a call, by name, by the type hints of the function.

    Raises:
        UserError: the first value that its hint does not allow, and what it may be.
    """
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is not parameter.VAR_KEYWORD:
            check_value(name, given[name], parameter.annotation)


def check_value(name: str, value: Any, hint: Any) -> None:
    """One value by its hint: its kind, bounds, choices, and what its text is parsed to."""
    base, metadata = split_hint(hint)
    origin, arms = get_origin(base), get_args(base)
    if origin in (Union, types.UnionType):
        return check_union(name, value, [Annotated[arm, *metadata] if metadata else arm for arm in arms])
    if origin is Literal:
        if value not in arms:
            raise unknown_name(name, str(value), arms)
    elif origin is tuple:
        if not isinstance(value, tuple):
            raise UserError(f"{name}={value} must be a list of values.")
        for item, each in zip(value, itertools.repeat(arms[0]) if arms[-1] is ... else arms, strict=False):
            check_value(name, item, each)
    elif dataclasses.is_dataclass(value):
        check_bounds(value, name)
    elif base in KINDS:
        bounds = list(bounds_in(metadata))
        words = [COMPARISONS[type(bound)][1](bound) for bound in bounds]
        if not is_of(base, value):
            raise UserError(f"{name}={value!r} must be {' and '.join([KINDS[base], *words])}.")
        if not all(COMPARISONS[type(bound)][0](value, bound) for bound in bounds):
            raise UserError(f"{name}={value} must be {' and '.join(words)}.")
        if base is int and abs(value) >= LARGEST:
            raise UserError(f"{name}={reprlib.repr(value)} has more than 64 bits; give a smaller number.")
    for parsed in (item for item in metadata if isinstance(item, Parsed)):
        check_text(name, value, parsed)


def check_union(name: str, value: Any, hints: Sequence[Any]) -> None:
    """A value that one of the hints must allow; None is allowed only where it is among them.

    Raises:
        UserError: what the last hint asks for, and beside it the words that are allowed in its place.
    """
    arms = [hint for hint in hints if split_hint(hint)[0] is not types.NoneType]
    if value is None and len(arms) < len(hints):
        return
    refused: list[UserError] = []
    for arm in sorted(arms, key=lambda arm: get_origin(arm) is not Literal):
        try:
            return check_value(name, value, arm)
        except UserError as error:
            refused.append(error)
    words = [str(word) for arm in arms if get_origin(arm) is Literal for word in get_args(arm)]
    if words and len(arms) > 1:
        raise UserError(f"{str(refused[-1]).removesuffix('.')}, or {' or '.join(words)}.")
    raise refused[-1]


def is_of(kind: type, value: Any) -> bool:
    """Whether a value is of that kind; an int is a float too, a bool is no number, numbers are finite."""
    if kind not in (int, float):
        return isinstance(value, kind)
    number = isinstance(value, numbers.Real if kind is float else numbers.Integral)
    return number and not isinstance(value, bool) and math.isfinite(value)


def check_text(name: str, text: Any, parsed: Parsed) -> None:
    """A text that a function must understand, and the bounded fields of what it gives."""
    try:
        found = parsed.parse(text)
    except ValueError as error:
        raise UserError(f"{name}: {error}") from error
    if dataclasses.is_dataclass(found):
        check_bounds(found, name)


def split_hint(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    """`Annotated[int, Ge(1)]` → int and its metadata; any other hint has none."""
    return (hint.__origin__, hint.__metadata__) if get_origin(hint) is Annotated else (hint, ())


def bounds_in(metadata: Iterable[Any]) -> Iterator[Any]:
    """The single bounds among the metadata; an interval is its ends."""
    for item in metadata:
        if isinstance(item, annotated_types.GroupedMetadata):
            yield from bounds_in(item)
        elif type(item) in COMPARISONS:
            yield item
