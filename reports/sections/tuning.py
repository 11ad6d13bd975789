"""The section on tuning: where each ρ comes from, what was tuned on which seeds, what the reported ones have seen.

What it says of seeds and scales is computed from `tuned.json` and from the results folder's ledger, which also has
what was evaluated before with the same artifacts into other folders.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from reports.analysis.online import expect_chosen
from reports.analysis.scales import collect_scale_points
from reports.figures.scales import make_scales_figure
from reports.load.ledger import TuningRecords
from reports.load.schema import Result
from reports.load.scores import SuiteScores
from reports.load.sweeps import RHO, find_sweeps
from reports.load.tuning_schema import Choice, LedgerEntry
from reports.load.variants import name_scales, quote_variants, strip_rho
from reports.render.document import Block, Heading, Table, Text, name_table
from reports.sections.knobs import find_choice, find_knob_warnings, make_knob_blocks

ORIGINS: Mapping[str, str] = {
    "tuned": "tuned by `tune-rho` or `tune` on these data",
    "given": "given with `--rho` or by the experiment that was run, and chosen outside this ledger",
    "preset": "set by the source of the method's settings, and chosen outside this ledger by its authors",
    "published": "SWG's published value for the task (arXiv 2505.18345), and chosen outside this ledger by its "
    "authors, on D4RL's data",
    "default": "the method's default, one value for all tasks, not tuned on these data",
    "exact": "the value that gives the known target exactly",
}
"""What the report says of each `rho_source`."""


@dataclass(frozen=True)
class _Cell:
    """A variant with a ρ or with tuned settings on a task, and what is known of its tuning.

    Attributes:
        task, variant: as they are printed.
        results: one for each seed.
        choice: the tuning that gave its values, None where it was not tuned or `tuned.json` does not say.
        entries: of the ledger, of this method on these data, with any settings.
    """

    task: str
    variant: str
    results: tuple[Result, ...]
    choice: Choice | None
    entries: tuple[LedgerEntry, ...]

    @property
    def origins(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(r.rho_source or "–" for r in self.results))

    @property
    def is_tuned(self) -> bool:
        return any(result.tuning is not None for result in self.results)

    @property
    def has_scale(self) -> bool:
        return any(result.rho is not None for result in self.results)

    @property
    def seeds(self) -> set[int]:
        return {result.seed for result in self.results}

    @property
    def tuning_seeds(self) -> set[int]:
        """Every seed that the ledger or the choice says was tuned on."""
        entered = {seed for entry in self.entries if entry.kind == "tuning" for seed in entry.seeds}
        return entered | set(self.choice.seeds if self.choice is not None else ())

    @property
    def tuned_and_reported(self) -> set[int]:
        """The seeds that were both tuned on and reported, on the same data."""
        entered = {s for entry in self.entries if entry.kind == "tuning" for s in self._list_reported(entry)}
        return entered | (self.seeds & set(self.choice.seeds if self.choice is not None else ()))

    def _list_reported(self, entry: LedgerEntry) -> set[int]:
        """The seeds of an entry that are reported here on the entry's data."""
        return {r.seed for r in self.results if r.data.identity == entry.data} & set(entry.seeds)

    @property
    def tuning_episodes(self) -> int:
        """All that the ledger knows, over the seeds."""
        return sum(entry.episodes * len(entry.seeds) for entry in self.entries if entry.kind == "tuning")

    @property
    def seen(self) -> set[float]:
        """The scales that were evaluated on the reported seeds, by the ledger, and those shown here."""
        known = {entry.rho for entry in self.entries if entry.kind == "reported" and self._list_reported(entry)}
        return {rho for rho in known | {result.rho for result in self.results} if rho is not None}


def _collect_cells(scores: SuiteScores, records: TuningRecords) -> list[_Cell]:
    """The cells of every variant that has a ρ or was tuned."""
    cells: list[_Cell] = []
    of_method: dict[tuple[str, str], list[LedgerEntry]] = {}
    for entry in records.ledger:
        of_method.setdefault((entry.task, entry.method), []).append(entry)
    for task in scores.tasks:
        for variant in scores.variants:
            results = scores.of(task, variant)
            first = results[0]
            if all(result.rho is None and result.tuning is None for result in results):
                continue
            sets = {result.data.identity for result in results}
            entries = tuple(e for e in of_method.get((task, first.method), ()) if e.data in sets)
            choice = find_choice(first, records.choices)
            cells.append(_Cell(scores.label_task(task), variant, results, choice, entries))
    return cells


