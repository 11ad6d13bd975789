"""Hostile numbers in files and on the command line, deep nesting, and files that claim more than they hold."""

import io
import itertools
import resource
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from . import edits
from .cases import Case, Outcome, number_cases
from .commands import call
from .edits import Raw
from .finished import Finished, prepare_finished
from .kills import both
from .names import judge, list_outside
from .scenes import MAKE, MAZE, MICRO, ONE, copy_folder, keep_states_often, places

VALUES: tuple[Any, ...] = (
    0,
    -1,
    2**31,
    2**63,
    2**64,
    10**30,
    Raw("9" * 5000),
    1e308,
    Raw("1e999"),
    Raw("NaN"),
    Raw("Infinity"),
    Raw("-Infinity"),
    1e-320,
    0.5,
    True,
    "1",
    None,
    [],
    {},
    Raw("[" * 100_000 + "]" * 100_000),
)
TYPED = (
    "0",
    "-1",
    "0.5",
    str(2**31),
    str(2**63),
    str(10**30),
    "9" * 5000,
    "nan",
    "inf",
    "1e308",
    "1e-320",
    "",
    "٣",
)
SHOWN = 6  # values for each field
MEMORY = 6 * 2**30  # bytes of address space that a case may take on, so that a claim that is believed fails
_SWG = "moons/swg-*"


@dataclass(frozen=True)
class Field:
    """A number of a file.

    Attributes:
        name: for the table.
        edit: puts a value into a results folder.
        commands: that are tried.
    """

    name: str
    edit: Callable[[Path, Any], None]
    commands: tuple[str, ...] = ("report",)


def in_results(*path: Any) -> Callable[[Path, Any], None]:
    """Into a field of the results of one method."""
    return lambda folder, value: edits.edit_results(folder, _SWG, edits.put(path, value))


def in_file(name: str, *path: Any) -> Callable[[Path, Any], None]:
    """Into a field of a file, or of every line of one."""
    do = edits.edit_lines if name.endswith("l") else edits.edit_json
    return lambda folder, value: do(folder / name, edits.put(path, value))


def as_score(folder: Path, value: Any) -> None:
    """As distance at every β, and so as score."""

    def edit(result: Any) -> None:
        result["score"] = value
        for density in result["densities"]:
            density["distance"] = value

    edits.edit_results(folder, _SWG, edit)


ALL = ("report", "run", "tune-rho")
BOTH = ("report", "run")
FIELDS = (
    Field("score and distances", as_score, BOTH),
    *(Field(f"{name} of a result", in_results(name), BOTH) for name in ("seed", "rho", "format")),
    *(
        Field(f"{name} of a density", in_results("densities", 0, name))
        for name in (
            "inverse_temperature",
            "floor",
            "floor_log_spread",
            "floor_pairs",
            "samples",
            "effective_beta",
            "effective_beta_most",
            "divergence",
            "divergence_floor",
            "classifier",
        )
    ),
    Field("seconds of training", in_results("seconds", "train")),
    *(
        Field(f"evaluations, {n}", in_results("evaluations", n))
        for n in ("function", "gradient", "actions", "candidates")
    ),
    Field("transitions", in_results("data", "transitions")),
    Field("range of actions", in_results("data", "action_low", 0), BOTH),
    Field("cores", in_results("machine", "cores")),
    Field("setting", in_results("config", "swg.candidates"), BOTH),
    *(
        Field(f"{n} of a choice", in_file("tuned.json", "choices", 0, n), ALL)
        for n in ("rho", "score", "trials", "episodes")
    ),
    *(Field(f"seeds of a choice, {n}", in_file("tuned.json", "choices", 0, "seeds", n), ALL) for n in (0, 1)),
    Field("score of a trial", in_file("tuned.json", "choices", 0, "tried", 0, "score"), ALL),
    *(
        Field(f"{name} of the ledger", in_file("ledger.jsonl", name), ALL)
        for name in ("rho", "episodes", "first_episode")
    ),
    Field("seeds of the ledger", in_file("ledger.jsonl", "seeds", 0), ALL),
    Field("values of the ledger", in_file("ledger.jsonl", "values", 0, 0), ALL),
    Field("seed of a plan", in_file("plans.jsonl", "cells", 0, "seed"), BOTH),
    Field("seeds of a look", in_file("looks.jsonl", "seeds", 0)),
    *(
        Field(f"{n} of a timing", in_file("timing.json", "rows", 0, n))
        for n in ("batch", "threads", "calls", "parameters")
    ),
    Field("milliseconds of a timing", in_file("timing.json", "rows", 0, "milliseconds", "median")),
    Field("median ratio of a timing", in_file("timing.json", "rows", 0, "over_own_unguided", "median")),
)
_PLAN = ("plan", *MAZE, *ONE, "--methods", "swg")
OPTIONS = (
    *(
        (_PLAN, option)
        for option in ("--seeds", "--rho", "--critic.steps", "--critic.learning-rate", "--critic.width")
    ),
    *((_PLAN, option) for option in ("--evaluation.episodes", "--data-set.transitions", "--data-set.seed")),
    *((_PLAN, option) for option in ("--threads", "--sampler.steps", "--swg.candidates", "--critic.expectile")),
    (("report",), "--margin"),
    (MAKE[:3], "--transitions"),
    (MAKE, "--seed"),
)


