"""Mutated files given to every reader, and command lines to the parser, in this process by Hypothesis.

A case is a reader with all its examples. What a reader may do is give a value or raise the project's own errors;
any other exception is shrunk by Hypothesis to a small example and reported with it.
"""

import os
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.database import InMemoryExampleDatabase

from foundation.errors import UserError

from .cases import Case, Outcome, number_cases
from .command_lines import make_words, parse_quietly
from .files import prepare_whole
from .mutations import mutate
from .readers import READERS, Reader

EXAMPLES = {"command line": 1_000}
COUNT = 500  # examples of a reader of files
SMALL = 12
PHASES = (Phase.generate, Phase.shrink)


def make_cases(number: int, scratch: Path, small: bool) -> list[Case]:
    """Every reader of files, and the command line."""
    folder = prepare_whole(scratch, "whole", {})
    named: list[tuple[str, Callable[[Path], Outcome]]] = []
    for reader in READERS:
        files = sorted(folder.glob(reader.pattern))[:3]
        if not files:
            raise LookupError(f"no file is like {reader.pattern}")
        count = SMALL if small else EXAMPLES.get(reader.name, COUNT)
        named.append((reader.name, Fuzzing(reader, folder, files, number, count).run))
    named.append(
        ("command line", lambda work: fuzz_command_lines(number, SMALL if small else EXAMPLES["command line"]))
    )
    return number_cases("fuzz", named)


def fuzz_command_lines(number: int, count: int) -> Outcome:
    """Command lines, which are parsed and not executed."""
    return fuzz(make_words(), parse_quietly, number, count)


@dataclass(frozen=True)
class Fuzzing:
    """A reader with what it is given.

    Attributes:
        reader: what is tried.
        folder: with a finished comparison.
        files: sound ones of its kind.
        number: the seed.
        count: examples.
    """

    reader: Reader
    folder: Path
    files: Sequence[Path]
    number: int
    count: int

    def run(self, work: Path) -> Outcome:
        """Give the reader one mutant after the other, each in the place of the sound file."""
        os.chdir(work)
        read = self.reader.prepare(self.folder, self.files[0], work)
        contents = [file.read_bytes() for file in self.files]
        return fuzz(mutate(contents, self.files[0].suffix), read, self.number, self.count)


def fuzz(strategy: st.SearchStrategy[Any], read: Callable[[Any], object], number: int, count: int) -> Outcome:
    """Examples of a strategy given to a reader."""
    tried, refused = [0], [0]

    @seed(number)
    @settings(
        max_examples=count,
        phases=PHASES,
        deadline=None,
        database=InMemoryExampleDatabase(),
        suppress_health_check=tuple(HealthCheck),  # pyright: ignore[reportArgumentType] (its members)
        print_blob=False,
    )
    @given(strategy)
    def run(example: Any) -> None:
        tried[0] += 1
        try:
            read(example)
        except UserError as error:
            refused[0] += 1
            if "\x1b" in str(error) or "\n" in str(error):
                raise AssertionError(f"a refusal is not one clean line: {str(error)!r}") from error

    try:
        run()
    except Exception as error:  # whatever a reader raises that it may not
        return Outcome("failed", describe(error), tried[0])
    return Outcome("refused", f"{refused[0]} of {tried[0]} are refused, the others are read", tried[0])


def describe(error: BaseException) -> str:
    """An exception with where it was raised, and the example that Hypothesis found."""
    inner = error.exceptions[0] if isinstance(error, BaseExceptionGroup) else error
    frames = [frame for frame in traceback.extract_tb(inner.__traceback__) if "faulting" not in frame.filename]
    where = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "?"
    notes = " ".join(getattr(inner, "__notes__", ()))
    return f"{type(inner).__name__}: {str(inner)[:300]} at {where}; {notes[:700]}"
