"""ρ comes from somewhere: the report says who chose it, and on what seeds and how many episodes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from reports.load.records import Record, read_record
from reports.load.results import Data, Result, data_of
from reports.load.scores import SuiteScores
from reports.render.document import Block, Heading, Table, Text

_Cell = tuple[str, str, tuple[Result, ...]]  # task, variant, one result per seed


@dataclass(frozen=True)
class Choice:
    """How `tune-rho` chose ρ for one task and method.

    Attributes:
        data: what it was tuned on; None in older files, and then it is no result's.
        seeds: the seeds it trained and scored on.
        sampler: `grid` or `tpe`.
        range: the values tried, or the ends of the range.
    """

    suite: str
    task: str
    method: str
    preset: str
    terms: str
    data: Data | None
    rho: float
    seeds: tuple[int, ...]
    sampler: str
    range: tuple[float, ...]


def _numbers(record: Record, name: str) -> list[float]:
    values = record.values.get(name)
    if not isinstance(values, list) or not all(isinstance(v, (int, float)) for v in values):
        raise record.error(f"has {values!r} where the list of numbers `{record.prefix}{name}` belongs")
    return values


def read_choices(results: Path) -> tuple[Choice, ...]:
    """The choices in `tuned.json`, none where there is no such file.

    Raises:
        ReportError: the file is damaged.
    """
    path = results / "tuned.json"
    if not path.is_file():
        return ()
    return tuple(
        Choice(
            record.text("suite"),
            record.text("task"),
            record.text("method"),
            record.text("preset"),
            record.text("terms") if "terms" in record.values else "shared",  # older files have none
            data_of(record.within("data")) if "data" in record.values else None,
            record.number("rho"),
            tuple(int(seed) for seed in _numbers(record, "seeds")),
            record.text("sampler"),
            tuple(_numbers(record, "range")),
        )
        for record in read_record(path).each("choices")
    )


def _distinct(values: Iterable[str]) -> str:
    return " or ".join(dict.fromkeys(values)) or "–"


def _listed(seeds: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(seeds)))


def _search(choice: Choice) -> str:
    """`grid 1, 5, 10`, or `tpe 0.5 to 30` for the two ends of a range."""
    return f"{choice.sampler} " + (", " if choice.sampler == "grid" else " to ").join(
        f"{v:g}" for v in choice.range
    )


def _choice_of(result: Result, choices: Sequence[Choice]) -> Choice | None:
    """The tuning that gave this result its ρ."""
    wanted = (result.suite, result.task, result.method, result.preset, result.terms, result.rho)
    fitting = [c for c in choices if (c.suite, c.task, c.method, c.preset, c.terms, c.rho) == wanted]
    fitting = [c for c in fitting if c.data is not None and _identity(c.data) == _identity(result.data)]
    return fitting[-1] if fitting and result.rho_source == "tuned" else None


def _identity(data: Data) -> tuple[str, str]:
    """What makes data the same: where they come from, and what they are."""
    return data.source, data.fingerprint


def _has_several_sources(cells: Sequence[_Cell], choices: Sequence[Choice]) -> bool:
    """Whether these results, or the choices made for their tasks, are of more than one source."""
    tasks = {(r.suite, r.task) for _, _, results in cells for r in results}
    chosen = {c.data.source for c in choices if c.data is not None and (c.suite, c.task) in tasks}
    return len(chosen | {r.data.source for _, _, results in cells for r in results}) > 1


def _tuning_row(task: str, variant: str, results: Sequence[Result], choices: Sequence[Choice]) -> tuple[str, ...]:
    choice = _choice_of(results[0], choices)
    spent = [r.tuning for r in results if r.tuning is not None]
    return (
        task,
        variant,
        _distinct(r.rho_source or "–" for r in results),
        _distinct("none" if r.rho is None else f"{r.rho:g}" for r in results),
        _distinct(str(t.episodes) for t in spent),
        _distinct(str(t.trials) for t in spent),
        _listed(choice.seeds) if choice else "–",
        _search(choice) if choice else "–",
    )


def _spending(scores: SuiteScores, cells: Sequence[_Cell], choices: Sequence[Choice]) -> Text:
    """What tuning spent beside what is reported, and whether the two were kept apart."""
    tuned = [results for _, _, results in cells if any(r.rho_source == "tuned" for r in results)]
    if not tuned:
        return Text("No ρ was tuned for these results.")
    spent = sum(max((r.tuning.episodes for r in results if r.tuning), default=0) for results in tuned)
    reported = sum(r.episodes for results in tuned for r in results)
    unit = (
        f"{spent:,} episodes beside the {reported:,} reported ones" if scores.is_control else f"{spent:,} episodes"
    )
    known = [_choice_of(results[0], choices) for results in tuned]
    shared = {seed for choice in known if choice for seed in choice.seeds} & set(scores.seeds)
    if shared:
        return Text(
            f"tuning took {unit}, and chose ρ on seed(s) that are also reported ({_listed(shared)}), which "
            f"flatters the tuned variants: tune again on other seeds.",
            warning=True,
        )
    apart = (
        "on other seeds than the reported ones"
        if all(known)
        else "and `tuned.json` does not say on which seeds for every one of them"
    )
    return Text(f"Tuning ρ took {unit}, {apart}.")


def tuning_blocks(scores: SuiteScores, choices: Sequence[Choice]) -> list[Block]:
    """Which ρ was used where, who chose it and what that spent; nothing where no method has a ρ."""
    cells = [(t, v, scores.of(t, v)) for t in scores.tasks for v in scores.variants]
    guided = [cell for cell in cells if any(r.rho is not None for r in cell[2])]
    if not guided:
        return []
    header = ("task", "variant", "ρ from", "ρ", "tuning episodes", "trials", "tuning seeds", "search")
    rows = [_tuning_row(*cell, choices) for cell in guided]
    if _has_several_sources(guided, choices):
        header = (*header, "data")
        rows = [(*row, _distinct(r.data.source for r in cell[2])) for row, cell in zip(rows, guided, strict=True)]
    return [
        Heading(3, "Guidance scale ρ and what tuning spent"),
        _spending(scores, guided, choices),
        Table(header, tuple(rows), words=3),
    ]
