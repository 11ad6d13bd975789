"""One loop trains every component, all seeds at once; a list of named calls.

The losses of the seeds are summed: no parameter is shared between seeds and Adam is elementwise, so each seed
takes exactly the steps it would take alone.
"""

import copy
import io
import math
import pickle
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from foundation.errors import UserError
from foundation.files import write_atomically
from training.component import Computed, Data, Parts, Progress, Trained, Training
from training.seeds import SeedStreams

REPORT_EVERY = 50
CHECKPOINT_SECONDS = 300.0


def fit(
    component: Trained[Any, Any],
    data: Data,
    parts: Parts,
    seeds: Sequence[int],
    progress: Progress,
    checkpoint: Path | None = None,
) -> tuple[nn.Module, list[float]]:
    """Train a component for all seeds.

    Args:
        component: what to train.
        data: the transitions, on the device to train on.
        parts: its made upstream components.
        seeds: the training seeds, in the order of the leading axis.
        progress: called with (steps done, steps).
        checkpoint: where to keep the state every five minutes, so that a killed run goes on from there.

    Returns:
        The module (its moving average where the component has one) and the last losses per seed.

    Raises:
        UserError: a loss that is no longer finite.
    """
    training = component.training
    module, streams = make(component, seeds, data.rewards.device)
    state = TrainingState(module, training, streams)
    start = state.restore(checkpoint)
    tables = component.tables(data, parts, len(seeds))
    smoothed = torch.zeros(len(seeds), device=data.rewards.device)
    saved_at = time.monotonic()
    for step in range(start, training.steps):
        state.set_learning_rate(step)
        batch = component.draw(data, tables, parts, streams)
        loss = component.loss(module, batch, tables, parts, streams)
        state.step(loss.sum())
        component.after_step(module)
        state.average()
        smoothed = loss.detach() if step == start else torch.lerp(smoothed, loss.detach(), 0.02)
        if (step + 1) % REPORT_EVERY == 0 or step + 1 == training.steps:
            check_finite(component, smoothed, seeds, step + 1)
            progress(step + 1, training.steps)
        if checkpoint is not None and time.monotonic() - saved_at > CHECKPOINT_SECONDS:
            state.save(checkpoint, step + 1)
            saved_at = time.monotonic()
    return state.result().requires_grad_(False).eval(), smoothed.tolist()


def compute(component: Computed, data: Data, parts: Parts, seeds: Sequence[int], progress: Progress) -> nn.Module:
    """Make a component that is computed rather than trained."""
    module, streams = make(component, seeds, data.rewards.device)
    component.compute(module, data, parts, streams, progress)
    return module.requires_grad_(False).eval()


def make(component: Any, seeds: Sequence[int], device: torch.device) -> tuple[nn.Module, SeedStreams]:
    """A fresh module and the streams that go on feeding it."""
    module = component.build(SeedStreams(seeds, f"{component.kind}/initial", device))
    return module, SeedStreams(seeds, f"{component.kind}/training", device)


def check_finite(component: Any, losses: Tensor, seeds: Sequence[int], step: int) -> None:
    """Stop on a diverged loss rather than store a broken component."""
    if losses.isfinite().all():
        return
    bad = [seed for seed, loss in zip(seeds, losses.tolist(), strict=True) if not math.isfinite(loss)]
    raise UserError(
        f"training of {component.kind} diverged before step {step} for seed {', '.join(map(str, bad))}; "
        "lower its learning rate (for example --denoiser.learning-rate 1e-4) or check the data's scale."
    )


class TrainingState:
    """What a training step changes: parameters, optimiser, moving average, random numbers."""

    def __init__(self, module: nn.Module, training: Training, streams: SeedStreams):
        self.module, self.training, self.streams = module, training, streams
        self.parameters = [p for p in module.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(
            self.parameters, lr=training.learning_rate, weight_decay=training.weight_decay, fused=True
        )
        self.averaged = copy.deepcopy(module) if training.ema is not None else None

    def set_learning_rate(self, step: int) -> None:
        """Cosine decay from the full rate to zero at `decay_steps`, or a constant rate."""
        if self.training.decay_steps is None:
            return
        share = min(step / self.training.decay_steps, 1.0)
        rate = self.training.learning_rate * 0.5 * (1 + math.cos(math.pi * share))
        for group in self.optimizer.param_groups:
            group["lr"] = rate

    def step(self, loss: Tensor) -> None:
        """One optimiser step on the summed loss."""
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()

    @torch.no_grad()
    def average(self) -> None:
        """averaged ← (1 - ema) averaged + ema parameters."""
        if self.averaged is None or self.training.ema is None:
            return
        averages = [p for p in self.averaged.parameters() if p.requires_grad]
        torch._foreach_lerp_(averages, self.parameters, self.training.ema)  # pyright: ignore

    def result(self) -> nn.Module:
        """The module to keep."""
        return self.module if self.averaged is None else self.averaged

    def save(self, path: Path, step: int) -> None:
        """Keep everything needed to go on from this step."""
        content = {
            "step": step,
            "module": self.module.state_dict(),
            "averaged": self.averaged.state_dict() if self.averaged is not None else None,
            "optimizer": self.optimizer.state_dict(),
            "streams": self.streams.state(),
        }
        buffer = io.BytesIO()
        torch.save(content, buffer)
        write_atomically(path, buffer.getvalue())

    def restore(self, path: Path | None) -> int:
        """Go on from a saved step; returns the step to start with.

        Raises:
            UserError: a damaged file.
        """
        if path is None or not path.is_file():
            return 0
        device = next(self.module.parameters()).device
        try:
            content = torch.load(path, map_location=device, weights_only=True)
        except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
            raise UserError(f"checkpoint {str(path)!r} is damaged; delete it and run again.") from error
        self.module.load_state_dict(content["module"])
        if self.averaged is not None:
            self.averaged.load_state_dict(content["averaged"])
        self.optimizer.load_state_dict(content["optimizer"])
        self.streams.restore([state.cpu() for state in content["streams"]])
        return content["step"]
