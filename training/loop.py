"""The training loop of every component, all seeds at once: a list of named calls."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import nn

from foundation import stopping
from training.batch import Data
from training.checkpoint import CheckpointFile, TrainingState, build_module, resume
from training.component import Computed, Models, Progress, Step, Trained
from training.curve import Curve, OnRow
from training.divergence import (
    Divergence,
    explain,
    find_diverged_losses,
    find_diverged_parameters,
    find_diverged_values,
)
from training.filled_rows import FilledRows, PartFiles
from training.saved_state import Owner
from training.steps import make_steps

REPORT_EVERY = 50
CHECKPOINT_SECONDS = 120.0


@dataclass(frozen=True)
class Fitted:
    """A made component.

    Attributes:
        module: frozen, with the moving average of the groups that have one.
        losses: the smoothed last loss of each seed; none of what is computed.
        curve: the learning curve; without a row of what is computed.
        diverged: the seeds whose numbers are of no use, and why; where all are, the training ended there.
        doubts: other seeds whose values look wrong, and what they are.
    """

    module: nn.Module
    losses: list[float]
    curve: Curve
    diverged: Mapping[int, Divergence] = field(default_factory=dict)
    doubts: Mapping[int, str] = field(default_factory=dict)


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
    """Train a component for all seeds; one that diverges does not stop the others.

    A signal that asks to stop (see `foundation.stopping`) ends it once the state is kept: that behind a step, or
    before it where the step has changed nothing yet.

    Args:
        component: what to train.
        data: the transitions, on the device to train on.
        models: its made upstream components.
        seeds: the training seeds, in the order of the leading axis.
        progress: called with (steps done, steps).
        checkpoint: where the state is kept every two minutes, so that a killed run goes on from there; what
            cannot be gone on from is refused in words.
        on_row: told every row of the learning curve.

    Raises:
        Stopped: a signal asked for it.
    """
    name = component.kind if checkpoint is None else checkpoint.owner
    owner = Owner(name, tuple(seeds), data.key, component.steps)
    with stopping.release():  # the first optimiser of a process imports for seconds
        state = TrainingState(component, seeds, data, on_row)
        component.take_over(state.module, models)
        given = Step(data, models, state.noise)
        given = replace(given, precomputed=component.precompute(given))
        first = resume(state, checkpoint, owner) if checkpoint is not None else 0
        steps = make_steps(component, state, given)
    saved_at = time.monotonic()
    with stopping.hold():
        for number in range(first, component.steps):
            try:
                steps.take(number)
            except stopping.Stopped:
                if checkpoint is not None and number > first:
                    checkpoint.write(state.serialize(number, owner))
                raise
            if (number + 1) % REPORT_EVERY == 0 or number + 1 == component.steps:
                find_diverged(component, state, given, number + 1)
                if len(state.diverged) == len(seeds):
                    break
                progress(number + 1, component.steps)
            is_due = time.monotonic() - saved_at > CHECKPOINT_SECONDS
            if checkpoint is not None and (is_due or stopping.is_asked()):
                checkpoint.write(state.serialize(number + 1, owner))
                saved_at = time.monotonic()
            stopping.check()
    return finish(component, state, given)


def find_diverged(component: Trained[Any], state: TrainingState, given: Step, done: int) -> None:
    """Note the seeds that have diverged by now, after so many steps."""
    found = find_diverged_losses(state.smoothed, state.curve.seeds)
    found = {seed: seen for seed, seen in found.items() if seed not in state.diverged}
    state.diverged |= explain(component, state.module, given, found, state.curve, done)


def finish(component: Trained[Any], state: TrainingState, given: Step) -> Fitted:
    """What is kept of a training after its last step; parameters and values that cannot be are seen here."""
    module, seeds = state.result(), state.curve.seeds
    notes = component.diagnose(module, given)
    found = find_diverged_values(notes, seeds) | find_diverged_parameters(module, seeds)
    found = {seed: seen for seed, seen in found.items() if seed not in state.diverged}
    state.diverged |= explain(component, module, given, found, state.curve, component.steps)
    left = {seed: note for seed, note in zip(seeds, notes, strict=False) if seed not in state.diverged}
    doubts = {seed: note.text for seed, note in left.items() if note.is_doubtful}
    return Fitted(module, state.smoothed.tolist(), state.curve, state.diverged, doubts)


def compute(
    component: Computed,
    data: Data,
    models: Models,
    seeds: Sequence[int],
    progress: Progress,
    parts: PartFiles | None = None,
) -> nn.Module:
    """Make a component that is computed rather than trained.

    Args:
        component: what to compute.
        data, models, seeds, progress: as of `fit`.
        parts: where the rows of a component that can go on are kept every two minutes and when a signal stops it.

    Raises:
        Stopped: a signal asked for it.
    """
    module, noise = build_module(component, seeds, data)
    step = Step(data, models, noise)
    if parts is None or not component.filled:
        component.compute(module, step, progress)
    else:
        rows = FilledRows(component, module, seeds, data.key, parts, CHECKPOINT_SECONDS)
        step = replace(step, done=rows.resume())
        with stopping.hold():
            component.compute(module, step, rows.follow(progress))
    return module.requires_grad_(False).eval()
