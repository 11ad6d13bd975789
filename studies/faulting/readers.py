"""The readers of the project's files, each as a function of a file's content."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import optuna

from bench.runner.study import open_journal
from bench.storage.components import ComponentStore
from bench.storage.ledger_file import open_ledger_file
from bench.storage.publishing import JOURNAL, finish_publishing
from foundation.npz import find_npz_fault
from reports.load.components import read_record
from reports.load.files import check_folder, read_choices, read_file, read_finished, read_optional
from reports.load.frozen_plan import read_frozen_plan
from reports.load.headers import ResultHeader, SourceHeader
from reports.load.ledger import read_ledger
from reports.load.looks import read_looks
from reports.load.origins import read_commands, read_method_record
from reports.load.plans import read_plans
from reports.load.schema import Experiments
from reports.load.scores import load_scores
from reports.load.timing_schema import Timing
from suites.registry import find_tasks
from suites.sources.cache import count_rows
from suites.sources.d4rl.check import inspect
from suites.sources.d4rl.files import find_checksum
from suites.sources.d4rl.read import read_d4rl
from suites.sources.minari import read_minari
from suites.task import ControlTask
from suites.toy.densities import DENSITIES
from suites.toy.references import find_reference
from training.saved_state import Owner, SavedStateError, unpack_state

Read = Callable[[bytes], object]


@dataclass(frozen=True)
class Reader:
    """A reader.

    Attributes:
        name: for the table.
        pattern: of sound files in a finished comparison.
        prepare: from the comparison, a sound file and a folder for the mutants to the reader.
    """

    name: str
    pattern: str
    prepare: Callable[[Path, Path, Path], Read]


def read_from(place: Path, read: Callable[[], object]) -> Read:
    """A reader of content that is first written to a place."""

    def give(content: bytes) -> object:
        place.write_bytes(content)
        return read()

    return give


def from_file(read: Callable[[Path], object], name: str | None = None) -> Callable[[Path, Path, Path], Read]:
    """A reader of one file that may lie anywhere."""

    def prepare(folder: Path, file: Path, work: Path) -> Read:
        place = work / (name or file.name)
        return read_from(place, lambda: read(place))

    return prepare


def from_folder(read: Callable[[Path], object], part: str) -> Callable[[Path, Path, Path], Read]:
    """A reader of a whole folder, of which one file is the mutant."""

    def prepare(folder: Path, file: Path, work: Path) -> Read:
        copied = work / part
        shutil.copytree(folder / part, copied, symlinks=True)
        return read_from(copied / file.relative_to(folder / part), lambda: read(copied))

    return prepare


def prepare_component(folder: Path, file: Path, work: Path) -> Read:
    """A component's description, and its failure note."""
    store, label = ComponentStore(work), file.parent.name
    store.folder(label).mkdir(parents=True)
    seed = int(file.stem.removeprefix("seed-"))
    return read_from(store.file(label, seed).with_suffix(".json"), lambda: store.about(label, seed))


def prepare_failure(folder: Path, file: Path, work: Path) -> Read:
    """What says why a seed was not made; a mutant of any JSON."""
    store = ComponentStore(work)
    store.folder("critic-x").mkdir(parents=True)
    return read_from(store.folder("critic-x") / "seed-0.failed.json", lambda: store.failure("critic-x", 0))


def prepare_publishing(folder: Path, file: Path, work: Path) -> Read:
    """The note of what was about to be published."""
    return read_from(work / JOURNAL, lambda: finish_publishing(work))


def prepare_state(folder: Path, file: Path, work: Path) -> Read:
    """A checkpoint; what is refused is gone on without."""
    owner = Owner(file.parent.name, (0, 1), "data", 120)

    def give(content: bytes) -> object:
        try:
            return unpack_state(content, owner)
        except SavedStateError as error:
            return str(error)

    return give


def prepare_journal(folder: Path, file: Path, work: Path) -> Read:
    """Optuna's journal, as tuning opens it."""
    task, _, method = file.stem.rpartition("-")
    request: Any = SimpleNamespace(results=work)
    job: Any = SimpleNamespace(task=SimpleNamespace(name=task))
    place = work / "tuning" / file.name
    place.parent.mkdir()
    return read_from(place, lambda: optuna.get_all_study_names(open_journal(request, job, method)))


def _maze() -> ControlTask:
    (task,) = find_tasks("maze2d-umaze")
    assert isinstance(task, ControlTask)
    return task