def find_tuning_warnings(scores: SuiteScores, records: TuningRecords) -> tuple[str, ...]:
    """Sentences on what makes the methods of a suite differ in how their ρ was chosen; none where nothing does."""
    cells = _collect_cells(scores, records)
    by_origin: dict[str, list[str]] = {}
    for cell in cells:
        for origin in cell.origins if cell.has_scale else ():
            by_origin.setdefault(origin, []).append(cell.variant)
    return (
        *_warn_of_unequal_origins(by_origin),
        *find_knob_warnings(scores),
        *_warn_of_shared_seeds(cells),
        *_warn_of_scales_seen([cell for cell in cells if cell.has_scale]),
    )


def _warn_of_unequal_origins(by_origin: Mapping[str, Sequence[str]]) -> list[str]:
    """Tuned beside untuned, and published values beside defaults."""
    found: list[str] = []
    untuned = {origin: by_origin[origin] for origin in by_origin if origin not in ("tuned", "exact")}
    if "tuned" in by_origin and untuned:
        others = "; ".join(f"{_name_all(variants)}: {origin}" for origin, variants in untuned.items())
        found.append(
            f"ρ of {_name_all(by_origin['tuned'])} was tuned on these data, and elsewhere it was not ({others}): "
            "a difference between them is also one of tuning."
        )
    taken = [variant for origin in ("published", "preset") for variant in by_origin.get(origin, ())]
    if taken and "default" in by_origin:
        found.append(
            f"ρ of {_name_all(taken)} is a published or an author's value, that of "
            f"{_name_all(by_origin['default'])} one default for all tasks: a difference between them is also one "
            "of how ρ was chosen."
        )
    return found


def _warn_of_shared_seeds(cells: Iterable[_Cell]) -> list[str]:
    shared: dict[str, set[int]] = {}
    named = {cell.variant: f"ρ of `{cell.variant}`" if cell.has_scale else f"`{cell.variant}`" for cell in cells}
    for cell in cells:
        if both := cell.tuned_and_reported:
            shared.setdefault(cell.variant, set()).update(both)
    return [
        f"{named[variant]} was tuned on seed(s) that are also reported ({_join_sorted(seeds)}), which biases its "
        "scores: report others."
        for variant, seeds in shared.items()
    ]


def _warn_of_scales_seen(cells: Sequence[_Cell]) -> list[str]:
    """More scales were evaluated on the reported seeds than are shown."""
    hidden: dict[str, list[str]] = {}
    shown_of: dict[tuple[str, str], set[float | None]] = {}
    for cell in cells:
        shown = shown_of.setdefault((cell.task, cell.results[0].method), set())
        shown.update(result.rho for result in cell.results)
    for cell in cells:
        method = cell.results[0].method
        seen, shown = cell.seen, shown_of[cell.task, method]
        if len(seen - shown):
            hidden.setdefault(method, []).append(f"{len(seen)} on {cell.task}, {len(shown)} shown")
    return [
        f"more scales of `{method}` were evaluated on the reported seeds than are shown, in the ledger known here "
        f"({'; '.join(dict.fromkeys(counts))}): a scale that was chosen by these scores looks better than it is."
        for method, counts in hidden.items()
    ]


def _describe_origins(cells: Sequence[_Cell], scores: SuiteScores) -> Text:
    """For every origin the variants that have it, and the tasks where it is not all of them."""
    parts: list[str] = []
    for origin in dict.fromkeys(origin for cell in cells for origin in cell.origins):
        of_variant: dict[str, list[str]] = {}
        for cell in cells:
            if origin in cell.origins:
                of_variant.setdefault(cell.variant, []).append(cell.task)
        names = name_scales(of_variant)
        named = dict.fromkeys(
            names[variant] + ("" if len(tasks) == len(scores.tasks) else f" on {', '.join(tasks)}")
            for variant, tasks in of_variant.items()
        )
        parts.append(f"{', '.join(named)}: {ORIGINS.get(origin, origin)}")
    return Text(f"Where ρ comes from. {'. '.join(parts)}.")


