"""What share of a call's time the denoiser, the guidance and the selection have.

The slots of a policy are replaced by ones that note when they are entered and left; the policy itself is not
changed, and acts without them in every other measurement.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np
from jaxtyping import Float
from torch import Tensor

from bench.runner.turns import Act, Settle
from methods.core.policy import SlotPolicy
from methods.core.setup import Setup
from methods.core.slots import Selection
from methods.diffusion.guidance import Counts, PullBack, Steer, WrappedDenoiser, linearise
from methods.diffusion.noise import Noise
from reports.load.timing_schema import Shares
from training import Component, Models
from training.shapes import Observations, Z

T = TypeVar("T")


@dataclass
class PartClock:
    """Seconds of parts that are entered within each other; a part's time is without that of those within it.

    Attributes:
        settle: called where a part begins or ends, so that on a GPU its work is its own.
        seconds: by the part's name.
    """

    settle: Settle
    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    _open: list[str] = field(default_factory=list)
    _since: float = 0.0

    def run(self, part: str, function: Callable[..., T], *given: Any) -> T:
        """What the function gives, its time added to the part."""
        self._charge()
        self._open.append(part)
        try:
            return function(*given)
        finally:
            self._charge()
            self._open.pop()

    def _charge(self) -> None:
        """Give the time since the last change to the part that is open."""
        self.settle()
        now = time.perf_counter()
        if self._open:
            self.seconds[self._open[-1]] += now - self._since
        self._since = now


@dataclass(frozen=True)
class WatchedDenoiser(WrappedDenoiser):
    """A denoiser whose evaluations are timed as a part.

    Attributes:
        clock: of all parts.
        part: its name.
    """

    clock: PartClock
    part: str

    def __call__(self, z: Z, level: int, observations: Observations) -> Z:
        return self.clock.run(self.part, self.denoiser, z, level, observations)

    def linearise(self, z: Z, level: int, observations: Observations) -> tuple[Z, PullBack]:
        """See `methods.diffusion.guidance.linearise`; the pull-back is not this part's."""
        return self.clock.run(self.part, linearise, self.denoiser, z, level, observations)

    def __getattr__(self, name: str) -> Any:
        """Whatever else the denoiser has."""
        return getattr(self.denoiser, name)


@dataclass(frozen=True)
class WatchedSelection:
    """A selection whose choices are timed as a part.

    Attributes:
        selection: what chooses.
        clock: of all parts.
    """

    selection: Selection
    clock: PartClock

    @property
    def candidates(self) -> int:
        return self.selection.candidates

    def components(self, setup: Setup) -> Mapping[str, Component]:
        return self.selection.components(setup)

    def choose(
        self,
        observations: Observations,
        z: Float[Tensor, "seed batch candidate channel"],
        models: Models,
        noise: Noise,
    ) -> Z:
        return self.clock.run("selection", self.selection.choose, observations, z, models, noise)


def watch(policy: SlotPolicy, clock: PartClock) -> SlotPolicy:
    """The policy with its slots timed, one operation after the other; its counts are the same ones."""

    def steered(
        denoiser: Any, steer: Callable[[Tensor, int, Tensor], Steer], rho: Tensor, counts: Counts
    ) -> WatchedDenoiser:
        return WatchedDenoiser(policy.steered(denoiser, steer, rho, counts), clock, "guidance")

    return replace(
        policy,
        denoiser=WatchedDenoiser(policy.denoiser, clock, "denoiser"),
        selection=WatchedSelection(policy.selection, clock),
        recorder=None,
        steered=steered,
    )


def measure_shares(act: Act, clock: PartClock, calls: int) -> Shares:
    """The median over the calls of what each part took, as shares of their sum, after one call to warm up.

    Args:
        act: a call of a policy that the clock watches.
        clock: its clock.
        calls: how many.
    """
    act()
    taken: list[dict[str, float]] = []
    for _ in range(calls):
        clock.seconds.clear()
        clock.run("rest", act)
        taken.append({part: clock.seconds[part] for part in Shares.model_fields})
    parts = {part: float(np.median([each[part] for each in taken])) for part in Shares.model_fields}
    whole = sum(parts.values())
    return Shares(**{part: seconds / whole for part, seconds in parts.items()})