def prepare_generated(folder: Path, file: Path, work: Path) -> Read:
    """A set that was made here, of which one file is the mutant; without its flat copy."""
    data = work / "data"
    shutil.copytree(folder / "artifacts" / "data" / "local", data / "local")
    place = data / file.relative_to(folder / "artifacts" / "data")
    name = str(place.parent.parent.relative_to(data))

    def read() -> object:
        shutil.rmtree(data / "flat", ignore_errors=True)
        return read_minari(data, name, _maze(), source="local", directory=data)

    return read_from(place, read)


def prepare_flat(folder: Path, file: Path, work: Path) -> Read:
    """A flat copy; what is no copy is read from its source again."""
    return from_file(lambda place: (find_npz_fault(place), count_rows(place)))(folder, file, work)


def prepare_floor(folder: Path, file: Path, work: Path) -> Read:
    """The stored numbers of a toy set."""
    shutil.copytree(folder / "artifacts" / "floors", work / "floors")
    place = work / file.relative_to(folder / "artifacts")
    return read_from(place, lambda: find_reference(DENSITIES["moons"], 1.0, 20, work, lambda done, total: None))


_HEADERS: Mapping[str, type] = {"header of a result": ResultHeader, "source of a result": SourceHeader}
_RESULT = "results/runs/moons/*/seed-?.json"
_MAZE_RESULT = "results/runs/maze2d-umaze/*/seed-?.json"


def from_results(read: Callable[[Path], object]) -> Callable[[Path, Path, Path], Read]:
    """A result or a record in a place that fits it."""

    def prepare(folder: Path, file: Path, work: Path) -> Read:
        place = work / file.relative_to(folder / "results")
        place.parent.mkdir(parents=True)
        return read_from(place, lambda: read(place))

    return prepare


READERS = (
    Reader("result", _MAZE_RESULT, from_results(read_finished)),
    Reader("result of a density", _RESULT, from_results(read_finished)),
    *(
        Reader(name, _RESULT, from_file(lambda f, kind=kind: read_file(f, kind)))
        for name, kind in _HEADERS.items()
    ),
    Reader("scores of a folder", _RESULT, from_folder(load_scores, "results")),
    Reader("FORMAT", "results/FORMAT", from_folder(check_folder, "results")),
    Reader("plans.jsonl", "results/plans.jsonl", from_file(lambda file: read_plans(file.parent))),
    Reader("tuned.json", "results/tuned.json", from_file(lambda file: read_choices(file.parent))),
    Reader("ledger.jsonl, by reports", "results/ledger.jsonl", from_file(read_ledger)),
    Reader("ledger.jsonl, by runs", "artifacts/ledger.jsonl", from_file(open_ledger_file)),
    Reader("looks.jsonl", "results/looks.jsonl", from_file(lambda file: read_looks(file.parent))),
    Reader("frozen_plan.json", "results/frozen_plan.json", from_file(read_frozen_plan)),
    Reader(
        "experiments.json", "results/experiments.json", from_file(lambda file: read_optional(file, Experiments))
    ),
    Reader("timing.json", "results/timing.json", from_file(lambda file: read_optional(file, Timing))),
    Reader("commands.jsonl", "results/commands.jsonl", from_file(lambda file: read_commands(file.parent))),
    Reader("record of a component", "results/components/joint-*/seed-?.json", from_results(read_record)),
    Reader("record of a method", "results/methods/swg.json", from_results(read_method_record)),
    Reader("Optuna's journal", "results/tuning/*.log", prepare_journal),
    Reader("description of a component", "artifacts/components/joint-*/seed-?.json", prepare_component),
    Reader("failure of a component", "artifacts/components/joint-*/seed-?.json", prepare_failure),
    Reader("publishing.json", "artifacts/components/joint-*/seed-?.json", prepare_publishing),
    Reader("checkpoint", "artifacts/components/*/*.state", prepare_state),
    Reader("floor", "artifacts/floors/*/beta-1-*.json", prepare_floor),
    Reader("samples and flat copies", "artifacts/data/flat/*.npz", prepare_flat),
    Reader("generated data", "artifacts/data/local/*/data/main_data.hdf5", prepare_generated),
    Reader("description of generated data", "artifacts/data/local/*/data/metadata.json", prepare_generated),
    Reader(
        "D4RL's file",
        "artifacts/data/d4rl/*.hdf5",
        from_file(lambda f: read_d4rl(f, _maze(), source="file", name="m", bounded=True)),
    ),
    Reader("D4RL's file, checked", "artifacts/data/d4rl/*.hdf5", from_file(lambda file: inspect(file, _maze()))),
    Reader(
        "checksums of D4RL's files",
        "artifacts/data/d4rl/learned.lock.json",
        from_file(lambda f: find_checksum("x", f.parent)),
    ),
)
