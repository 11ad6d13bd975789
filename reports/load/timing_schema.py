"""The schema of `timing.json`: what `bench time` measured of every policy."""

import json

from reports.load.base_schema import Schema, Sealed
from reports.load.fields import Count, Name, Whole
from reports.load.later_settings import Settings
from reports.load.schema import Evaluations, Format, Machine

_KEY = {
    "suite", "task", "preset", "terms", "method", "guided", "batch", "way", "device", "threads", "machine",
    "settings", "sweep",
}  # fmt: skip


class Milliseconds(Schema):
    """Median, 5th and 95th percentile, mean and standard deviation of the calls."""

    median: float
    p5: float
    p95: float
    mean: float
    deviation: float


class Throughput(Schema):
    """Calls that follow each other without being waited for.

    Attributes:
        milliseconds: of one call, median over the bursts.
        bursts: how many were measured.
        calls: of a burst, after which the device is waited for.
    """

    milliseconds: float
    bursts: Whole
    calls: Whole


class Ratio(Schema):
    """Of two calls of one turn, over the turns.

    Attributes:
        median: over the turns.
        lower, upper: of at least 95 % confidence for the median, by order statistics; None under six turns.
        p5, p95: 5th and 95th percentile over the turns.
    """

    median: float
    lower: float | None
    upper: float | None
    p5: float
    p95: float


class Shares(Schema):
    """Parts of a call's time, 1 together.

    Attributes:
        denoiser: forward passes of the denoiser.
        guidance: all that steering adds to them: gradients, other networks, scaling and counting.
        selection: choosing among candidates.
        rest: the solver, and whatever else the policy does.
    """

    denoiser: float
    guidance: float
    selection: float
    rest: float


class SweepPoint(Schema):
    """A point of a sweep: its name, the setting that it varies, and the setting's value."""

    name: str
    setting: str
    value: Whole


class TimingRow(Schema):
    """One policy, guided or not, at one number of observations.

    Attributes:
        guided: whether the method's guidance was on.
        batch: states per call.
        way: how the calls were executed: `eager`, one operation after the other, or `captured` as CUDA graphs.
        threads: of the process.
        machine: what it was measured on.
        settings: by dotted name, all that a policy is built from: the shared settings and the method's own.
        sweep: where it stands in a sweep, or None.
        milliseconds: wall time of a call that is waited for before the next.
        cpu_milliseconds: CPU time of the process in the same calls.
        throughput: of calls that are not waited for; None on a CPU, where a call returns when it is done.
        over_own_unguided: of the guided policy over the same one without guidance; None for an unguided row.
        over_unguided_method: over the method `unguided`; None where that was not timed beside it.
        shares: of a call's time; None for a policy that is not of three slots, and for captured calls.
        evaluations: of one call.
        calls: calls measured after the warm-up, one in each turn.
        order_seed: of the order of the calls within the turns.
        load: the machine's load average before; None where the system does not say.
        parameters: of everything that acting needs.
        peak_memory_mib: that a call added at its peak; None on a CPU.
    """

    suite: Name
    task: Name
    preset: str
    terms: str
    method: Name
    guided: bool
    batch: Count
    way: str
    device: str
    threads: Whole
    machine: Machine
    settings: Settings
    sweep: SweepPoint | None
    milliseconds: Milliseconds
    cpu_milliseconds: Milliseconds
    throughput: Throughput | None
    over_own_unguided: Ratio | None
    over_unguided_method: Ratio | None
    shares: Shares | None
    evaluations: Evaluations
    calls: Whole
    order_seed: Whole
    load: float | None
    parameters: Whole
    peak_memory_mib: float | None

    @property
    def key(self) -> str:
        """All that the measurement depends on as one text; one row of a file has it."""
        return json.dumps(self.model_dump(mode="json", include=_KEY), sort_keys=True)

    @property
    def forward(self) -> float:
        """Forward passes for an action, of the denoiser and of other networks, a guidance's or an actor."""
        return (self.evaluations.function + self.evaluations.beside) / self.batch

    @property
    def gradients(self) -> float:
        """Gradient evaluations for an action."""
        return self.evaluations.gradient / self.batch


class Timing(Sealed):
    """`timing.json`: what `bench time` measured; a row replaces the earlier one with the same key."""

    format: Format
    rows: tuple[TimingRow, ...]
