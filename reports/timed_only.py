"""The report of what was timed and not scored: of whole folders, and of suites beside scored ones."""

from collections.abc import Sequence
from pathlib import Path

from reports.analysis.suite import Options
from reports.load.files import TIMING, check_folder, read_optional
from reports.load.timing_schema import Timing, TimingRow
from reports.output import write_report_files
from reports.render.csv import export_costs
from reports.render.document import Block, Heading, Text, render_markdown
from reports.render.page.fit import MOST_BYTES
from reports.render.page.page import render_page
from reports.sections.cost import make_cost_section, select_rows
from reports.sections.opening import TITLE


def read_timing(results: Path) -> tuple[TimingRow, ...]:
    """What `time` measured into a results folder."""
    found = read_optional(results / TIMING, Timing)
    return found.rows if found is not None else ()


def is_only_timed(results: Path) -> bool:
    """Whether a folder has measurements of `time` and no results."""
    return (results / TIMING).is_file() and next((results / "runs").glob("*/*/seed-*.json"), None) is None


def make_cost_sections(
    timing: Sequence[TimingRow],
    scored: Sequence[str],
    tasks: Sequence[str] | None,
    methods: Sequence[str] | None,
) -> list[Block]:
    """A section for each timed suite without scores."""
    blocks: list[Block] = []
    for suite in dict.fromkeys(row.suite for row in timing if row.suite not in scored):
        timed = select_rows(timing, suite, (), tasks, methods)
        order = tuple(dict.fromkeys(row.method for row in timed))
        blocks += [Heading(2, suite), *make_cost_section(timed, order)] if timed else []
    return blocks


def write_costs(
    results: Path, out: Path, tasks: Sequence[str] | None, methods: Sequence[str] | None, options: Options
) -> list[Path]:
    """The report of a folder in which nothing but `time` has run; arguments as of `write_report`."""
    check_folder(results)
    timing = read_timing(results)
    said = "No results: nothing was run into this folder, and what `time` measured is all that is reported."
    blocks = [Heading(1, TITLE), Text(said), *make_cost_sections(timing, (), tasks, methods)]
    text = {
        "report.md": render_markdown(blocks, options.pictures),
        "summary.txt": f"{said}\n",
        "index.html": render_page(TITLE, blocks, options.refresh, MOST_BYTES),
        "costs.csv": export_costs(timing),
    }
    files = {name: content.encode() for name, content in text.items() if content is not None}
    return write_report_files(out, files, blocks, options.pictures)