def _describe_spending(cells: Sequence[_Cell], scores: SuiteScores) -> list[Text]:
    """What tuning spent on the tuned variants, and on which seeds; and tuning behind a ρ that was given."""
    said: list[Text] = []
    tuned = [cell for cell in cells if cell.is_tuned]
    if tuned:
        spent = sum(
            max(cell.tuning_episodes, *(r.tuning.episodes if r.tuning else 0 for r in cell.results))
            for cell in tuned
        )
        reported = sum(len(r.episodes) for cell in tuned for r in cell.results)
        more = f" in addition to the {reported:,} reported ones of the tuned variants" if scores.is_control else ""
        if not all(cell.tuning_seeds for cell in tuned):
            where = "and neither the ledger nor `tuned.json` says on which seeds for every one of them"
        elif any(cell.tuned_and_reported for cell in tuned):
            where = "in part on reported seeds"
        else:
            where = "on other seeds than the reported ones"
        is_of_rho = all(r.tuning is None or not r.tuning.knobs for cell in tuned for r in cell.results)
        said.append(
            Text(
                f"Tuning{' ρ' if is_of_rho else ''} took {spent:,} episodes{more}, {where}. All reported seeds of "
                "a variant share what was chosen, so no interval here holds the luck of the search."
            )
        )
    names, told = name_scales(cell.variant for cell in cells), dict[str, None]()
    for cell in cells:
        if "given" in cell.origins and cell.tuning_episodes:
            count, seeds = f"{cell.tuning_episodes:,}", _join_sorted(cell.tuning_seeds)
            name = f"{names[cell.variant]} on {cell.task}"
            known = f"the ledger holds {count} tuning episodes of this method, on seeds {seeds}"
            told[f"{name}: {known}, from which its ρ may have been chosen."] = None
    return [*said, *map(Text, told)]


def _describe_grids(cells: Sequence[_Cell]) -> list[Text]:
    """Where the chosen scale is at the edge of those that were tried, or none was better than another."""
    notes: list[str] = []
    for cell in cells:
        trials = cell.choice.tried if cell.choice is not None and not cell.choice.knobs else ()
        tried = {trial.rho: trial.score for trial in trials if trial.rho is not None}
        rho = cell.choice.rho if cell.choice is not None else None
        if rho is None or not tried:
            continue
        name = f"`{cell.variant}` on {cell.task}"
        if len(tried) == 1:
            notes.append(f"{name}: only ρ = {rho:g} was scored in tuning")
        elif len(set(tried.values())) == 1:
            notes.append(f"{name}: all {len(tried)} scales scored the same in tuning, so ρ = {rho:g} is arbitrary")
        elif rho in (min(tried), max(tried)):
            end = "greatest" if rho == max(tried) else "least"
            notes.append(f"{name}: ρ = {rho:g} is the {end} of complete trials, so that the best may lie beyond")
    return [Text(f"{'; '.join(notes)}.")] if notes else []


def _tabulate_cell(cell: _Cell, has_ledger: bool) -> tuple[str, ...]:
    spent = [r.tuning for r in cell.results if r.tuning is not None]
    return (
        cell.task,
        cell.variant,
        " or ".join(cell.origins),
        _join_distinct("none" if r.rho is None else f"{r.rho:g}" for r in cell.results),
        _join_distinct(str(t.episodes) for t in spent),
        _join_distinct(str(t.trials) for t in spent),
        _join_sorted(cell.tuning_seeds) or "–",
        _describe_search(cell.choice) if cell.choice else "–",
        str(len(cell.seen)) if has_ledger and cell.has_scale else "–",
    )


def _merge_scales(rows: Sequence[tuple[str, ...]]) -> tuple[tuple[str, ...], ...]:
    """The rows of `_tabulate_cell`; one for the scales of a sweep that differ in nothing else on a task."""
    names = name_scales(variant for _, variant, *_ in rows)
    merged: dict[tuple[str, ...], list[str]] = {}
    for task, variant, origin, rho, *rest in rows:
        name = variant if names[variant] == f"`{variant}`" else strip_rho(variant)
        merged.setdefault((task, name, origin, *rest), []).append(rho)
    return tuple((*key[:3], ", ".join(rhos), *key[3:]) for key, rhos in merged.items())


def _tabulate_optimism(cells: Sequence[_Cell], scores: SuiteScores) -> list[Block]:
    """The chosen scale's score on its tuning episodes beside its score on the reported ones."""
    found: dict[tuple[str, str], tuple[float, float]] = {}
    for cell in cells:
        if cell.choice is not None:
            reported = sum(result.score for result in cell.results) / len(cell.results)
            found[cell.task, cell.variant] = (cell.choice.score, reported)
    if not found:
        return []
    sign = 1 if scores.is_control else -1
    over_all = f"mean over {len(scores.tasks)} tasks"
    for variant in dict.fromkeys(variant for _, variant in found):
        of_variant = [pair for (_, other), pair in found.items() if other == variant]
        if 1 < len(of_variant) == len(scores.tasks):
            tuned, reported = (sum(part) / len(part) for part in zip(*of_variant, strict=True))
            found[over_all, variant] = (tuned, reported)
    rows = [(*names, *(f"{v:.4g}" for v in (a, b, sign * (a - b)))) for names, (a, b) in found.items()]
    header = ("task", "variant", "score in tuning", "reported score", "better in tuning by")
    note = "What was chosen, on its tuning seeds and on the reported ones: the best of several looks too good."
    return [Text(note), Table(header, tuple(rows), words=2)]


