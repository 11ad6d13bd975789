"""Every kind of file of a finished comparison, damaged in every way, and what three commands do then."""

import hashlib
import itertools
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from . import compare
from .cases import Case, Outcome, number_cases
from .commands import call
from .damages import DAMAGES, REPEATS, Place
from .exceptions import find_reason
from .finished import enter_experiment
from .imported_data import D4RL_RUN, IMPORTED, prepare_import
from .interrupted import interrupt
from .scenes import (
    MAKE,
    MAZE,
    ONE,
    RUN_TOY,
    TIMED,
    TUNE,
    copy_folder,
    describe_report,
    do,
    keep_states_often,
    places,
)

RUN_MAZE = ("run", *MAZE, *ONE, "--methods", "unguided,swg", "--seeds", "2")
RUN_CEP = ("run", *MAZE, *ONE, "--methods", "cep", "--seeds", "2", "--rho", "1")
FREEZE = ("plan", *MAZE, "--methods", "unguided,swg", "--seeds", "2")
OTHERS = {"--seeds": "2,3", "--grid": "2,6"}  # of the comparison whose files are swapped in
_DISCARDED = "runs/maze2d-umaze/swg-*/seed-0.json"


@dataclass(frozen=True)
class FileKind:
    """A kind of file.

    Attributes:
        name: for the table.
        pattern: of its files, below the case's folder; the first is damaged.
        run: the `run` that needs it.
        discarded: patterns of results that are deleted before, so that the file is read.
        results: the folder that `run` writes to.
        owners: the commands that may not leave it damaged in silence; others need it for what they make alone.
    """

    name: str
    pattern: str
    run: tuple[str, ...] = RUN_MAZE
    discarded: tuple[str, ...] = ()
    results: str = "results"
    owners: tuple[str, ...] = ()


_RUN = ("run",)
_JOINT = "artifacts/components/{joint}"  # that of swg on the maze
_AGAIN = (f"results/{_DISCARDED}",)
_TOY_AGAIN = ("results/runs/moons/*/seed-*",)
KINDS = (
    FileKind("result", "results/runs/maze2d-umaze/swg-*/seed-*.json", owners=_RUN),
    FileKind("result of a density", "results/runs/moons/swg-*/seed-*.json", RUN_TOY, owners=_RUN),
    FileKind("samples", "results/runs/moons/swg-*/seed-*.npz", RUN_TOY, owners=_RUN),
    FileKind("FORMAT", "results/FORMAT"),
    FileKind("plans.jsonl", "results/plans.jsonl", owners=_RUN),
    FileKind("ledger.jsonl of the results", "results/ledger.jsonl", owners=("run", "tune-rho")),
    FileKind("ledger.jsonl of the artifacts", "artifacts/ledger.jsonl", owners=("run", "tune-rho")),
    FileKind("tuned.json", "results/tuned.json", owners=("tune-rho",)),
    FileKind("Optuna's journal", "results/tuning/*.log"),
    FileKind("looks.jsonl", "results/looks.jsonl"),
    FileKind("commands.jsonl", "results/commands.jsonl"),
    FileKind("record of a component", "results/components/{joint}/seed-?.json"),
    FileKind("record of a method", "results/methods/swg.json"),
    FileKind("frozen_plan.json", "results/frozen_plan.json"),
    FileKind("experiments.json", "results/experiments.json"),
    FileKind("timing.json", "results/timing.json"),
    FileKind("report.md", "results/report/report.md", owners=("report",)),
    FileKind("scores.csv", "results/report/scores.csv", owners=("report",)),
    FileKind("weights", f"{_JOINT}/seed-*.safetensors", discarded=_AGAIN),
    FileKind("description of weights", f"{_JOINT}/seed-?.json", discarded=_AGAIN),
    FileKind("learning curve", f"{_JOINT}/seed-*.csv", discarded=_AGAIN),
    FileKind("floor", "artifacts/floors/*/beta-*.json", RUN_TOY, _TOY_AGAIN),
    FileKind("generated data", "artifacts/data/local/*/data/main_data.hdf5"),
    FileKind("description of generated data", "artifacts/data/local/*/data/metadata.json"),
    FileKind("flat copy", "artifacts/data/flat/local-*.npz"),
    FileKind("lock of the ledger", "results/.ledger.lock", discarded=_AGAIN),
    FileKind("lock of a component", "artifacts/components/cep-energy-*/.lock", RUN_CEP),
    FileKind("checkpoint", "artifacts/components/cep-energy-*/*.state", RUN_CEP),
    FileKind("checkpoint before it", "artifacts/components/cep-energy-*/*.earlier", RUN_CEP),
    FileKind("imported data", "artifacts/data/d4rl/*.hdf5", D4RL_RUN, results=IMPORTED),
    FileKind("checksums of imported data", "artifacts/data/d4rl/learned.lock.json", D4RL_RUN, results=IMPORTED),
)


