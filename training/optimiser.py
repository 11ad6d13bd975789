"""The optimisers of a component: an AdamW for each group of parameters, with its learning rate, average, clip."""

import copy
import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from foundation.errors import UserError
from training.component import Group
from training.shapes import PerSeed

MOMENTS = ("step", "exp_avg", "exp_avg_sq")
"""What AdamW keeps of a parameter that has taken a step."""


class GroupOptimiser:
    """One group's parameters, optimiser and moving average.

    Args:
        module: what is trained.
        group: which of its parameters, and how.

    Raises:
        UserError: the group has no parameter.
    """

    def __init__(self, module: nn.Module, group: Group):
        self.group = group
        named = [(name, p) for name, p in module.named_parameters() if p.requires_grad]
        self.named = [(name, p) for name, p in named if name.startswith(group.parameters)]
        self.parameters = [p for _, p in self.named]
        if not self.parameters:
            names = ", ".join(sorted({name.partition(".")[0] for name, _ in named})) or "none"
            raise UserError(
                f"optimiser group {group.name!r} has no parameters: none begins with "
                f"{' or '.join(group.parameters)}; the module's begin with {names}."
            )
        self.optimiser = torch.optim.AdamW(
            self.parameters, lr=group.learning_rate, weight_decay=group.weight_decay, fused=True
        )
        self.averages = [p.detach().clone() for p in self.parameters] if group.ema is not None else []
        self.gradient_norm: Tensor | None = None
        self.rate: Tensor | None = None

    def backward(self, loss: PerSeed, keep_graph: bool) -> None:
        """The gradient of the summed loss in the group's own parameters.

        The losses of the seeds are summed: no parameter is shared between seeds and Adam is elementwise, so each
        seed takes the steps it would take alone, up to the rounding of matrix products with other seeds beside it.

        Args:
            loss: of each seed.
            keep_graph: whether another group's loss still needs the graph.
        """
        self.optimiser.zero_grad(set_to_none=True)
        loss.sum().backward(inputs=self.parameters, retain_graph=keep_graph)

    def hold_rate(self, dtype: torch.dtype) -> None:
        """Keep a rate that decays in a tensor, which a captured step reads anew."""
        if self.group.decay_steps is not None:
            device = self.parameters[0].device
            self.rate = torch.tensor(self.group.learning_rate, dtype=dtype, device=device)
            self.optimiser.param_groups[0]["lr"] = self.rate

    def set_rate(self, number: int) -> None:
        """The learning rate of the step after so many."""
        rate = self.learning_rate(number)
        if self.rate is not None:
            self.rate.fill_(rate)
        else:
            self.optimiser.param_groups[0]["lr"] = rate

    def step(self, measure: bool) -> None:
        """One optimiser step at the rate that was set, after clipping, and the moving average's.

        Args:
            measure: whether to keep the norm of each seed's gradient.
        """
        if measure or self.group.clip is not None:
            norm = self._keep_norm(gradient_norm(self.parameters))
            if self.group.clip is not None:
                scale_gradients(self.parameters, (self.group.clip / norm).clamp(max=1.0))
        self.optimiser.step()
        self._average()

    def _keep_norm(self, norm: PerSeed) -> PerSeed:
        """The norm, in the place where it always lies."""
        self.gradient_norm = norm if self.gradient_norm is None else self.gradient_norm.copy_(norm)
        return self.gradient_norm

    def learning_rate(self, number: int) -> float:
        """Cosine decay from the full rate to zero at `decay_steps`, or a constant rate."""
        if self.group.decay_steps is None:
            return self.group.learning_rate
        share = min(number / self.group.decay_steps, 1.0)
        return self.group.learning_rate * 0.5 * (1 + math.cos(math.pi * share))

    @torch.no_grad()
    def _average(self) -> None:
        """average ← (1 - ema) average + ema parameter."""
        if self.group.ema is not None:
            torch._foreach_lerp_(self.averages, self.parameters, self.group.ema)  # pyright: ignore

    def moments(self) -> dict[int, dict[str, Tensor]]:
        """AdamW's own tensors by the places of the parameters that have taken a step."""
        kept = self.optimiser.state_dict()["state"]
        return {place: {name: values[name] for name in MOMENTS} for place, values in kept.items()}

    def fresh_moments(self) -> list[dict[str, Tensor]]:
        """Tensors of the shapes and types of those of each parameter."""
        step = torch.zeros((), device=self.parameters[0].device)
        return [dict(zip(MOMENTS, (step, p.detach(), p.detach()), strict=True)) for p in self.parameters]

    def restore_moments(self, moments: Mapping[int, Mapping[str, Tensor]]) -> None:
        """Go on from what `moments` gave; those of other parameters are forgotten."""
        groups = self.optimiser.state_dict()["param_groups"]
        state = {place: dict(kept) for place, kept in moments.items()}
        self.optimiser.load_state_dict({"state": state, "param_groups": groups})

    def averaged(self) -> Mapping[str, Tensor]:
        """The averages by the names of their parameters; empty for a group without one."""
        if self.group.ema is None:
            return {}
        return {name: average for (name, _), average in zip(self.named, self.averages, strict=True)}


def make_optimisers(module: nn.Module, groups: tuple[Group, ...]) -> list[GroupOptimiser]:
    """One optimiser for each group.

    Raises:
        UserError: a group without parameters, or two groups that share one, whose gradients would mix.
    """
    optimisers = [GroupOptimiser(module, group) for group in groups]
    owner: dict[str, str] = {}
    for optimiser in optimisers:
        for name, _ in optimiser.named:
            if name in owner:
                raise UserError(
                    f"parameter {name} is in the optimiser groups {owner[name]!r} and {optimiser.group.name!r}; "
                    "give each group the beginnings of its own parameters' names."
                )
            owner[name] = optimiser.group.name
    return optimisers


@torch.no_grad()
def gradient_norm(parameters: list[nn.Parameter]) -> PerSeed:
    """The Euclidean norm of each seed's gradient over all parameters."""
    squares = [p.grad.flatten(1).square().sum(1) for p in parameters if p.grad is not None]
    return torch.stack(squares).sum(0).sqrt() if squares else torch.zeros(len(parameters[0]))


@torch.no_grad()
def scale_gradients(parameters: list[nn.Parameter], factor: PerSeed) -> None:
    """Each seed's gradient times its factor."""
    for p in parameters:
        if p.grad is not None:
            p.grad.mul_(factor.view(-1, *[1] * (p.grad.dim() - 1)))


@torch.no_grad()
def averaged_module(module: nn.Module, optimisers: list[GroupOptimiser]) -> nn.Module:
    """The module to keep: where a group has a moving average, its parameters are replaced by it."""
    averages = {name: tensor for optimiser in optimisers for name, tensor in optimiser.averaged().items()}
    if not averages:
        return module
    result = copy.deepcopy(module)
    for name, parameter in result.named_parameters():
        if name in averages:
            parameter.copy_(averages[name])
    return result
