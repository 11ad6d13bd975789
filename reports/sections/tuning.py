"""The section on ρ: where each value comes from, and on which seeds and how many episodes it was tuned."""

from collections.abc import Iterable, Sequence

from reports.load.schema import Choice, Result
from reports.load.scores import SuiteScores
from reports.render.document import Block, Heading, Table, Text

_Cell = tuple[str, str, tuple[Result, ...]]  # task, variant, one result per seed


def _join_distinct(values: Iterable[str]) -> str:
    return " or ".join(dict.fromkeys(values)) or "–"


def _join_sorted(seeds: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(seeds)))


def _describe_search(choice: Choice) -> str:
    """`grid 1, 5, 10`, or `tpe 0.5 to 30` for the two ends of a range."""
    return f"{choice.sampler} " + (", " if choice.sampler == "grid" else " to ").join(
        f"{v:g}" for v in choice.range
    )


def _find_choice(result: Result, choices: Sequence[Choice]) -> Choice | None:
    """The tuning that gave this result its ρ."""
    wanted = (result.suite, result.task, result.method, result.preset, result.terms, result.rho)
    fitting = [c for c in choices if (c.suite, c.task, c.method, c.preset, c.terms, c.rho) == wanted]
    fitting = [c for c in fitting if c.data.identity == result.data.identity]
    return fitting[-1] if fitting and result.rho_source == "tuned" else None


def _tabulate_cell(
    task: str, variant: str, results: Sequence[Result], choices: Sequence[Choice]
) -> tuple[str, ...]:
    choice = _find_choice(results[0], choices)
    spent = [r.tuning for r in results if r.tuning is not None]
    return (
        task,
        variant,
        _join_distinct(r.rho_source or "–" for r in results),
        _join_distinct("none" if r.rho is None else f"{r.rho:g}" for r in results),
        _join_distinct(str(t.episodes) for t in spent),
        _join_distinct(str(t.trials) for t in spent),
        _join_sorted(choice.seeds) if choice else "–",
        _describe_search(choice) if choice else "–",
    )


def _describe_spending(scores: SuiteScores, cells: Sequence[_Cell], choices: Sequence[Choice]) -> Text:
    """What tuning spent and what is reported, and whether the two were kept apart."""
    tuned = [results for _, _, results in cells if any(r.rho_source == "tuned" for r in results)]
    if not tuned:
        return Text("No ρ was tuned for these results.")
    spent = sum(max((r.tuning.episodes for r in results if r.tuning), default=0) for results in tuned)
    reported = sum(len(r.episodes) for results in tuned for r in results)
    unit = (
        f"{spent:,} episodes in addition to the {reported:,} reported ones"
        if scores.is_control
        else f"{spent:,} episodes"
    )
    known = [_find_choice(results[0], choices) for results in tuned]
    shared = {seed for choice in known if choice for seed in choice.seeds} & set(scores.seeds)
    if shared:
        return Text(
            f"tuning took {unit}, and chose ρ on seed(s) that are also reported ({_join_sorted(shared)}), which "
            f"biases the tuned variants' scores upwards: tune again on other seeds.",
            warning=True,
        )
    apart = (
        "on other seeds than the reported ones"
        if all(known)
        else "and `tuned.json` does not say on which seeds for every one of them"
    )
    return Text(f"Tuning ρ took {unit}, {apart}.")


def make_tuning_section(scores: SuiteScores, choices: Sequence[Choice]) -> list[Block]:
    """Which ρ was used where, who chose it and what that spent; nothing where no method has a ρ."""
    cells = [(t, v, scores.of(t, v)) for t in scores.tasks for v in scores.variants]
    guided = [cell for cell in cells if any(r.rho is not None for r in cell[2])]
    if not guided:
        return []
    header = ("task", "variant", "ρ from", "ρ", "tuning episodes", "trials", "tuning seeds", "search")
    rows = [
        _tabulate_cell(scores.label_task(task), variant, results, choices) for task, variant, results in guided
    ]
    return [
        Heading(3, scores.add_source("Guidance scale ρ and what tuning spent")),
        _describe_spending(scores, guided, choices),
        Table(header, tuple(rows), words=3),
    ]
