"""Shows how far a run is: a summary, and tables of results, components and who works on what."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from bench.progress import format_duration
from foundation.text import clean_line
from reports.analysis.progress import STATUSES, ComponentRow, Forecast, Progress, Rate, Status, Work
from reports.render.numbers import count_noun

_STYLES: Mapping[Status, str] = {
    "done": "green",
    "failed": "red",
    "running": "cyan",
    "stopped": "yellow",
    "waiting": "",
}
_LONGEST = 1e10  # seconds of a forecast, which a damaged file can make longer than a calendar
_WIDTH = 120  # of what is no terminal


def print_progress(console: Console, progress: Progress, results: Path, now: float) -> None:
    """Print it once, on what is no terminal as wide as it is."""
    if not console.is_terminal:
        console.width = _WIDTH
    console.print(render_progress(progress, results, now), soft_wrap=not console.is_terminal)


def render_progress(progress: Progress, results: Path, now: float) -> RenderableType:
    """The whole as rich shows it.

    Args:
        progress: of the folder.
        results: the folder, for its name.
        now: seconds since 1970.
    """
    parts: list[RenderableType] = [_write(line) for line in summarize_progress(progress, results, now)]
    if progress.rows:
        parts.append(_tabulate_rows(progress))
    if progress.components:
        parts.append(_tabulate_components(progress.components, now))
    if progress.work:
        parts.append(_tabulate_work(progress.work, now))
    return Group(*parts)


def summarize_progress(progress: Progress, results: Path, now: float) -> list[str]:
    """The sentences above the tables."""
    if progress.planned is None or progress.rate is None:
        return [f"Nothing is planned in {str(results)!r} yet: a run writes its plan once it has its data."]
    counts, total = progress.counts, sum(row.total for row in progress.rows)
    there = counts["done"] + counts["failed"]
    failed = f", {counts['failed']} of them failed" if counts["failed"] else ""
    lines = [
        f"{str(results)!r} at {format_time(now, now, '%H:%M:%S')}: {there} of {total} planned results are "
        f"there{failed}; {progress.made} of {progress.needed} components are made, each seed counted."
    ]
    if progress.is_finished:
        return [*lines, "Finished: every planned result is there."]
    if progress.earlier:
        are = "is" if progress.earlier == 1 else "are"
        lines.append(
            f"Of the {progress.open} that are not, {progress.earlier} {are} of plans before the last alone."
        )
    return [*lines, describe_rate(progress.rate), describe_forecast(progress.forecast, now)]


def describe_rate(rate: Rate) -> str:
    """`Rate: 12.0 results per hour, from 12 in the last 60 minutes.`"""
    results = count_noun(rate.results, "result")
    return f"Rate: {rate.per_hour:.1f} results per hour, from {results} in the last {_format_span(rate.seconds)}."


def describe_forecast(forecast: Forecast | None, now: float) -> str:
    """When the end is expected, from what, and what is not in it."""
    if forecast is None:
        return "Expected end: unknown, since no process is at work at this moment; the same `run` command goes on."
    if not (forecast.results or forecast.components or forecast.trainings):
        return f"Expected end: unknown, since nothing was measured yet of {', '.join(forecast.unknown)}."
    at = format_time(now + min(forecast.seconds, _LONGEST), now, "%H:%M")
    many = "process" if forecast.processes == 1 else f"{forecast.processes} processes"
    results, components = count_noun(forecast.results, "result"), count_noun(forecast.components, "component")
    trainings = count_noun(forecast.trainings, "training")
    measured = f"measured on {results}, {components} and the steps of {trainings} under way"
    said = f"in {format_duration(forecast.seconds)}, with the {many} at work now, {measured}."
    if not forecast.unknown:
        return f"Expected end: {at}, {said}"
    return (
        f"Expected end: not before {at}, {said} Not in it, since not measured yet: {', '.join(forecast.unknown)}."
    )


def format_time(moment: float, now: float, form: str) -> str:
    """A time of day, with the date where that is not today's."""
    then, today = datetime.fromtimestamp(moment), datetime.fromtimestamp(now)
    return f"{then:{form}}" if then.date() == today.date() else f"{then:%Y-%m-%d} {then:{form}}"


def _format_span(seconds: float) -> str:
    """`40 s`, `12 min`, `3.0 h`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _tabulate_rows(progress: Progress) -> Table:
    shown: list[Status] = [
        status for status in STATUSES if status in ("done", "waiting") or progress.counts[status]
    ]
    table = _make_table("Results", ("task", "method"), (*shown, "of"))
    last = None
    for row in progress.rows:
        cells = [_write(str(row.counts.get(status, 0) or "·"), _STYLES[status]) for status in shown]
        table.add_row(_write(row.task if row.task != last else ""), _write(row.variant), *cells, str(row.total))
        last = row.task
    return table


def _tabulate_components(rows: Iterable[ComponentRow], now: float) -> Table:
    table = _make_table("Components that are not made", ("component", "task", "for", "status"), ("seeds", "step"))
    for row in rows:
        state = row.state
        table.add_row(
            _write(state.label),
            _write(", ".join(row.tasks)),
            _write(", ".join(row.methods)),
            _write(row.status, _STYLES[row.status]),
            f"{len(state.done)} of {len(state.seeds)}",
            _describe_step(row, now),
        )
    return table


def _describe_step(row: ComponentRow, now: float) -> str:
    """`12,000 of 30,000, 40 s ago`: what the last checkpoint says."""
    training = row.state.newest
    if training is None:
        return f"{row.state.parts} parts" if row.state.parts else ""
    return f"{training.step:,} of {training.steps:,}, {_format_span(max(now - training.touched, 0.0))} ago"


def _tabulate_work(work: Sequence[Work], now: float) -> Table:
    table = _make_table("Who works on what", ("what", "host", "process", "since", "status"), ())
    for each in work:
        holder, silent = each.held.holder, _format_span(max(now - each.held.touched, 0.0))
        status = ("at work", _STYLES["running"]) if each.held.is_alive else (f"gone, silent for {silent}", "red")
        since = (
            ""
            if holder is None
            else format_time(datetime.fromisoformat(holder.since).timestamp(), now, "%H:%M:%S")
        )
        who = ("unknown", "") if holder is None else (holder.host, str(holder.process))
        table.add_row(_write(each.what), *map(_write, who), since, _write(*status))
    return table


def _make_table(title: str, words: Sequence[str], numbers: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False)
    for name in words:
        table.add_column(name, overflow="fold")
    for name in numbers:
        table.add_column(name, justify="right")
    return table


def _write(text: str, style: str = "") -> Text:
    """Text of a file, whose control characters and brackets do nothing."""
    return Text(clean_line(text), style=style)
