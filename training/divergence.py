"""Which seeds of a training have diverged: numbers that are not finite or can never be, after which step, and why.

Seeds share no number, so that the others are not touched by one that diverged.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from training.component import Diagnosis, Step, Trained
from training.curve import Curve
from training.shapes import PerSeed


@dataclass(frozen=True)
class Divergence:
    """A seed that diverged.

    Attributes:
        step: after which this was seen.
        reason: what was seen, and what to do.
    """

    step: int
    reason: str


def find_diverged_losses(losses: PerSeed, seeds: Sequence[int]) -> dict[int, str]:
    """What is said of each seed whose smoothed loss is not finite."""
    values = zip(seeds, losses.tolist(), strict=True)
    return {seed: f"its loss is {loss}" for seed, loss in values if not math.isfinite(loss)}


@torch.no_grad()
def find_diverged_parameters(module: nn.Module, seeds: Sequence[int]) -> dict[int, str]:
    """What is said of each seed that has a parameter which is not finite."""
    found: dict[int, str] = {}
    for name, parameter in module.named_parameters():
        finite = parameter.flatten(1).isfinite().all(1).tolist()
        for seed, is_finite in zip(seeds, finite, strict=True):
            if not is_finite:
                found.setdefault(seed, f"its parameter {name} is not finite")
    return found


def find_diverged_values(notes: Sequence[Diagnosis], seeds: Sequence[int]) -> dict[int, str]:
    """What is said of each seed whose values can never be right."""
    both = zip(seeds, notes, strict=bool(notes))
    return {seed: "its values are beyond what they can be" for seed, note in both if note.has_diverged}


def explain(
    component: Trained[Any],
    module: nn.Module,
    given: Step,
    found: Mapping[int, str],
    curve: Curve,
    done: int,
) -> dict[int, Divergence]:
    """What was seen of the seeds that diverged, what their values say, and the remedy.

    Args:
        component, module: what is trained.
        given: with the data.
        found: seeds with what was seen of them.
        curve: their losses so far.
        done: steps done.
    """
    if not found:
        return {}
    notes = component.diagnose(module, given)
    explained: dict[int, Divergence] = {}
    for seed, seen in found.items():
        place = list(curve.seeds).index(seed)
        parts = [f"diverged: {seen}", *curve.describe_last_finite(place)]
        parts += [notes[place].text] if notes else []
        explained[seed] = Divergence(done, f"{', '.join(parts)}; {component.remedy}")
    return explained
