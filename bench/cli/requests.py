"""Makes a request from a command's options: the tasks with their settings, the seeds and the device."""

import dataclasses
from collections.abc import Iterable, Mapping

import torch

from bench.cli.options import (
    CommandLine,
    ComparisonOptions,
    PolicyOptions,
    RunOptions,
    TimeOptions,
    TrainingOptions,
    TuneOptions,
    parse_numbers,
    parse_seeds,
    split_names,
)
from bench.config.check_settings import check_bounds
from bench.config.experiments import EXPERIMENTS, Part, narrow_experiment
from bench.config.precedence import TERMS, Case, resolve_settings
from bench.config.presets import PRESETS
from bench.config.request import DetailsT, Job, Request, RunDetails, TimingDetails, TuningDetails, make_jobs
from bench.config.sources import resolve_sources
from bench.config.spec import Config, join_items
from bench.runner.loggers import find_logger
from foundation.errors import UserError, unknown_name
from methods.core.method import Method
from methods.core.registry import compared_names, get_method
from suites.registry import get_suite, suite_names


def make_run_request(line: CommandLine) -> Request[RunDetails]:
    """What `run` was asked to do."""
    options: RunOptions = line.options
    return make_request(line, parse_seeds(options.seeds), RunDetails(parse_numbers("--rho", options.rho, float)))


def make_tune_request(line: CommandLine) -> Request[TuningDetails]:
    """What `tune-rho` was asked to do."""
    options: TuneOptions = line.options
    if options.grid is not None and options.search != "grid":
        raise UserError("--grid holds the scales of --search grid; tpe searches each method's own range.")
    search = TuningDetails(options.search, options.trials, parse_numbers("--grid", options.grid, float))
    return make_request(line, parse_seeds(options.seeds), search)


def make_time_request(line: CommandLine) -> Request[TimingDetails]:
    """What `time` was asked to do: the methods of the first task, with the weights of seed 0."""
    options: TimeOptions = line.options
    request = make_request(
        line, (0,), TimingDetails(parse_numbers("--batches", options.batches, int), options.calls)
    )
    first = request.jobs[0].task.name
    return dataclasses.replace(request, jobs=tuple(job for job in request.jobs if job.task.name == first))


def make_request(line: CommandLine, seeds: tuple[int, ...], details: DetailsT) -> Request[DetailsT]:
    """What a command was asked to do.

    Raises:
        UserError: an unknown name, a number out of its bounds, or data that are missing.
    """
    options: PolicyOptions = line.options
    check_bounds(options)
    check_bounds(details)
    jobs = find_jobs(line)
    loads_data = not isinstance(details, TimingDetails)
    is_resolved = loads_data or options.data != "auto"  # `time` refuses a wrong source too
    sources = resolve_sources(jobs, options.data, options.artifacts) if is_resolved else {}
    return Request(
        jobs=jobs,
        seeds=seeds,
        preset=options.preset,
        sources=sources if loads_data else {},
        device=prepare_device(options),
        results=options.results,
        artifacts=options.artifacts,
        details=details,
        processes=options.processes if isinstance(options, RunOptions) else None,
        threads=options.threads or 1,
        plugins=options.plugin,
        experiment=get_experiment(options),
        logger=find_logger(options.logger) if isinstance(options, TrainingOptions) else "none",
    )


def find_jobs(line: CommandLine) -> tuple[Job, ...]:
    """The tasks that are asked for, with their settings.

    Raises:
        UserError: an unknown name, a setting that cannot work, or one of a method that is not compared.
    """
    parts = select_parts(line.options)
    refuse_other_methods(line.given, parts)
    return make_jobs(parts, line.options.preset, TERMS[line.options.terms], line.given)


def select_parts(options: ComparisonOptions) -> tuple[Part, ...]:
    """What the suite or the experiment holds, cut down to the tasks and methods that are named.

    Raises:
        UserError: an unknown name, or both a suite and an experiment, or neither.
    """
    for kind, given, choices in (("preset", options.preset, PRESETS), ("terms", options.terms, TERMS)):
        if given not in choices:
            raise unknown_name(kind, given, choices)
    tasks, methods = split_names("--tasks", options.tasks), split_names("--methods", options.methods)
    experiment = get_experiment(options)
    if experiment is not None:
        if options.suite is not None:
            raise UserError("--suite and --experiment exclude each other; leave one of them out.")
        return narrow_experiment(experiment, tasks, methods)
    if options.suite is None:
        other = f", or --experiment: {join_items(EXPERIMENTS)}" if isinstance(options, RunOptions) else ""
        raise UserError(f"--suite is missing; choose one of {join_items(suite_names())}{other}.")
    return (Part(suite=options.suite, tasks=tasks, methods={name: name for name in methods or compared_names()}),)


def get_experiment(options: ComparisonOptions) -> str | None:
    """The experiment's name; only `run` takes one."""
    return options.experiment if isinstance(options, RunOptions) else None


def refuse_other_methods(given: Iterable[str], parts: Iterable[Part]) -> None:
    """A setting of a method that is not compared would change nothing."""
    known = {field.name for field in dataclasses.fields(Config)} | {
        name for part in parts for name in part.methods
    }
    for setting in given:
        method = setting.partition(".")[0]
        if method not in known:
            raise UserError(f"{setting} is a setting of {method}, which is not compared; add it to --methods.")


def default_settings(
    options: ComparisonOptions, methods: Mapping[str, type[Method]]
) -> tuple[Config, dict[str, Method]]:
    """The settings of the first task before the command line; without a suite, those of maze2d.

    As published, the shared ones are the first method's.
    """
    if options.suite is None and get_experiment(options) is None:
        options = dataclasses.replace(options, suite="maze2d")
    part = select_parts(options)[0]
    suite, task, first = get_suite(part.suite), part.find_tasks()[0], next(iter(part.methods))
    resolved = {
        name: resolve_settings(
            Case(options.preset, TERMS[options.terms], suite, task, {name: method}, part.settings)
        )
        for name, method in ({first: get_method(first)} | dict(methods)).items()
    }
    return resolved[first][0], {name: resolved[name][1][name] for name in methods}


def prepare_device(options: PolicyOptions) -> torch.device:
    """The device asked for, with the number of CPU threads set.

    Raises:
        UserError: a device that is not there.
    """
    torch.set_num_threads(options.threads or 1)
    if options.device == "cuda" and not torch.cuda.is_available():
        raise UserError("device cuda is not available (torch finds no CUDA GPU); use --device cpu.")
    has_gpu = options.device != "cpu" and torch.cuda.is_available()
    return torch.device("cuda" if has_gpu else "cpu")
