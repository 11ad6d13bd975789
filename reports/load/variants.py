"""A variant is a method with its settings: its label says what sets it apart from the method's others.

One method with one configuration per task is one variant, even where ρ differs from task to task (that is what
tuning is for). Only where one task has several does the label get the settings that differ there. A label always
has the name of an import, so that no table shows what was trained elsewhere as if it were trained here.
"""

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foundation.text import clean_line
from reports.load.schema import Cell, PlanEntry

# Where a config repeats these, they name the cell or have a column of their own.
_NOT_SETTINGS = frozenset(
    {"suite", "task", "tasks", "method", "methods", "seed", "seeds", "rho", "rho_source", "preset", "device"}
)


IMPORTED = ("critic.imported", "denoiser.imported")
"""Settings that name networks which were trained elsewhere; a label has them wherever they are set."""
FEWEST_VALUES = 3
"""Of a sweep: from so many on the variants of a method that differ in one number are one method with an axis."""


@dataclass(frozen=True)
class Labelled:
    """What gets a label: a result, or a planned cell whose plan says its settings.

    Attributes:
        path: of the result's file.
        task, method, terms, config: as in `Cell`.
    """

    path: Path
    task: str
    method: str
    terms: str
    config: Mapping[str, Any]


def _take_results(results: Iterable[Cell]) -> list[Labelled]:
    return [Labelled(r.path, r.task, r.method, r.terms, r.config) for r in results]


def _take_planned(planned: Mapping[Path, PlanEntry]) -> list[Labelled]:
    """The planned cells whose settings are known."""
    return [
        Labelled(path, cell.task, cell.method, cell.terms, cell.config)
        for path, cell in planned.items()
        if cell.terms is not None and cell.config is not None
    ]


def collect_settings(result: Cell | Labelled) -> dict[str, str]:
    """The settings that can tell two variants of a method apart, as text by dotted name."""
    unset = {name for name in IMPORTED if result.config.get(name) is None}
    left_out = _NOT_SETTINGS | unset
    own = {name: format_setting(value) for name, value in result.config.items() if name not in left_out}
    return {**own, "terms": result.terms}


def list_imports(result: Cell | Labelled) -> dict[str, str]:
    """The settings of a result that name networks which were trained elsewhere, with the names of the imports."""
    return {name: str(result.config[name]) for name in IMPORTED if result.config.get(name) is not None}


def format_setting(value: Any) -> str:
    """A setting's value as text: itself, or JSON with sorted keys."""
    if isinstance(value, str):
        return value
    if type(value) in (int, float) and math.isfinite(value):
        return repr(value)  # as JSON has it; there are many, and this is faster
    return json.dumps(value, sort_keys=True)


def find_differing(results: Sequence[Cell]) -> list[str]:
    """The fewest setting names, in alphabetical order after the terms, that tell apart a task's configurations.

    Args:
        results: of one method.
    """
    alike = [of[0] for of in _group_alike(_take_results(results))]
    return _find_differing(alike, {result.path: collect_settings(result) for result in alike})


def _find_differing(results: Sequence[Labelled], settings: Mapping[Path, Mapping[str, str]]) -> list[str]:
    """The same with the settings of every result, by its path."""

    def signatures(names: Iterable[str]) -> int:
        chosen = tuple(names)
        return len({(r.task, *(settings[r.path].get(name) for name in chosen)) for r in results})

    kept: list[str] = []
    # The terms come first: where they tell two apart, the many settings that go with them need not be named.
    there = {name for known in settings.values() for name in known}
    for name in sorted(there, key=lambda name: (name != "terms", name)):
        if signatures([*kept, name]) > signatures(kept) and _varies_within_a_task(results, settings, name):
            kept.append(name)
    for name in [name for name in kept if name != "terms"]:  # a later one may say it all
        without = [other for other in kept if other != name]
        if signatures(without) == signatures(kept):
            kept = without
    return kept


def _varies_within_a_task(
    results: Sequence[Labelled], settings: Mapping[Path, Mapping[str, str]], name: str
) -> bool:
    seen: dict[str, set[str | None]] = {}
    for result in results:
        seen.setdefault(result.task, set()).add(settings[result.path].get(name))
    return any(len(values) > 1 for values in seen.values())


def _add_rho(cells: Sequence[tuple[Path, str, float | None]], labels: Mapping[Path, str]) -> dict[Path, str]:
    """Adds ρ to every label under which some task has several; cells are a path, a task and a ρ."""
    rhos: dict[tuple[str, str], set[float | None]] = {}
    for path, task, rho in cells:
        rhos.setdefault((labels[path], task), set()).add(rho)
    several = {label for (label, _), values in rhos.items() if len(values) > 1}
    return {
        path: f"{labels[path]} rho={'none' if rho is None else format(rho, 'g')}"
        if labels[path] in several
        else labels[path]
        for path, _, rho in cells
    }