@dataclass(frozen=True)
class Whole:
    """A finished comparison.

    Attributes:
        folder: with all kinds of files.
        other: the same of other seeds, of which files are swapped in.
    """

    folder: Path
    other: Path


def prepare_whole(scratch: Path, name: str, replaced: dict[str, str]) -> Path:
    """Make a comparison with every kind of file; `replaced` are values of options."""
    folder = scratch / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)

    def words(line: Sequence[str]) -> list[str]:
        return [replaced.get(before, word) for before, word in itertools.pairwise(("", *line))]

    both, tuning = places(folder), ("--seeds", "102,103") if replaced else ()
    do((*MAKE, *both[2:]), scratch)
    do((*words(FREEZE), *both, "--freeze", folder / "frozen.json"), scratch)
    do((*words(TUNE), *tuning, *both), scratch)
    interrupt((*words(RUN_CEP), *both), "cep-energy", folder, scratch)
    do((*words(RUN_MAZE), *both), scratch)
    do((*words(RUN_TOY), *both), scratch)
    do((*TIMED, *both[:2]), scratch)
    enter_experiment(folder / "results")
    prepare_import(folder, scratch)
    do(("report", *both[:2]), scratch)
    return folder


@dataclass(frozen=True)
class Command:
    """A command that may read a damaged file.

    Attributes:
        name: `run`, `report` or `tune-rho`.
        words: without the folders.
        describe: what it makes.
        results: the folder that it reads and writes.
    """

    name: str
    words: tuple[str, ...]
    describe: Callable[[Path], compare.Described]
    results: str = "results"

    def line(self, folder: Path) -> tuple[object, ...]:
        """The command line for a folder."""
        artifacts = () if self.name == "report" else ("--artifacts", folder / "artifacts")
        return (*self.words, "--results", folder / self.results, *artifacts)


def describe_run(folder: Path, name: str = "results") -> compare.Described:
    """What `run` makes: results, components, floors, data, ledgers."""
    results = compare.describe_results(folder / name)
    kept = {f"results/{k}": v for k, v in results.items() if k not in ("tuned.json", "experiments.json")}
    artifacts = compare.describe_artifacts(folder / "artifacts")
    return kept | {f"artifacts/{k}": v for k, v in artifacts.items()}


def describe_tuning(folder: Path) -> compare.Described:
    """What `tune-rho` makes: choices, ledgers, components."""
    results = compare.describe_results(folder / "results")
    kept = {f"results/{name}": results[name] for name in ("tuned.json", "ledger.jsonl")}
    artifacts = compare.describe_artifacts(folder / "artifacts")
    return kept | {f"artifacts/{k}": v for k, v in artifacts.items()}


def list_commands(kind: FileKind) -> tuple[Command, ...]:
    """The three commands that meet a damaged file."""
    return (
        Command("run", kind.run, partial(describe_run, name=kind.results), kind.results),
        Command("report", ("report",), describe_report),
        Command("tune-rho", TUNE, describe_tuning),
    )


