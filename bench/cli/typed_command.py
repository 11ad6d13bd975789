"""The command that is typed, and its words as tyro tells options, their values and other words apart."""

import functools
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.cli.hints import count_values, is_switch, list_flags, list_places
from foundation.errors import unknown_name


@dataclass(frozen=True)
class TypedCommand:
    """A command and the words behind its name.

    Attributes:
        name: such as `data make`.
        options: its dataclass.
        words: up to a `--`, behind which no word is an option.
        behind: those behind the `--`.
    """

    name: str
    options: type
    words: Sequence[str]
    behind: Sequence[str]

    @functools.cached_property
    def flags(self) -> Mapping[str, Any]:
        """Every flag that it has → its type hint."""
        return list_flags(self.options)

    @functools.cached_property
    def places(self) -> Mapping[str, Any]:
        """The words that it takes without an option, by name → type hint."""
        return list_places(self.options)

    def find_hint(self, flag: str) -> Any:
        """The type hint of a flag as it is typed; None where the command does not have it."""
        return self.flags.get(flag.replace("_", "-"))

    def split_flags(self) -> Iterator[tuple[str, list[str]]]:
        """Each flag as it is typed, with the values behind it, that after `=` first."""
        starts = [number for number, word in enumerate(self.words) if word.startswith("--")]
        for start, end in itertools.pairwise([*starts, len(self.words)]):
            flag, is_joined, value = self.words[start].partition("=")
            yield flag, [*([value] if is_joined else []), *self.words[start + 1 : end]]

    def list_loose_runs(self) -> list[list[str]]:
        """The words that are no option's values, in their order, in runs between which options stand."""
        runs = [list(itertools.takewhile(lambda word: not word.startswith("--"), self.words))]
        for flag, values in self.split_flags():
            hint = self.find_hint(flag)
            count = 0 if is_switch(hint) else count_values(hint)
            runs.append([] if count is None else values[count:])
        return [run for run in (*runs, list(self.behind)) if run]

    def list_loose_words(self) -> list[str]:
        """The words that are no option's values, in their order."""
        return [word for run in self.list_loose_runs() for word in run]


def find_command(commands: Mapping[str, type], data: Mapping[str, type], words: Sequence[str]) -> TypedCommand:
    """The command that is typed.

    Args:
        commands, data: name to options, of the commands and of those of `data`.
        words: the command line.

    Raises:
        UserError: no such command.
    """
    name, following = (word.replace("_", "-") for word in (*words[:2], "", "")[:2])
    if name == "data":
        if following not in data:
            raise unknown_name("command of data", following, data)
        name, options, named = f"data {following}", data[following], 2
    elif name in commands:
        options, named = commands[name], 1
    else:
        raise unknown_name("command", name, [*commands, "data"])
    typed = list(words[named:])
    end = typed.index("--") if "--" in typed else len(typed)
    return TypedCommand(name, options, typed[:end], typed[end + 1 :])
