"""At which value a swept method is compared with others: one that the reported episodes did not choose.

The best of a sweep by the reported scores is selected on the data that it is then judged by: its mean is too high,
its interval too narrow and its p too small, the more so the more values there are. A value that was tuned on other
seeds, published, exact, or is the default, is not selected so. A sweep with none of them enters no comparison.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reports.analysis.tracks import TrackRow
from reports.load.schema import Result
from reports.load.scores import SuiteScores
from reports.load.sweeps import RHO, Sweep, find_sweeps, is_number, select_variants
from reports.load.variants import strip_rho

EXACT = "exact"
SOURCES = (EXACT, "tuned", "published", "default")
"""In the order in which they are taken: the scale at which a density's target is exact, and names of tracks."""


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

    def list_sources(self, sweep: Sweep, value: float, task: str) -> tuple[str, ...]:
        """The sources that declare a value of a sweep on a task."""
        known = self.known.get((sweep.family, task), {})
        return tuple(source for source, declared in known.items() if declared == value)


def review_sweeps(scores: SuiteScores, tracks: Sequence[TrackRow]) -> SweptSuite:
    """The sweeps of a suite, and its scores at the values that were declared.

    Args:
        scores: of the suite.
        tracks: of the suite; none of densities.
    """
    sweeps = find_sweeps(scores)
    if not sweeps:
        return SweptSuite(scores, (), {}, {}, scores)
    known = _find_known(scores, sweeps, tracks)
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


def _find_known(
    scores: SuiteScores, sweeps: Sequence[Sweep], tracks: Sequence[TrackRow]
) -> dict[tuple[str, str], dict[str, float]]:
    """The declared values of every sweep on every task by their sources, as far as they were run."""
    found: dict[tuple[str, str], dict[str, float]] = {}
    for row in tracks:
        values = {source: row.found[source].rho for source in SOURCES if source in row.found}
        found[row.family, row.task] = {source: rho for source, rho in values.items() if rho is not None}
    known: dict[tuple[str, str], dict[str, float]] = {}
    for sweep in sweeps:
        for task in scores.tasks:
            results = [result for variant in sweep.variants.values() for result in scores.of(task, variant)]
            if sweep.setting == RHO:
                said = _find_scales(results, (EXACT,) if scores.is_control else SOURCES)
                declared = said | found.get((sweep.family, task), {})
            else:
                declared = _find_setting(results, sweep.setting)
            there = {source: value for source, value in declared.items() if value in sweep.variants}
            known[sweep.family, task] = there
    return known


def _find_scales(results: Sequence[Result], sources: Sequence[str]) -> dict[str, float]:
    """The scale that results have from each of the sources, or say that a run takes where none is given."""
    found: dict[str, set[float]] = {}
    for result in results:
        declared = result.declared_rho
        said = [(result.rho, result.rho_source)]
        said += [] if declared is None else [(declared.rho, declared.source)]
        for rho, source in said:
            name = "published" if source == "preset" else source
            if rho is not None and name is not None and name in sources:
                found.setdefault(name, set()).add(rho)
    return {source: values.pop() for source, values in found.items() if len(values) == 1}


def _find_setting(results: Sequence[Result], setting: str) -> dict[str, float]:
    """What the results say that a run takes where the setting is not given, by its source; none where they differ.

    A result that says which settings were given, and not this one, has that value itself.
    """
    said: dict[float | None, str] = {}
    implied: dict[float | None, str] = {}
    for result in results:
        if result.declared_settings is None:
            continue
        if setting in result.declared_settings:
            declared = result.declared_settings[setting]
            said[_read_number(declared.value if declared is not None else None)] = (
                declared.source if declared else ""
            )
        else:
            knobs = result.tuning.knobs if result.tuning is not None else ()
            is_tuned = setting.removeprefix(f"{result.method}.") in knobs
            implied[_read_number(result.config.get(setting))] = "tuned" if is_tuned else "default"
    found = implied | said
    return {source: value for value, source in found.items() if value is not None} if len(found) == 1 else {}


def _read_number(value: Any) -> float | None:
    return float(value) if is_number(value) else None


def _find_declared(
    scores: SuiteScores, sweep: Sweep, known: Mapping[tuple[str, str], Mapping[str, float]]
) -> Declared | None:
    """The first source that has a value on every task."""
    for source in SOURCES:
        values = {task: known.get((sweep.family, task), {}).get(source) for task in scores.tasks}
        there = {task: value for task, value in values.items() if value is not None}
        if len(there) == len(scores.tasks):
            same = set(there.values())
            other = f"{sweep.family} {sweep.setting}={source}"
            return Declared(source, there, sweep.variants[min(same)] if len(same) == 1 else other)
    return None
