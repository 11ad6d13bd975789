"""The index of a site of contributed runs: what is compared and what is not, the leaderboard, and the runs."""

from collections.abc import Mapping, Sequence
from itertools import groupby

from reports.analysis.contributed import ContributedRun
from reports.analysis.leaderboard import BASELINE, Absent, Row
from reports.analysis.leaderboard_groups import Group, describe_processor, list_shared
from reports.load.contribution_schema import REPORT, RUNS
from reports.render.document import Block, Details, Heading, Table, Text
from reports.render.numbers import count_noun, describe_range, format_difference, format_estimate

TITLE = "Contributed runs"
_DIGITS = {True: 1, False: 2}  # of points, and of multiples of a noise floor
_HEADER = ("variant", "run", "score", f"minus {BASELINE}", "seeds × episodes", "ρ", "trials")
_RUNS_HEADER = (
    *("run", "name", "note", "processor", "suites", "added", "last plan", "frozen plan", "repeats"),
    *("results", "failed", "missing", "in the ledger"),
)


def make_site_blocks(
    runs: Sequence[ContributedRun],
    rows: Sequence[Row],
    absent: Sequence[Absent],
    repeats: Mapping[tuple[str, str], int],
) -> list[Block]:
    """The blocks of the page.

    Args:
        runs: oldest first.
        rows: those of a group together.
        absent: what has no row.
        repeats: see `count_repeats`.
    """
    names = {run.said.id: _quote(run.said.name) for run in runs}
    return [
        Heading(1, TITLE),
        *map(Text, _describe(runs, rows)),
        *(Text(line, warning=True) for line in _warn(runs, repeats)),
        Heading(2, "Leaderboard"),
        *([_tabulate_rows(rows, names)] if rows else [Text("There are no rows.")]),
        *_make_settings_blocks(runs),
        Heading(2, "Runs"),
        *([_tabulate_runs(runs, repeats)] if runs else [Text("There are no runs.")]),
        Heading(2, "Without a row"),
        *_make_absent_blocks(runs, absent),
    ]


def _describe(runs: Sequence[ContributedRun], rows: Sequence[Row]) -> list[str]:
    """What the page holds, and what of it is compared."""
    groups = len({row.group for row in rows})
    results, failed = sum(len(run.results) for run in runs), sum(len(run.failed) for run in runs)
    held = (
        f"{count_noun(len(runs), 'run')} with {count_noun(results, 'result')}"
        f"{f' and {failed} failed' if failed else ''}: {count_noun(len(rows), 'row')} in "
        f"{count_noun(groups, 'group')}."
    )
    if not rows:
        return [held]
    shared = sum(len({row.run for row in rows if row.group == group}) > 1 for group in {r.group for r in rows})
    return [
        held,
        "The rows of a group have in common the suite, the tasks, the data sets, the terms, the preset, under "
        "controlled terms all shared settings, the track (how ρ was chosen) and the simulator's versions, as its "
        f"heading says; {count_noun(shared, 'group')} of {groups} {'has' if shared == 1 else 'have'} rows of more "
        "than one run. Nothing is averaged over runs.",
        "Rows stand in the order of their scores, which is no ranking: no two runs are compared. Their seeds are "
        "not paired and no test is made between them; an interval is 95 %, over the seeds of its own row. "
        f"Compared is within a run alone: `minus {BASELINE}` is the difference to `{BASELINE}` on the same seeds "
        "with its paired t interval, not corrected for their number; the run's report has the corrected tests.",
        "Every result here parses, has the score that its episodes give and belongs to its place; the cells of "
        "each run's last plan are all there, the chains of ledgers are whole, and no seed that a ledger says was "
        "tuned on is reported. Hashes and chains show damage and later edits, not what was made up with care.",
    ]


def _warn(runs: Sequence[ContributedRun], repeats: Mapping[tuple[str, str], int]) -> list[str]:
    """What makes rows dependent, or less sure than they look."""
    said = [
        f"Run `{run}` has {count_noun(count, 'result')} that run `{other}` has too, with every episode alike: the "
        "rows of the two are not independent."
        for (other, run), count in repeats.items()
    ]
    planless = [f"`{run.said.id}`" for run in runs if not run.has_plan]
    if planless:
        said.append(
            "Without a record of plans, so that what was planned and is missing is not known: "
            f"{', '.join(planless)}. What they have is complete in itself, every variant with every task and seed."
        )
    unrecorded = [run for run in runs if run.unrecorded]
    said += [
        f"Run `{run.said.id}` has {count_noun(run.unrecorded, 'result')} of {len(run.results)} that its "
        "ledger does not have: that no tuning was done on their seeds is not known."
        for run in unrecorded
    ]
    return said


