"""Commands killed by SIGKILL, at random times and before or after an operation; then the same command again."""

import itertools
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from . import compare, operations
from .cases import Case, Outcome, number_cases
from .commands import Do, Ended, call, start, wait
from .scenes import RUN, SCENES, Scene, copy_folder, do, keep_states_often, prepare_start

ENDS_WITHIN = 60.0  # seconds in which worker processes have to follow their parent
MANY, FEW = 50, 1  # kills of each kind for each command
SMALL = ("run, toy", "data make")  # the cheapest
SHARED = 4  # kills of a run with two processes


@dataclass(frozen=True)
class Undisturbed:
    """A scene with what it starts from and leaves.

    Attributes:
        start: the folder.
        expected: what is there afterwards.
        operations: what it does to files, in this order.
        seconds: that it takes.
    """

    scene: Scene
    start: Path
    expected: compare.Described
    operations: tuple[str, ...]
    seconds: float


def rehearse(scene: Scene, scratch: Path) -> Undisturbed:
    """Do a command undisturbed, twice, so that what differs by itself is seen.

    Raises:
        RuntimeError: it does not work, or two runs differ.
    """
    name = scene.name.replace(", ", "-").replace(" ", "-")
    first, log = scratch / f"start-{name}", scratch / f"{name}.operations"
    prepare_start(scene, first)
    log.unlink(missing_ok=True)
    whole, again = scratch / f"whole-{name}", scratch / f"again-{name}"
    for folder in (whole, again):
        shutil.rmtree(folder, ignore_errors=True)
        scene.lay_out(first, folder)
    ended = do(scene.line(whole), scratch)
    expected = scene.describe(whole)
    watched = call(scene.line(again), scratch, both(keep_states_often, operations.log_operations(again, log)))
    differing = compare.find_differences(scene.describe(again), expected)
    if watched.code != 0 or differing:
        raise RuntimeError(f"{scene.name} is not the same twice: {watched.err} {differing}")
    return Undisturbed(scene, first, expected, tuple(log.read_text().splitlines()), ended.seconds)


def both(*all_of_them: Do) -> Do:
    """Several things to do before a command."""

    def do_all() -> None:
        for each in all_of_them:
            each()

    return do_all


def make_cases(seed: int, scratch: Path, small: bool) -> list[Case]:
    """50 kills by time and 50 by operation of every command, some of runs with two processes; or a few."""
    named: list[tuple[str, Callable[[Path], Outcome]]] = []
    count = FEW if small else MANY
    if not small:
        named += list(_kill_parents(rehearse(SCENES[0], scratch), np.random.default_rng([seed, 99]), SHARED))
    for place, scene in enumerate(SCENES):
        if small and scene.name not in SMALL:
            continue
        known, generator = rehearse(scene, scratch), np.random.default_rng([seed, place])
        named += list(_kill_by_time(known, generator, count))
        named += list(_kill_by_operation(known, generator, count))
    return number_cases("kills", named)


def _kill_by_time(
    known: Undisturbed, generator: np.random.Generator, count: int
) -> Iterator[tuple[str, Callable[[Path], Outcome]]]:
    shares = (np.arange(count) + generator.random(count)) / count
    for share in shares:
        seconds = float(share * known.seconds)

        def run(folder: Path, seconds: float = seconds) -> Outcome:
            known.scene.lay_out(known.start, folder)
            ended = wait(start(known.scene.line(folder), folder, keep_states_often), folder, seconds)
            return go_on(known, folder, ended)

        yield f"{known.scene.name}: killed after {100 * share:.0f} % of its {known.seconds:.1f} s", run


def _kill_by_operation(
    known: Undisturbed, generator: np.random.Generator, count: int
) -> Iterator[tuple[str, Callable[[Path], Outcome]]]:
    possible = 2 * len(known.operations)
    chosen = generator.choice(possible, min(count, possible), replace=False)
    for point in sorted(chosen.tolist()):

        def run(folder: Path, point: int = point) -> Outcome:
            known.scene.lay_out(known.start, folder)
            prepare = both(keep_states_often, operations.kill_at(folder, point))
            return go_on(known, folder, call(known.scene.line(folder), folder, prepare))

        when = "after" if point % 2 else "before"
        yield f"{known.scene.name}: killed {when} {known.operations[point // 2]}", run


def go_on(known: Undisturbed, folder: Path, first: Ended) -> Outcome:
    """The same command again, after it was killed."""
    if first.code != -9 and first.fault is not None:
        return Outcome("failed", f"it was not killed: {first.fault}")
    again = call(known.scene.line(folder), folder, keep_states_often)
    if again.fault is not None or again.code != 0:
        return Outcome("failed", f"the same command again: {again.fault or again.sentence}")
    differing = compare.find_differences(known.scene.describe(folder), known.expected)
    if differing:
        return Outcome("failed", f"the same command again leaves something else: {'; '.join(differing[:4])}")
    left = compare.list_leftovers(folder)
    ended = "it had ended before; " if first.code == 0 else ""
    return Outcome("equal", f"{ended}{len(left)} half-written files are left" if left else ended.rstrip("; "))


def _kill_parents(
    known: Undisturbed, generator: np.random.Generator, count: int
) -> Iterator[tuple[str, Callable[[Path], Outcome]]]:
    """A run with two worker processes whose parent is killed; they have to end too."""
    words = tuple("2" if before == "--processes" else word for before, word in itertools.pairwise(("", *RUN)))
    scene = replace(known.scene, name="run, 2 processes", words=words)
    for seconds in 3 + 12 * np.sort(generator.random(count)):

        def run(folder: Path, seconds: float = float(seconds)) -> Outcome:
            copy_folder(known.start, folder)
            ended = wait(start(scene.line(folder), folder, keep_states_often), folder, seconds)
            since = time.monotonic()
            while list_group() and time.monotonic() - since < ENDS_WITHIN:
                time.sleep(0.1)
            left = list_group()
            if left:
                return Outcome("failed", f"{len(left)} worker processes outlive their parent by {ENDS_WITHIN:g} s")
            return go_on(replace(known, scene=scene), folder, ended)

        yield f"{scene.name}: parent killed after {seconds:.1f} s", run


def list_group() -> list[int]:
    """The other processes of this process's group; none where the system has no `/proc`."""
    found = []
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            _, _, fields = place.read_text().rpartition(")")
        except OSError:  # it has ended since
            continue
        state, _, group = fields.split()[:3]
        if int(group) == os.getpgrp() and state != "Z" and int(place.parent.name) != os.getpid():
            found.append(int(place.parent.name))
    return found
