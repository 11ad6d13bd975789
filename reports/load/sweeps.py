"""Sweeps: three or more variants of one method that differ in one numeric setting, ρ or another.

A report treats a sweep as one method with an axis. Two values are two variants, whose one pair is a comparison
like any other; so are settings that are no numbers, such as a weight function.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from reports.load.scores import SuiteScores
from reports.load.variants import FEWEST_VALUES, collect_settings, find_differing, format_setting, strip_rho

RHO = "rho"


@dataclass(frozen=True)
class Sweep:
    """One method over the values of one setting.

    Attributes:
        family: the label that its variants share, such as `swg`.
        method: its name.
        setting: `rho`, or the dotted name of a setting.
        variants: value to variant, ascending.
        failed: labels of its variants that have a failed cell, and so are none of those.
        missing: of those of which a part of a plan has no result that is compared.
    """

    family: str
    method: str
    setting: str
    variants: Mapping[float, str] = field(repr=False)
    failed: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def symbol(self) -> str:
        """The setting as it is printed, `ρ` for the guidance scale."""
        return name_setting(self.setting)


def name_setting(setting: str) -> str:
    """`ρ`, or the setting's dotted name."""
    return "ρ" if setting == RHO else setting


def find_sweeps(scores: SuiteScores) -> tuple[Sweep, ...]:
    """The sweeps of a suite, in the order of their first variants.

    Where ρ has several values under the same other settings it is the axis; else the one setting that tells a
    method's variants apart, if there is one.
    """
    found: list[Sweep] = []
    for method in dict.fromkeys(map(scores.method, scores.variants)):
        own = [variant for variant in scores.variants if scores.method(variant) == method]
        over_rho = [sweep for sweep in _sweep_rho(scores, method, own) if _is_long(sweep)]
        taken = {variant for sweep in over_rho for variant in sweep.variants.values()}
        rest = [variant for variant in own if variant not in taken]
        found += [*over_rho, *filter(_is_long, _sweep_setting(scores, method, rest))]
    place = {variant: i for i, variant in enumerate(scores.variants)}
    return tuple(sorted(found, key=lambda sweep: place[next(iter(sweep.variants.values()))]))


def _is_long(sweep: Sweep) -> bool:
    """Whether there are enough values, with those that failed or are missing: chance decides of no sweep."""
    return len({*sweep.variants.values(), *sweep.failed, *sweep.missing}) >= FEWEST_VALUES


def _sweep_rho(scores: SuiteScores, method: str, variants: Sequence[str]) -> Iterable[Sweep]:
    families: dict[str, dict[float, str]] = {}
    for variant in variants:
        family, rho = strip_rho(variant), scores.of(scores.tasks[0], variant)[0].rho
        if rho is not None and variant == f"{family} rho={rho:g}":
            families.setdefault(family, {})[rho] = variant
    for family, found in families.items():
        lacking = [u.variant for u in scores.unranked if u.variant != family and strip_rho(u.variant) == family]
        absent = [v for v in _list_absent(scores) if v != family and strip_rho(v) == family]
        yield Sweep(family, method, RHO, dict(sorted(found.items())), tuple(lacking), tuple(absent))


def _list_absent(scores: SuiteScores) -> list[str]:
    """The variants of a part of a plan that are not compared."""
    whole = () if scores.partial is None else scores.partial.whole.variants
    return [variant for variant in whole if variant not in scores.variants]


def _sweep_setting(scores: SuiteScores, method: str, variants: Sequence[str]) -> Iterable[Sweep]:
    """The sweeps of a setting, of which variants on the same terms have different numbers."""
    own = [scores.of(task, variant)[0] for variant in variants for task in scores.tasks]
    lost = [u.variant for u in scores.unranked if u.variant.startswith(f"{method} ")]
    absent = [variant for variant in _list_absent(scores) if variant.startswith(f"{method} ")]
    is_long = len({*variants, *lost, *absent}) >= FEWEST_VALUES
    found = (
        find_differing(own) if len(variants) > 1 else [name for v in variants for name in _read_label(scores, v)]
    )
    names = [name for name in found if name != "terms"] if is_long else []
    if len(names) != 1:
        return
    (name,) = names
    families: dict[str, dict[float, str]] = {}
    for variant in variants:
        result = scores.of(scores.tasks[0], variant)[0]
        value, label = result.config.get(name), f" {name}={collect_settings(result).get(name)}"
        if is_number(value) and label in variant and _is_same_everywhere(scores, variant, name):
            families.setdefault(variant.replace(label, "", 1), {})[float(value)] = variant  # pyright: ignore[reportArgumentType]
    for family, found in families.items():
        failed, missing = (tuple(v for v in of if f" {name}=" in v) for of in (lost, absent))
        yield Sweep(family, method, name, dict(sorted(found.items())), failed, missing)


def _read_label(scores: SuiteScores, variant: str) -> list[str]:
    """The settings that a variant's label names."""
    settings = collect_settings(scores.of(scores.tasks[0], variant)[0])
    return [name for name, value in settings.items() if f" {name}={value}" in f"{variant} "]


def is_number(value: object) -> bool:
    """Whether a setting's value is a number, which a switch is not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_same_everywhere(scores: SuiteScores, variant: str, name: str) -> bool:
    found = {format_setting(scores.of(task, variant)[0].config.get(name)) for task in scores.tasks}
    return len(found) == 1


def select_variants(scores: SuiteScores, picked: Mapping[str, Mapping[str, str]]) -> SuiteScores:
    """The scores of some variants, possibly of another one on each task; what is missing beside them is not its.

    Args:
        scores: of the suite.
        picked: label to the variant whose results it has, by task.
    """
    cells = {
        (task, label, seed): scores.cells[task, variant, seed]
        for label, by_task in picked.items()
        for task, variant in by_task.items()
        for seed in scores.seeds
    }
    return replace(scores, variants=tuple(picked), cells=cells, partial=None)
