"""The state of a training: what a step changes, and how it goes on from a checkpoint after an interruption."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from foundation.errors import UserError
from training.batch import Data
from training.component import Component, Trained
from training.curve import Curve, OnRow
from training.divergence import Divergence
from training.optimiser import MOMENTS, GroupOptimiser, averaged_module, make_optimisers
from training.saved_state import (
    Owner,
    SavedState,
    SavedStateError,
    check_generator,
    check_tensors,
    pack_state,
    unpack_state,
)
from training.seeds import SeedStreams, name_streams
from training.shapes import PerSeed

SMOOTHING = 0.02


@runtime_checkable
class CheckpointFile(Protocol):
    """Where the last two states of an unfinished training are kept, each whole or not at all."""

    @property
    def owner(self) -> str:
        """What is trained, by a name that nothing else has."""
        ...

    def read(self) -> Mapping[str, bytes]:
        """The states that are kept, by their files' names, the newest first."""
        ...

    def write(self, content: bytes) -> None:
        """Keep one more, and forget all but the one before."""
        ...

    def refuse(self, names: Sequence[str], sentence: str) -> None:
        """Forget states that cannot be gone on from, and tell the user why, and what follows."""
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
        self.diverged: dict[int, Divergence] = {}

    def plan(self, number: int) -> StepPlan:
        """What the step after so many does."""
        due = frozenset(o.group.name for o in self.optimisers if number % o.group.every == 0)
        return StepPlan(number == 0, self.curve.wants(number + 1), due)

    def set_rates(self, number: int) -> None:
        """The learning rates of the step after so many."""
        for optimiser in self.optimisers:
            optimiser.set_rate(number)

    def differentiate(self, losses: Mapping[str, Tensor], plan: StepPlan) -> None:
        """The gradients of every group that is due."""
        unknown = losses.keys() - {optimiser.group.name for optimiser in self.optimisers}
        if unknown:
            names = ", ".join(optimiser.group.name for optimiser in self.optimisers)
            raise UserError(f"a loss is called {sorted(unknown)[0]!r}, but the optimiser groups {names}.")
        due = self._due(losses.keys(), plan)
        for place, optimiser in enumerate(due):
            optimiser.backward(losses[optimiser.group.name], keep_graph=place + 1 < len(due))

    def update(self, names: Set[str], plan: StepPlan) -> None:
        """One step of every group that is due and has a loss, at the rates that were set."""
        for optimiser in self._due(names, plan):
            optimiser.step(measure=plan.shown or len(self.optimisers) > 1)

    def _due(self, names: Set[str], plan: StepPlan) -> list[GroupOptimiser]:
        return [o for o in self.optimisers if o.group.name in names & plan.due]

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

    def tensors(self) -> dict[str, Tensor]:
        """All tensors by name that a state always has; the optimisers' own are in `moments`."""
        found = {f"module/{name}": tensor for name, tensor in self.module.state_dict().items()}
        for optimiser in self.optimisers:
            name = optimiser.group.name
            found |= {f"average/{name}/{place}": tensor for place, tensor in enumerate(optimiser.averages)}
        found |= {f"noise/{place}": state for place, state in enumerate(self.noise.state())}
        return {**found, "smoothed": self.smoothed}

    def moments(self) -> dict[str, Tensor]:
        """What the groups have that have taken a step: gradient norms and the optimisers' own tensors."""
        found: dict[str, Tensor] = {}
        for optimiser in self.optimisers:
            name = optimiser.group.name
            if optimiser.gradient_norm is not None:
                found[f"norm/{name}"] = optimiser.gradient_norm
            for place, kept in optimiser.moments().items():
                found |= {f"adam/{name}/{place}/{of}": tensor for of, tensor in kept.items()}
        return found

    def serialize(self, step: int, owner: Owner) -> bytes:
        """Everything needed to go on from this step."""
        diverged = {str(seed): (each.step, each.reason) for seed, each in self.diverged.items()}
        tensors = self.tensors() | self.moments()
        return pack_state(SavedState(step, tensors, self.curve.state(), diverged), owner)

    def restore(self, saved: SavedState) -> None:
        """Go on from a saved state; nothing is changed where it does not fit.

        Raises:
            SavedStateError: it is not one of this component and these seeds.
        """
        own, possible = self.tensors(), {f"norm/{o.group.name}": self.smoothed for o in self.optimisers}
        for optimiser in self.optimisers:
            for place, like in enumerate(optimiser.fresh_moments()):
                possible |= {f"adam/{optimiser.group.name}/{place}/{of}": tensor for of, tensor in like.items()}
        check_tensors(saved.tensors, own, possible)
        places = range(len(self.noise))
        noise = [saved.tensors[f"noise/{place}"] for place in places]
        for state in noise:
            check_generator(state, self.noise.device)
        moments = {o.group.name: select_moments(saved.tensors, o.group.name) for o in self.optimisers}
        diverged = read_divergences(saved.diverged, self.curve.seeds)
        self.curve.restore(saved.curve, saved.step)
        self.diverged = diverged

        device = self.smoothed.device
        on_device = {name: tensor.to(device) for name, tensor in saved.tensors.items() if name[:6] != "noise/"}
        self.module.load_state_dict({name: on_device[f"module/{name}"] for name in self.module.state_dict()})
        for optimiser in self.optimisers:
            name = optimiser.group.name
            optimiser.averages = [on_device[f"average/{name}/{n}"] for n in range(len(optimiser.averages))]
            optimiser.gradient_norm = on_device.get(f"norm/{name}")
            optimiser.restore_moments(moments[name])
        self.noise.restore(noise)
        self.smoothed = on_device["smoothed"]


def read_divergences(saved: Mapping[str, Any], seeds: Sequence[int]) -> dict[int, Divergence]:
    """The seeds that had diverged.

    Raises:
        SavedStateError: other seeds, or no step and reason.
    """
    found: dict[int, Divergence] = {}
    by_name = {str(seed): seed for seed in seeds}
    for name, said in saved.items():
        match said:
            case [int(step), str(reason)] if name in by_name:
                found[by_name[name]] = Divergence(step, reason)
            case _:
                raise SavedStateError("names diverged seeds that it has not")
    return found


def select_moments(tensors: Mapping[str, Tensor], group: str) -> dict[int, dict[str, Tensor]]:
    """An optimiser's own tensors in a saved state, by the places of their parameters.

    Raises:
        SavedStateError: a parameter has some of them and lacks others.
    """
    found: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        if name.startswith(f"adam/{group}/"):
            place, _, of = name.removeprefix(f"adam/{group}/").partition("/")
            found.setdefault(int(place), {})[of] = tensor
    for place, kept in found.items():
        if len(kept) != len(MOMENTS):
            raise SavedStateError(f"lacks some of adam/{group}/{place}")
    return found


def resume(state: TrainingState, checkpoint: CheckpointFile, owner: Owner) -> int:
    """Go on from the newest state that can be gone on from, else from the start; returns the steps done.

    Args:
        state: a fresh one.
        checkpoint: what is kept.
        owner: whose states they are.
    """
    refused: dict[str, str] = {}
    done = 0
    for name, content in checkpoint.read().items():
        try:
            saved = unpack_state(content, owner)
            state.restore(saved)
        except SavedStateError as error:
            refused[name] = str(error)
        else:
            done = saved.step
            break
    if refused:
        why = "; ".join(f"checkpoint {name!r} {reason}" for name, reason in refused.items())
        goes_on = f"goes on from the one before, after step {done}" if done else "begins at its start"
        checkpoint.refuse(tuple(refused), f"{why}; the training of {owner.component} {goes_on}")
    return done


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
