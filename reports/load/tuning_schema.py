"""The schema of `tuned.json` and of the lines of `ledger.jsonl`."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import NonNegativeInt

from reports.load.schema import Data, Diverging, Format, Schema


class Trial(Schema):
    """One ρ that was tried, and its score."""

    rho: float
    score: float


class Choice(Schema):
    """How `tune-rho` chose ρ for one task and method.

    Attributes:
        data: what it was tuned on.
        policy: hash of its components' keys, of the sampler and of the method's own settings.
        settings: by dotted name, all but those of the evaluation.
        trials, episodes: what all searches for this purpose spent.
        seeds: the seeds it trained and scored on.
        range: the values of the grid, or the ends of the range.
        tried: the complete trials.
    """

    suite: str
    task: str
    method: str
    preset: str
    terms: str
    data: Data
    policy: str
    settings: Mapping[str, Any]
    rho: float
    score: float
    trials: int
    episodes: int
    seeds: tuple[int, ...]
    sampler: Literal["grid", "tpe"]
    range: tuple[float, ...]
    tried: tuple[Trial, ...]


class Choices(Schema):
    """`tuned.json`: the choices of ρ made in this folder."""

    format: Format
    choices: tuple[Choice, ...]


class LedgerEntry(Schema):
    """A line of `ledger.jsonl`: one evaluation of a method at one ρ, the same episodes for each of its seeds.

    Attributes:
        previous: SHA-256 of the line before, without its end; 64 zeros in the first line.
        data: source and fingerprint.
        policy: as in `Choice`.
        episodes: of each seed, from `first_episode` on; on a density, samples at each β.
        purpose: name of the random streams of resets and actions.
        study, trial: of a tuning evaluation, the Optuna study's name and the trial's number in it; else None.
        values: of each seed, the normalised score of each episode, or the distance at each β; their mean
            alone where version 0.2.0 wrote the line.
        seconds: that the evaluation took, all seeds together; None where that version wrote the line.
    """

    previous: str
    kind: Literal["tuning", "reported"]
    suite: str
    task: str
    method: str
    preset: str
    terms: str
    data: tuple[str, str]
    policy: str
    settings: Mapping[str, Any]
    rho: float | None
    seeds: tuple[int, ...]
    first_episode: int
    episodes: int
    purpose: str
    study: str | None
    trial: NonNegativeInt | None
    values: tuple[tuple[Diverging, ...], ...]
    seconds: float | None
    created: str

    @property
    def scores(self) -> tuple[float, ...]:
        """The mean of each seed's values."""
        return tuple(sum(values) / len(values) if values else float("nan") for values in self.values)
