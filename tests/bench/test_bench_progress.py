"""What a terminal and a pipe are shown while something runs."""

import io
import time

import pytest
from rich.console import Console

from bench.progress import Message, ProgressConsole


def console(terminal: bool) -> tuple[ProgressConsole, io.StringIO]:
    out = io.StringIO()
    return ProgressConsole(Console(file=out, force_terminal=terminal, width=80, color_system=None)), out


def test_a_terminal_shows_label_steps_and_rate_on_one_line():
    shown, out = console(terminal=True)
    with shown.show_bar("maze2d-medium ddice-guidance", 3) as progress:
        progress(1, 500)
        time.sleep(0.1)
        progress(500, 500)
    last = [line for line in out.getvalue().splitlines() if "ddice" in line][-1]
    assert "maze2d-medium ddice-guidance (3 seeds)" in last
    assert "500/500" in last
    assert "/s" in last


@pytest.mark.parametrize("terminal", [True, False])
def test_a_bar_that_is_never_told_anything_shows_nothing(terminal):
    shown, out = console(terminal)
    with shown.show_bar("maze2d-umaze data"):
        pass
    assert "data" not in out.getvalue()


def test_a_pipe_gets_one_line_for_each_bar():
    shown, out = console(terminal=False)
    with shown.show_bar("maze2d-umaze critic", 1) as progress:
        progress(1, 2)
        progress(2, 2)
    assert out.getvalue().startswith("  maze2d-umaze critic (1 seed): 2 steps in ")
    assert out.getvalue().count("\n") == 1


def test_a_quiet_console_says_nothing():
    shown, out = console(terminal=False)
    shown.quiet = True
    shown.say("hello")
    with shown.show_bar("critic", 2) as progress:
        progress(1, 1)
    assert out.getvalue() == ""


def test_a_folder_in_brackets_is_named_in_full():
    shown, out = console(terminal=False)
    shown.say("Done: 6 results in [bold]results[/x]")
    assert out.getvalue() == "Done: 6 results in [bold]results[/x]\n"


def test_two_bars_of_one_label_count_apart():
    """Two variants of a method train components of one label at once, in processes of their own."""
    shown, out = console(terminal=False)
    with shown.show_bars() as bars:
        for bar in ((1, 0), (2, 0)):
            bars.show(Message("start", "joint (2 seeds)", bar))
        bars.show(Message("step", "joint (2 seeds)", (1, 0), 500, 500))
        time.sleep(0.2)
        bars.show(Message("step", "joint (2 seeds)", (2, 0), 300, 500))
        bars.show(Message("end", "joint (2 seeds)", (1, 0)))
        bars.show(Message("end", "joint (2 seeds)", (2, 0)))
    lines = out.getvalue().splitlines()
    assert [line.split(" steps")[0] for line in lines] == ["  joint (2 seeds): 500", "  joint (2 seeds): 300"]
    assert all(float(line.split()[-2]) >= 0.2 for line in lines)
