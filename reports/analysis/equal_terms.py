"""Whether variants are compared on equal terms: the same data, shared settings, critic, denoiser and episodes.

Everything is compared task by task and seed by seed, among the variants that have a result there on the same terms
(controlled, or as published). Shared settings are all but a method's own, which begin with its name.

A controlled comparison is refused where two methods have different values of a shared setting, of the data or of
the episodes. Only a sweep may differ: a setting of which one method has several values on the task, so that its
variants have different labels. Such variants are not on equal terms with the others, and stand in another group.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from reports.errors import ReportError
from reports.load.schema import Result
from reports.load.scores import SuiteScores
from reports.load.variants import format_setting

CONTROLLED = "shared"
INVERSE_TEMPERATURES = "evaluation.inverse_temperatures"
CRITIC_KIND = "critic.kind"
# The kind of a component that a setup gives as the critic, by `critic.kind`; and where Q is known.
SHARED_CRITICS = {"iql": "critic", "in-support": "in-support-critic", "cql": "cql"}
KNOWN_CRITIC = "known-critic"
# Component kinds that a setup gives to every method that asks: where keys differ, they were made differently. Not
# `cql`, which a method trains for itself too.
_SHARED_KINDS = {
    "critic": "critic",
    KNOWN_CRITIC: "critic",
    "in-support-critic": "in-support critic",
    "behaviour": "behaviour denoiser",
}
# Which settings a difference follows from, by the beginning of their names.
_FOLLOWS = {
    "data": ("data.",),
    "episodes": ("evaluation.",),
    "numbers of samples": ("evaluation.",),
    "critic": ("critic.", "data."),
    "in-support critic": ("critic.", "denoiser.", "sampler.", "data."),
    "behaviour denoiser": ("denoiser.", "data."),
}


@dataclass(frozen=True)
class Difference:
    """A shared setting that differs between variants.

    Attributes:
        values: each value to the variants that have it.
        task: the first task on which they are so, where they are not so on all; else None.
    """

    values: Mapping[str, tuple[str, ...]]
    task: str | None


@dataclass(frozen=True)
class Terms:
    """What the variants on one kind of terms have in common.

    Attributes:
        terms: `shared` (controlled) or `own` (as published).
        results: task and variant to the results of all seeds.
        variants: in the order of the report.
    """

    terms: str
    results: Mapping[tuple[str, str], tuple[Result, ...]]
    variants: tuple[str, ...]

    @cached_property
    def settings(self) -> dict[tuple[str, str], dict[str, str]]:
        """Task and variant to its shared settings, as text by dotted name."""
        return {cell: read_shared_settings(results[0]) for cell, results in self.results.items()}

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Every shared setting."""
        return tuple(sorted({name for found in self.settings.values() for name in found}))

    @cached_property
    def groups(self) -> tuple[tuple[str, ...], ...]:
        """Variants with equal shared settings, data and episodes on all tasks, in the order of their first."""
        found: dict[object, list[str]] = {}
        for variant in self.variants:
            cells = {task: cell for (task, v), cell in self.results.items() if v == variant}
            signature = tuple(
                (task, *sorted(self.settings[task, variant].items()), *map(_read_conditions, cells[task]))
                for task in sorted(cells)
            )
            found.setdefault(signature, []).append(variant)
        return tuple(map(tuple, found.values()))

    @cached_property
    def differences(self) -> dict[str, Difference]:
        """The shared settings of which a task has several values."""
        tasks = tuple(dict.fromkeys(task for task, _ in self.results))
        found: dict[str, Difference] = {}
        for name in self.names:
            by_task = {task: self.group_values(task, name) for task in tasks}
            differing = [task for task, values in by_task.items() if len(values) > 1]
            if differing:
                first = by_task[differing[0]]
                alike = all(values == first for values in by_task.values())
                found[name] = Difference(first, None if alike else differing[0])
        return found

    def group_values(self, task: str, name: str) -> dict[str, tuple[str, ...]]:
        """Each value of a shared setting on a task to the variants that have it there."""
        values: dict[str, tuple[str, ...]] = {}
        for variant in self.variants:
            if (task, variant) in self.settings:
                value = self.settings[task, variant].get(name, "unset")
                values[value] = (*values.get(value, ()), variant)
        return values


