"""Summarises a data set: its episodes, their lengths, returns and scores, and the range of its actions."""

import io
from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from bench.cli.table import format_table
from foundation.files import write_atomically
from suites.sources.transitions import Transitions
from suites.task import ControlTask, Task
from suites.transforms import episode_lengths, episode_returns

QUANTILES = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0)
HEADER = ("", "min", "10 %", "25 %", "median", "75 %", "90 %", "max")


def summarize(task: Task, transitions: Transitions) -> str:
    """The data set in a few lines of text; returns are of the data's own rewards."""
    returns, lengths = measure_episodes(transitions)
    rows = [("length", *_quantiles(lengths, "{:.0f}")), ("return", *_quantiles(returns, "{:.2f}"))]
    if isinstance(task, ControlTask):
        rows.append(("score", *_quantiles(normalize_returns(task, returns), "{:.1f}")))
    low, high = transitions.actions.min(axis=0), transitions.actions.max(axis=0)
    terminated, timed_out = int(transitions.terminals.sum()), int(transitions.timeouts.sum())
    return "\n".join(
        [
            f"{task.name}: {transitions.name} ({transitions.source}), fingerprint {transitions.fingerprint[:12]}",
            f"  {len(transitions):,} transitions in {len(returns):,} episodes "
            f"({terminated:,} ended by termination, {timed_out:,} by timeout)",
            f"  rewards from {_raw(transitions).min():g} to {_raw(transitions).max():g}; "
            f"rewards used in training: {transitions.reward_transform}",
            f"  actions from {low.min():.3f} to {high.max():.3f}; lowest by dimension {_numbers(low)}, "
            f"highest {_numbers(high)}",
            format_table("  Episodes", HEADER, rows),
        ]
    )


def measure_episodes(transitions: Transitions) -> tuple[np.ndarray, np.ndarray]:
    """Every episode's return, of the rewards as the source has them, and its number of transitions."""
    ends = transitions.ends
    return episode_returns(_raw(transitions), ends), episode_lengths(ends)


def normalize_returns(task: ControlTask, returns: np.ndarray) -> np.ndarray:
    """D4RL's normalised score of every return."""
    return np.array([task.normalized_score(each) for each in returns])


def draw_picture(task: Task, transitions: Transitions, path: Path) -> None:
    """Histograms of lengths, of returns (or scores) and of all actions, as a PNG file."""
    returns, lengths = measure_episodes(transitions)
    control = isinstance(task, ControlTask)
    panels = (
        ("episode length", lengths),
        ("normalised score" if control else "reward", normalize_returns(task, returns) if control else returns),
        ("action", transitions.actions.reshape(-1)),
    )
    figure = Figure(figsize=(10, 3), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(f"{task.name}: {transitions.name} ({transitions.source})", fontsize=10)
    for axes, (label, values) in zip(figure.subplots(1, 3), panels, strict=True):
        axes.hist(values, bins=50, color="#0072B2")
        axes.set_xlabel(label)
        axes.set_ylabel("action components" if label == "action" else "episodes")
        axes.spines[["top", "right"]].set_visible(False)
    write_atomically(path, _png(figure))


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    with matplotlib.rc_context({"font.size": 9}):
        figure.savefig(buffer, format="png", dpi=120)
    return buffer.getvalue()


def _raw(transitions: Transitions) -> np.ndarray:
    return transitions.rewards if transitions.raw_rewards is None else transitions.raw_rewards


def _quantiles(values: np.ndarray, form: str) -> list[str]:
    return [form.format(value) for value in np.quantile(values, QUANTILES)]


def _numbers(values: Sequence[float] | np.ndarray) -> str:
    return "[" + " ".join(f"{value:.2f}" for value in values) + "]"
