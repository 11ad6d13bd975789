"""The schema of `components/LABEL/seed-N.json`: how a trained part was made, and its learning curve, thinned."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator

from reports.load.base_schema import Schema, Sealed
from reports.load.fields import Count, Digest, Diverging, Label, Name, NotNegative, Whole
from reports.load.schema import Failure, Format, Machine

MOST_POINTS = 100
"""Of a learning curve, for each quantity."""
MOST_QUANTITIES = 100

Quantity = Annotated[str, StringConstraints(min_length=1, max_length=100)]


class PeakMemory(Schema):
    """The most memory while the seeds of `made_with` were made together.

    Attributes:
        of: `process`: resident memory of the whole process, with Python, its packages, the data and all else in
            it; `device`: of the tensors on the GPU, data and upstream parts among them.
        mebibytes: the most.
        before: the same when it began.
    """

    of: Literal["process", "device"]
    mebibytes: NotNegative
    before: NotNegative


class LearningCurve(Schema):
    """What was recorded in training, in at most 100 bins of equally many rows; the last may have fewer.

    Attributes:
        steps: the last step of each bin, counted from 1.
        seconds: wall seconds of the training loop up to that step, all its seeds together.
        rows: of the whole curve, which the bins hold.
        values: quantity to its mean over the rows of each bin, to six digits; NaN where a row of it has none.
    """

    steps: Annotated[tuple[Count, ...], Field(min_length=1, max_length=MOST_POINTS)]
    seconds: tuple[NotNegative, ...]
    rows: Count
    values: Annotated[Mapping[Quantity, tuple[Diverging, ...]], Field(max_length=MOST_QUANTITIES)]

    @model_validator(mode="after")
    def _fits(self) -> "LearningCurve":
        if any(later <= earlier for earlier, later in zip(self.steps, self.steps[1:], strict=False)):
            raise ValueError("has steps that do not rise in `curve.steps`")
        for name, column in (("seconds", self.seconds), *self.values.items()):
            if len(column) != len(self.steps):
                raise ValueError(
                    f"has {len(column)} values of {name[:40]!r} for {len(self.steps)} steps in `curve`"
                )
        return self


class Import(Schema):
    """Where weights come from that were not trained here.

    Attributes:
        name: of the import, as the setting `denoiser.imported` or `critic.imported` has it.
        layout: whose code's: `swg-jax` or `idql`.
        files: SHA-256 of each file, by what it holds: `denoiser`, `critic` or `value`.
    """

    name: Name
    layout: Label
    files: Annotated[Mapping[Label, Digest], Field(min_length=1)]


class ComponentRecord(Sealed):
    """How one seed of a component was made.

    Attributes:
        label: KIND-KEY, the name of its folder.
        kind: such as `critic`.
        steps: of its training, of one seed; None of what is computed or imported.
        made_with: all seeds of the loop that made it, in their order; None where 0.2.0 made it.
        settings: its own.
        upstream: label of each component it was made from, by its name for it.
        parameters: trained numbers of one seed; None of one that failed.
        seconds_per_seed: wall seconds of the process that finished it, divided by the seeds made together; None of
            one that failed or was imported.
        peak_memory: None where it cannot be measured, and where an earlier version made it.
        machine: on which it was made; None where an earlier version made it.
        created: when it was finished, UTC, ISO 8601; None where an earlier version made it.
        weights_sha256: of its file of weights; None of one that failed.
        curve: None of what is computed or imported, and where the file was lost or damaged.
        failure: why there are no weights; None where there are.
        imported: where its weights come from, if they were not trained here.
    """

    format: Format
    label: Label
    kind: Label
    seed: Whole
    steps: Whole | None
    made_with: tuple[Whole, ...] | None
    settings: Mapping[str, Any]
    upstream: Mapping[str, Label]
    parameters: Whole | None
    seconds_per_seed: NotNegative | None
    peak_memory: PeakMemory | None
    machine: Machine | None
    created: str | None
    weights_sha256: str | None
    curve: LearningCurve | None
    failure: Failure | None
    imported: Import | None = None

    @model_validator(mode="after")
    def _belongs_together(self) -> "ComponentRecord":
        if not self.label.startswith(f"{self.kind}-"):
            raise ValueError(f"has {self.label!r} for `label`, which is no component of kind {self.kind!r}")
        if (self.weights_sha256 is None) != (self.failure is not None):
            raise ValueError("has both a failure and weights, or neither")
        return self

    @property
    def seconds(self) -> float | None:
        """Wall seconds of one seed's share; of a training that was resumed, its loop's of all processes."""
        if self.seconds_per_seed is None or self.curve is None or not self.made_with:
            return self.seconds_per_seed
        return max(self.seconds_per_seed, self.curve.seconds[-1] / len(self.made_with))
