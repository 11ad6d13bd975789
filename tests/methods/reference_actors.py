"""BC, IQL's policy, TD3+BC and CQL once more: one seed, `nn.Linear`, `torch.optim.Adam`, `torch.distributions`.

They begin at the weights of one seed of our networks, and draw the same numbers in the same order; all else is
written from the papers, row by row where ours is batched. Every gradient is of the parameters before the step.
"""

import copy
import math
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Independent, Normal, TanhTransform, Transform, TransformedDistribution

from methods import Data, SeedStreams
from training import SeedLinear, SeedMLP


def copy_perceptron(ours: SeedMLP, row: int, member: int | None = None) -> nn.Sequential:
    """The perceptron of the seed in that row, and of one member of an ensemble."""
    layers: list[nn.Module] = []
    for layer in ours:
        if not isinstance(layer, SeedLinear):
            layers.append(copy.deepcopy(layer))
            continue
        weight, bias = (p.detach()[row] if member is None else p.detach()[row, member] for p in layer.parameters())
        linear = nn.Linear(weight.shape[0], weight.shape[1])
        linear.load_state_dict({"weight": weight.T.clone(), "bias": bias[0].clone()})
        layers.append(linear)
    return nn.Sequential(*layers)


def copy_twins(ours: SeedMLP, row: int) -> list[nn.Sequential]:
    return [copy_perceptron(ours, row, member) for member in (0, 1)]


def pair(network: nn.Module, observations: Tensor, actions: Tensor) -> Tensor:
    """Q(s, a) of one network, (batch,)."""
    return network(torch.cat([observations, actions], -1)).squeeze(-1)


def follow(target: nn.Module, source: nn.Module, rate: float) -> None:
    with torch.no_grad():
        for old, new in zip(target.parameters(), source.parameters(), strict=True):
            old.copy_(rate * new + (1 - rate) * old)


@dataclass(frozen=True)
class Rows:
    """Transitions without a seed axis, (batch, …) each."""

    observations: Tensor
    actions: Tensor
    rewards: Tensor
    next_observations: Tensor
    terminals: Tensor

    def __len__(self) -> int:
        return len(self.rewards)


@dataclass
class Optimised:
    """Parameters with their Adam and the loss that they go down."""

    parameters: list[nn.Parameter]
    optimiser: torch.optim.Optimizer

    @classmethod
    def by_adam(cls, parameters: Iterable[nn.Parameter], rate: float) -> "Optimised":
        own = list(parameters)
        return cls(own, torch.optim.Adam(own, lr=rate))

    def differentiate(self, loss: Tensor) -> list[Tensor]:
        return list(torch.autograd.grad(loss, self.parameters, retain_graph=True))

    def move(self, gradients: list[Tensor]) -> None:
        for p, gradient in zip(self.parameters, gradients, strict=True):
            p.grad = gradient
        self.optimiser.step()


class Reference(ABC):
    """One seed of a method.

    Args:
        component: ours, for its settings.
        module: ours, before the first step.
        models: ours, made, for what it stands on.
        row: of the seed.
        data: the transitions.
        noise: the seed's own numbers, from the first of the training on.
    """

    def __init__(
        self, component: Any, module: Any, models: dict[str, Any], row: int, data: Data, noise: SeedStreams
    ):
        self.component, self.data, self.noise = component, data, noise
        self.number = 0
        self.begin(module, models, row)

    @abstractmethod
    def begin(self, module: Any, models: dict[str, Any], row: int) -> None: ...

    @abstractmethod
    def step(self) -> dict[str, float]:
        """One step; its losses by name."""

    def draw(self, size: int) -> Rows:
        index, data = self.noise.integers(len(self.data), size)[0], self.data
        parts = (data.observations, data.actions, data.rewards, data.next_observations, data.terminals)
        return Rows(*(part[index] for part in parts))

    def see(self, observations: Tensor) -> Tensor:
        """Less their mean, over their deviation and a thousandth, where the method does so."""
        if not getattr(self.component, "normalise", False):
            return observations
        whole = self.data.observations.double()
        mean = whole.sum(0) / len(whole)
        deviation = ((whole - mean) ** 2).sum(0).div(len(whole)).sqrt()
        return ((observations - mean) / (deviation + 1e-3)).float()


