"""The section on tracks: every method with its ρ chosen in different ways, side by side."""

from collections.abc import Sequence

from reports.analysis.tracks import ALL_TASKS, ONE_RHO, ORACLE, TRACKS, TrackRow, TrackScore
from reports.load.scores import SuiteScores
from reports.render.document import Block, Details, Heading, Table, Text, name_table
from reports.render.numbers import describe_few_seeds, format_estimate

_MARKS = {ORACLE: "†"}
_ABSENT = ("track", "variant", "task", "why")
_OF_TUNING = "‡"
_MEANINGS = {
    "default": "the method's default",
    "published": "SWG's published value, or that of the source of the settings",
    ONE_RHO: "on each task the one value that is best over the others",
    "budget": "the best by tuning score of so many of the scales that were tried, on average over all draws",
    "tuned": "the choice of the tuning command",
    ORACLE: "the best by the reported episodes themselves, and so too good: it enters no pair and is never bold",
}


def make_tracks_section(scores: SuiteScores, rows: Sequence[TrackRow]) -> list[Block]:
    """The table and why cells are empty; nothing where no method has two tracks on a task."""
    if all(len(row.found) < 2 for row in rows):
        return []
    shown = [track for track in TRACKS if any(track in row.found for row in rows)]
    header = ("task", "variant", *(track + _MARKS.get(track, "") for track in shown))
    body = tuple((_name_task(scores, row), row.family, *(_format(row, track) for track in shown)) for row in rows)
    return [
        Heading(3, scores.add_source("Tracks: ρ chosen in different ways")),
        Text(_describe(scores, rows, shown)),
        name_table(Table(header, body, words=2), scores.suite, "tracks", splits=True),
        Details(
            "Why a cell is empty", (Table(("track", "variant", "task", "why"), _list_absent(scores, rows), 4),)
        ),
    ]


def _name_task(scores: SuiteScores, row: TrackRow) -> str:
    return f"mean over {len(scores.tasks)} tasks" if row.task == ALL_TASKS else scores.label_task(row.task)


def _describe(scores: SuiteScores, rows: Sequence[TrackRow], shown: Sequence[str]) -> str:
    """What the columns are, and whose episodes the scores are of."""
    named: dict[str, list[str]] = {}
    for track in shown:
        named.setdefault(track.partition("=")[0], []).append(f"`{track}`{_MARKS.get(track, '')}")
    said = "; ".join(f"{', '.join(own)}: {_MEANINGS[name]}" for name, own in named.items())
    found = [score for row in rows for score in row.found.values()]
    few = describe_few_seeds(len(scores.seeds))
    whose = few or "Intervals are Student's t over the reported seeds, for the choice that was made."
    if any(score.origin == "tuning" for score in found):
        whose += (
            f" {_OF_TUNING}: of tuning episodes in the ledger, as not all scales in question are reported; the "
            "scale was chosen by others than these, and there is no interval."
        )
    return f"Scores in points; in round brackets ρ. {said}. {whose}"


def _format(row: TrackRow, track: str) -> str:
    """`61.2 [58.0, 64.4] (5)`, with a mark where it is of tuning episodes."""
    score = row.found.get(track)
    return "–" if score is None else _format_score(score)


def _format_score(score: TrackScore) -> str:
    mark = _OF_TUNING if score.origin == "tuning" else ""
    return f"{format_estimate(score.score, 1)}{mark}" + ("" if score.rho is None else f" ({score.rho:.4g})")


def _list_absent(scores: SuiteScores, rows: Sequence[TrackRow]) -> tuple[tuple[str, ...], ...]:
    """A row for each track, variant and reason, with the tasks that it holds for."""
    tasks: dict[tuple[str, str, str], list[str]] = {}
    for track in TRACKS:
        for row in rows:
            if track in row.absent and row.task != ALL_TASKS:
                tasks.setdefault((track, row.family, row.absent[track]), []).append(scores.label_task(row.task))
    listed = [(*key[:2], _join_tasks(scores, own), key[2]) for key, own in tasks.items()]
    for row in rows:
        if row.task == ALL_TASKS:
            mixed = [track for track in TRACKS if _is_mixed(row, track, rows)]
            listed += [(track, row.family, _name_task(scores, row), row.absent[track]) for track in mixed]
    return tuple(listed)


def _is_mixed(row: TrackRow, track: str, rows: Sequence[TrackRow]) -> bool:
    """Whether a mean lacks a track that every task has."""
    own = [other for other in rows if other.family == row.family and other.task != ALL_TASKS]
    return track in row.absent and all(track in other.found for other in own)


def _join_tasks(scores: SuiteScores, tasks: Sequence[str]) -> str:
    return "all tasks" if len(tasks) == len(scores.tasks) > 1 else ", ".join(tasks)
