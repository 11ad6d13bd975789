"""Refuses options that a command does not have, words too many and required ones that lack, before tyro does."""

import difflib
import itertools
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bench.cli.examples import EXAMPLES
from bench.cli.hints import count_values, list_flags, list_kinds, list_needed, show_value
from bench.cli.typed_command import TypedCommand
from bench.config.moved_settings import refuse_moved
from foundation.errors import UserError
from foundation.program import program_name

_MOST_NEAR = 6  # options that are suggested


def refuse_unknown_options(command: TypedCommand, commands: Mapping[str, type]) -> None:
    """Refuse options that a command does not have.

    Args:
        command: the one that is typed.
        commands: all of them, some of which may have the option.

    Raises:
        UserError: the first such option, the near ones or else the choices, and where they are explained; of a
            setting that has moved its new name.
    """
    for before, word in itertools.pairwise(["", *command.words]):
        flag = word.partition("=")[0].replace("_", "-")
        if not is_option(word) or flag in command.flags:
            continue
        refuse_moved(flag.removeprefix("--"))
        having = [name for name, options in commands.items() if flag in list_flags(options)]
        elsewhere = f"{', '.join(having)} {'has' if len(having) == 1 else 'have'} it; " if having else ""
        setting = next((known for known in command.flags if "." in known), None)
        own = [known for known in command.flags if "." not in known and not known.startswith("--no-")]
        choices = ", ".join(own) + (f", or a setting such as {setting}" if setting else "")
        near = find_near_options(flag, command.flags)
        remedy = f"did you mean {' or '.join(near)}? " if near else f"choose one of {choices}; "
        if takes_text(command.find_hint(before)):
            remedy += f"if it is the value of {before}, write {before}={shlex.quote(word)}; "
        page = f"{program_name()} {command.name} {'--help-all' if setting else '--help'}"
        raise UserError(f"{command.name} has no option {flag}; {elsewhere}{remedy}`{page}` lists its options.")


def takes_text(hint: Any) -> bool:
    """Whether an option takes words or a path, which may begin with a dash, rather than numbers or choices."""
    return bool({str, Path} & set(list_kinds(hint)))


def find_near_options(flag: str, flags: Iterable[str]) -> list[str]:
    """Options that one may have meant: spelt alike, and for `--steps` also `--critic.steps` and its kin."""
    name = flag.lstrip("-")
    names = [known.removeprefix("--") for known in flags]
    alike = [known for known in names if ("." in known) == ("." in name)]
    near = difflib.get_close_matches(name, alike, n=3, cutoff=0.7)
    near += [known for known in names if known.startswith(f"{name}.") or known.endswith(f".{name}")]
    return [f"--{known}" for known in list(dict.fromkeys(near))[:_MOST_NEAR]]


def is_option(word: str) -> bool:
    """Whether a word is an option rather than a value: `--rho` and `-x` are, `-1`, `-inf` and `-` are not."""
    if word.startswith("--"):
        return True
    if not word.startswith("-") or not word[1:2].isalpha():
        return False
    try:
        float(word)
    except ValueError:
        return True
    return False


def check_places(command: TypedCommand) -> None:
    """Refuse more words without an option than a command takes, and such words in several places.

    Raises:
        UserError: the first of them, and what the command takes.
    """
    places, given, runs = command.places, command.list_loose_words(), command.list_loose_runs()
    if any(count_values(hint) is None for hint in places.values()):
        if len(runs) > 1:
            raise UserError(
                f"{command.name} takes {' and '.join(places)} in one place: put {runs[1][0]!r} behind "
                f"{runs[0][-1]!r}, before all options or after them."
            )
        return
    if len(given) <= len(places):
        return
    extra = given[len(places)]
    takes = f"{' and '.join(places)} and no other word" if places else "no word"
    shown = f"`--suite {show_value(command.flags['--suite'])}`" if "--suite" in command.flags else ""
    remedy = f"put its option before it, as in {shown}, or leave it out" if shown else "leave it out"
    raise UserError(f"{command.name} takes {takes} without an option, and got {extra!r}: {remedy}.")


def check_needed(command: TypedCommand) -> None:
    """Refuse a command line that lacks what its command cannot do without.

    Raises:
        UserError: all that lacks, and an example.
    """
    given = [*list(command.places)[: len(command.list_loose_words())]]
    given += [flag.replace("_", "-") for flag, _ in command.split_flags()]
    lacking = [needed for needed in list_needed(command.options) if needed.split()[0] not in given]
    if lacking:
        every = " and ".join(lacking)
        example = f"{program_name()} {EXAMPLES[command.name][0]}"
        raise UserError(f"{command.name} lacks {every}: add what is missing, as in `{example}`.")
