"""Tiny commands that the study disturbs, the folders that they start from, and what they leave undisturbed."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import training.loop

from . import compare
from .commands import Ended, call

WIDTHS = ("--critic.width", "8", "--denoiser.width", "8", "--guidance-net.width", "8", "--denoiser.blocks", "1")
STEPS = ("--critic.steps", "30", "--denoiser.steps", "30", "--guidance-net.steps", "30", "--sampler.steps", "2")
LOOK_EVERY = 10  # steps between two looks of a training, at each of which it keeps its state
ALONE = ("--preset", "smoke", "--device", "cpu", "--threads", "1")
MICRO = (*ALONE, *WIDTHS, *STEPS)
DATA = ("--data", "local", "--data-set.transitions", "600")
MAZE = ("--suite", "maze2d", "--tasks", "maze2d-umaze", "--evaluation.episodes", "1", *DATA, *MICRO)
BETAS = ("--evaluation.inverse-temperatures", "1", "3")
TOY = ("--suite", "toy", "--tasks", "moons", "--evaluation.episodes", "20", *BETAS, *MICRO)
ONE = ("--processes", "1")
RUN = ("run", *MAZE, *ONE, "--methods", "unguided,swg,cep", "--seeds", "2")
RUN_TOY = ("run", *TOY, *ONE, "--methods", "unguided,swg", "--seeds", "2")
TUNE = ("tune-rho", *MAZE, *ONE, "--methods", "swg", "--grid", "1,5")
TIME = ("time", "--suite", "maze2d", "--tasks", "maze2d-umaze", *MICRO)
TIMED = (*TIME, "--methods", "swg", "--batches", "1", "--calls", "2")
MAKE = ("data", "make", "maze2d-umaze", "--transitions", "600")


def places(folder: Path) -> tuple[object, ...]:
    """The flags of a folder's two folders."""
    return ("--results", folder / "results", "--artifacts", folder / "artifacts")


def keep_states_often() -> None:
    """Let a training look up every few steps and then keep its state, and not every few minutes."""
    for name, value in (("CHECKPOINT_SECONDS", 0.0), ("REPORT_EVERY", LOOK_EVERY)):
        if not hasattr(training.loop, name):
            raise AttributeError(f"training.loop has no {name}, which this study sets; see keep_states_often")
        setattr(training.loop, name, value)


@dataclass(frozen=True)
class Scene:
    """A command with where it starts from.

    Attributes:
        name: for the table.
        words: of the command line, without the folders.
        before: commands that make what it starts from.
        describe: what it leaves, from a folder.
        takes_artifacts, takes_results: whether the command has these options.
    """

    name: str
    words: tuple[str, ...]
    before: tuple[tuple[str, ...], ...]
    describe: Callable[[Path], compare.Described]
    takes_artifacts: bool = True
    takes_results: bool = True

    def line(self, folder: Path) -> tuple[object, ...]:
        """The command line for a folder."""
        return (*self.words, *_select(folder, self.takes_results, self.takes_artifacts))

    def lay_out(self, start: Path, folder: Path) -> None:
        """Copy what the command starts from."""
        copy_folder(start, folder)


def _select(folder: Path, results: bool, artifacts: bool) -> tuple[object, ...]:
    flags = places(folder)
    return (*(flags[:2] if results else ()), *(flags[2:] if artifacts else ()))


def describe_both(folder: Path) -> compare.Described:
    """Results and artifacts."""
    results = compare.describe_results(folder / "results")
    artifacts = compare.describe_artifacts(folder / "artifacts")
    return {f"results/{k}": v for k, v in results.items()} | {f"artifacts/{k}": v for k, v in artifacts.items()}


def describe_report(folder: Path) -> compare.Described:
    """The report, and how many looks are on record."""
    looks = folder / "results" / "looks.jsonl"
    number = len(looks.read_bytes().splitlines()) if looks.is_file() else 0
    return {**compare.describe_report(folder / "results" / "report"), "looks": number}


def describe_data(folder: Path) -> compare.Described:
    """Artifacts alone."""
    return compare.describe_artifacts(folder / "artifacts")


SCENES = (
    Scene("run", RUN, (MAKE,), describe_both),
    Scene("run, toy", RUN_TOY, (), describe_both),
    Scene("tune-rho", TUNE, (MAKE,), describe_both),
    Scene("report", ("report",), (RUN_TOY,), describe_report, takes_artifacts=False),
    Scene("data make", MAKE, (), describe_data, takes_results=False),
)


def prepare_start(scene: Scene, folder: Path) -> None:
    """Make what a scene starts from.

    Raises:
        RuntimeError: a command of it does not work undisturbed.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for words in scene.before:
        do((*words, *_select(folder, words[0] != "data", words[0] != "report")), folder.parent)


def do(words: Sequence[object], place: Path) -> Ended:
    """Do a command that nothing disturbs.

    Raises:
        RuntimeError: it does not work.
    """
    ended = call(words, place, keep_states_often)
    if ended.code != 0 or ended.fault is not None:
        said = " ".join(map(str, words))
        raise RuntimeError(f"`{said}` does not work undisturbed: {ended.fault or ended.sentence}\n{ended.err}")
    return ended


def copy_folder(source: Path, target: Path) -> None:
    """Copy with times, by which flat copies of data know what they were made from."""
    shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
