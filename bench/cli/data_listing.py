"""What data there are here and what could be: every task's sources, by the names and sizes of files alone."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.cli.list import table
from suites.sources.cache import cache_path, count_rows
from suites.sources.d4rl.files import FILES, find_checksum
from suites.sources.d4rl.store import stored_file
from suites.sources.minari import has_minari, minari_folder
from suites.task import Task

HEADER = ("task", "source", "data set", "here", "size", "transitions")


def list_data(tasks: Sequence[Task], directory: Path) -> str:
    """A table with a row for every data set that a task can have.

    Args:
        tasks: in the order to show them.
        directory: of all data.
    """
    rows = [row for task in tasks for source in task.datasets for row in _rows(task, source, directory)]
    return table("Data sets", HEADER, rows)


def _rows(task: Task, source: str, directory: Path) -> Iterator[tuple[str, ...]]:
    name = task.datasets[source]
    if source == "local":
        yield from _local(task, name, directory)
    elif source == "minari":
        there = has_minari(name)
        folder = minari_folder() / name
        size = _megabytes(_bytes_below(folder)) if there else "-"
        yield task.name, source, name, _yes(there), size, _count(task, source, name, directory, folder)
    else:
        stem = name.rpartition("-")[0]
        for each in sorted((known for known in FILES if known.rpartition("-")[0] == stem), reverse=True):
            file = stored_file(directory, each)
            there, expected = file.is_file(), find_checksum(each, directory / "d4rl")
            size = _megabytes(file.stat().st_size if there else expected[0].size if expected else None)
            typed = source if each == name else f"{source}:{each.rpartition('-')[2]}"
            yield task.name, typed, each, _yes(there), size, _count(task, source, each, directory, None)


def _local(task: Task, base: str, directory: Path) -> Iterator[tuple[str, ...]]:
    found = sorted(directory.glob(f"{base}-*/data"))
    if not found:
        yield task.name, "local", base, "no", "-", "-"
    for data in found:
        name = str(data.parent.relative_to(directory))
        size = _megabytes(_bytes_below(data))
        yield task.name, "local", name, "yes", size, _count(task, "local", name, directory, data.parent)


def _count(task: Task, source: str, name: str, directory: Path, minari: Path | None) -> str:
    """Transitions by the flat copy; else the steps that Minari's description says; else a dash."""
    rows = count_rows(cache_path(directory, source, name, task.observation_dim))
    if rows is None and minari is not None:
        try:
            rows = int(json.loads((minari / "data" / "metadata.json").read_text())["total_steps"])
        except (OSError, ValueError, KeyError, TypeError):
            rows = None
    return "-" if rows is None else f"{rows:,}"


def _bytes_below(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _megabytes(size: int | None) -> str:
    return "-" if size is None else f"{size / 1e6:,.1f} MB"


def _yes(there: bool) -> str:
    return "yes" if there else "no"
