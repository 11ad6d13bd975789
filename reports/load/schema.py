"""The schema of every file in a results folder, written and read by the same code.

`runs/TASK/METHOD-KEY/seed-N.json` is a `Result` or a `FailedResult`; `plans.jsonl` has a `Plan` on each line,
`experiments.json` and `timing.json` are the other models with a `format`, `tuned.json` and `ledger.jsonl` are in
`reports.load.tuning_schema`. The folder's number is in its file `FORMAT`.
"""

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from reports.load.base_schema import Schema, Sealed
from reports.load.declared_schema import DeclaredRho, DeclaredSetting
from reports.load.fields import Diverging, Label, Name, ResultPath, Whole
from reports.load.later_settings import Settings

FORMAT = 4
HIGHER_IS_BETTER = "normalized_score"
_ROUNDING = 1e-9  # of a mean, relative to its size


def _check_format(number: int) -> int:
    if number != FORMAT:
        raise ValueError(f"has format {number}, this version reads {FORMAT}")
    return number


Format = Annotated[int, AfterValidator(_check_format)]


class Episode(Schema):
    """One evaluation episode: undiscounted return, steps, the seed of its reset, D4RL's normalised score.

    Attributes:
        success: whether the task's own measure counts it as a success; None where the task has none.
    """

    episode_return: Diverging = Field(validation_alias="return", serialization_alias="return")
    length: Whole
    seed: Whole
    normalized: Diverging
    success: bool | None = None


class Density(Schema):
    """How far a method's samples are from the exact target at one β, and what exact samples are measured at.

    Attributes:
        distance: sliced Wasserstein distance to as many samples of the target.
        floor: geometric mean of that distance over pairs of exact samples.
        floor_log_spread: standard deviation of its logarithm over the pairs.
        floor_pairs: how many pairs.
        effective_beta: the β that the samples have, by maximum likelihood, within the range that is searched.
        effective_beta_low, effective_beta_high: its 95 % interval.
        effective_beta_least, effective_beta_most: ends of the range.
        divergence: KL(target || samples) on a grid, in nats.
        divergence_floor, divergence_spread: mean and standard deviation of the same over the pairs.
        classifier: held-out accuracy in telling the samples from the target's.
    """

    inverse_temperature: float
    distance: Diverging
    floor: float
    floor_log_spread: float
    floor_pairs: Whole
    samples: Whole
    effective_beta: Diverging
    effective_beta_low: Diverging
    effective_beta_high: Diverging
    effective_beta_least: float
    effective_beta_most: float
    divergence: Diverging
    divergence_floor: float
    divergence_spread: float
    classifier: Diverging


class Canonical(Schema):
    """The published data set of a task: its source, `d4rl` or `minari`, and its name there."""

    source: str
    name: str


class Data(Schema):
    """The data set of a result.

    Attributes:
        source: `local`, `minari`, `d4rl` or `file`.
        version: of the data set; None for a file of the user's own.
        canonical: what the task declares as published, whether used here or not; None where nothing is.
        reward_transform: what was done to the rewards, `r` for nothing.
        fingerprint: of the data as they come from their source.
        per_seed: whether each training seed has a data set made with that seed, of which this is one.
        action_low, action_high: range of the actions in each dimension, which policies keep to.
    """

    source: str
    name: str
    version: str | None
    canonical: Canonical | None
    reward_transform: str
    fingerprint: str
    transitions: Whole
    action_low: tuple[float, ...]
    action_high: tuple[float, ...]
    per_seed: bool = False

    @property
    def recipe(self) -> str:
        """The name; where each seed has a set of its own, without the seed, so that it is the same for all."""
        return re.sub(r"-seed\d+(?=-v\d+$)", "", self.name) if self.per_seed else self.name

    @property
    def identity(self) -> tuple[str, str]:
        """What makes data the same: source and fingerprint."""
        return self.source, self.fingerprint

    @property
    def label(self) -> str:
        """The source, with the version of D4RL's files where it is not the task's own, such as `d4rl:v0`."""
        known = self.canonical
        is_other = known is not None and known.source == self.source == "d4rl" and known.name != self.name
        return f"{self.source}:{self.version}" if is_other else self.source