class Regressed(Reference):
    """BC and IQL's policy: a weighted regression on the data's actions."""

    def begin(self, module: Any, models: dict[str, Any], row: int) -> None:
        mean = getattr(module, "mean", module)
        self.mean = copy_perceptron(mean.perceptron.layers, row)
        parameters = list(self.mean.parameters())
        self.log_std = nn.Parameter(torch.zeros(self.data.actions.shape[-1]))
        self.is_gaussian = hasattr(module, "log_std")
        config = self.component.config
        parameters += [self.log_std] if self.is_gaussian else []
        self.own = Optimised.by_adam(parameters, config.learning_rate)
        self.schedule = None
        if getattr(self.component, "decay", False):
            self.schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self.own.optimiser, self.component.steps)
        if "critic" in models:
            self.target = copy_twins(models["critic"].target_q, row)
            self.value = copy_perceptron(models["critic"].value[-1], row)

    def weigh(self, batch: Rows) -> Tensor:
        if not hasattr(self, "target"):
            return torch.ones(len(batch))
        q = torch.minimum(*(pair(network, batch.observations, batch.actions) for network in self.target))
        advantage = q - self.value(batch.observations).squeeze(-1)
        beta, most = self.component.inverse_temperature, self.component.greatest_weight
        return torch.tensor([min(math.exp(beta * a), most) for a in advantage.tolist()])

    def drop_out(self, x: Tensor) -> Tensor:
        rate = self.component.config.dropout
        for layer in self.mean:
            x = layer(x)
            if isinstance(layer, nn.ReLU) and rate:
                x = torch.where(self.noise.uniform(*x.shape)[0] < rate, 0.0, x / (1 - rate))
        return torch.tanh(x)

    def step(self) -> dict[str, float]:
        batch = self.draw(self.component.config.batch_size)
        mean = self.drop_out(self.see(batch.observations))
        if self.is_gaussian:
            law = Independent(Normal(mean, self.log_std.clamp(-5, 2).exp()), 1)
            loss = -(self.weigh(batch) * law.log_prob(batch.actions)).mean()
        else:
            loss = nn.functional.mse_loss(mean, batch.actions)
        self.own.move(self.own.differentiate(loss))
        if self.schedule is not None:
            self.schedule.step()
        return {"loss": loss.item()}


class TD3BC(Reference):
    """TD3+BC."""

    def begin(self, module: Any, models: dict[str, Any], row: int) -> None:
        self.actor = nn.Sequential(copy_perceptron(module.actor.perceptron.layers, row), nn.Tanh())
        self.q = copy_twins(module.twin_q, row)
        self.actor_target, self.q_target = copy.deepcopy(self.actor), copy.deepcopy(self.q)
        config = self.component.config
        both = [p for network in self.q for p in network.parameters()]
        self.of_q = Optimised.by_adam(both, config.learning_rate)
        self.of_actor = Optimised.by_adam(self.actor.parameters(), self.component.actor.learning_rate)

    def step(self) -> dict[str, float]:
        own, config = self.component, self.component.config
        batch = self.draw(config.batch_size)
        here, there = self.see(batch.observations), self.see(batch.next_observations)
        drawn = self.noise.normal(*batch.actions.shape)[0] * own.noise
        epsilon = torch.clip(drawn, -own.noise_clip, own.noise_clip)
        smoothed = torch.clip(self.actor_target(there) + epsilon, -1, 1)
        following = torch.minimum(*(pair(network, there, smoothed) for network in self.q_target))
        goal = (batch.rewards + config.discount * (1 - batch.terminals) * following).detach()
        errors = [nn.functional.mse_loss(pair(network, here, batch.actions), goal) for network in self.q]
        loss_q = errors[0] + errors[1]
        chosen = self.actor(here)
        value = pair(self.q[0], here, chosen)
        measured = value if own.scale == "policy" else pair(self.q[0], here, batch.actions)
        strength = own.alpha / measured.abs().mean().item()
        loss_actor = -strength * value.mean() + nn.functional.mse_loss(chosen, batch.actions)
        gradients, of_actor = self.of_q.differentiate(loss_q), self.of_actor.differentiate(loss_actor)
        self.of_q.move(gradients)
        if self.number % own.delay == 0:
            self.of_actor.move(of_actor)
            follow(self.actor_target, self.actor, config.polyak)
            for target, source in zip(self.q_target, self.q, strict=True):
                follow(target, source, config.polyak)
        self.number += 1
        return {"critic": loss_q.item(), "actor": loss_actor.item()}


