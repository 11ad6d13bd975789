"""What a user sees while something runs: a bar per component with steps/s and time left, plain lines otherwise."""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from critics.component import Progress as ProgressCallback


class Rate(ProgressColumn):
    """Steps per second."""

    def render(self, task: Task) -> Text:
        """The speed, or dashes before it is known."""
        speed = task.finished_speed or task.speed
        return Text(f"{speed:7.0f}/s" if speed is not None else "      -/s", style="dim")


@dataclass
class Screen:
    """The terminal; on anything else, one line when a bar starts and one when it ends.

    Attributes:
        console: where to write.
        quiet: no bars and no lines.
    """

    console: Console = field(default_factory=Console)
    quiet: bool = False

    def say(self, text: str) -> None:
        """One line."""
        if not self.quiet:
            self.console.print(text, highlight=False, soft_wrap=True)

    @contextlib.contextmanager
    def bar(self, label: str, seeds: int = 1) -> Iterator[ProgressCallback]:
        """A progress callback for the time of the block; `seeds` is shown beside the label."""
        shown = f"{label} ({seeds} seed{'s' if seeds > 1 else ''})"
        if self.quiet:
            yield lambda done, total: None
            return
        if not self.console.is_terminal:
            started, last = time.monotonic(), [0]

            def note(done: int, total: int) -> None:
                last[0] = done

            yield note
            seconds = time.monotonic() - started
            self.say(f"  {shown}: {last[0]} steps in {seconds:.1f} s")
            return
        columns = (
            TextColumn("  {task.description:44}"),
            BarColumn(bar_width=24),
            TextColumn("{task.completed:>8.0f}/{task.total:.0f}"),
            Rate(),
            TimeRemainingColumn(elapsed_when_finished=True),
        )
        with Progress(*columns, console=self.console) as progress:
            task = progress.add_task(shown, total=None)
            yield lambda done, total: progress.update(task, completed=done, total=total)