def read_shared_settings(result: Result) -> dict[str, str]:
    """The settings that are not the method's own, as text by dotted name.

    The inverse temperatures of a density are not among them, since a report compares at each of them by itself.
    """
    return {
        name: format_setting(value)
        for name, value in result.config.items()
        if not name.startswith(f"{result.method}.") and not (result.densities and name == INVERSE_TEMPERATURES)
    }


def _read_conditions(result: Result) -> tuple[object, ...]:
    """The data and the episodes that a result was scored on; of a density the number of samples."""
    resets = tuple(episode.seed for episode in result.episodes)
    samples = frozenset(density.samples for density in result.densities)
    return (*result.data.identity, result.data.name, result.data.reward_transform, resets, samples)


def collect_terms(scores: SuiteScores) -> tuple[Terms, ...]:
    """The variants of a suite by their terms, controlled first, unchecked."""
    found: dict[str, dict[tuple[str, str], tuple[Result, ...]]] = {}
    for task in scores.tasks:
        for variant in scores.variants:
            results = scores.of(task, variant)
            for terms in {result.terms for result in results}:
                of_terms = tuple(result for result in results if result.terms == terms)
                found.setdefault(terms, {})[task, variant] = of_terms
    return tuple(
        Terms(terms, cells, tuple(v for v in scores.variants if any(v == of for _, of in cells)))
        for terms, cells in sorted(found.items(), key=lambda item: (item[0] != CONTROLLED, item[0]))
    )


def check_terms(scores: SuiteScores) -> tuple[Terms, ...]:
    """The variants of a suite by their terms, of which the controlled ones are on equal terms but for sweeps.

    Raises:
        ReportError: controlled results that differ in what they should share.
    """
    every = collect_terms(scores)
    for terms in every:
        if terms.terms == CONTROLLED:
            for task in scores.tasks:
                _refuse_settings(scores, terms, task)
                _refuse_conditions(terms, task)
    return every


def _refuse_settings(scores: SuiteScores, terms: Terms, task: str) -> None:
    """Refuse a shared setting that differs between methods which each have one value of it on the task."""
    found: list[tuple[str, dict[str, list[str]]]] = []
    for name in terms.names:
        of_method: dict[str, set[str]] = {}
        for value, variants in terms.group_values(task, name).items():
            for variant in variants:
                of_method.setdefault(scores.method(variant), set()).add(value)
        by_value: dict[str, list[str]] = {}
        for method, values in of_method.items():
            if len(values) == 1:
                by_value.setdefault(min(values), []).append(method)
        if len(by_value) > 1:
            found.append((name, by_value))
    if found:
        name, by_value = found[0]
        values = " and ".join(f"{value} ({', '.join(methods)})" for value, methods in by_value.items())
        others = [other for other, _ in found[1:]]
        more = f", and {len(others)} more settings differ ({', '.join(others[:3])}{', ...' * (len(others) > 3)})"
        raise _make_error(task, f"{name} is {values}{more if others else ''}")


def _refuse_conditions(terms: Terms, task: str) -> None:
    """Refuse data, episodes or shared components that differ where no differing setting says why."""
    cells = {v: results for (of, v), results in terms.results.items() if of == task}
    by_seed: dict[int, list[tuple[str, Result]]] = {}
    for variant, results in cells.items():
        for result in results:
            by_seed.setdefault(result.seed, []).append((variant, result))
    for seed, results in by_seed.items():
        for what, values in _list_conditions(results):
            first: dict[tuple[str | None, ...], tuple[str, str]] = {}
            causes = [name for name in terms.names if name.startswith(_FOLLOWS.get(what, ()))]
            for variant, value in values:
                settings = terms.settings[task, variant]
                one, text = first.setdefault(tuple(settings.get(name) for name in causes), (variant, value))
                if text != value:
                    raise _make_error(
                        task, f"seed {seed} has {_name_difference(what, text, value)} ({one} and {variant})"
                    )