class CQL(Reference):
    """CQL(H) above soft actor-critic."""

    def begin(self, module: Any, models: dict[str, Any], row: int) -> None:
        self.actor = copy_perceptron(module.actor.perceptron.layers, row)
        self.q = copy_twins(module.twin_q, row)
        self.q_target = copy.deepcopy(self.q)
        self.log_entropy_weight, self.log_multiplier = (nn.Parameter(torch.zeros(())) for _ in range(2))
        rate, own = self.component.config.learning_rate, self.component.actor.learning_rate
        self.of_q = [Optimised.by_adam(network.parameters(), rate) for network in self.q]
        self.of_actor = Optimised.by_adam(self.actor.parameters(), own)
        self.of_entropy = Optimised.by_adam([self.log_entropy_weight], own)
        self.of_multiplier = Optimised.by_adam([self.log_multiplier], rate)

    def law(self, observations: Tensor) -> tuple[TransformedDistribution, Tensor, Tensor]:
        mean, log_std = self.actor(observations).chunk(2, -1)
        std = log_std.clamp(-5, 2).exp()
        squash: list[Transform] = [TanhTransform(cache_size=1)]
        return TransformedDistribution(Independent(Normal(mean, std), 1), squash), mean, std

    def sample(self, observations: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """One action for each row, and its log-density."""
        law, mean, std = self.law(observations)
        squash: Any = law.transforms[0]  # it remembers what it squashed, so that nothing is inverted
        actions = squash(mean + std * noise)
        return actions, law.log_prob(actions)

    def lose_actor(self, batch: Rows) -> tuple[Tensor, Tensor]:
        size = self.data.actions.shape[-1]
        actions, log_prob = self.sample(batch.observations, self.noise.normal(len(batch), 1, size)[0, :, 0])
        entropy = -(self.log_entropy_weight * (log_prob - size).detach()).mean()
        value = torch.minimum(*(pair(network, batch.observations, actions) for network in self.q))
        if self.number < (self.component.warm_up_steps or 0):
            value = self.law(batch.observations)[0].log_prob(batch.actions)
        return entropy, (self.log_entropy_weight.exp().detach() * log_prob - value).mean()

    def find_goal(self, batch: Rows) -> Tensor:
        config, count = self.component.config, self.component.actions if self.component.max_backup else 1
        noise = self.noise.normal(len(batch), count, self.data.actions.shape[-1])[0]
        draws = [self.sample(batch.next_observations, noise[:, place])[0] for place in range(count)]
        greatest = [
            torch.stack([pair(network, batch.next_observations, a) for a in draws]).max(0).values
            for network in self.q_target
        ]
        return (batch.rewards + config.discount * (1 - batch.terminals) * torch.minimum(*greatest)).detach()

    def penalise(self, batch: Rows) -> list[Tensor]:
        """The mean over states of log Σ_a exp Q less Q of the data, of each network."""
        shape = (len(batch), self.component.actions, self.data.actions.shape[-1])
        of_policy = [
            (observations, self.noise.normal(*shape)[0])
            for observations in (batch.observations, batch.next_observations)
        ]
        uniform = self.noise.uniform(*shape)[0] * 2 - 1
        found: list[list[Tensor]] = [[], []]
        for place in range(shape[1]):
            drawn = [self.sample(observations, noise[:, place]) for observations, noise in of_policy]
            drawn.append((uniform[:, place], torch.full((shape[0],), math.log(0.5 ** shape[2]))))
            for actions, log_density in drawn:
                for network, terms in zip(self.q, found, strict=True):
                    q = pair(network, batch.observations, actions.detach())
                    terms.append(torch.exp(q - log_density.detach()))
        return [
            torch.log(sum(terms, torch.zeros(()))).mean() - pair(network, batch.observations, batch.actions).mean()
            for network, terms in zip(self.q, found, strict=True)
        ]

    def step(self) -> dict[str, float]:
        own = self.component
        batch = self.draw(own.config.batch_size)
        loss_entropy, loss_actor = self.lose_actor(batch)
        goal = self.find_goal(batch)
        gaps = [own.alpha * gap for gap in self.penalise(batch)]
        losses_q, loss_multiplier = [], torch.zeros(())
        if own.threshold is not None:
            multiplier = self.log_multiplier.exp()
            excess = [gap.detach() - own.threshold for gap in gaps]
            loss_multiplier = -(multiplier * excess[0] + multiplier * excess[1]) / 2
            gaps = [multiplier.detach() * (gap - own.threshold) for gap in gaps]
        for network, gap in zip(self.q, gaps, strict=True):
            error = nn.functional.mse_loss(pair(network, batch.observations, batch.actions), goal)
            losses_q.append(error + gap)
        of_q = zip(self.of_q, losses_q, strict=True)
        moves = [(self.of_entropy, loss_entropy), (self.of_actor, loss_actor), *of_q]
        said = {"entropy": loss_entropy, "actor": loss_actor, "critic": losses_q[0] + losses_q[1]}
        if own.threshold is not None:
            moves.append((self.of_multiplier, loss_multiplier))
            said["multiplier"] = loss_multiplier
        gradients = [optimised.differentiate(loss) for optimised, loss in moves]
        for (optimised, _), gradient in zip(moves, gradients, strict=True):
            optimised.move(gradient)
        for target, source in zip(self.q_target, self.q, strict=True):
            follow(target, source, own.config.polyak)
        self.number += 1
        return {name: loss.item() for name, loss in said.items()}