def _collect_trials(cell: _Cell) -> list[float]:
    """The score of all values that were wholly scored on the choice's seeds with its settings, by the ledger."""
    choice = cell.choice
    if choice is None:
        return []
    entries = [e for e in cell.entries if e.kind == "tuning" and e.seeds == choice.seeds and _is_for(e, choice)]
    parts: dict[tuple[str, float | None], dict[tuple[int, int], float]] = {}
    for entry in entries:
        span = entry.first_episode, entry.episodes
        parts.setdefault((entry.policy, entry.rho), {})[span] = sum(entry.scores) / len(entry.scores)
    counts = {tried: sum(episodes for _, episodes in spans) for tried, spans in parts.items()}
    return [
        sum(score * episodes for (_, episodes), score in parts[tried].items()) / count
        for tried, count in counts.items()
        if count == max(counts.values())
    ]


def _is_for(entry: LedgerEntry, choice: Choice) -> bool:
    """Whether an evaluation is of the choice's policy, or of a trial of knobs of a study for that policy."""
    return entry.policy == choice.policy or choice.policy in (entry.study or "").split("/")


def _tabulate_budget(cells: Sequence[_Cell], scores: SuiteScores) -> list[Block]:
    """What fewer trials would have found: the expected best of k of the scales tried, from the ledger."""
    sign = 1 if scores.is_control else -1
    found = {(cell.task, cell.variant): _collect_trials(cell) for cell in cells}
    found = {key: trials for key, trials in found.items() if len(trials) > 1 and all(map(math.isfinite, trials))}
    if not found:
        return []
    most = max(map(len, found.values()))
    budgets = sorted({1, 2, 4, 8, 16, most} & set(range(1, most + 1)))
    rows = [
        (*key, *(_expect_signed(trials, k, sign) if k <= len(trials) else "–" for k in budgets))
        for key, trials in found.items()
    ]
    note = "The best tuning score that k of the values that were tried give, drawn at random, on average."
    return [Text(note), Table(("task", "variant", *(f"k = {k}" for k in budgets)), tuple(rows), words=2)]


def _expect_signed(trials: Sequence[float], count: int, sign: int) -> str:
    signed = sign * np.array(trials)
    return f"{sign * expect_chosen(signed, signed, count):.4g}"


def make_tuning_section(scores: SuiteScores, records: TuningRecords) -> list[Block]:
    """Which ρ was used where, who chose it, what was tuned and what that spent; nothing where neither is."""
    cells = _collect_cells(scores, records)
    if not cells:
        return []
    scaled = [cell for cell in cells if cell.has_scale]
    header = ("task", "variant", "ρ from", "ρ", "tuning episodes", "trials", "tuning seeds", "search")
    header += ("scales seen on the reported seeds",)
    rows = _merge_scales([_tabulate_cell(cell, bool(records.ledger)) for cell in cells])
    unknown = "There is no ledger in this results folder, so nothing is known of scales that are not shown."
    return [
        Heading(3, scores.add_source("Guidance scale ρ and what tuning spent")),
        *(Text(sentence, warning=True) for sentence in find_tuning_warnings(scores, records)),
        *([_describe_origins(scaled, scores)] if scaled else []),
        *_describe_spending(cells, scores),
        *_describe_grids(cells),
        *([] if records.ledger else [Text(unknown)]),
        name_table(Table(header, rows, words=3), scores.suite, "tuning"),
        *make_knob_blocks(scores, records.choices),
        *_tabulate_optimism(cells, scores),
        *_tabulate_budget(cells, scores),
        *_draw_scales(scores, records),
    ]


def _draw_scales(scores: SuiteScores, records: TuningRecords) -> list[Block]:
    """Score against ρ, where some method was scored at several and the section on sweeps does not show it."""
    points = collect_scale_points(scores, records.ledger) if scores.is_control else []
    is_drawn = scores.is_control and any(sweep.setting == RHO for sweep in find_sweeps(scores))
    return [make_scales_figure(scores, points)] if points and not is_drawn else []


def _name_all(variants: Iterable[str]) -> str:
    return ", ".join(quote_variants(variants))


def _join_distinct(values: Iterable[str]) -> str:
    return " or ".join(dict.fromkeys(values)) or "–"


def _join_sorted(seeds: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(seeds)))


def _describe_search(choice: Choice) -> str:
    """`grid 1, 5, 10`, or `tpe 0.5 to 30` for the two ends of a range; `tpe` alone for a method without ρ."""
    ends = ", " if choice.sampler == "grid" else " to "
    return f"{choice.sampler} {ends.join(f'{v:g}' for v in choice.range)}".rstrip()
