"""Several commands on one folder at once: equal results, and every component is made once."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import compare, operations
from .cases import Case, Outcome, number_cases
from .commands import start, wait
from .kills import Undisturbed, both, rehearse
from .scenes import RUN, SCENES, TUNE, keep_states_often, places

TOGETHER = 4


def make_cases(seed: int, scratch: Path, small: bool) -> list[Case]:
    """Four of each command at once, and four different ones."""
    named: list[tuple[str, Callable[[Path], Outcome]]] = []
    for scene in SCENES[:1] if small else SCENES:
        known = rehearse(scene, scratch)
        named.append((f"{TOGETHER} x {scene.name}", Together(known, (scene.words,) * TOGETHER).run))
        if scene.name == "run":
            mixed = (RUN, RUN, TUNE, TUNE)
            named.append(("2 x run, 2 x tune-rho", Together(known, mixed, is_compared=False).run))
    return number_cases("concurrent", named)


@dataclass(frozen=True)
class Together:
    """Commands that start together.

    Attributes:
        known: what they start from, and what one of them leaves.
        lines: the commands.
        is_compared: whether all of them together are to leave no more than that.
    """

    known: Undisturbed
    lines: Sequence[tuple[str, ...]]
    is_compared: bool = True

    def run(self, folder: Path) -> Outcome:
        """Start them, wait for all, look at what is there."""
        scene = self.known.scene
        scene.lay_out(self.known.start, folder)
        logs, started = [folder / f"operations-{number}" for number in range(len(self.lines))], []
        for number, (words, log) in enumerate(zip(self.lines, logs, strict=True)):
            flags = places(folder)[0 if scene.takes_results else 2 : 4 if scene.takes_artifacts else 2]
            prepare = both(keep_states_often, operations.log_operations(folder, log))
            started.append(start((*words, *flags), folder, prepare, f"command-{number}"))
        ended = [wait(pid, folder, name=f"command-{number}") for number, pid in enumerate(started)]
        for each in ended:
            if each.fault is not None or each.code != 0:
                return Outcome("failed", each.fault or each.sentence)
        made = Counter(target for log in logs for target in list_made(log))
        twice = [f"{target} {times} times" for target, times in made.items() if times > 1]
        if twice:
            return Outcome("failed", f"made again: {', '.join(sorted(twice)[:3])}")
        differing = compare.find_differences(scene.describe(folder), self.known.expected)
        if differing and self.is_compared:
            return Outcome("failed", f"they leave something else: {'; '.join(differing[:3])}")
        return Outcome("equal", f"{len(made)} files of components, each made once")


def list_made(log: Path) -> list[str]:
    """The weights that a command moved into place."""
    lines = log.read_text(encoding="utf-8").splitlines()
    return [line.split()[-1] for line in lines if line.startswith("replace ") and line.endswith(".safetensors")]