class TuningCost(Schema):
    """What tuning spent on this task and method, and the settings that it chose beside ρ.

    Attributes:
        knobs: the method's tuned settings by their names, with their values.
        training_steps: of the networks that trials alone needed, all seeds together; None where not stored.
        seconds: that the trials' episodes took; None where not stored.
        trial_episodes: of each tuning seed in a complete trial; None where not stored.
    """

    episodes: Whole
    trials: Whole
    knobs: Mapping[str, Any] = {}
    training_steps: Whole | None = None
    seconds: float | None = None
    trial_episodes: Whole | None = None


class Evaluations(Schema):
    """Network evaluations while the result was made.

    Attributes:
        function: rows times calls of the denoiser.
        gradient: rows times evaluations of a gradient.
        beside: rows times forward passes of networks other than the denoiser, a guidance's or an actor.
        guided_rows: rows times levels that were guided.
        actions: that were asked for, so that the other numbers can be read per action; None where not stored.
        candidates: draws among which each action was selected; None where the method does not say.
    """

    function: Whole
    gradient: Whole
    beside: Whole
    guided_rows: Whole
    actions: Whole | None = None
    candidates: Whole | None = None


class Critics(Schema):
    """The critics that a result stands on, itself or through what it was trained with.

    Attributes:
        labels: of the components, sorted; none for a method that asks no critic.
        departures: names of the settings in which they differ from those of the method's authors' code; None
            where the method's presets say nothing of a critic, or Q is known.
    """

    labels: tuple[str, ...]
    departures: tuple[str, ...] | None


class Seconds(Schema):
    """Wall seconds of one seed; of scales that were evaluated together each has its share, by its actions."""

    train: float
    evaluate: float


class Histogram(Schema):
    """Counts between neighbouring edges."""

    edges: tuple[float, ...]
    counts: tuple[Whole, ...]

    @model_validator(mode="after")
    def _fits(self) -> "Histogram":
        if not self.counts or len(self.edges) != len(self.counts) + 1:
            raise ValueError(f"has {len(self.edges)} edges and {len(self.counts)} counts in a histogram")
        if any(later <= earlier for earlier, later in zip(self.edges, self.edges[1:], strict=False)):
            raise ValueError("has edges that do not rise in a histogram")
        return self


class Failure(Schema):
    """The step at which a cell failed, and why."""

    step: str
    reason: str


class Machine(Schema):
    """Where something was computed or measured."""

    device: str
    processor: str
    cores: Whole | None


class Cell(Sealed):
    """What the result of a task, a method with its settings and a seed says of how it was made.

    Attributes:
        declared_rho: known before its episodes, also where another scale was given; None for a method that has
            none, and in what older versions wrote.
        declared_settings: the same of each setting that was given, by its dotted name; None for one whose value is
            tuned together with others. None in what older versions wrote.
        terms: `shared` for a controlled comparison, `own` for each method as published.
        config: every setting by its dotted name.
        components: label of each component by the method's name for it.
        tunable: what tuning may set of the method on the task, `rho` among it; none where it has nothing.
        path: the file it was read from; not written.
    """

    format: Format
    suite: Name
    task: Name
    method: Name
    title: str
    seed: Whole
    rho: float | None
    rho_source: str | None
    declared_rho: DeclaredRho | None = None
    declared_settings: Mapping[str, DeclaredSetting | None] | None = None
    preset: str
    terms: str
    data: Data
    config: Settings
    components: Mapping[str, Label]
    tuning: TuningCost | None
    tunable: tuple[str, ...]
    seconds: Seconds
    versions: Mapping[str, str]
    machine: Machine
    created: str
    path: Path = Field(default=Path(), exclude=True)


