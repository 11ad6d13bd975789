"""The schema of `tuned.json` and of the lines of `ledger.jsonl`."""

from collections.abc import Mapping
from typing import Any, Literal

from reports.load.base_schema import Schema, Sealed
from reports.load.fields import Diverging, Name, NotNegative, Whole
from reports.load.later_settings import Settings
from reports.load.schema import Data, Format


class Trial(Schema):
    """The values of one trial, and its score.

    Attributes:
        rho: None for a method that has none.
        knobs: the method's settings that were tried, by their names.
        training_steps: of the networks that this trial was the first to need, all seeds together.
        seconds: that its episodes took.
    """

    rho: float | None
    knobs: Mapping[str, Any] = {}
    score: float
    training_steps: Whole | None = None
    seconds: float | None = None

    def describe(self) -> str:
        """Its values, such as `ρ = 5, candidates = 32`."""
        return describe_values(self.rho, self.knobs)


class Choice(Schema):
    """How `tune-rho` or `tune` chose ρ, the method's own settings or both, for one task and method.

    Attributes:
        data: what it was tuned on.
        policy: hash of its components' keys, of the sampler and of the method's own settings before tuning.
        settings: before tuning, by dotted name, all but those of the evaluation.
        rho: None for a method that has none.
        knobs: the method's tuned settings by their names, with their values; none by `tune-rho`.
        trials, episodes, training_steps, seconds: what all searches for this purpose spent; steps of the networks
            that trials alone needed, and seconds of their episodes.
        trial_episodes: of each seed in a complete trial of the search that chose; None where not stored.
        seeds: the seeds it trained and scored on.
        range: the values of ρ's grid, or the ends of its range.
        ranges: of each tuned setting the ends of its range, or its choices.
        tried: the complete trials of the search that chose.
    """

    suite: Name
    task: Name
    method: Name
    preset: str
    terms: str
    data: Data
    policy: str
    settings: Settings
    rho: NotNegative | None
    knobs: Mapping[str, Any] = {}
    score: float
    trials: Whole
    episodes: Whole
    training_steps: Whole | None = None
    seconds: float | None = None
    trial_episodes: Whole | None = None
    seeds: tuple[Whole, ...]
    sampler: Literal["grid", "tpe"]
    range: tuple[float, ...]
    ranges: Mapping[str, tuple[Any, ...]] = {}
    tried: tuple[Trial, ...]

    @property
    def purpose(self) -> tuple[Any, ...]:
        """What it is for; of a purpose a folder has one choice, so that of another data set is another."""
        data = (self.data.identity, self.data.per_seed)
        return self.task, self.method, self.preset, self.terms, *data, self.policy

    @property
    def names(self) -> tuple[str, ...]:
        """What was tuned: `rho`, and the method's settings by their names."""
        return (*(["rho"] if self.rho is not None else []), *self.knobs)

    def describe(self) -> str:
        """The chosen values, such as `ρ = 5, candidates = 32`."""
        return describe_values(self.rho, self.knobs)


def describe_values(rho: float | None, knobs: Mapping[str, Any]) -> str:
    """Values that were tried or chosen, ρ first."""
    values = {**({} if rho is None else {"ρ": rho}), **knobs}
    shown = {name: f"{value:.4g}" if isinstance(value, float) else value for name, value in values.items()}
    return ", ".join(f"{name} = {value}" for name, value in shown.items())


class Choices(Sealed):
    """`tuned.json`: the choices of `tune-rho` and `tune` made in this folder."""

    format: Format
    choices: tuple[Choice, ...]


class LedgerEntry(Sealed):
    """A line of `ledger.jsonl`: one evaluation of a method at one ρ, the same episodes for each of its seeds.

    Attributes:
        previous: SHA-256 of the line before, without its end; 64 zeros in the first line.
        data: source and fingerprint.
        policy: as in `Choice`, of the settings that were evaluated, in tuning those of the trial.
        episodes: of each seed, from `first_episode` on; on a density, samples at each β.
        purpose: name of the random streams of resets and actions.
        study, trial: of a tuning evaluation, the Optuna study's name and the trial's number in it; else None.
        values: of each seed, the normalised score of each episode, or the distance at each β; their mean
            alone where version 0.2.0 wrote the line.
        seconds: that the evaluation took, all seeds together; None where that version wrote the line.
    """

    previous: str
    kind: Literal["tuning", "reported"]
    suite: Name
    task: Name
    method: Name
    preset: str
    terms: str
    data: tuple[str, str]
    policy: str
    settings: Settings
    rho: float | None
    seeds: tuple[Whole, ...]
    first_episode: Whole
    episodes: Whole
    purpose: str
    study: str | None
    trial: Whole | None
    values: tuple[tuple[Diverging, ...], ...]
    seconds: float | None
    created: str

    @property
    def scores(self) -> tuple[float, ...]:
        """The mean of each seed's values."""
        return tuple(sum(values) / len(values) if values else float("nan") for values in self.values)
