"""The Python interface of `watch`, which shows how far runs are; and reports that are written again meanwhile."""

import contextlib
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from rich.live import Live

from bench.config.check_settings import check_arguments
from bench.config.values import FilePath, read_path
from bench.progress import make_console
from bench.progress_tables import print_progress, render_progress
from foundation.bounds import Positive
from foundation.files import write_atomically
from foundation.stopping import handle_signals
from reports.analysis.progress import STATUSES, Progress, measure_progress
from reports.errors import NoScores
from reports.load.files import EXPERIMENTS, TIMING, TUNED
from reports.load.frozen_plan import FROZEN
from reports.load.ledger import LEDGER
from reports.load.origins import COMMANDS
from reports.load.plans import PLANS, list_missing, read_plans
from reports.load.progress import ProgressReader
from reports.render.page.page import format_refresh

if TYPE_CHECKING:
    import pandas as pd

_DAY = 86_400.0  # seconds; a longer wait between two looks is none
_RECORDS = (PLANS, TIMING, TUNED, EXPERIMENTS, FROZEN, LEDGER, COMMANDS)
_FILES = ("runs/*/*/seed-*.json", "components/*/seed-*.json", "methods/*.json", "renders/*")


def watch(
    *,
    results: FilePath = "results",
    artifacts: FilePath = "artifacts",
    once: bool = False,
    every: Positive = 5.0,
    progress: bool = True,
) -> "pd.DataFrame":
    """Show how far the runs into a results folder are, until every planned result is there; nothing is written.

    Args:
        results, artifacts: the folders of the runs, which may be on other machines that share them.
        once: whether to look once; so it is too where standard output is no terminal, or nothing is printed.
        every: seconds between two looks.
        progress: print the tables.

    Returns:
        One row for each task and variant: suite, task, method, variant (the method with the settings that set it
        apart, at all its ρ), and how many cells are done, failed, running, stopped (begun, and nobody is at it)
        and waiting, as it was last.

    Raises:
        UserError: no such folder, one of another format, or a damaged file.
    """
    check_arguments(watch, locals())
    folder = read_path("results", results)
    reader, console = ProgressReader(folder, read_path("artifacts", artifacts)), make_console()
    with handle_signals():
        found = _look(reader)
        if once or not progress or not console.is_terminal:
            if progress:
                print_progress(console, found, folder, time.time())
            return make_frame(found)
        with Live(render_progress(found, folder, time.time()), console=console, auto_refresh=False) as live:
            while not found.is_finished:
                time.sleep(min(every, _DAY))
                found = _look(reader)
                live.update(render_progress(found, folder, time.time()), refresh=True)
    return make_frame(found)


def _look(reader: ProgressReader) -> Progress:
    return measure_progress(reader.read(), time.time())


def make_frame(progress: Progress) -> "pd.DataFrame":
    """A row for each task and variant, with how many cells have each status."""
    import pandas as pd

    columns = ("suite", "task", "method", "variant", *STATUSES)
    rows = [(r.suite, r.task, r.method, r.variant, *(r.counts.get(s, 0) for s in STATUSES)) for r in progress.rows]
    return pd.DataFrame(rows, columns=pd.Index(columns))


def rewrite_report(
    results: Path, out: Path, every: float, write: Callable[[int | None], None], tell: Callable[[str], None]
) -> None:
    """Write a report again whenever the results changed, until every planned result is there.

    The page has a browser read it again, all but the last; one that is left by a signal does so no more either.

    Args:
        results, out: the folders.
        every: seconds between the end of one report and the next look.
        write: writes the report, given the seconds after which a browser reads the page again.
        tell: prints a sentence.

    Raises:
        ReportError: results that no report is written of.
    """
    refresh, seen = math.ceil(every), None
    try:
        while True:
            stamps, is_finished = _stamp(results), _is_finished(results)
            if stamps != seen:
                seen = stamps
                try:
                    write(None if is_finished else refresh)
                except NoScores as error:  # the run goes on, and brings some
                    if is_finished:
                        raise
                    tell(f"No report yet: {error}")
            if is_finished:
                return
            time.sleep(min(every, _DAY))
    finally:
        _stop_refresh(out / "index.html", refresh)


def _stamp(results: Path) -> dict[Path, tuple[int, int]]:
    """Time and size of every file that a report is made of."""
    found: dict[Path, tuple[int, int]] = {}
    globs = (path for pattern in _FILES for path in results.glob(pattern))
    for path in (*(results / name for name in _RECORDS), *globs):
        with contextlib.suppress(FileNotFoundError):  # not there, or set aside meanwhile
            status = path.stat()
            found[path] = (status.st_mtime_ns, status.st_size)
    return found


def _is_finished(results: Path) -> bool:
    """Whether every cell of every plan has a result; in a folder without plans, whether there are results."""
    plans = read_plans(results)
    if not plans.plans:
        return next((results / "runs").glob("*/*/seed-*.json"), None) is not None
    return not list_missing((*plans.newest, *plans.earlier), results)


def _stop_refresh(page: Path, refresh: int) -> None:
    """Have a browser no longer read a page again."""
    line = format_refresh(refresh).encode()
    if page.is_file() and line in (content := page.read_bytes()):
        write_atomically(page, content.replace(line, b"", 1))