class Result(Cell):
    """A finished cell.

    Attributes:
        metric: normalised score in D4RL's percent, or sliced Wasserstein distance.
        score: mean over the episodes, or over the inverse temperatures.
        samples_file, trajectories_file: names of files beside this one, or None.
        samples_sha256: of the file of samples, where there is one; None in what older versions wrote.
        trajectories_sha256: of the file of trajectories, where there is one.
        interventions: name to counts by level of the schedule, 0 the least noisy.
        weights_histogram: of the weights that the method predicts for what it draws, at states of the data; None
            for a method without, and in what older versions wrote.
        learned_weights: of the weights of the data at those states; None where the other is.
        critics: that it stands on, or None where it was not stored.
    """

    status: Literal["done"]
    metric: Literal["normalized_score", "sliced_wasserstein"]
    score: Diverging
    episodes: tuple[Episode, ...]
    densities: tuple[Density, ...]
    samples_file: Label | None
    trajectories_file: Label | None
    interventions: Mapping[str, tuple[Whole, ...]]
    evaluations: Evaluations
    weights_histogram: Histogram | None
    critics: Critics | None = None
    samples_sha256: str | None = None
    trajectories_sha256: str | None = None
    learned_weights: Histogram | None = None

    @model_validator(mode="after")
    def _score_follows(self) -> "Result":
        control = self.metric == HIGHER_IS_BETTER
        kind = "episodes" if control else "densities"
        values = [e.normalized for e in self.episodes] if control else [d.distance for d in self.densities]
        if not values:
            raise ValueError(f"has no {kind} behind its score")
        mean = sum(values) / len(values)
        known = math.isfinite(self.score) or math.isfinite(mean)
        if known and not math.isclose(self.score, mean, rel_tol=_ROUNDING, abs_tol=_ROUNDING):
            raise ValueError(f"has {self.score} for `score`, but the mean of its {kind} is {mean}")
        self._check_count()
        return self

    def _check_count(self) -> None:
        """Refuse other numbers of episodes, samples or β than the settings say; None is the task's own."""
        claimed, betas = (self.config.get(f"evaluation.{n}") for n in ("episodes", "inverse_temperatures"))
        counts = {d.samples for d in self.densities} if self.densities else {len(self.episodes)}
        if claimed is not None and any(count != claimed for count in counts):
            kind = "samples at a β" if self.densities else "episodes"
            raise ValueError(f"has {min(counts)} {kind}, but its settings say {claimed}")
        if self.densities and isinstance(betas, list | tuple) and len(betas) != len(self.densities):
            raise ValueError(f"has {len(self.densities)} densities, but its settings say {len(betas)} β")

    def count_interventions(self, name: str) -> int:
        """Sum over the levels; 0 where the method knows none of that name."""
        return sum(self.interventions.get(name, ()))


class FailedResult(Cell):
    """A cell that has no score: what failed, and why."""

    status: Literal["failed"]
    failure: Failure


class PlanEntry(Schema):
    """One cell that a run set out to compute.

    Attributes:
        path: its result file, relative to the folder.
        components: labels of the components that it needs, with those that these are trained with; none where they
            were not stored.
        data: name of its data set at its source, or None where it was not stored.
        terms: as in `Cell`, or None where it was not stored.
        settings: the place of its settings in those of the plan; None where they were not stored.
        config: these settings, as in `Cell`; not written here.
    """

    suite: Name
    task: Name
    method: Name
    rho: float | None
    seed: Whole
    path: ResultPath
    components: tuple[Label, ...] = ()
    data: str | None = None
    terms: str | None = None
    settings: Whole | None = None
    config: Mapping[str, Any] | None = Field(default=None, exclude=True)

    @model_validator(mode="after")
    def _check_path(self) -> "PlanEntry":
        _, task, label, file = self.path.split("/")
        is_of_method = label.startswith(f"{self.method}-")
        if not is_of_method or (task, file) != (self.task, f"seed-{self.seed}.json"):
            raise ValueError(f"has {self.path} for `path`, which is no result of its task, method and seed")
        return self


class Plan(Sealed):
    """A line of `plans.jsonl`: the cells of a run.

    Attributes:
        previous: SHA-256 of the line before, without its end; 64 zeros in the first line.
        created: date and time in UTC, ISO 8601.
        settings: of its cells, each once; none where they were not stored.
    """

    previous: str
    created: str
    cells: tuple[PlanEntry, ...]
    settings: tuple[Settings, ...] = ()

    @model_validator(mode="after")
    def _has_settings(self) -> "Plan":
        most = max((cell.settings for cell in self.cells if cell.settings is not None), default=-1)
        if most >= len(self.settings):
            raise ValueError(f"has {most} for `settings` of a cell, of {len(self.settings)} from 0")
        return self


class ExperimentEntry(PlanEntry):
    """One cell of a published table: the experiment, the table and its row."""

    experiment: str
    table: str
    row: str


class Experiments(Sealed):
    """`experiments.json`: the cells of every experiment that was run into the folder."""

    format: Format
    cells: tuple[ExperimentEntry, ...]
