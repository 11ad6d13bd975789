"""The state of a training: what a step changes, and the checkpoint that it goes on from after an interruption."""

import contextlib
import io
import pickle
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from foundation.errors import UserError
from training.batch import Data
from training.component import Component, Trained
from training.curve import Curve, OnRow
from training.optimiser import averaged_module, make_optimisers
from training.seeds import SeedStreams, name_streams
from training.shapes import PerSeed

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
class StepPlan:
    """What a step does; steps of one plan are the same operations on other numbers.

    Attributes:
        first: whether it is the first of all.
        shown: whether it has a row of the learning curve.
        due: names of the groups whose turn it is.
    """

    first: bool
    shown: bool
    due: frozenset[str]


class TrainingState:
    """What a training step changes: parameters, optimisers, moving averages, random numbers, learning curve."""

    def __init__(self, component: Trained[Any], seeds: Sequence[int], data: Data, on_row: OnRow | None = None):
        self.module, self.noise = build_module(component, seeds, data)
        self.optimisers = make_optimisers(self.module, component.groups)
        self.curve = Curve(seeds, component.steps, on_row)
        self.smoothed = torch.zeros(len(seeds), device=data.rewards.device)

    def plan(self, number: int) -> StepPlan:
        """What the step after so many does."""
        due = frozenset(o.group.name for o in self.optimisers if number % o.group.every == 0)
        return StepPlan(number == 0, self.curve.wants(number + 1), due)

    def set_rates(self, number: int) -> None:
        """The learning rates of the step after so many."""
        for optimiser in self.optimisers:
            optimiser.set_rate(number)

    def step(self, losses: Mapping[str, Tensor], plan: StepPlan) -> None:
        """One step of every group that is due, at the rates that were set."""
        unknown = losses.keys() - {optimiser.group.name for optimiser in self.optimisers}
        if unknown:
            names = ", ".join(optimiser.group.name for optimiser in self.optimisers)
            raise UserError(f"a loss is called {sorted(unknown)[0]!r}, but the optimiser groups {names}.")
        due = [o for o in self.optimisers if o.group.name in losses.keys() & plan.due]
        for place, optimiser in enumerate(due):
            optimiser.backward(losses[optimiser.group.name], keep_graph=place + 1 < len(due))
        for optimiser in due:
            optimiser.step(measure=plan.shown or len(self.optimisers) > 1)

    def smooth(self, losses: Mapping[str, Tensor], plan: StepPlan) -> None:
        """Follow the summed loss of each seed."""
        total = sum_losses(losses, self.smoothed)
        if plan.first:
            self.smoothed.copy_(total)
        else:
            self.smoothed.lerp_(total, SMOOTHING)

    @contextlib.contextmanager
    def allow_capture(self) -> Iterator[None]:
        """Let the optimisers be captured for the time of the block."""
        groups = [optimiser.optimiser.param_groups[0] for optimiser in self.optimisers]
        for group in groups:
            group["capturable"] = True
        try:
            yield
        finally:
            for group in groups:
                group["capturable"] = False

    def record(self, number: int, losses: Mapping[str, Tensor], parts: Mapping[str, Tensor]) -> None:
        """The curve's row of the step after so many; a group that took none in it shows the norm of its last."""
        several = len(self.optimisers) > 1
        values: dict[str, Any] = {"loss": None}  # the first column
        values |= {name: loss.detach() for name, loss in losses.items()} if several else {}
        values |= {**parts, "loss": sum_losses(losses, self.smoothed)}
        for optimiser in self.optimisers:
            suffix = f"_{optimiser.group.name}" if several else ""
            values[f"learning_rate{suffix}"] = optimiser.learning_rate(number)
            if optimiser.gradient_norm is not None:
                values[f"gradient_norm{suffix}"] = optimiser.gradient_norm
        self.curve.add(number + 1, values)

    def result(self) -> nn.Module:
        return averaged_module(self.module, self.optimisers).requires_grad_(False).eval()

    def serialize(self, step: int) -> bytes:
        """Everything needed to go on from this step."""
        content = {
            "step": step,
            "module": self.module.state_dict(),
            "averages": [optimiser.averages for optimiser in self.optimisers],
            "norms": [optimiser.gradient_norm for optimiser in self.optimisers],
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
            self.module.load_state_dict(saved["module"])
            groups = zip(self.optimisers, saved["averages"], saved["norms"], saved["optimisers"], strict=True)
            for optimiser, averages, norm, kept in groups:
                optimiser.averages, optimiser.gradient_norm = averages, norm
                optimiser.optimiser.load_state_dict(kept)
            self.noise.restore([kept.cpu() for kept in saved["noise"]])
            self.curve.restore(saved["curve"])
            self.smoothed = saved["smoothed"]
        except (RuntimeError, EOFError, KeyError, ValueError, TypeError, pickle.UnpicklingError) as error:
            raise UserError(f"{checkpoint} is damaged or of other code; delete it and run again.") from error
        return saved["step"]


def build_module(component: Component, seeds: Sequence[int], data: Data) -> tuple[Any, SeedStreams]:
    """A fresh module on the data's device, and the streams that go on feeding it."""
    purpose = name_streams(data.key, component.kind, "training")
    return build_untrained(component, seeds, data), SeedStreams(seeds, purpose, data.rewards.device)


def build_untrained(component: Component, seeds: Sequence[int], data: Data) -> Any:
    """A module of the right shapes on the data's device, its parameters drawn for this data set."""
    return component.build(
        SeedStreams(seeds, name_streams(data.key, component.kind, "initial"), data.rewards.device)
    )


def sum_losses(losses: Mapping[str, Tensor], like: PerSeed) -> PerSeed:
    """The sum of the groups' losses, without gradient; zeros of the shape of `like` where there is none."""
    return torch.stack([loss.detach() for loss in losses.values()]).sum(0) if losses else torch.zeros_like(like)
