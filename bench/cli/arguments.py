"""A command line becomes options and jobs, parsed by tyro against every task's own defaults.

The arguments of a command are a dataclass; for `run`, `tune-rho` and `time` it gets a field for each shared
config and for each compared method, so every setting has a flag and its default is the preset's.
"""

import contextlib
import dataclasses
import io
import itertools
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import tyro

from bench.cli.options import EXAMPLES, RunOptions, Selection
from bench.config.bounds import check_settings
from bench.config.experiments import EXPERIMENTS, Part, narrowed
from bench.config.precedence import OWN, TERMS, layered, put
from bench.config.presets import PRESETS
from bench.config.request import Job
from bench.config.spec import Config, flatten, joined, names_in
from foundation.errors import UserError, near_names, unknown_name
from methods.core.method import Method
from methods.core.registry import compared_names, get_method, load_plugin
from suites.registry import get_suite, suite_names
from suites.task import Task

T = TypeVar("T")
DATA_SET = "data_set"  # --data is the source, so the data set's own settings are --data-set.*


def parse(options: type[T], command: str, arguments: Sequence[str]) -> T:
    """Read a command's arguments; tyro's box around a mistake becomes one sentence.

    Raises:
        UserError: an unknown option, with the near ones, or a value that does not parse.
    """
    parsed, left = read(options, command, arguments)
    if left:
        raise UserError(unknown_option(left[0], options, command))
    return parsed


def read(options: type[T], command: str, arguments: Sequence[str], add_help: bool = True) -> tuple[T, list[str]]:
    """What the options take of the arguments, and what they leave."""
    examples = "\n".join(f"  python -m bench {example}" for example in EXAMPLES[command])
    box = io.StringIO()
    try:
        with contextlib.redirect_stderr(box):
            return tyro.cli(
                options,
                prog=f"python -m bench {command}",
                description=f"{options.__doc__}\n\nexamples:\n{examples}",
                args=list(arguments),
                return_unknown_args=True,
                add_help=add_help,
            )
    except SystemExit as stop:
        if not stop.code:
            raise
        raise UserError(f"{first_paragraph(box.getvalue())}; see python -m bench {command} --help.") from None


def first_paragraph(box: str) -> str:
    """The text under the box's title up to its next rule or empty line, without colours."""

    def is_text(line: str) -> bool:
        return bool(line.strip("─-╰╯ "))

    lines = [line.strip("│ ") for line in re.sub(r"\x1b\[[0-9;]*m", "", box).splitlines()[1:]]
    start = next((number for number, line in enumerate(lines) if is_text(line)), len(lines))
    text = " ".join(itertools.takewhile(is_text, lines[start:]))
    return text.rstrip(".") or "the arguments do not parse"


def unknown_option(argument: str, options: type[Any], command: str) -> str:
    """One sentence: what is unknown and the near options."""
    given = argument.partition("=")[0]
    if not given.startswith("--"):
        return f"unexpected argument {argument!r}; see python -m bench {command} --help."
    near = near_names(given, flags(options))
    return f"unknown option {given!r}; {near}python -m bench {command} --help shows all of them."


def flags(options: type[Any]) -> list[str]:
    """Every flag that the options have."""
    names: list[str] = []
    for item in dataclasses.fields(options):
        nested = dataclasses.is_dataclass(item.default)
        names += flatten(item.default, item.name) if nested else [item.name]
    return [f"--{name.replace('_', '-')}" for name in names]


def parse_jobs(options: type[T], command: str, arguments: Sequence[str]) -> tuple[T, tuple[Job, ...]]:
    """Parse a command line against every task's own defaults.

    Args:
        options: the command's dataclass.
        command: its name, for the help.
        arguments: what follows the command.

    Returns:
        The options, and the checked jobs, those of a task one after the other: one per task, in an experiment
        one per task and choice of settings, under own terms one for each method of those.
    """
    first = parse_selection(options, command, arguments)
    for path in first.plugin:
        load_plugin(path)
    parts = parts_of(first)
    methods = {name: get_method(name) for part in parts for name in part.methods}
    parsed = [
        parse_task(options, command, arguments, first, part, task, methods, group)
        for part in parts
        for task in part.found_tasks()
        for group in ([(name,) for name in part.methods] if first.terms == OWN else [tuple(part.methods)])
    ]
    jobs = [job for _, job in parsed]
    first_at = {job.task.name: place for place, job in reversed(list(enumerate(jobs)))}
    return parsed[0][0], tuple(sorted(jobs, key=lambda job: first_at[job.task.name]))


