"""The training loop of every component, all seeds at once: a list of named calls."""

import io
import math
import pickle
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from foundation.errors import UserError
from training.batch import Data
from training.component import Component, Computed, Models, Progress, Step, Trained
from training.curve import Curve, OnRow
from training.optimiser import GroupOptimiser, averaged_module
from training.seeds import SeedStreams

REPORT_EVERY = 50
CHECKPOINT_SECONDS = 300.0
SMOOTHING = 0.02


@runtime_checkable
class CheckpointFile(Protocol):
    """Where the state of an unfinished training is kept, whole or not at all."""

    def read(self) -> bytes | None:
        """What was written last, or None."""
        ...

    def write(self, content: bytes) -> None:
        """Replace it."""
        ...


@dataclass(frozen=True)
class Fitted:
    """A trained component.

    Attributes:
        module: frozen, with the moving average of the groups that have one.
        losses: the smoothed last loss of each seed.
        curve: the learning curve.
    """

    module: nn.Module
    losses: list[float]
    curve: Curve


@torch.enable_grad()
def fit(
    component: Trained[Any],
    data: Data,
    models: Models,
    seeds: Sequence[int],
    progress: Progress,
    checkpoint: CheckpointFile | None = None,
    on_row: OnRow | None = None,
) -> Fitted:
    """Train a component for all seeds.

    Args:
        component: what to train.
        data: the transitions, on the device to train on.
        models: its made upstream components.
        seeds: the training seeds, in the order of the leading axis.
        progress: called with (steps done, steps).
        checkpoint: where the state is kept every five minutes, so that a killed run goes on from there.
        on_row: told every row of the learning curve.

    Raises:
        UserError: a loss that is no longer finite, or a damaged checkpoint.
    """
    state = TrainingState(component, seeds, data.rewards.device, on_row)
    precomputed = component.precompute(Step(data, models, state.noise))
    first = state.restore(checkpoint)
    saved_at = time.monotonic()
    for number in range(first, component.steps):
        step = Step(data, models, state.noise, precomputed, number)
        losses = component.losses(state.module, step)
        state.step(losses, step)
        component.after_step(state.module, step)
        state.smooth(losses, number)
        if (number + 1) % REPORT_EVERY == 0 or number + 1 == component.steps:
            check_finite(component, state.smoothed, seeds, number + 1)
            progress(number + 1, component.steps)
        if checkpoint is not None and time.monotonic() - saved_at > CHECKPOINT_SECONDS:
            checkpoint.write(state.saved(number + 1))
            saved_at = time.monotonic()
    return Fitted(state.result(), state.smoothed.tolist(), state.curve)


def compute(
    component: Computed, data: Data, models: Models, seeds: Sequence[int], progress: Progress
) -> nn.Module:
    """Make a component that is computed rather than trained."""
    module, noise = make(component, seeds, data.rewards.device)
    component.compute(module, Step(data, models, noise), progress)
    return module.requires_grad_(False).eval()


def make(component: Component, seeds: Sequence[int], device: torch.device) -> tuple[Any, SeedStreams]:
    """A fresh module and the streams that go on feeding it."""
    module = component.build(SeedStreams(seeds, f"{component.kind}/initial", device))
    return module, SeedStreams(seeds, f"{component.kind}/training", device)


def summed(losses: Any) -> Float[Tensor, " seed"]:
    """The sum of the groups' losses, without gradient."""
    return torch.stack([loss.detach() for loss in losses.values()]).sum(0)


def check_finite(component: Component, losses: Tensor, seeds: Sequence[int], step: int) -> None:
    """Stop on a diverged loss rather than store a broken component."""
    if losses.isfinite().all():
        return
    bad = [seed for seed, loss in zip(seeds, losses.tolist(), strict=True) if not math.isfinite(loss)]
    raise UserError(
        f"training of {component.kind} diverged before step {step} for seed {', '.join(map(str, bad))}; "
        "lower its learning rate (for example --denoiser.learning-rate 1e-4) or check the data's scale."
    )


class TrainingState:
    """What a training step changes: parameters, optimisers, moving averages, random numbers, learning curve."""

    def __init__(
        self, component: Trained[Any], seeds: Sequence[int], device: torch.device, on_row: OnRow | None = None
    ):
        self.module, self.noise = make(component, seeds, device)
        self.optimisers = [GroupOptimiser(self.module, group) for group in component.groups]
        self.curve = Curve(seeds, component.steps, on_row)
        self.smoothed = torch.zeros(len(seeds), device=device)

    def step(self, losses: Any, step: Step) -> None:
        """One step of every group that is due, and its row of the curve."""
        measure = self.curve.wants(step.number + 1)
        due = [o for o in self.optimisers if o.group.name in losses and step.number % o.group.every == 0]
        for place, optimiser in enumerate(due):
            optimiser.backward(losses[optimiser.group.name], keep_graph=place + 1 < len(due))
        for optimiser in due:
            optimiser.step(step.number, measure)
        if measure:
            self._record(losses, due, step)

    def smooth(self, losses: Any, number: int) -> None:
        """Follow the summed loss of each seed."""
        total = summed(losses)
        self.smoothed = total if number == 0 else torch.lerp(self.smoothed, total, SMOOTHING)

    def _record(self, losses: Any, due: Sequence[GroupOptimiser], step: Step) -> None:
        several = len(self.optimisers) > 1
        values: dict[str, Any] = {"loss": summed(losses)}
        values |= {name: loss.detach() for name, loss in losses.items()} if several else {}
        values |= step.parts
        for optimiser in due:
            suffix = f"_{optimiser.group.name}" if several else ""
            values[f"learning_rate{suffix}"] = optimiser.learning_rate(step.number)
            values[f"gradient_norm{suffix}"] = optimiser.gradient_norm
        self.curve.add(step.number + 1, values)

    def result(self) -> nn.Module:
        """The module to keep, frozen."""
        return averaged_module(self.module, self.optimisers).requires_grad_(False).eval()

    def saved(self, step: int) -> bytes:
        """Everything needed to go on from this step."""
        content = {
            "step": step,
            "module": self.module.state_dict(),
            "averages": [optimiser.averages for optimiser in self.optimisers],
            "optimisers": [optimiser.optimiser.state_dict() for optimiser in self.optimisers],
            "noise": self.noise.state(),
            "curve": self.curve.state(),
            "smoothed": self.smoothed,
        }
        buffer = io.BytesIO()
        torch.save(content, buffer)
        return buffer.getvalue()

    def restore(self, checkpoint: CheckpointFile | None) -> int:
        """Go on from a checkpoint; returns the step to start with.

        Raises:
            UserError: a damaged file.
        """
        content = checkpoint.read() if checkpoint is not None else None
        if content is None:
            return 0
        device = next(self.module.parameters()).device
        try:
            saved = torch.load(io.BytesIO(content), map_location=device, weights_only=True)
        except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
            raise UserError(f"{checkpoint} is damaged; delete it and run again.") from error
        self.module.load_state_dict(saved["module"])
        for optimiser, averages, state in zip(
            self.optimisers, saved["averages"], saved["optimisers"], strict=True
        ):
            optimiser.averages = averages
            optimiser.optimiser.load_state_dict(state)
        self.noise.restore([state.cpu() for state in saved["noise"]])
        self.curve.restore(saved["curve"])
        self.smoothed = saved["smoothed"]
        return saved["step"]
