"""Parses a command line into a command's options and the settings that it names, by one call of tyro.

For `run`, `tune-rho`, `tune` and `time` the options get a field for each shared config and for each known method,
so every setting has a flag.
"""

import dataclasses
import functools
import itertools
import operator
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import tyro

from bench.cli.check_options import check_needed, check_places, refuse_unknown_options
from bench.cli.check_words import check_words
from bench.cli.data_options import DATA_COMMANDS
from bench.cli.examples import EXAMPLES
from bench.cli.option_types import SELDOM
from bench.cli.options import COMMANDS, CommandLine, ComparisonOptions
from bench.cli.typed_command import find_command
from foundation.errors import UserError, near_names
from foundation.program import program_name

PROGRAM = program_name()
ABOUT = f"""Which way of guiding a diffusion policy is better, by how much, how surely, and at what inference cost?

examples:
  {PROGRAM} run --suite maze2d --tasks maze2d-umaze --preset quick
  {PROGRAM} run --suite locomotion --methods swg,cep --seeds 5
  {PROGRAM} tune-rho --suite maze2d --methods swg --preset quick
  {PROGRAM} run --experiment swg-table3 --preset quick --data local
  {PROGRAM} report

`{PROGRAM} COMMAND --help` shows the usual options of a command, `--help-all` all of them and every setting."""
ABOUT_DATA = "List, fetch, make, import, describe and check data sets."
HELP_ALL = "--help-all"
EQUAL = "--equal"
SHORT = "--help-all shows more options, and every setting, such as --critic.steps or --swg.weight."
SELECTING = {"suite", "experiment", "tasks", "methods", "preset", "terms"}  # what the defaults depend on


def parse(arguments: Sequence[str]) -> CommandLine:
    """Read a command line; tyro prints the help.

    `--help` shows a command's usual options, `--help-all` all of them and every setting.

    Raises:
        UserError: a plug-in that does not load, an unknown command, option, suite, experiment, task, method,
            preset or terms, a value that an option cannot take, too few or too many of them, or a required one
            that lacks.
    """
    if list(arguments[:1]) == ["help"]:
        arguments = [*arguments[1:], "--help"]
    elif list(arguments) in ([], ["data"]):
        arguments = [*arguments, "--help"]
    typed = [word.replace("_", "-") for word in arguments[:2]]
    flags = set(flags_in(arguments)) | ({"--help"} if "-h" in arguments else set())
    has_short_help = "--help" in flags and HELP_ALL not in flags
    arguments = join_equal(arguments)
    arguments = ["--help" if word.replace("_", "-") == HELP_ALL else word for word in arguments]
    commands, groups = dict(COMMANDS), {}
    if has_short_help:
        commands = {name: hide_seldom(options) for name, options in commands.items()}
    elif issubclass(COMMANDS.get(typed[0], object), ComparisonOptions):
        groups = settings_groups(COMMANDS[typed[0]], arguments)
        commands[typed[0]] = with_settings(COMMANDS[typed[0]], groups)
        refuse_unknown_groups(arguments, groups)
    elif typed[0] in ("list", "data", "check-suite"):
        load_typed_plugins(arguments)
    if not {"--help", "-h"} & set(arguments[:2] if arguments[0] == "data" else arguments[:1]):
        command = find_command(commands, DATA_COMMANDS, arguments)
        if not {"--help", "-h"} & set(arguments):
            refuse_unknown_options(command, COMMANDS)
            check_words(command)
            check_places(command)
            check_needed(command)
    parsed = tyro.cli(
        make_subcommands(commands, typed, SHORT if has_short_help else ""),
        prog=PROGRAM,
        description=ABOUT,
        args=arguments,
        config=(tyro.conf.OmitSubcommandPrefixes,),
    )
    if not groups:
        return CommandLine(parsed, {})
    plain = COMMANDS[typed[0]]
    options = plain(**{field.name: getattr(parsed, field.name) for field in dataclasses.fields(plain)})
    return CommandLine(options, find_given(parsed, groups, arguments))


def join_equal(arguments: Sequence[str]) -> list[str]:
    """`--equal candidates=16` as the setting that it is, `--equal.candidates 16`."""
    found: list[str] = []
    for word in arguments:
        if found and found[-1] == EQUAL and "=" in word and not word.startswith("--"):
            name, _, value = word.partition("=")
            found[-1:] = [f"{EQUAL}.{name}", value]
        else:
            found.append(word)
    return found


def hide_seldom(options: type) -> type:
    """The options without those that only `--help-all` shows, if it shows more."""
    hints = get_type_hints(options, include_extras=True)
    hidden = [
        (field.name, Annotated[hints[field.name], tyro.conf.Suppress], field)
        for field in dataclasses.fields(options)
        if SELDOM in getattr(hints[field.name], "__metadata__", ())
    ]
    if not issubclass(options, ComparisonOptions):
        return options
    short = dataclasses.make_dataclass(options.__name__, hidden, bases=(options,), frozen=True, kw_only=True)
    short.__doc__ = options.__doc__
    return short


