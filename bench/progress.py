"""Shows progress: a bar per component with steps/s and time left on a terminal, plain lines otherwise."""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

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

from foundation.text import clean_text

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
            self.console.print(clean_text(text), highlight=False, markup=False, soft_wrap=True)

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


@dataclass(frozen=True)
class Message:
    """What a child process has to say, or how far one of its bars is.

    Attributes:
        kind: `say`, or the `start`, a `step` or the `end` of a bar.
        text: the line, or the label of the bar.
        bar: which, by its process and a number; several may have one label.
        done, total: steps.
    """

    kind: Literal["say", "start", "step", "end"]
    text: str
    bar: tuple[int, int] = (0, 0)
    done: int = 0
    total: int = 0


@dataclass
class RunningBar:
    """A bar of a child process.

    Attributes:
        started: by the monotonic clock.
        done: steps, the last that were told.
        task: where it is shown, once there was a step.
    """

    started: float = field(default_factory=time.monotonic)
    done: int = 0
    task: TaskID | None = None


@dataclass
class ProgressBars:
    """Bars of child processes; on anything but a terminal, one line when a bar ends.

    Attributes:
        console: where lines go.
        progress: where bars go.
    """

    console: ProgressConsole
    progress: Progress
    _bars: dict[tuple[int, int], RunningBar] = field(default_factory=dict)

    def forget(self, process: int) -> None:
        """Take away the bars of a process that ended, whatever they had come to."""
        for bar in [bar for bar in self._bars if bar[0] == process]:
            task = self._bars.pop(bar).task
            if task is not None:
                self.progress.remove_task(task)

    def show(self, message: Message) -> None:
        """Take one message."""
        if message.kind == "say":
            self.console.say(message.text)
            return
        bar = self._bars.setdefault(message.bar, RunningBar())
        if message.kind == "step":
            if bar.task is None:
                bar.task = self.progress.add_task(message.text, total=message.total)
            bar.done = message.done
            self.progress.update(bar.task, completed=message.done, total=message.total)
        elif message.kind == "end" and bar.task is not None and not self.console.console.is_terminal:
            self.console.say(f"  {message.text}: {bar.done} steps in {time.monotonic() - bar.started:.1f} s")
