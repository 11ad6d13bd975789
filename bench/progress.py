"""Shows progress: a bar per component with steps/s and time left on a terminal, plain lines otherwise."""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

ProgressCallback: TypeAlias = Callable[[int, int], None]
"""Called with the steps done and all steps."""


class StepRate(ProgressColumn):
    """Steps per second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:5.0f}/s" if speed is not None else "    -/s", style="dim")


def format_label(label: str, seeds: int | None) -> str:
    """`critic (3 seeds)`, or the label alone."""
    return label if seeds is None else f"{label} ({seeds} seed{'s' if seeds > 1 else ''})"


def format_duration(seconds: float) -> str:
    """A duration in the unit that a reader would use."""
    if seconds < 5:
        return "a few seconds"
    if seconds < 90:
        return f"about {seconds:.0f} seconds"
    if seconds < 5400:
        return f"about {seconds / 60:.0f} minutes"
    return f"about {seconds / 3600:.1f} hours"


def describe_expected(seconds: float, has_episodes: bool) -> str:
    """A plan's line on its duration; episodes are counted to their horizon."""
    early = ", less where episodes end before their horizon" if has_episodes else ""
    return f"  expected time: {format_duration(seconds)}{early} (measured on a few steps of each)"


def make_console() -> Console:
    """The terminal or file that standard output is; in a notebook plain lines, for which it is no terminal."""
    return Console(force_jupyter=False, force_terminal=False) if Console().is_jupyter else Console()


@dataclass
class ProgressConsole:
    """The terminal; on anything else, one line when a bar starts and one when it ends.

    Attributes:
        console: where to write.
        quiet: no bars and no lines.
    """

    console: Console = field(default_factory=make_console)
    quiet: bool = False

    def say(self, text: str) -> None:
        if not self.quiet:
            self.console.print(text, highlight=False, markup=False, soft_wrap=True)

    @contextlib.contextmanager
    def show_bar(self, label: str, seeds: int | None = None) -> Iterator[ProgressCallback]:
        """A progress callback for the time of the block; `seeds` is shown after the label.

        Nothing is shown if the callback is never called: what is there already takes no steps.
        """
        shown = format_label(label, seeds)
        if self.quiet:
            yield lambda done, total: None
            return
        if not self.console.is_terminal:
            started, last = time.monotonic(), [0]

            def note(done: int, total: int) -> None:
                last[0] = done

            yield note
            if last[0]:
                self.say(f"  {shown}: {last[0]} steps in {time.monotonic() - started:.1f} s")
            return
        with self._bars() as progress:
            task = progress.add_task(shown, total=None, visible=False)
            yield lambda done, total: progress.update(task, completed=done, total=total, visible=True)

    @contextlib.contextmanager
    def show_bars(self) -> Iterator["ProgressBars"]:
        """Several bars at once, for what other processes do."""
        with self._bars() as progress:
            yield ProgressBars(self, progress)

    def _bars(self) -> Progress:
        return Progress(
            TextColumn("  {task.description:38}"),  # with the rest, 80 columns in all
            BarColumn(bar_width=10),
            MofNCompleteColumn(),
            StepRate(),
            TimeRemainingColumn(elapsed_when_finished=True),
            console=self.console,
            disable=self.quiet or not self.console.is_terminal,
        )


@dataclass
class ProgressBars:
    """Bars by their labels; on anything but a terminal, one line when a bar ends.

    Attributes:
        console: where lines go.
        progress: where bars go.
    """

    console: ProgressConsole
    progress: Progress
    _bars: dict[str, TaskID] = field(default_factory=dict)
    _started: dict[str, float] = field(default_factory=dict)
    _done: dict[str, int] = field(default_factory=dict)

    def update(self, what: str, label: str, done: int, total: int) -> None:
        """Take one message: a line to `say`, or the `start`, a `step` or the `end` of a bar."""
        if what == "say":
            self.console.say(label)
        elif what == "start":
            self._started[label] = time.monotonic()
        elif what == "step":
            if label not in self._bars:
                self._bars[label] = self.progress.add_task(label, total=total)
            self._done[label] = done
            self.progress.update(self._bars[label], completed=done, total=total)
        elif label in self._bars and not self.console.console.is_terminal:
            seconds = time.monotonic() - self._started[label]
            self.console.say(f"  {label}: {self._done[label]} steps in {seconds:.1f} s")