def make_subcommands(commands: Mapping[str, type], typed: Sequence[str], hint: str) -> Any:
    """The commands as tyro's subcommands; the help of the one that is typed has a hint and examples."""

    def subcommand(name: str, options: Any, about: str, is_typed: bool) -> Any:
        lines = [f"  {PROGRAM} {example}" for example in EXAMPLES.get(name, ())]
        above = (
            [about, hint]
            if hint and isinstance(options, type) and issubclass(options, ComparisonOptions)
            else [about]
        )
        text = "\n".join([*above, "", "examples:", *lines]) if lines and is_typed else about
        return Annotated[options, tyro.conf.subcommand(name.split()[-1], description=text)]

    data = [
        subcommand(f"data {name}", options, options.__doc__ or "", typed == ["data", name])
        for name, options in DATA_COMMANDS.items()
    ]
    every = [
        subcommand(name, options, options.__doc__ or "", typed[0] == name) for name, options in commands.items()
    ]
    data_sets = subcommand("data", functools.reduce(operator.or_, data), ABOUT_DATA, False)
    return functools.reduce(operator.or_, [*every, data_sets])


def settings_groups(options: type[ComparisonOptions], arguments: Sequence[str]) -> dict[str, tuple[str, Any]]:
    """Name of a shared config or of a method → its field among the options, and its default there.

    The defaults are those of the preset and of the first task, and are only shown.
    """
    # Imported here, since torch takes a second that the other commands need not wait for.
    from bench.config.comparison import Comparison, default_settings
    from bench.config.spec import flatten
    from bench.config.values import DATA_SET, read_names
    from methods.core.registry import get_method, method_names

    load_typed_plugins(arguments)
    names = {field.name for field in dataclasses.fields(options)} & SELECTING
    typed: Any = {name: values[-1] for name in names if (values := flag_values(arguments, name))}
    typed |= {name: read_names(name, typed[name]) for name in ("tasks", "methods") if name in typed}
    takes_experiments = "experiment" in {field.name for field in dataclasses.fields(options)}
    comparison = Comparison(**typed, takes_experiments=takes_experiments)
    config, made = default_settings(comparison, {name: get_method(name) for name in method_names()})
    places = {field.name: DATA_SET if field.name == "data" else field.name for field in dataclasses.fields(config)}
    shared = {group: (group, getattr(config, name)) for name, group in places.items()}
    own = {name: (name.replace("-", "_"), method) for name, method in made.items() if flatten(method)}
    taken = {field.name for field in dataclasses.fields(options)} | set(shared)
    for name, (flag, _) in own.items():
        if flag in taken:
            raise UserError(f"method {name!r} has the name of the option --{name}; rename it.")
    return shared | own


def refuse_unknown_groups(arguments: Sequence[str], groups: Mapping[str, tuple[str, Any]]) -> None:
    """Refuse a setting of what is no method, and ρ of one method, with more than is said of an unknown option.

    Raises:
        UserError: the flag, the choices and the remedy.
    """
    fields = {field.replace("_", "-"): name for name, (field, _) in groups.items()}
    for flag in flags_in(arguments):
        head, dot, rest = flag.removeprefix("--").partition(".")
        if dot and head in fields and rest == "rho":
            raise UserError(
                f"{flag}: ρ is no setting of a method but an option of its own, as in --rho 1,5,10; "
                f"for {fields[head]} alone add --methods {fields[head]}."
            )
        if dot and head not in {*fields, "data"}:
            near = near_names(head, fields)
            raise UserError(
                f"{flag}: there is no method and no group of settings {head!r}; {near}choose one of "
                f"{', '.join(fields)}, or name the file of a method of your own with --plugin."
            )


def with_settings(options: type[ComparisonOptions], groups: Mapping[str, tuple[str, Any]]) -> type:
    """The options with a field for each group of settings."""
    fields = [(name, type(value), dataclasses.field(default=value)) for name, value in groups.values()]
    combined = dataclasses.make_dataclass(options.__name__, fields, bases=(options,), frozen=True, kw_only=True)
    combined.__doc__ = options.__doc__
    return combined


def find_given(parsed: Any, groups: Mapping[str, tuple[str, Any]], arguments: Sequence[str]) -> dict[str, Any]:
    """The settings whose flags are on a command line that tyro has read.

    Tyro takes no flag for another's value, except after `=`, so whatever looks like a flag is one.
    """
    from bench.config.spec import flatten

    given, flags = {}, set(flags_in(arguments))
    for group, (field, _) in groups.items():
        for name, value in flatten(getattr(parsed, field)).items():
            flag = f"--{field}.{name}".replace("_", "-")
            path, _, last = flag.rpartition(".")
            if flag in flags or (isinstance(value, bool) and f"{path}.no-{last}" in flags):
                given[f"{group}.{name}"] = value
    return given


def flags_in(arguments: Sequence[str]) -> Iterator[str]:
    """The long flags as tyro understands them: `_` is `-`, the value may follow `=`, and none come after `--`."""
    for argument in itertools.takewhile(lambda each: each != "--", arguments):
        if argument.startswith("--"):
            yield argument.partition("=")[0].replace("_", "-")


def flag_values(arguments: Sequence[str], name: str) -> list[str]:
    """What a flag is given, in order, before tyro has read the command line."""
    found = []
    for argument, following in itertools.pairwise([*arguments, ""]):
        flag, is_joined, value = argument.partition("=")
        if flag == f"--{name}" and (value or following):
            found.append(value if is_joined else following)
    return found


def load_typed_plugins(arguments: Sequence[str]) -> None:
    """Load the files of `--plugin`, whose settings have flags too."""
    paths = [Path(path) for path in flag_values(arguments, "plugin")]
    if paths:
        from bench.plugins import load_plugins

        load_plugins(paths)