def make_cases(seed: int, scratch: Path, small: bool) -> list[Case]:
    """Numbers in fields, numbers on the command line, claims of size."""
    finished = prepare_finished(scratch)
    generator = np.random.default_rng([seed, 2])
    named: list[tuple[str, Callable[[Path], Outcome]]] = []
    for field in FIELDS:
        for number in sorted(generator.permutation(len(VALUES))[:SHOWN].tolist()):
            shown = repr(VALUES[number])[:24]
            for command in field.commands:
                edit = Editing(finished, field.edit, VALUES[number], command)
                named.append((f"{field.name}: {shown}, {command}", edit.run))
    for (words, option), typed in itertools.product(OPTIONS, TYPED):
        named.append((f"{words[0]} {option} {typed[:24]}", Typing(finished, (*words, option, typed)).run))
    named += list(make_claims(finished))
    cases = number_cases("numbers", named)
    return cases[:: len(cases) // 6] if small else cases


@dataclass(frozen=True)
class Editing:
    """One value in one field, and one command."""

    finished: Finished
    edit: Callable[[Path, Any], None]
    value: Any
    command: str

    def run(self, work: Path) -> Outcome:
        """Put the value there, do the command, look at what it prints and writes."""
        folder = work / "case"
        copy_folder(self.finished.folder, folder)
        self.edit(folder / "results", self.value)
        before = list_outside(work)
        prepare = both(keep_states_often, limit_memory)
        ended = call(self.finished.line(self.command, folder), work, prepare)
        return judge(ended, folder, sorted(list_outside(work) - before))


@dataclass(frozen=True)
class Typing:
    """A command line that trains nothing."""

    finished: Finished
    words: tuple[str, ...]

    def run(self, work: Path) -> Outcome:
        """Do it in a copy of the comparison."""
        folder = work / "case"
        copy_folder(self.finished.folder, folder)
        takes = {"report": places(folder)[:2], "data": places(folder)[2:]}
        ended = call((*self.words, *takes.get(self.words[0], places(folder))), work, limit_memory)
        if ended.fault is None or (ended.code == 2 and "Traceback" not in ended.err and "--help" in ended.err):
            return Outcome("refused" if ended.code == 2 else "equal", ended.sentence)
        return Outcome("failed", ended.fault)


def limit_memory() -> None:
    """Let this process take on no more than some gigabytes."""
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + MEMORY, taken + MEMORY))


def make_claims(finished: Finished) -> Iterator[tuple[str, Callable[[Path], Outcome]]]:
    """Files that claim terabytes, and archives that unpack to them, with the commands that read them."""
    file_run = ("run", "--suite", "maze2d", "--tasks", "maze2d-umaze", *MICRO, *ONE, "--methods", "unguided")
    for name, write in (("a chunked column", _claim_chunked), ("a plain column", _claim_plain)):
        for words in (("data", "check"), (*file_run, "--data")):
            yield f"HDF5, {name} of 8 TB, {words[0]}", Claiming(finished, write, words).run
    samples = "results/runs/moons/swg-*/seed-0.npz"
    for name, write in (("a header of 8 TB", claim_array), ("zeros packed 1 to 1,000", pack_zeros)):
        for command, pattern in (("run", samples), ("report", samples), ("tune-rho", "artifacts/data/flat/*.npz")):
            yield f"npz, {name}, {command}", Replacing(finished, write, pattern, command).run


def _claim_chunked(file: Path) -> None:
    _write_claim(file, (1024, 1))


def _claim_plain(file: Path) -> None:
    _write_claim(file, None)


def _write_claim(file: Path, chunks: tuple[int, int] | None) -> None:
    with h5py.File(file, "w") as stored:
        stored.create_dataset("observations", (2**38, 4), "f8", chunks=chunks)
        stored.create_dataset("actions", (2**38, 2), "f8", chunks=chunks)
        for name in ("rewards", "terminals", "timeouts"):
            stored.create_dataset(name, (2**38,), "f4", chunks=None if chunks is None else chunks[:1])


def claim_array(file: Path) -> None:
    """An archive of one array whose header claims 8 TB."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (2**40,)})
    with zipfile.ZipFile(file, "w") as archive:
        for name in ("ours_1", "truth_1", "stamp", "observations", "rewards"):
            archive.writestr(f"{name}.npy", header.getvalue() + b"\0" * 64)


def pack_zeros(file: Path) -> None:
    """An archive of a gigabyte of zeros."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (2**27,)})
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("ours_1.npy", "w") as stream:
        stream.write(header.getvalue())
        for _ in range(1024):
            stream.write(bytes(2**20))


@dataclass(frozen=True)
class Claiming:
    """A user's file that claims more than it holds."""

    finished: Finished
    write: Callable[[Path], None]
    words: tuple[str, ...]

    def run(self, work: Path) -> Outcome:
        """Write the file and have it read."""
        file = work / "claim.hdf5"
        self.write(file)
        ending = (file,) if self.words[0] == "data" else (f"file:{file}", *places(work))
        ended = call((*self.words, *ending), work, limit_memory)
        if ended.fault is not None:
            return Outcome("failed", ended.fault)
        return Outcome("refused", ended.sentence) if ended.code == 2 else Outcome("failed", "it is read")


@dataclass(frozen=True)
class Replacing:
    """A file of a finished comparison in whose place another is."""

    finished: Finished
    write: Callable[[Path], None]
    pattern: str
    command: str

    def run(self, work: Path) -> Outcome:
        """Replace the file, do the command."""
        folder = work / "case"
        copy_folder(self.finished.folder, folder)
        self.write(next(iter(sorted(folder.glob(self.pattern)))))
        prepare = both(keep_states_often, limit_memory)
        return judge(call(self.finished.line(self.command, folder), work, prepare), folder, [])
