"""Which of the methods' own settings were tuned, to what, with which trials, and what these took."""

from collections.abc import Iterable, Sequence

from reports.load.schema import Result
from reports.load.scores import SuiteScores
from reports.load.tuning_schema import Choice, describe_values
from reports.render.document import Block, Table, Text


def find_knob_warnings(scores: SuiteScores) -> list[str]:
    """A sentence where settings of some methods were tuned, and of others that have such were not."""
    tuned: dict[str, dict[str, None]] = {}
    untuned: dict[str, dict[str, None]] = {}
    for variant in scores.variants:
        for result in _list_results(scores, variant):
            chosen = result.tuning.knobs if result.tuning is not None else {}
            tuned.setdefault(variant, {}).update(dict.fromkeys(chosen))
            known = (*chosen, *(["rho"] if result.rho_source == "tuned" else []))
            left = [name for name in result.tunable if name not in known]
            untuned.setdefault(variant, {}).update(dict.fromkeys(left))
    if not any(tuned.values()) or not any(untuned.values()):
        return []
    return [
        f"settings of {_name(tuned)} were tuned on these data, and those of {_name(untuned)} were not, though "
        "`tune` can: a difference between them is also one of tuning."
    ]


def make_knob_blocks(scores: SuiteScores, choices: Sequence[Choice]) -> list[Block]:
    """A table of the tuned settings and what tuning took; nothing where none was tuned.

    Args:
        scores: of a suite.
        choices: made in the results folder.
    """
    rows: list[tuple[str, ...]] = []
    for task in scores.tasks:
        for variant in scores.variants:
            first = scores.of(task, variant)[0]
            if first.tuning is not None and first.tuning.knobs:
                spent, choice = first.tuning, find_choice(first, choices)
                rows.append(
                    (
                        scores.label_task(task),
                        variant,
                        describe_values(first.rho, spent.knobs),
                        describe_ranges(choice) if choice is not None else "–",
                        str(spent.trials),
                        f"{spent.episodes:,}",
                        "–" if spent.training_steps is None else f"{spent.training_steps:,}",
                        "–" if spent.seconds is None else f"{spent.seconds:,.0f}",
                        (describe_edges(choice) or "–") if choice is not None else "–",
                    )
                )
    if not rows:
        return []
    header = ("task", "variant", "tuned to", "searched", "trials", "episodes", "training steps", "seconds")
    note = (
        "Settings of the methods that `tune` chose, and what all searches for them took: steps of the networks "
        "that trials alone needed, all seeds together, and seconds of the trials' episodes."
    )
    return [Text(note), Table((*header, "among complete trials"), tuple(rows), words=4)]


def find_choice(result: Result, choices: Iterable[Choice]) -> Choice | None:
    """The tuning that gave a result its ρ and settings; of several such the one with the nearest settings."""
    if result.tuning is None:
        return None
    wanted = (result.suite, result.task, result.method, result.preset, result.terms, result.rho)
    fitting = [
        c
        for c in choices
        if (c.suite, c.task, c.method, c.preset, c.terms, c.rho) == wanted
        and c.data.identity == result.data.identity
        and dict(c.knobs) == dict(result.tuning.knobs)
    ]
    if not fitting:
        return None
    return max(fitting, key=lambda c: sum(result.config.get(name) == value for name, value in c.settings.items()))


def describe_ranges(choice: Choice) -> str:
    """What was searched, such as `ρ 0.1 to 10; candidates 1 to 64`."""
    parts = [f"ρ {' to '.join(f'{end:g}' for end in choice.range)}"] if choice.rho is not None else []
    for name, ends in choice.ranges.items():
        is_range = all(isinstance(end, (int, float)) and not isinstance(end, bool) for end in ends)
        shown = " to ".join(f"{end:g}" for end in ends) if is_range else ", ".join(map(str, ends))
        parts.append(f"{name} {shown}")
    return "; ".join(parts)


def describe_edges(choice: Choice) -> str:
    """Which chosen numbers are the least or the greatest of complete trials; or that all scored the same."""
    if len(choice.tried) > 1 and len({trial.score for trial in choice.tried}) == 1:
        return f"all {len(choice.tried)} scored the same"
    tried = [{**({} if t.rho is None else {"ρ": t.rho}), **t.knobs} for t in choice.tried]
    chosen = {**({} if choice.rho is None else {"ρ": choice.rho}), **choice.knobs}
    found: list[str] = []
    for name, value in chosen.items():
        values = {each[name] for each in tried if name in each}
        if isinstance(value, (int, float)) and len(values) > 1 and value in (min(values), max(values)):
            found.append(f"{name} the {'greatest' if value == max(values) else 'least'}")
    return ", ".join(found)


def _list_results(scores: SuiteScores, variant: str) -> Iterable[Result]:
    return (result for task in scores.tasks for result in scores.of(task, variant))


def _name(by_variant: dict[str, dict[str, None]]) -> str:
    """`idql` (candidates, select), ..."""
    return ", ".join(f"`{variant}` ({', '.join(names)})" for variant, names in by_variant.items() if names)
