"""Whether results say what the ledger beside them recorded when they were evaluated."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from math import isclose
from typing import Any, NamedTuple

from reports.errors import ReportError
from reports.load.files import TUNED
from reports.load.ledger import LEDGER, TuningRecords
from reports.load.schema import Cell, Result
from reports.load.tuning_schema import LedgerEntry

_CLOSE = 1e-6
_FEWEST = 5  # episodes that are not alike by chance


class Evaluated(NamedTuple):
    """What was evaluated: a method with its settings and ρ, of one training seed on some data."""

    task: str
    method: str
    rho: float | None
    data: tuple[str, str]
    settings: str
    seed: int


def _name_settings(settings: Mapping[str, Any]) -> str:
    """Settings as one text; how many episodes were asked for is none of the policy."""
    return repr(sorted((name, value) for name, value in settings.items() if name != "evaluation.episodes"))


def collect_records(ledger: Iterable[LedgerEntry]) -> dict[Evaluated, dict[int, list[float]]]:
    """The values of each episode of what was evaluated to be reported, as often as that was done."""
    found: dict[Evaluated, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for entry in ledger:
        if entry.kind != "reported":
            continue
        settings = _name_settings(entry.settings)
        for seed, values in zip(entry.seeds, entry.values, strict=True):
            if len(values) == entry.episodes:  # version 0.2.0 wrote the mean alone
                key = Evaluated(entry.task, entry.method, entry.rho, entry.data, settings, seed)
                for number, value in enumerate(values, entry.first_episode):
                    found[key][number].append(value)
    return found


def find_unrecorded(results: Iterable[Result], ledger: Iterable[LedgerEntry]) -> list[Result]:
    """The results of which the ledger has no evaluation: nothing but their own files says how they came about."""
    known = {
        Evaluated(entry.task, entry.method, entry.rho, entry.data, _name_settings(entry.settings), seed)
        for entry in ledger
        if entry.kind == "reported"
        for seed in entry.seeds
    }
    return [result for result in results if _name_evaluated(result) not in known]


def _name_evaluated(result: Result) -> Evaluated:
    settings = _name_settings(result.config)
    return Evaluated(result.task, result.method, result.rho, result.data.identity, settings, result.seed)


def refuse_unlike_records(results: Sequence[Result], ledger: Sequence[LedgerEntry]) -> None:
    """Refuse results with an episode whose score is none of those that the ledger recorded for it.

    Episodes that the ledger does not know, such as those of results that were copied from another folder, pass.

    Args:
        results: of control tasks; densities pass.
        ledger: of the folder.

    Raises:
        ReportError: such results.
    """
    records = collect_records(ledger)
    unlike = [result for result in results if _differs(result, records)]
    if not unlike:
        return
    first = unlike[0]
    more = f" and {len(unlike) - 1} more" if len(unlike) > 1 else ""
    raise ReportError(
        f"{str(first.path)!r}{more}: scores of episodes differ from what the ledger in the folder recorded when "
        "they were evaluated, so that they were edited, or copied over others; restore them, or delete them and "
        "run again."
    )


def _differs(result: Result, records: Mapping[Evaluated, Mapping[int, Sequence[float]]]) -> bool:
    known = records.get(_name_evaluated(result), {})
    return any(
        number in known
        and not any(isclose(episode.normalized, value, rel_tol=_CLOSE, abs_tol=_CLOSE) for value in known[number])
        for number, episode in enumerate(result.episodes)
    )


def refuse_tuned_results(results: Sequence[Cell], records: TuningRecords) -> None:
    """Refuse results of a seed that their method was tuned on with the same data, by the ledger or a choice.

    Args:
        results: of all tasks, failed ones too.
        records: of the same folder.

    Raises:
        ReportError: the first such result.
    """
    tuned = {
        (entry.task, entry.method, entry.data, seed): LEDGER
        for entry in records.ledger
        if entry.kind == "tuning"
        for seed in entry.seeds
    }
    for choice in records.choices:
        tuned |= {(choice.task, choice.method, choice.data.identity, seed): TUNED for seed in choice.seeds}
    for result in results:
        source = tuned.get((result.task, result.method, result.data.identity, result.seed))
        if source is not None:
            raise ReportError(
                f"{str(result.path)!r} reports {result.method} on {result.task}, seed {result.seed}, on which it "
                f"was tuned, as {source} says: what is tuned on is not reported; run other seeds, into a new "
                "folder."
            )


def count_repeats(runs: Mapping[str, Sequence[Result]]) -> dict[tuple[str, str], int]:
    """How many results of a run an earlier one has too, with every episode or distance alike, by both names.

    Args:
        runs: name to its results, earliest first.
    """
    seen: dict[tuple[Any, ...], str] = {}
    counts: dict[tuple[str, str], int] = defaultdict(int)
    for name, results in runs.items():
        for result in results:
            episodes = tuple((e.seed, e.episode_return, e.length) for e in result.episodes)
            distances = tuple((d.inverse_temperature, d.distance) for d in result.densities)
            other = seen.setdefault((_name_evaluated(result), episodes, distances), name)
            if other != name:
                counts[other, name] += 1
    return dict(counts)


def refuse_copied_seeds(results: Sequence[Result]) -> None:
    """Refuse one training seed under two numbers: all its episodes began alike, and ended alike.

    Args:
        results: of all tasks and variants.

    Raises:
        ReportError: such a pair.
    """
    seen: dict[tuple[Any, ...], Result] = {}
    for result in results:
        if len(result.episodes) < _FEWEST:
            continue
        began = tuple((episode.seed, episode.episode_return) for episode in result.episodes)
        key = (result.task, result.method, result.rho, _name_settings(result.config), began)
        other = seen.setdefault(key, result)
        if other.seed != result.seed:
            raise ReportError(
                f"{str(result.path)!r} has the episodes of {str(other.path)!r}, resets and returns, though their "
                f"seeds are {result.seed} and {other.seed}: one is a copy, and would count twice; remove it."
            )
