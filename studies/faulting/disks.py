"""A disk that is full or closed to writing: the command stops with one sentence and goes on once there is room."""

import errno
import os
import resource
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import compare, operations
from .cases import Case, Outcome, number_cases
from .commands import Do, call
from .kills import Undisturbed, both, rehearse
from .scenes import SCENES, keep_states_often

SIZES = (2_048, 8_192, 32_768, 131_072)  # bytes that no file may exceed
POINTS = 6  # of each command at which the disk becomes full
NOBODY = 65534


def make_cases(seed: int, scratch: Path, small: bool) -> list[Case]:
    """A limit of a file's size, a full disk from some operation on, folders that may only be read."""
    named: list[tuple[str, Callable[[Path], Outcome]]] = []
    for place, scene in enumerate(SCENES[-1:] if small else SCENES):
        known, generator = rehearse(scene, scratch), np.random.default_rng([seed, 3, place])
        for size in SIZES:
            named.append(
                (f"{scene.name}: no file above {size:,} bytes", Short(known, lambda _, s=size: limit_size(s)).run)
            )
        for point in sorted(generator.choice(2 * len(known.operations), POINTS, replace=False).tolist()):
            what = known.operations[point // 2]
            named.append(
                (f"{scene.name}: full from {what} on", Short(known, lambda f, p=point: fill_from(f, p)).run)
            )
        named.append(
            (f"{scene.name}: folders to read only", Short(known, lambda _: become_ordinary, is_closed=True).run)
        )
    return number_cases("disks", named)


def limit_size(size: int) -> Do:
    """As `ulimit -f` does."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def fill_from(folder: Path, point: int) -> Do:
    """As a disk without free space."""
    return operations.fail_from(folder, point, errno.ENOSPC)


def become_ordinary() -> None:
    """Go on as a user who may not write everywhere."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)


@dataclass(frozen=True)
class Short:
    """A command that cannot write.

    Attributes:
        known: what it starts from and leaves undisturbed.
        prepare: from the case's folder to what keeps it from writing.
        is_closed: whether the folders are closed to writing.
    """

    known: Undisturbed
    prepare: Callable[[Path], Do]
    is_closed: bool = False

    def run(self, folder: Path) -> Outcome:
        """Do the command without room, then with it."""
        scene = self.known.scene
        scene.lay_out(self.known.start, folder)
        if self.is_closed:
            set_writable(folder, False)
        ended = call(scene.line(folder), folder, both(keep_states_often, self.prepare(folder)))
        if self.is_closed:
            set_writable(folder, True)
        if ended.fault is not None:
            return Outcome("failed", ended.fault)
        again = call(scene.line(folder), folder, keep_states_often)
        if again.fault is not None or again.code != 0:
            return Outcome("failed", f"with room again: {again.fault or again.sentence}")
        differing = compare.find_differences(scene.describe(folder), self.known.expected)
        if differing:
            return Outcome("failed", f"with room again it leaves something else: {'; '.join(differing[:3])}")
        return Outcome("refused", ended.sentence) if ended.code == 2 else Outcome("equal", "there was room enough")


def set_writable(folder: Path, is_writable: bool) -> None:
    """Open or close a folder and all below it to writing."""
    for place in (folder, *folder.rglob("*")):
        if not place.is_symlink():
            mode = place.stat().st_mode
            place.chmod(
                mode | 0o200 if is_writable else (mode | 0o044 | (0o011 if place.is_dir() else 0)) & ~0o222
            )