def _tabulate_rows(rows: Sequence[Row], names: Mapping[str, str]) -> Table:
    places, notes, body, groups = {}, {}, [], {}
    for group, own in groupby(rows, key=lambda row: row.group):
        groups[len(body)] = _describe_group(group)
        for row in own:
            places[len(body), 1] = link_report(row.run)
            notes[len(body), 2] = f"evaluated on {' and '.join(row.processors)}"
            body.append(_format_row(row, names))
    facets = {
        "suite": tuple(row.group.suite for row in rows),
        "task": tuple(name_tasks(row.group.tasks) for row in rows),
        "data": tuple(row.group.source for row in rows),
        "terms": tuple(row.group.terms for row in rows),
        "preset": tuple(row.group.preset for row in rows),
        "track": tuple(row.group.track for row in rows),
        "processor": tuple("; ".join(row.processors) for row in rows),
    }
    name = "leaderboard-table"
    return Table(_HEADER, tuple(body), 2, name, notes=notes, links=places, groups=groups, facets=facets)


def link_report(run: str) -> str:
    """The address of a run's report, from the index."""
    return f"{RUNS}/{run}/{REPORT}/index.html"


def name_tasks(tasks: Sequence[str]) -> str:
    """The task, or what its score is the mean over."""
    return tasks[0] if len(tasks) == 1 else f"mean over {', '.join(tasks)}"


def _describe_group(group: Group) -> str:
    """What its rows have in common, in one line."""
    better = "higher is better" if group.is_points else "1 is exact, lower is better"
    shared = f", shared settings {group.shared}" if group.shared else ""
    return (
        f"**{group.suite}: {name_tasks(group.tasks)}**, {group.unit} ({better}); data {group.source}: "
        f"{group.data}; {group.terms}, preset {_quote(group.preset)}{shared}; track: {_quote(group.track)}; "
        f"{_quote(group.versions)}"
    )


def _format_row(row: Row, names: Mapping[str, str]) -> tuple[str, ...]:
    digits = _DIGITS[row.group.is_points]
    return (
        _quote(row.variant),
        f"{names[row.run]} ({row.run[:6]})",
        format_estimate(row.score, digits),
        "–" if row.gain is None else format_difference(row.gain, digits),
        f"{row.seeds} × {describe_range(row.episodes)}",
        ", ".join(f"{scale:.4g}" for scale in row.scales) or "–",
        "–" if row.trials is None else f"{row.trials:,}",
    )


def _make_settings_blocks(runs: Sequence[ContributedRun]) -> list[Block]:
    """What the hashes of shared settings stand for, where there are several."""
    listed = list_shared([cell for run in runs for cell in (*run.results, *run.failed)])
    if not listed:
        return []
    rows = tuple(
        (s.suite, s.preset, s.hash, _quote(", ".join(f"{name}={value}" for name, value in s.values.items())))
        for s in listed
    )
    table = Table(("suite", "preset", "shared settings", "what differs"), rows, 4, "settings-table")
    return [Details("Shared settings that differ, by their hashes", (table,))]


def _tabulate_runs(runs: Sequence[ContributedRun], repeats: Mapping[tuple[str, str], int]) -> Table:
    body = []
    for run in runs:
        said, count = run.said, len(run.results)
        alike = [f"{number} of {other}" for (other, own), number in repeats.items() if own == said.id]
        frozen = f"{run.frozen.hash[:12]}, of {run.frozen.created}" if run.frozen is not None else "–"
        processors = sorted({describe_processor(result) for result in run.results})
        suites = ", ".join(scores.suite for scores in run.suites)
        words = (said.id, said.name, said.note or "–", "; ".join(processors), suites, said.created)
        plans = ("complete" if run.has_plan else "not recorded", frozen, ", ".join(alike) or "–")
        numbers = (f"{count}", f"{len(run.failed)}", f"{len(run.unfinished)}", f"{count - run.unrecorded}")
        body.append(tuple(map(_quote, (*words, *plans))) + numbers)
    places = {(number, 0): link_report(run.said.id) for number, run in enumerate(runs)}
    return Table(_RUNS_HEADER, tuple(body), 9, "runs-table", links=places)


def _make_absent_blocks(runs: Sequence[ContributedRun], absent: Sequence[Absent]) -> list[Block]:
    """What was planned or run and has no row, each with its reason."""
    body = [(each.run, each.suite, each.task, each.variant, each.why) for each in absent]
    for run in runs:
        for cell in run.unfinished:
            scale = "" if cell.rho is None else f", ρ = {cell.rho:g}"
            why = f"seed {cell.seed}{scale}: an earlier plan has it, and it is not there"
            body.append((run.said.id, cell.suite, cell.task, cell.method, why))
    if not body:
        return [Text("Nothing: every cell of every recorded plan is there, and every result is in a row.")]
    rows = tuple(tuple(map(_quote, row)) for row in body)
    return [Table(("run", "suite", "task", "variant", "why"), rows, 5, "absent-table")]


def _quote(text: str) -> str:
    """A text from a contributed folder without the marks of code and bold."""
    return text.replace("`", "'").replace("**", "* *")