def _list_conditions(results: Sequence[tuple[str, Result]]) -> Iterable[tuple[str, list[tuple[str, str]]]]:
    """What is compared within a seed: its name, and (variant, value as text) of each result that has it."""
    yield (
        "data",
        [
            (v, f"{r.data.label} {r.data.name} {r.data.fingerprint[:12]} (reward {r.data.reward_transform})")
            for v, r in results
        ],
    )
    yield "episodes", [(v, " ".join(str(e.seed) for e in r.episodes)) for v, r in results]
    samples = [(v, " and ".join(str(n) for n in sorted({d.samples for d in r.densities}))) for v, r in results]
    yield "numbers of samples", samples
    labels = [(v, label, read_kind(label)) for v, r in results for label in list_labels(r)]
    for kind, what in _SHARED_KINDS.items():
        yield what, [(v, label) for v, label, of in labels if of == kind]


def _name_difference(what: str, one: str, other: str) -> str:
    """What differs, with both values."""
    if what != "episodes":
        plural = what if what.endswith(("data", "s")) else f"{what}s"
        return f"different {plural}: {one} and {other}"
    first, second = one.split(), other.split()
    if len(first) != len(second):
        return f"{len(first)} and {len(second)} episodes"
    number = next(i for i, pair in enumerate(zip(first, second, strict=True)) if pair[0] != pair[1])
    return f"reset seeds {first[number]} and {second[number]} in episode {number}"


def _make_error(task: str, what: str) -> ReportError:
    return ReportError(
        f"controlled results of task {task} are not on equal terms: {what}; run the methods again with one value, "
        "or keep each in a folder of its own (`--results`), or leave one out with `--tasks` or `--methods`."
    )


def list_labels(result: Result) -> tuple[str, ...]:
    """The labels of all components that a result names, each once."""
    stood_on = result.critics.labels if result.critics is not None else ()
    return tuple(dict.fromkeys([*result.components.values(), *stood_on]))


def read_kind(label: str) -> str:
    """The kind in a component's label, KIND-KEY."""
    return label.rpartition("-")[0]


def list_critic_kinds(terms: Terms) -> dict[str, tuple[str, ...]] | None:
    """Variant to the kinds of critics it stands on; None where a result does not say."""
    found: dict[str, set[str]] = {variant: set() for variant in terms.variants}
    for (_, variant), results in terms.results.items():
        for result in results:
            if result.critics is None:
                return None
            found[variant].update(map(read_kind, result.critics.labels))
    return {variant: tuple(sorted(kinds)) for variant, kinds in found.items()}


def list_shared_critics(terms: Terms, variant: str) -> frozenset[str]:
    """The kinds of component that the shared critic of a variant is, by its settings, or where Q is known."""
    settings = [found for (_, of), found in terms.settings.items() if of == variant]
    return frozenset(
        {KNOWN_CRITIC, *(SHARED_CRITICS.get(found.get(CRITIC_KIND, "iql"), "") for found in settings)}
    )


def have_one_critic(terms: Terms, variants: Sequence[str]) -> bool:
    """Whether the variants' results of each task and seed name one critic of the kinds that a setup gives."""
    found: dict[tuple[str, int], set[str]] = {}
    for (task, variant), results in terms.results.items():
        kinds = list_shared_critics(terms, variant)
        for result in results if variant in variants else ():
            labels = {label for label in list_labels(result) if read_kind(label) in kinds}
            found.setdefault((task, result.seed), set()).update(labels)
    return all(len(labels) == 1 for labels in found.values())


def find_differing_machines(scores: SuiteScores) -> dict[str, dict[str, dict[str, bool]]]:
    """Versions, processor and device of the evaluations where they differ.

    Returns:
        What differs to its values, each to the variants that have it, and whether in all of their results.
    """
    variants = {r.path: v for v in scores.variants for task in scores.tasks for r in scores.of(task, v)}
    described = {r.path: {**r.versions, **_describe_machine(r)} for r in scores.results()}
    names = dict.fromkeys(name for found in described.values() for name in found)
    differing: dict[str, dict[str, dict[str, bool]]] = {}
    for name in names:
        values_of: dict[str, dict[str, None]] = {variant: {} for variant in scores.variants}
        for path, found in described.items():
            values_of[variants[path]][found.get(name, "unknown")] = None
        every = dict.fromkeys(value for values in values_of.values() for value in values)
        if len(every) > 1:
            differing[name] = {
                value: {variant: len(values) == 1 for variant, values in values_of.items() if value in values}
                for value in every
            }
    return differing


def _describe_machine(result: Result) -> dict[str, str]:
    return {"processor": result.machine.processor, "device": result.machine.device}
