"""Whether results say what the ledger beside them recorded when they were evaluated."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from math import isclose
from typing import Any, NamedTuple

from reports.errors import ReportError
from reports.load.schema import Result
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
    settings = _name_settings(result.config)
    key = Evaluated(result.task, result.method, result.rho, result.data.identity, settings, result.seed)
    known = records.get(key, {})
    return any(
        number in known
        and not any(isclose(episode.normalized, value, rel_tol=_CLOSE, abs_tol=_CLOSE) for value in known[number])
        for number, episode in enumerate(result.episodes)
    )


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
