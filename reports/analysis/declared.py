"""At which value a swept method is compared with others: one that the reported episodes did not choose.

The best of a sweep by the reported scores is selected on the data that it is then judged by: its mean is too high,
its interval too narrow and its p too small, the more so the more values there are. A scale that was tuned on other
seeds, published, or is the method's default, is not selected so. A sweep with none of them enters no comparison.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reports.analysis.tracks import ALL_TASKS, TrackRow
from reports.load.scores import SuiteScores
from reports.load.sweeps import RHO, Sweep, find_sweeps, select_variants
from reports.load.variants import strip_rho

SOURCES = ("tuned", "published", "default")
"""In the order in which they are taken: the names of tracks."""


@dataclass(frozen=True)
class Declared:
    """The declared value of a sweep.

    Attributes:
        source: one of `SOURCES`, or `preset`.
        values: task to the value.
        label: of the sweep at these values, in tables of pairs.
    """

    source: str
    values: Mapping[str, float]
    label: str


@dataclass(frozen=True)
class SweptSuite:
    """A suite with its sweeps, and what of it is compared.

    Attributes:
        scores: all results.
        sweeps: possibly none.
        known: (family, task) to the sources that have a value there, with it.
        declared: family to its declared value, for those that have one on every task.
        compared: the scores of all variants that are in no sweep, and of sweeps at their declared values; those of
            the suite itself where nothing is swept, and None where nothing is left.
    """

    scores: SuiteScores
    sweeps: tuple[Sweep, ...]
    known: Mapping[tuple[str, str], Mapping[str, float]]
    declared: Mapping[str, Declared]
    compared: SuiteScores | None

    @property
    def undeclared(self) -> tuple[Sweep, ...]:
        """The sweeps that enter no comparison."""
        return tuple(sweep for sweep in self.sweeps if sweep.family not in self.declared)


def review_sweeps(scores: SuiteScores, tracks: Sequence[TrackRow]) -> SweptSuite:
    """The sweeps of a suite, and its scores at the values that were declared.

    Args:
        scores: of the suite; densities are compared as they are.
        tracks: of the suite.
    """
    sweeps = find_sweeps(scores) if scores.is_control else ()
    if not sweeps:
        return SweptSuite(scores, (), {}, {}, scores)
    known = _find_known(sweeps, tracks)
    found = {sweep.family: _find_declared(scores, sweep, known) for sweep in sweeps}
    apart = _find_apart(scores, sweeps)
    declared = {**{family: value for family, value in found.items() if value is not None}, **apart}
    swept = {variant: sweep for sweep in sweeps for variant in sweep.variants.values()}
    picked: dict[str, Mapping[str, str]] = {}
    for variant in scores.variants:
        sweep = swept.get(variant)
        if sweep is None:
            picked[variant] = dict.fromkeys(scores.tasks, variant)
        elif sweep.family in declared and sweep.family not in apart:
            value = declared[sweep.family]
            picked[value.label] = {task: sweep.variants[value.values[task]] for task in scores.tasks}
    compared = select_variants(scores, picked) if picked else None
    return SweptSuite(scores, sweeps, known, declared, compared)


def _find_apart(scores: SuiteScores, sweeps: Sequence[Sweep]) -> dict[str, Declared]:
    """The scales that swept methods have on each task beside their sweep, as `swg rho=tuned`, by family."""
    families = {sweep.family: set(sweep.variants.values()) for sweep in sweeps if sweep.setting == RHO}
    found: dict[str, Declared] = {}
    for variant in scores.variants:
        family = strip_rho(variant)
        scales = {task: scores.of(task, variant)[0].rho for task in scores.tasks}
        values = {task: rho for task, rho in scales.items() if rho is not None}
        if variant != family and variant not in families.get(family, {variant}) and len(values) == len(scales):
            found[family] = Declared(variant.rpartition("=")[2], values, variant)
    return found


def _find_known(sweeps: Sequence[Sweep], tracks: Sequence[TrackRow]) -> dict[tuple[str, str], dict[str, float]]:
    """The declared values of every sweep of ρ on every task by their sources, as far as they were run."""
    variants = {sweep.family: sweep.variants for sweep in sweeps if sweep.setting == RHO}
    known: dict[tuple[str, str], dict[str, float]] = {}
    for row in tracks:
        if row.family not in variants or row.task == ALL_TASKS:
            continue
        found = {source: row.found[source].rho for source in SOURCES if source in row.found}
        known[row.family, row.task] = {
            source: rho for source, rho in found.items() if rho is not None and rho in variants[row.family]
        }
    return known


def _find_declared(
    scores: SuiteScores, sweep: Sweep, known: Mapping[tuple[str, str], Mapping[str, float]]
) -> Declared | None:
    """The first source that has a value on every task."""
    for source in SOURCES:
        values = {task: known.get((sweep.family, task), {}).get(source) for task in scores.tasks}
        there = {task: value for task, value in values.items() if value is not None}
        if len(there) == len(scores.tasks):
            same = set(there.values())
            label = sweep.variants[min(same)] if len(same) == 1 else f"{sweep.family} rho={source}"
            return Declared(source, there, label)
    return None
