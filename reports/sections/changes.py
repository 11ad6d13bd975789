"""What changed between two results folders, in words and tables."""

from collections.abc import Sequence
from pathlib import Path

from foundation.text import clean_line
from reports.analysis.changes import Alone, Change, Changes, Origin
from reports.analysis.intervals import FEWEST
from reports.load.schema import FailedResult
from reports.render.document import Block, Heading, Table, Text
from reports.render.numbers import count_noun, format_difference, format_p

_SHOWN = 60  # letters of a value


def make_change_blocks(changes: Changes, first: Path, second: Path) -> list[Block]:
    """The whole comparison.

    Args:
        changes: what was found.
        first, second: the folders, as they were named.
    """
    where = f"A: `{clean_line(str(first))}`, B: `{clean_line(str(second))}`. Differences are B − A."
    blocks: list[Block] = [Heading(1, "What changed"), Text(f"{where} {conclude(changes)}")]
    if changes.rows:
        blocks += [Heading(2, "Scores"), Text(_describe_rows(changes.rows)), tabulate_rows(changes.rows)]
    if changes.cells:
        blocks.append(Heading(2, "How they were made"))
        blocks += [tabulate_origins(changes.origins, changes.cells)] if changes.origins else [Text(_SAME_ORIGIN)]
    blocks.append(Heading(2, "In one folder alone"))
    blocks.append(tabulate_alone(changes.alone) if changes.alone else Text("None: both have the same cells."))
    failed = [f"{name} has {_list_failed(own)}" for name, own in zip("AB", changes.failed, strict=True) if own]
    return [*blocks, *([Text(f"Failed cells are not compared: {'; '.join(failed)}.")] if failed else [])]


_SAME_ORIGIN = "Settings, versions, data, components and machines of the cells that both have are the same."


def conclude(changes: Changes) -> str:
    """The first sentence: how many cells both have, and whether anything of them changed."""
    if not changes.rows:
        return "No task and variant has a seed in both folders, so nothing is compared."
    both = f"{count_noun(changes.cells, 'cell')} in both"
    if changes.are_identical:
        equal = "and so is every episode" if changes.are_episodes_equal else "though episodes differ"
        return f"Of {both} all differences are exactly 0: every score is the same number, {equal}."
    apart = sum(row.is_separated for row in changes.rows)
    same = sum(row.is_identical for row in changes.rows)
    return (
        f"Of {both}, in {count_noun(len(changes.rows), 'row')} of a task and variant: {apart} with a difference "
        f"by the paired test, {same} exactly equal, {len(changes.rows) - apart - same} with neither."
    )


def _describe_rows(rows: Sequence[Change]) -> str:
    few = " Under three seeds there is no interval." if any(len(row.seeds) < FEWEST for row in rows) else ""
    return (
        "Mean over the seeds that both have, in points of normalised score, or as a distance on the toy sets; the "
        "difference is paired by seed, in brackets with its 95 % interval by Student's t; p of the t test, with "
        f"Holm's correction over the {count_noun(len(rows), 'row')}.{few}"
    )


def tabulate_rows(rows: Sequence[Change]) -> Table:
    """A row for each task and variant that both have."""
    header = ("task", "variant", "outcome", "seeds", "A", "B", "B − A", "p", "p, Holm")
    return Table(header, tuple(map(_format_row, rows)), words=3, name="compare-scores-table")


def _format_row(row: Change) -> tuple[str, ...]:
    _, task, variant = row.row
    digits = 1 if row.is_control else 4
    seeds, means = str(len(row.seeds)), (f"{mean:.{digits}f}" for mean in row.means)
    difference = "0" if row.is_identical else format_difference(row.difference, digits)
    return (task, variant, name_outcome(row), seeds, *means, difference, format_p(row.p), format_p(row.adjusted))


def name_outcome(row: Change) -> str:
    """What is known of a row's difference."""
    if row.is_identical:
        return "exactly equal"
    if row.adjusted is None:
        return "no test"
    return "differs" if row.is_separated else "not separated"


def tabulate_origins(origins: Sequence[Origin], cells: int) -> Table:
    """A row for each thing that differs in how the cells were made."""
    rows = tuple(
        (each.kind, each.name, _shorten(each.first), _shorten(each.second), f"{each.cells} of {cells}")
        for each in origins
    )
    return Table(("kind", "name", "A", "B", "cells"), rows, words=4, name="compare-origins-table")


def _shorten(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def tabulate_alone(alone: Sequence[Alone]) -> Table:
    """A row for each task and variant of which one folder has seeds that the other has not."""
    rows = tuple((each.row[1], each.row[2], list_seeds(each.first), list_seeds(each.second)) for each in alone)
    return Table(("task", "variant", "seeds in A alone", "seeds in B alone"), rows, words=4)


def list_seeds(seeds: Sequence[int]) -> str:
    """`0, 1, 2`, or a dash."""
    return ", ".join(map(str, seeds)) or "–"


def _list_failed(failed: Sequence[FailedResult]) -> str:
    return ", ".join(f"{each.task}, {each.method}, seed {each.seed} ({each.failure.step})" for each in failed)
