"""What changed between two results folders, cell by cell, paired by seed.

Of a task and variant that both folders have, the difference of a seed is the second folder's score minus the
first's. Its mean has a t interval over the seeds, and the p of the t tests are corrected by Holm over all rows; a
row without an interval stays in the family, as one that no test separates. Variants are matched by their labels,
so that one whose settings changed stands in one row, and what changed is said beside it. Those that are left over
are matched by equal settings and ρ, as where one folder has a method once and the other has a sweep of it.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from reports.analysis.intervals import Estimate, estimate_mean
from reports.analysis.pairs import ALPHA, adjust_by_holm, compute_p
from reports.errors import ReportError
from reports.load.frames import label_all_variants
from reports.load.schema import HIGHER_IS_BETTER, FailedResult, Result
from reports.load.variants import format_setting

Row: TypeAlias = tuple[str, str, str]
"""Suite, task and variant."""
UNSET = "unset"


@dataclass(frozen=True)
class FolderCells:
    """The results of a folder.

    Attributes:
        cells: row to its results by seed.
        failed: failed cells.
    """

    cells: Mapping[Row, Mapping[int, Result]]
    failed: tuple[FailedResult, ...]


@dataclass(frozen=True)
class Change:
    """A row that both folders have.

    Attributes:
        row: suite, task and variant.
        is_control: whether scores are points of normalised score, rather than distances.
        seeds: that both have, ascending.
        means: of both folders over these seeds.
        difference: the second's mean minus the first's, with its interval.
        p: of the t test that the true difference is 0; None without an interval.
        adjusted: the same after Holm over all rows.
        is_identical: whether every seed's score is the same number.
    """

    row: Row
    is_control: bool
    seeds: tuple[int, ...]
    means: tuple[float, float]
    difference: Estimate
    p: float | None
    adjusted: float | None
    is_identical: bool

    @property
    def is_separated(self) -> bool:
        return self.adjusted is not None and self.adjusted <= ALPHA


@dataclass(frozen=True)
class Origin:
    """Something that the results of both folders were made with, and that differs.

    Attributes:
        kind: `setting`, `version`, `data`, `machine` or `component`.
        name: of it.
        first, second: its values, several with commas between them.
        cells: of how many cells that both have.
    """

    kind: str
    name: str
    first: str
    second: str
    cells: int


@dataclass(frozen=True)
class Alone:
    """Seeds of a row that one folder alone has."""

    row: Row
    first: tuple[int, ...]
    second: tuple[int, ...]


@dataclass(frozen=True)
class Changes:
    """All that differs between two folders.

    Attributes:
        rows: those with a seed in common.
        origins: what differs in how they were made.
        alone: rows with seeds that one folder alone has.
        cells: how many cells both have.
        are_episodes_equal: whether every one of these has the same episodes, or distances at each β, in both.
        failed: failed cells of each folder.
    """

    rows: tuple[Change, ...]
    origins: tuple[Origin, ...]
    alone: tuple[Alone, ...]
    cells: int
    are_episodes_equal: bool
    failed: tuple[tuple[FailedResult, ...], tuple[FailedResult, ...]]

    @property
    def are_identical(self) -> bool:
        """Whether both have cells in common, and every score of these is the same number."""
        return bool(self.rows) and all(row.is_identical for row in self.rows)


def arrange_cells(results: Sequence[Result | FailedResult]) -> FolderCells:
    """The results of one folder by suite, task, variant and seed.

    Raises:
        ReportError: two results of one of them.
    """
    labels = label_all_variants(results)
    cells: dict[Row, dict[int, Result]] = {}
    for result in results:
        if isinstance(result, FailedResult):
            continue
        row = (result.suite, result.task, labels[result.path])
        other = cells.setdefault(row, {}).setdefault(result.seed, result)
        if other is not result:
            raise ReportError(
                f"{other.path} and {result.path} are two results for {row[1]}, {row[2]}, seed {result.seed}: "
                "delete the one that is not wanted."
            )
    return FolderCells(cells, tuple(result for result in results if isinstance(result, FailedResult)))


def find_changes(first: FolderCells, second: FolderCells) -> Changes:
    """What differs between two folders."""
    first, second = _match_settings(first, second)
    every = sorted({*first.cells, *second.cells})
    seeds = {row: (set(first.cells.get(row, ())), set(second.cells.get(row, ()))) for row in every}
    common = {row: tuple(sorted(one & other)) for row, (one, other) in seeds.items() if one & other}
    pairs = {row: [(first.cells[row][s], second.cells[row][s]) for s in own] for row, own in common.items()}
    paired = [pair for own in pairs.values() for pair in own]
    return Changes(
        rows=_compare_rows(common, pairs),
        origins=_find_origins(paired),
        alone=tuple(
            Alone(row, tuple(sorted(one - other)), tuple(sorted(other - one)))
            for row, (one, other) in seeds.items()
            if one != other
        ),
        cells=len(paired),
        are_episodes_equal=all(
            (one.episodes, one.densities) == (other.episodes, other.densities) for one, other in paired
        ),
        failed=(first.failed, second.failed),
    )


def _match_settings(first: FolderCells, second: FolderCells) -> tuple[FolderCells, FolderCells]:
    """The cells with rows of one folder alone under one label, the longer one, where both have equal settings."""
    left, right = (_find_settings(own, other) for own, other in ((first, second), (second, first)))
    both = {settings: (left[settings], right[settings]) for settings in left if settings in right}
    names = {row: max(pair, key=lambda each: (len(each[2]), each)) for pair in both.values() for row in pair}
    return (
        replace(first, cells={names.get(row, row): cells for row, cells in first.cells.items()}),
        replace(second, cells={names.get(row, row): cells for row, cells in second.cells.items()}),
    )


def _find_settings(own: FolderCells, other: FolderCells) -> dict[str, Row]:
    """What tells a row of the first folder alone apart, as text, to the row; none of rows with equal settings."""
    found: dict[str, list[Row]] = {}
    for row, cells in own.cells.items():
        if row not in other.cells:
            one = next(iter(cells.values()))
            told = [row[:2], one.method, one.terms, one.rho, dict(one.config)]
            found.setdefault(json.dumps(told, sort_keys=True), []).append(row)
    return {settings: rows[0] for settings, rows in found.items() if len(rows) == 1}


def _compare_rows(
    seeds: Mapping[Row, tuple[int, ...]], pairs: Mapping[Row, Sequence[tuple[Result, Result]]]
) -> tuple[Change, ...]:
    scores = {row: np.array([[one.score, other.score] for one, other in own]) for row, own in pairs.items()}
    differences = {row: own[:, 1] - own[:, 0] for row, own in scores.items()}
    found = {row: estimate_mean(own) for row, own in differences.items()}
    p = {row: float(compute_p(differences[row])) for row, own in found.items() if own.lower is not None}
    adjusted = adjust_by_holm(np.array([p.get(row, 1.0) for row in scores])) if scores else np.array([])
    return tuple(
        Change(
            row=row,
            is_control=pairs[row][0][0].metric == HIGHER_IS_BETTER,
            seeds=seeds[row],
            means=(float(own[:, 0].mean()), float(own[:, 1].mean())),
            difference=found[row],
            p=p.get(row),
            adjusted=float(corrected) if row in p else None,
            is_identical=bool((own[:, 0] == own[:, 1]).all()),
        )
        for (row, own), corrected in zip(scores.items(), adjusted, strict=True)
    )


def _find_origins(pairs: Iterable[tuple[Result, Result]]) -> tuple[Origin, ...]:
    """What differs between the two results of a cell, once for all cells."""
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for one, other in pairs:
        left, right = describe_origin(one), describe_origin(other)
        for name in {**left, **right}:
            values = left.get(name, UNSET), right.get(name, UNSET)
            if values[0] != values[1]:
                found.setdefault(name, []).append(values)
    return tuple(
        Origin(kind, name, _join(v[0] for v in values), _join(v[1] for v in values), len(values))
        for (kind, name), values in sorted(found.items())
    )


def _join(values: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(values))


def describe_origin(result: Result) -> dict[tuple[str, str], str]:
    """What a result was made with, as text by kind and name."""
    data, machine = result.data, result.machine
    parts: dict[str, Mapping[str, object]] = {
        "setting": {**result.config, "rho": result.rho, "terms": result.terms, "preset": result.preset},
        "version": result.versions,
        "data": {
            "source": data.label,
            "name": data.name,
            "fingerprint": data.fingerprint,
            "reward transform": data.reward_transform,
            "transitions": data.transitions,
        },
        "machine": {"processor": machine.processor, "cores": machine.cores, "device": machine.device},
        "component": result.components,
    }
    return {
        (kind, name): "none" if value is None else format_setting(value)
        for kind, own in parts.items()
        for name, value in own.items()
    }
