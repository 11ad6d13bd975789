"""The three slots of a method: what the denoiser learns, how sampling is steered, how an action is picked.

And what fills them in several methods: the behaviour objective, and guidance by a network.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from methods.core.setup import Setup
from methods.diffusion.denoiser import Denoiser
from methods.diffusion.guidance import Steer, gradient_beside
from methods.diffusion.noise import Noise
from training import Component, Models
from training.shapes import Observations, Z


@runtime_checkable
class Objective(Protocol):
    """What the denoiser is trained on."""

    def component(self, setup: Setup) -> Component:
        """The denoiser's component."""
        ...

    def denoiser(self, model: Any) -> Denoiser:
        """The made component read as a denoiser over the task's observations."""
        ...

    def extra_bounds(self) -> tuple[tuple[float, float], ...]:
        """(lowest, highest) of each channel after the action."""
        ...


@runtime_checkable
class Guidance(Protocol):
    """How sampling is steered."""

    def components(self, setup: Setup, denoiser: Component) -> Mapping[str, Component]:
        """What it needs made, by the names that `steer` finds it by; `denoiser` is the objective's component."""
        ...

    def steer(self, denoiser: Denoiser, models: Models, z: Z, level: int, observations: Observations) -> Steer:
        """The unguided prediction and the score to be added.

        Args:
            denoiser: the objective's, unguided.
            models: the made components, the denoiser's model as `denoiser` among them.
            z: noisy channels.
            level: the same for all rows.
            observations: states.
        """
        ...


@runtime_checkable
class ThroughDenoiser(Guidance, Protocol):
    """A guidance whose gradient goes through the denoiser, and can be stopped there (`guidance.stop_gradient`)."""

    def stop_gradient(self) -> Guidance:
        """The same guidance with the derivative of ẑ_0 taken to be 1/α; see `linearise`."""
        ...


@runtime_checkable
class Selection(Protocol):
    """How one of several candidates is picked; it is not called for one candidate."""

    @property
    def candidates(self) -> int:
        """Draws per observation."""
        ...

    def components(self, setup: Setup) -> Mapping[str, Component]:
        """What it needs made, by the names that `choose` finds it by."""
        ...

    def choose(
        self,
        observations: Observations,
        z: Float[Tensor, "seed batch candidate channel"],
        models: Models,
        noise: Noise,
    ) -> Z:
        """The chosen z of every observation."""
        ...


@dataclass(frozen=True)
class Behaviour:
    """The behaviour objective: diffuse the data's actions, z = a."""

    def component(self, setup: Setup) -> Component:
        """The behaviour denoiser that all methods share."""
        return setup.behaviour()

    def denoiser(self, model: Denoiser) -> Denoiser:
        return model

    def extra_bounds(self) -> tuple[tuple[float, float], ...]:
        return ()


@dataclass(frozen=True)
class ActionObjective:
    """An objective of the method's own over actions alone, z = a.

    Attributes:
        made: setup → the denoiser's component.
    """

    made: Callable[[Setup], Component]

    def component(self, setup: Setup) -> Component:
        return self.made(setup)

    def denoiser(self, model: Denoiser) -> Denoiser:
        return model

    def extra_bounds(self) -> tuple[tuple[float, float], ...]:
        return ()


@dataclass(frozen=True)
class NetGuidance:
    """Guidance by the gradient of a learned log w_k(a, s), which goes through that network alone.

    Attributes:
        network: (setup, denoiser's component) → the network's component.
    """

    network: Callable[[Setup, Component], Component]

    def components(self, setup: Setup, denoiser: Component) -> Mapping[str, Component]:
        """The network, as `guidance`."""
        return {"guidance": self.network(setup, denoiser)}

    def steer(self, denoiser: Denoiser, models: Models, z: Z, level: int, observations: Observations) -> Steer:
        """The denoiser's prediction, and ∇_z log w_k by the network."""
        clean = denoiser(z, level, observations)
        return Steer(clean, gradient_beside(models["guidance"], z, level, observations), beside=1)
