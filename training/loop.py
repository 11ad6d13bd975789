"""The training loop of every component, all seeds at once: a list of named calls."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from foundation.errors import UserError
from training.batch import Data
from training.checkpoint import CheckpointFile, TrainingState, build_module, resume
from training.component import Component, Computed, Models, Progress, Step, Trained
from training.curve import Curve, OnRow
from training.saved_state import Owner
from training.steps import make_steps

REPORT_EVERY = 50
CHECKPOINT_SECONDS = 300.0


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
        checkpoint: where the state is kept every five minutes, so that a killed run goes on from there; what
            cannot be gone on from is refused in words.
        on_row: told every row of the learning curve.

    Raises:
        UserError: a loss that is no longer finite.
    """
    state = TrainingState(component, seeds, data, on_row)
    given = Step(data, models, state.noise)
    given = replace(given, precomputed=component.precompute(given))
    name = component.kind if checkpoint is None else checkpoint.owner
    owner = Owner(name, tuple(seeds), data.key, component.steps)
    first = resume(state, checkpoint, owner) if checkpoint is not None else 0
    steps = make_steps(component, state, given)
    saved_at = time.monotonic()
    for number in range(first, component.steps):
        steps.take(number)
        if (number + 1) % REPORT_EVERY == 0 or number + 1 == component.steps:
            check_finite(component, state.smoothed, seeds, number + 1)
            progress(number + 1, component.steps)
        if checkpoint is not None and time.monotonic() - saved_at > CHECKPOINT_SECONDS:
            checkpoint.write(state.serialize(number + 1, owner))
            saved_at = time.monotonic()
    return Fitted(state.result(), state.smoothed.tolist(), state.curve)


def compute(
    component: Computed, data: Data, models: Models, seeds: Sequence[int], progress: Progress
) -> nn.Module:
    """Make a component that is computed rather than trained."""
    module, noise = build_module(component, seeds, data)
    component.compute(module, Step(data, models, noise), progress)
    return module.requires_grad_(False).eval()


def check_finite(component: Component, losses: Tensor, seeds: Sequence[int], step: int) -> None:
    """Stop on a diverged loss rather than store a broken component."""
    if losses.isfinite().all():
        return
    bad = [seed for seed, loss in zip(seeds, losses.tolist(), strict=True) if not math.isfinite(loss)]
    raise UserError(
        f"training of {component.kind} diverged before step {step} for seed {', '.join(map(str, bad))}; lower its "
        "learning rate (a setting such as --critic.learning-rate, --denoiser.learning-rate or "
        "--guidance-net.learning-rate) or check the data's scale."
    )