def make_cases(seed: int, scratch: Path, small: bool) -> list[Case]:
    """Every kind of file, every damage, every command; of the small version one damage of some kinds."""
    whole = Whole(prepare_whole(scratch, "whole", {}), prepare_whole(scratch, "other", OTHERS))
    expected: dict[tuple[str, str], compare.Described] = {}
    named: list[tuple[str, Callable[[Path], Outcome]]] = []
    for number, (kind, damage) in enumerate(itertools.product(KINDS, _list_damages())):
        for command in list_commands(kind):
            key = (" ".join(command.words), " ".join(kind.discarded) if command.name == "run" else "")
            if key not in expected:
                expected[key] = expect(whole, kind, command, scratch)
            case = Damaging(whole, kind, damage, number, seed, command, expected[key])
            named.append((f"{kind.name}, {damage}, {command.name}", case.run))
    cases = number_cases("files", named)
    return cases[:: max(1, len(cases) // 6)] if small else cases


def _list_damages() -> Iterator[str]:
    for damage in DAMAGES:
        for repeat in range(REPEATS.get(damage, 1)):
            yield f"{damage} {repeat + 1}" if damage in REPEATS else damage


def expect(whole: Whole, kind: FileKind, command: Command, scratch: Path) -> compare.Described:
    """What a command leaves where nothing is damaged."""
    folder = scratch / "expected"
    shutil.rmtree(folder, ignore_errors=True)
    lay_out(whole, kind, command, folder)
    do(command.line(folder), scratch)
    return command.describe(folder)


def lay_out(whole: Whole, kind: FileKind, command: Command, folder: Path) -> None:
    """A copy of the comparison, for `run` without the results that are to be made again."""
    copy_folder(whole.folder, folder)
    for pattern in kind.discarded if command.name == "run" else ():
        for file in folder.glob(pattern):
            file.unlink()


@dataclass(frozen=True)
class Damaging:
    """One damaged file and one command.

    Attributes:
        number: of the kind and the damage, so that all three commands meet the same.
        expected: what the command leaves where nothing is damaged.
    """

    whole: Whole
    kind: FileKind
    damage: str
    number: int
    seed: int
    command: Command
    expected: compare.Described

    def run(self, work: Path) -> Outcome:
        """Damage, do the command, and look at what it left."""
        folder, elsewhere = work / "case", work / "elsewhere"
        lay_out(self.whole, self.kind, self.command, folder)
        place = self._find(folder, elsewhere)
        generator = np.random.default_rng([self.seed, self.number])
        try:
            what = DAMAGES[self.damage.split()[0]](place, generator)
        except LookupError as error:
            return Outcome("equal", f"not tried: {error}")
        damaged, outside = _hash(place.file), _hash(elsewhere / place.file.name)
        before = describe_run(folder)
        ended = call(self.command.line(folder), work, keep_states_often)
        if ended.fault is not None:
            return Outcome("failed", f"{what}: {ended.fault}")
        if _hash(elsewhere / place.file.name) != outside:
            return self._accept(f"{what}: the file outside was written")
        if ended.code == 2:
            lost = [d for d in compare.find_differences(describe_run(folder), before) if "is new" not in d]
            lost = [d for d in lost if d.startswith(("results/runs", "artifacts/components"))]
            return (
                Outcome("failed", f"{what}: refused, and {lost[0]}")
                if lost
                else Outcome("refused", ended.sentence)
            )
        differing = compare.find_differences(self.command.describe(folder), self.expected)
        if self.command.name not in self.kind.owners:
            differing = [each for each in differing if not each.startswith(str(place.file.relative_to(folder)))]
        if differing:
            return self._accept(f"{what}: {'; '.join(differing[:3])}")
        is_remade = _hash(place.file) != damaged
        return Outcome("remade" if is_remade else "equal", what)

    def _accept(self, what: str) -> Outcome:
        reason = find_reason(self.kind.name, self.damage, self.command.name, what)
        return Outcome("named", f"{reason} ({what})") if reason is not None else Outcome("failed", what)

    def _find(self, folder: Path, elsewhere: Path) -> Place:
        pattern = self.kind.pattern.format(joint=find_component(self.whole.folder, "joint"))
        found = sorted(folder.glob(pattern))
        if not found:
            raise LookupError(f"no file is like {pattern}")
        # Another seed's; of a file that the comparison has once, the other comparison's.
        others = [*found[1:], *sorted(self.whole.other.glob(pattern))]
        return Place(found[0], others[0] if others else None, elsewhere)


def find_component(folder: Path, kind: str) -> str:
    """The label of what swg on the maze stands on, of that kind."""
    result = json.loads(next(iter(sorted(folder.glob(f"results/{_DISCARDED}")))).read_text())
    return next(label for label in result["components"].values() if label.startswith(f"{kind}-"))


def _hash(file: Path) -> str:
    if file.is_dir():
        return "folder"
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else "nothing"
