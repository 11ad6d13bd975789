"""Calls of a policy captured as CUDA graphs, one for each shape of what it is given, guided or not.

The whole of a call is captured: sampling, guidance, selection and the counts, which are added to in place. Before
each replay states, scales and random numbers are copied to where the graph reads them.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor

from methods.diffusion.guidance import Counts
from methods.diffusion.noise import Noise
from training.capture import CaptureError, Recorder, Work
from training.shapes import Actions, Observations, PerRow

MOST_GRAPHS = 8
"""Calls of further shapes are not captured, since every graph keeps its memory."""
Request: TypeAlias = tuple[Literal["normal", "uniform"], str, tuple[int, ...]]
"""Law, key and shape of random numbers."""
Draw: TypeAlias = Callable[[Observations, PerRow, Noise, bool], Actions]
"""(observations, rho, noise, whether any row is guided) → actions."""
Key: TypeAlias = tuple[bool, tuple[int, ...], int | None]
Evaluations: TypeAlias = tuple[int, int, int]
"""Of the denoiser's network, of gradients, and of networks beside it."""
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class NotedNoise:
    """Noise whose requests are noted, in their order.

    Attributes:
        noise: of the rows.
        requests: so far.
    """

    noise: Noise
    requests: list[Request] = field(default_factory=list)

    def normal(self, key: str, *shape: int) -> Float[Tensor, "seed batch ..."]:
        self.requests.append(("normal", key, shape))
        return self.noise.normal(key, *shape)

    def uniform(self, key: str, *shape: int) -> Float[Tensor, "seed batch ..."]:
        self.requests.append(("uniform", key, shape))
        return self.noise.uniform(key, *shape)


@dataclass(frozen=True)
class HeldNoise:
    """Noise that was drawn before it is asked for, always in the same tensors.

    Attributes:
        numbers: what is given for each request.
    """

    numbers: Mapping[Request, Tensor]

    @classmethod
    def draw(cls, requests: Sequence[Request], noise: Noise) -> "HeldNoise":
        """New tensors with the numbers of these requests."""
        return cls({request: ask(noise, request).clone() for request in requests})

    def fill(self, noise: Noise) -> None:
        """Other numbers into the same tensors."""
        drawn = [ask(noise, request) for request in self.numbers]
        if drawn:
            torch._foreach_copy_(list(self.numbers.values()), drawn)  # pyright: ignore[reportPrivateImportUsage]

    def normal(self, key: str, *shape: int) -> Float[Tensor, "seed batch ..."]:
        return self._find(("normal", key, shape))

    def uniform(self, key: str, *shape: int) -> Float[Tensor, "seed batch ..."]:
        return self._find(("uniform", key, shape))

    def _find(self, request: Request) -> Tensor:
        if request not in self.numbers:
            raise CaptureError(f"the policy asks for noise {request[1]!r} in some calls only")
        return self.numbers[request]


def ask(noise: Noise, request: Request) -> Tensor:
    """The numbers of a request."""
    law, key, shape = request
    return noise.normal(key, *shape) if law == "normal" else noise.uniform(key, *shape)


@dataclass(frozen=True)
class CapturedCall:
    """A call that is replayed.

    Attributes:
        observations, rho, noise: where it reads what it is given.
        actions: where it leaves its actions.
        replay: does it.
        spent: the evaluations that it adds to the counts.
    """

    observations: Observations
    rho: PerRow
    noise: HeldNoise
    actions: Actions
    replay: Work
    spent: Evaluations

    def fill(self, observations: Observations, rho: PerRow, noise: Noise) -> None:
        """What the next replay is of."""
        self.observations.copy_(observations)
        self.rho.copy_(rho)
        self.noise.fill(noise)


class CapturedCalls:
    """The calls of one policy: the first of each shape one operation after the other, later ones replayed.

    Where a call cannot be captured, none is from then on, and the log says why.

    Args:
        draw: what a call does.
        counts: that it adds to.
        recorder: captures it.
    """

    def __init__(self, draw: Draw, counts: Counts, recorder: Recorder):
        self.draw, self.counts, self.recorder = draw, counts, recorder
        self.captured: dict[Key, CapturedCall] = {}
        self.failure: str | None = None
        self._requests: dict[Key, list[Request]] = {}

    def act(self, observations: Observations, rho: PerRow, noise: Noise, guided: bool) -> Actions:
        """Actions, as `draw` gives them."""
        key = guided, tuple(observations.shape), self.counts.apart
        if key in self.captured:
            self.captured[key].fill(observations, rho, noise)
            return self._replay(self.captured[key])
        if self.failure is not None or len(self.captured) == MOST_GRAPHS:
            return self.draw(observations, rho, noise, guided)
        if key not in self._requests:
            noted, made = NotedNoise(noise), []
            self.recorder.run(lambda: made.append(self.draw(observations, rho, noted, guided)))
            self._requests[key] = noted.requests
            return made[0].clone()
        held = HeldNoise.draw(self._requests[key], noise)
        try:
            self.captured[key] = self._capture(observations.clone(), rho.clone(), held, guided)
        except CaptureError as error:
            self.failure = str(error)
            self.captured.clear()
            log.warning("acting without CUDA graphs, which fail here: %s", error)
            return self.draw(observations, rho, held, guided)
        return self._replay(self.captured[key])

    def _capture(self, observations: Observations, rho: PerRow, noise: HeldNoise, guided: bool) -> CapturedCall:
        made: list[Tensor] = []
        before = read_evaluations(self.counts)
        try:
            replay = self.recorder.capture(lambda: made.append(self.draw(observations, rho, noise, guided)))
            after = read_evaluations(self.counts)
        finally:
            self.counts.function, self.counts.gradient, self.counts.beside = before
        spent = after[0] - before[0], after[1] - before[1], after[2] - before[2]
        return CapturedCall(observations, rho, noise, made[0], replay, spent)

    def _replay(self, call: CapturedCall) -> Actions:
        call.replay()
        function, gradient, beside = call.spent
        self.counts.function += function
        self.counts.gradient += gradient
        self.counts.beside += beside
        return call.actions.clone()


def read_evaluations(counts: Counts) -> Evaluations:
    """The counts that are plain numbers."""
    return counts.function, counts.gradient, counts.beside
