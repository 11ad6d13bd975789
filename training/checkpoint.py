"""The state of a training: what a step changes, and the checkpoint that it goes on from after an interruption."""

import io
import pickle
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from foundation.errors import UserError
from training.batch import Data
from training.component import Component, Step, Trained
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


class TrainingState:
    """What a training step changes: parameters, optimisers, moving averages, random numbers, learning curve."""

    def __init__(self, component: Trained[Any], seeds: Sequence[int], data: Data, on_row: OnRow | None = None):
        self.module, self.noise = build_module(component, seeds, data)
        self.optimisers = make_optimisers(self.module, component.groups)
        self.curve = Curve(seeds, component.steps, on_row)
        self.smoothed = torch.zeros(len(seeds), device=data.rewards.device)

    def step(self, losses: Mapping[str, Tensor], step: Step) -> None:
        """One step of every group that is due, and its row of the curve."""
        shown = self.curve.wants(step.number + 1)
        unknown = losses.keys() - {optimiser.group.name for optimiser in self.optimisers}
        if unknown:
            names = ", ".join(optimiser.group.name for optimiser in self.optimisers)
            raise UserError(f"a loss is called {sorted(unknown)[0]!r}, but the optimiser groups {names}.")
        due = [o for o in self.optimisers if o.group.name in losses and step.number % o.group.every == 0]
        for place, optimiser in enumerate(due):
            optimiser.backward(losses[optimiser.group.name], keep_graph=place + 1 < len(due))
        for optimiser in due:
            optimiser.step(step.number, measure=shown or len(self.optimisers) > 1)
        if shown:
            self._record(losses, step)

    def smooth(self, losses: Mapping[str, Tensor], number: int) -> None:
        """Follow the summed loss of each seed."""
        total = sum_losses(losses, self.smoothed)
        self.smoothed = total if number == 0 else torch.lerp(self.smoothed, total, SMOOTHING)

    def _record(self, losses: Mapping[str, Tensor], step: Step) -> None:
        """A row of the curve; a group that took no step in this one shows the norm of its last."""
        several = len(self.optimisers) > 1
        values: dict[str, Any] = {"loss": None}  # the first column
        values |= {name: loss.detach() for name, loss in losses.items()} if several else {}
        values |= step.parts | {"loss": sum_losses(losses, self.smoothed)}
        for optimiser in self.optimisers:
            suffix = f"_{optimiser.group.name}" if several else ""
            values[f"learning_rate{suffix}"] = optimiser.learning_rate(step.number)
            if optimiser.gradient_norm is not None:
                values[f"gradient_norm{suffix}"] = optimiser.gradient_norm
        self.curve.add(step.number + 1, values)

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
