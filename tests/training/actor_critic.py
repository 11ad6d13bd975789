"""A toy with two losses, and its training written once more with plain parameters and torch's own AdamW."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import Tensor, nn

from training import Data, Group, SeedLinear, SeedMLP, SeedStreams, Step, Trained

BATCH = 8
CRITIC = Group(name="critic", parameters=("q.",), learning_rate=1e-2, weight_decay=0.1)
ACTOR = Group(name="actor", parameters=("actor.",), learning_rate=3e-2)


class Networks(nn.Module):
    """a = actor(s) and Q(s, a)."""

    def __init__(self, streams: SeedStreams):
        super().__init__()
        self.actor = SeedMLP(streams, [3, 6, 2], "silu")
        self.q = SeedMLP(streams, [5, 6, 1], "silu")


@dataclass(frozen=True)
class ActorCritic(Trained[Networks]):
    """Q regresses the reward; the actor's loss -Q(s, actor(s)) has a gradient in both networks.

    Attributes:
        chosen: the groups, in the order of their steps.
        length: steps.
        idle: steps in which the actor has no loss.
        noise_ahead: whether something random is computed before the first step.
    """

    kind: ClassVar[str] = "actor-critic"
    chosen: tuple[Group, ...] = (CRITIC, ACTOR)
    length: int = 12
    idle: tuple[int, ...] = ()
    noise_ahead: bool = False
    seen: list[int] = field(default_factory=list, compare=False)

    @property
    def steps(self) -> int:
        return self.length

    @property
    def groups(self) -> tuple[Group, ...]:
        return self.chosen

    def build(self, streams: SeedStreams) -> Networks:
        return Networks(streams)

    def precompute(self, step: Step) -> dict[str, Tensor]:
        return {"bonus": step.noise.normal(len(step.data))} if self.noise_ahead else {}

    def losses(self, module: Networks, step: Step) -> Mapping[str, Tensor]:
        self.seen.append(step.number)
        batch = step.sample_batch(BATCH)
        rewards = batch.rewards
        if self.noise_ahead:
            rewards = rewards + step.precomputed["bonus"].gather(1, batch.index)
        q = module.q(torch.cat([batch.observations, batch.actions], -1)).squeeze(-1)
        step.record("mean_q", q.mean(-1))
        found = {"critic": (q - rewards).square().mean(-1)}
        if step.number not in self.idle:
            pair = torch.cat([batch.observations, module.actor(batch.observations)], -1)
            found["actor"] = -module.q(pair).squeeze(-1).mean(-1)
        return found


def toy_data() -> Data:
    numbers = torch.Generator().manual_seed(1)
    states, actions, rewards = (torch.randn(40, size, generator=numbers) for size in (3, 2, 1))
    return Data(states, actions, rewards[:, 0], states, torch.zeros(40))


def quiet(done: int, total: int) -> None:
    pass


@dataclass
class Hand:
    """One seed trained by hand, and what was met on the way.

    Attributes:
        parameters: name → the seed's own, at the end.
        averages: the same, averaged at the actor's rate.
        rows: of every step, by the columns of a learning curve.
    """

    parameters: dict[str, Tensor]
    averages: dict[str, Tensor]
    rows: list[dict[str, float]]


def perceptron(parameters: Mapping[str, Tensor], name: str, x: Tensor) -> Tensor:
    """Two layers with SiLU between."""
    hidden = nn.functional.silu(x @ parameters[f"{name}.0.weight"] + parameters[f"{name}.0.bias"])
    return hidden @ parameters[f"{name}.2.weight"] + parameters[f"{name}.2.bias"]


def train_by_hand(component: ActorCritic, seed: int) -> Hand:
    """Two optimisers, each on its own parameters and its own loss; both losses before either step."""
    data = toy_data()
    fresh = component.build(SeedStreams([seed], "/actor-critic/initial"))
    assert isinstance(fresh.q[0], SeedLinear)
    parameters = {name: p[0].detach().clone().requires_grad_() for name, p in fresh.named_parameters()}
    averages = {name: p.detach().clone() for name, p in parameters.items()}
    noise, rows, norms = SeedStreams([seed], "/actor-critic/training"), [], {}
    groups = {group.name: group for group in component.chosen}
    owned = {
        name: {key: p for key, p in parameters.items() if key.startswith(group.parameters)}
        for name, group in groups.items()
    }
    optimisers = {
        name: torch.optim.AdamW(
            list(owned[name].values()), lr=group.learning_rate, weight_decay=group.weight_decay
        )
        for name, group in groups.items()
    }
    for number in range(component.length):
        index = noise.integers(len(data), BATCH)[0]
        observations, actions, rewards = data.observations[index], data.actions[index], data.rewards[index]
        q = perceptron(parameters, "q", torch.cat([observations, actions], -1))[:, 0]
        losses = {"critic": (q - rewards).square().mean()}
        if number not in component.idle:
            pair = torch.cat([observations, perceptron(parameters, "actor", observations)], -1)
            losses["actor"] = -perceptron(parameters, "q", pair).mean()
        row = {"step": number + 1, "loss": sum(loss.item() for loss in losses.values()), "mean_q": q.mean().item()}
        row |= {name: loss.item() for name, loss in losses.items()}
        for name, group in groups.items():
            turn = torch.tensor(torch.pi * min(number / group.decay_steps, 1.0)) if group.decay_steps else None
            share = 1.0 if turn is None else (1 + turn.cos().item()) / 2
            row[f"learning_rate_{name}"] = group.learning_rate * share
        gradients = {}
        for name, loss in losses.items():
            if number % groups[name].every == 0:
                members = list(owned[name].values())
                gradients[name] = torch.autograd.grad(loss, members, retain_graph=True)
        for name, found in gradients.items():
            group, members = groups[name], list(owned[name].values())
            for p, gradient in zip(members, found, strict=True):
                p.grad = gradient
            norms[f"gradient_norm_{name}"] = torch.cat([g.flatten() for g in found]).norm().item()
            if group.clip is not None:
                nn.utils.clip_grad_norm_(members, group.clip)
            optimisers[name].param_groups[0]["lr"] = row[f"learning_rate_{name}"]
            optimisers[name].step()
            if group.ema is not None:
                for key, p in owned[name].items():
                    averages[key] = (1 - group.ema) * averages[key] + group.ema * p.detach()
        rows.append(row | norms)
    return Hand(parameters, averages, rows)