def label_variants(results: Sequence[Cell], planned: Mapping[Path, PlanEntry] | None = None) -> dict[Path, str]:
    """The variant label of every result of one suite, and of planned cells without one, by the result's path.

    Args:
        results: finished or failed.
        planned: by the paths that their results will have.
    """
    entries = planned or {}
    labels = _label(_take_results(results) + _take_planned(entries))
    unknown = {path: cell for path, cell in entries.items() if path not in labels}
    labels |= _label_planned(unknown, results, labels)
    cells = [(result.path, result.task, result.rho) for result in results]
    return _add_rho([*cells, *((path, cell.task, cell.rho) for path, cell in entries.items())], labels)


def label_entries(cells: Sequence[PlanEntry]) -> dict[str, str]:
    """The variant label, without ρ, of every planned cell by its path, told apart within a suite.

    That of a cell whose plan does not say its settings is its method.
    """
    labels = {cell.path: cell.method for cell in cells}
    for suite in dict.fromkeys(cell.suite for cell in cells):
        own = _take_planned({Path(cell.path): cell for cell in cells if cell.suite == suite})
        labels |= {path.as_posix(): label for path, label in _label(own).items()}
    return labels


def _label(cells: Sequence[Labelled]) -> dict[Path, str]:
    """The labels, without ρ, of cells of one suite by their paths."""
    labels: dict[Path, str] = {}
    for method in {cell.method for cell in cells}:
        alike = _group_alike([cell for cell in cells if cell.method == method])
        settings = {of[0].path: collect_settings(of[0]) for of in alike}
        names = _find_differing([of[0] for of in alike], settings)
        for of in alike:
            found = settings[of[0].path]
            told = [n for n in names if n not in IMPORTED] + sorted(list_imports(of[0]))
            label = clean_line(" ".join([method, *(f"{n}={found.get(n, 'unset')}" for n in told)]))
            labels |= dict.fromkeys((cell.path for cell in of), label)
    return labels


def _label_planned(
    planned: Mapping[Path, PlanEntry], results: Sequence[Cell], labels: Mapping[Path, str]
) -> dict[Path, str]:
    """The labels, without ρ, of cells without a result, whose settings no plan says, as in older versions.

    They are those of a result in the same folder, or of the method's results on other tasks where these have one
    label and none is in the place of such a cell.

    Args:
        planned: the cells, by path.
        results, labels: what is there, and its labels by path.
    """
    by_folder = {path.parent: label for path, label in labels.items()}
    taken = {(result.task, result.seed, result.rho, labels[result.path]) for result in results}
    found = {path: by_folder[path.parent] for path in planned if path.parent in by_folder}
    rest = {path: cell for path, cell in planned.items() if path not in found}
    for method in dict.fromkeys(cell.method for cell in rest.values()):
        own = {path: cell for path, cell in rest.items() if cell.method == method}
        known = {labels[result.path] for result in results if result.method == method} or {method}
        label = next(iter(known))
        if len(known) > 1 or any((c.task, c.seed, c.rho, label) in taken for c in own.values()):
            label = f"{method} (settings not known yet)"
        found |= dict.fromkeys(own, label)
    return found


def _group_alike(cells: Sequence[Labelled]) -> list[list[Labelled]]:
    """The cells in groups of one task with the same terms and settings, of which each seed and scale is one."""
    groups: dict[tuple[str, str, str], list[Labelled]] = {}
    texts: dict[int, str] = {}  # of settings that many planned cells share, by their address
    for cell in cells:
        if id(cell.config) not in texts:
            texts[id(cell.config)] = repr({n: value for n, value in cell.config.items() if n not in _NOT_SETTINGS})
        groups.setdefault((cell.task, cell.terms, texts[id(cell.config)]), []).append(cell)
    return list(groups.values())


def strip_rho(label: str) -> str:
    """A variant's label without its ρ: the same for all scales of a sweep."""
    return re.sub(r" rho=\S+$", "", label)


def name_scales(labels: Iterable[str]) -> dict[str, str]:
    """Each label as a sentence names it: in code marks, three or more scales of one method together."""
    every = list(dict.fromkeys(labels))
    families: dict[str, int] = {}
    for label in every:
        families[strip_rho(label)] = families.get(strip_rho(label), 0) + 1
    counts = {label: families[strip_rho(label)] for label in every}
    return {
        label: f"`{strip_rho(label)}` at {count} values of ρ" if count >= FEWEST_VALUES else f"`{label}`"
        for label, count in counts.items()
    }


def quote_variants(labels: Iterable[str]) -> list[str]:
    """The labels in code marks, three or more scales of one method as one: `swg` at 7 values of ρ."""
    return list(dict.fromkeys(name_scales(labels).values()))


def name_terms(terms: str) -> str:
    """`controlled` or `as published`, for the values of the field `terms`."""
    return {"shared": "controlled", "own": "as published"}.get(terms, terms)
