"""What is compared, by names: of a suite or an experiment, with its tasks, methods, preset, terms and settings."""

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bench.config.check_suite_settings import check_suite_settings
from bench.config.experiments import EXPERIMENTS, Part, narrow_experiment
from bench.config.precedence import TERMS, Case, resolve_settings
from bench.config.presets import PRESETS
from bench.config.request import Job, make_jobs
from bench.config.spec import Config, join_items
from foundation.errors import UserError, unknown_name
from methods.core.method import Method
from methods.core.registry import compared_names, get_method
from suites.registry import get_suite, suite_names


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What is compared.

    Attributes:
        suite, experiment: the name of the one or of the other.
        tasks, methods: names to keep; None keeps all, of the methods all but those known to be biased.
        preset: a name in `PRESETS`.
        terms: a name in `TERMS`.
        settings: values that override all others, by dotted name.
        takes_experiments: whether the command runs experiments, for the error that nothing is named.
    """

    suite: str | None = None
    experiment: str | None = None
    tasks: tuple[str, ...] | None = None
    methods: tuple[str, ...] | None = None
    preset: str = "quick"
    terms: str = "controlled"
    settings: Mapping[str, Any] = field(default_factory=dict)
    takes_experiments: bool = False


def find_jobs(comparison: Comparison) -> tuple[Job, ...]:
    """The tasks that are asked for, with their settings.

    Raises:
        UserError: an unknown name, a setting that cannot work, or one of a method that is not compared.
    """
    parts = select_parts(comparison)
    for part in parts:
        check_suite_settings(get_suite(part.suite))
    refuse_other_methods(comparison.settings, parts)
    return make_jobs(parts, comparison.preset, TERMS[comparison.terms], comparison.settings)


def select_parts(comparison: Comparison) -> tuple[Part, ...]:
    """What the suite or the experiment holds, cut down to the tasks and methods that are named.

    Raises:
        UserError: an unknown name, or both a suite and an experiment, or neither.
    """
    for kind, given, choices in (("preset", comparison.preset, PRESETS), ("terms", comparison.terms, TERMS)):
        if given not in choices:
            raise unknown_name(kind, str(given), choices)
    suite, experiment, methods = comparison.suite, comparison.experiment, comparison.methods
    if experiment is not None:
        if suite is not None:
            raise UserError("--suite and --experiment exclude each other; leave one of them out.")
        return narrow_experiment(experiment, comparison.tasks, methods)
    if suite is None:
        other = f", or --experiment: {join_items(EXPERIMENTS)}" if comparison.takes_experiments else ""
        raise UserError(f"--suite is missing; choose one of {join_items(suite_names())}{other}.")
    return (Part(suite=suite, tasks=comparison.tasks, methods={m: m for m in methods or compared_names()}),)


def refuse_other_methods(settings: Iterable[str], parts: Iterable[Part]) -> None:
    """A setting of a method that is not compared would change nothing."""
    known = {field.name for field in dataclasses.fields(Config)} | {
        name for part in parts for name in part.methods
    }
    for setting in settings:
        method = setting.partition(".")[0]
        if method not in known:
            raise UserError(f"{setting} is a setting of {method}, which is not compared; add it to --methods.")


def default_settings(
    comparison: Comparison, methods: Mapping[str, type[Method]]
) -> tuple[Config, dict[str, Method]]:
    """The settings of the first task before anything is given; without a suite, those of maze2d.

    As published, the shared ones are the first method's.
    """
    if comparison.suite is None and comparison.experiment is None:
        comparison = dataclasses.replace(comparison, suite="maze2d")
    part = select_parts(comparison)[0]
    check_suite_settings(get_suite(part.suite))
    suite, task, first = get_suite(part.suite), part.find_tasks()[0], next(iter(part.methods))
    resolved = {
        name: resolve_settings(
            Case(comparison.preset, TERMS[comparison.terms], suite, task, {name: method}, part.settings)
        )
        for name, method in ({first: get_method(first)} | dict(methods)).items()
    }
    return resolved[first][0], {name: resolved[name][1][name] for name in methods}