def parts_of(selection: Selection) -> tuple[Part, ...]:
    """What the suite or the experiment holds, cut down to the tasks and methods that are named."""
    tasks, methods = listed("--tasks", selection.tasks), listed("--methods", selection.methods)
    experiment = experiment_of(selection)
    if experiment is not None:
        return narrowed(experiment, tasks, methods)
    names = methods or compared_names()
    return (Part(suite=selection.suite or "", tasks=tasks, methods={name: name for name in names}),)


def experiment_of(selection: Selection) -> str | None:
    """The experiment's name; only `run` takes one."""
    return selection.experiment if isinstance(selection, RunOptions) else None


def parse_selection(options: type[Any], command: str, arguments: Sequence[str]) -> Selection:
    """Read only the options that decide which others there are; help without a suite shows those of maze2d."""
    rest = [argument for argument in arguments if argument not in ("-h", "--help")]
    selection, _ = read(options, command, rest, add_help=False)
    experiment = experiment_of(selection)
    if experiment is not None and selection.suite is not None:
        raise UserError("--suite and --experiment exclude each other; leave one of them out.")
    if experiment is None and selection.suite is None:
        if len(rest) == len(arguments):
            other = f", or --experiment: {joined(EXPERIMENTS)}" if options is RunOptions else ""
            raise UserError(f"{command} needs --suite; choose one of {joined(suite_names())}{other}.")
        selection = dataclasses.replace(selection, suite="maze2d")
    for kind, given, choices in (("preset", selection.preset, PRESETS), ("terms", selection.terms, TERMS)):
        if given not in choices:
            raise unknown_name(kind, given, choices)
    return selection


def listed(flag: str, text: str | None) -> tuple[str, ...] | None:
    """The names in an option, or None if it was left out."""
    if text is None:
        return None
    names = names_in(text)
    if not names:
        raise UserError(f"{flag} {text!r} holds no name; leave it out for the default.")
    return names


def parse_task(
    options: type[T],
    command: str,
    arguments: Sequence[str],
    selection: Selection,
    part: Part,
    task: Task,
    methods: Mapping[str, type[Method]],
    group: tuple[str, ...],
) -> tuple[T, Job]:
    """Parse the whole command line with one task's settings as the defaults of every flag.

    The job has only the methods of the group, but every method's flags are understood.
    """
    config, made = layered(selection.preset, get_suite(part.suite), task, methods, selection.terms, group[0])
    config, made = put(config, made, part.settings)
    shared = {field.name: field.name for field in dataclasses.fields(Config)} | {"data": DATA_SET}
    own = {name: name.replace("-", "_") for name, method in made.items() if flatten(method)}
    defaults = {flag: getattr(config, name) for name, flag in shared.items()}
    defaults |= {flag: made[name] for name, flag in own.items()}
    fields = [(flag, type(value), dataclasses.field(default=value)) for flag, value in defaults.items()]
    combined = dataclasses.make_dataclass(options.__name__, fields, bases=(options,), frozen=True, kw_only=True)
    combined.__doc__ = options.__doc__
    parsed = parse(combined, command, arguments)
    config = Config(**{name: getattr(parsed, flag) for name, flag in shared.items()})
    made |= {name: getattr(parsed, flag) for name, flag in own.items()}
    job = Job(task, config, {name: made[name] for name in group}, selection.terms, part)
    check_settings(job)
    return parsed, job


def parse_rhos(flag: str, text: str | None) -> tuple[float, ...]:
    """`1,5,10` → the numbers, each once; none for None.

    Raises:
        UserError: no number, or one that is negative or not finite.
    """
    try:
        numbers = tuple(dict.fromkeys(float(item) for item in listed(flag, text) or ()))
    except ValueError:
        raise UserError(f"{flag} {text!r} does not parse; give a number or a list such as 1,5,10.") from None
    if any(not 0 <= number < float("inf") for number in numbers):
        raise UserError(f"{flag} {text!r} must hold numbers of 0 or more.")
    return numbers


def parse_batches(text: str) -> tuple[int, ...]:
    """`1,20,256` → the numbers, each once.

    Raises:
        UserError: anything but whole numbers from 1 up.
    """
    items = names_in(text)
    if not items or not all(item.isascii() and item.isdigit() and int(item) >= 1 for item in items):
        raise UserError(f"--batches {text!r} must hold whole numbers from 1 up, as in 1,20,256.")
    return tuple(dict.fromkeys(map(int, items)))
