"""Diffusion-QL once more, from the paper: one seed, plain torch layers and optimisers, DDPM by its β's."""

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from training import Data, SeedStreams


class NoiseNet(nn.Module):
    """ε_θ(a_k, k, s): a perceptron of (a_k, s, embedding of the level)."""

    def __init__(self, weights: Mapping[str, Tensor]):
        super().__init__()
        self.frequency = nn.Parameter(weights["level.frequency"][0].clone())
        self.embedding = make_perceptron(weights, "level.mlp", nn.SiLU)
        self.body = make_perceptron(weights, "mlp", nn.SiLU)

    def forward(self, noisy: Tensor, level: Tensor, states: Tensor) -> Tensor:
        """`level` counts from 1, (row,)."""
        turn = 2 * math.pi * level[:, None] * self.frequency
        features = self.embedding(torch.cat([torch.cos(turn), torch.sin(turn)], 1))
        return self.body(torch.cat([noisy, states, features], 1))


def make_perceptron(weights: Mapping[str, Tensor], name: str, activation: type[nn.Module]) -> nn.Sequential:
    """Linear layers that begin at the weights `name.0`, `name.2`, ..., with the activation between."""
    places = sorted(int(key.split(".")[-2]) for key in weights if key.startswith(f"{name}.") and "weight" in key)
    layers: list[nn.Module] = []
    for place in places:
        weight, bias = weights[f"{name}.{place}.weight"], weights[f"{name}.{place}.bias"]
        linear = nn.Linear(weight.shape[0], weight.shape[1])
        linear.weight.data, linear.bias.data = weight.T.clone(), bias[0].clone()
        layers += [linear, activation()]
    return nn.Sequential(*layers[:-1])


@dataclass(frozen=True)
class Sizes:
    """What is trained how.

    Attributes:
        levels, batch: T, rows of a step.
        low, high: range of the actions.
        eta, discount, polyak: η, γ and the rate of the target networks.
        candidates, rate, every, start: next actions, and the averages of the policy that they are of.
        policy_rate, q_rate, decay, clip, ema: learning rates, their cosine decay, the gradient's greatest norm and
            the rate of the average that acts.
    """

    levels: int
    batch: int
    low: Sequence[float]
    high: Sequence[float]
    eta: float
    discount: float
    polyak: float
    candidates: int
    rate: float
    every: int
    start: int
    policy_rate: float
    q_rate: float
    decay: int
    clip: float
    ema: float


@dataclass
class PlainDQL:
    """One seed's training.

    Attributes:
        sizes: of it.
        policy, q: (policy; first and second Q), which begin at the weights that are given.
        noise: the seed's random numbers, drawn in the order: rows, next actions, coin, level, noise, actions.
        losses: (Q's, L_d, L_q) of every step so far.
        coins: whether the first Q was raised in each.
        clipped: steps in which a gradient was, for Q and the policy.
    """

    sizes: Sizes
    policy: NoiseNet
    q: nn.ModuleList
    noise: SeedStreams
    losses: list[tuple[float, float, float]] = field(default_factory=list)
    coins: list[bool] = field(default_factory=list)
    clipped: list[tuple[bool, bool]] = field(default_factory=list)

    def __post_init__(self):
        levels = torch.arange(1, self.sizes.levels + 1, dtype=torch.float64)
        spread = (10 - 0.1) * (2 * levels - 1) / (2 * self.sizes.levels**2)
        self.beta = 1 - torch.exp(-0.1 / self.sizes.levels - spread)
        self.kept = (1 - self.beta).cumprod(0)
        self.target_policy, self.target_q = copy.deepcopy(self.policy), copy.deepcopy(self.q)
        self.acting = copy.deepcopy(self.policy)
        self.policy_steps = torch.optim.Adam(self.policy.parameters(), lr=self.sizes.policy_rate)
        self.q_steps = torch.optim.Adam(self.q.parameters(), lr=self.sizes.q_rate)

    def draw(self, policy: NoiseNet, states: Tensor) -> Tensor:
        """a_0 of the reverse chain, each prediction of it within the range."""
        rows, low, high = len(states), torch.tensor(self.sizes.low), torch.tensor(self.sizes.high)
        a = self.noise.normal(rows, len(low))[0]
        for k in reversed(range(self.sizes.levels)):
            beta, kept = self.beta[k].item(), self.kept[k].item()
            before = self.kept[k - 1].item() if k else 1.0
            predicted = policy(a, torch.full((rows,), k + 1.0), states)
            clean = ((a - math.sqrt(1 - kept) * predicted) / math.sqrt(kept)).clamp(low, high)
            a = (math.sqrt(before) * beta * clean + math.sqrt(1 - beta) * (1 - before) * a) / (1 - kept)
            if k:
                a = a + math.sqrt(beta * (1 - before) / (1 - kept)) * self.noise.normal(rows, len(low))[0]
        return a

    def step(self, data: Data, number: int) -> None:
        """One update of Q and of the policy, both of the networks as they are before it."""
        sizes = self.sizes
        rows = self.noise.integers(len(data), sizes.batch)[0]
        s, a, following = data.observations[rows], data.actions[rows], data.next_observations[rows]
        with torch.no_grad():
            repeated = torch.cat([row.expand(sizes.candidates, -1) for row in following])
            pair = torch.cat([repeated, self.draw(self.target_policy, repeated)], 1)
            each = [q(pair).view(sizes.batch, sizes.candidates).max(1).values for q in self.target_q]
            goal = data.rewards[rows] + sizes.discount * (1 - data.terminals[rows]) * torch.minimum(*each)
        here = torch.cat([s, a], 1)
        q_loss = torch.stack([((q(here)[:, 0] - goal) ** 2).mean() for q in self.q]).sum()
        raised, sized = self.q if self.noise.uniform(1)[0, 0] < 0.5 else reversed(self.q)
        self.coins.append(raised is self.q[0])
        k = self.noise.integers(sizes.levels, sizes.batch)[0]
        eps, kept = self.noise.normal(*a.shape)[0], self.kept[k][:, None].float()
        predicted = self.policy(kept.sqrt() * a + (1 - kept).sqrt() * eps, k + 1.0, s)
        cloning = nn.functional.mse_loss(predicted, eps)
        pair = torch.cat([s, self.draw(self.policy, s)], 1)
        improvement = -sizes.eta * raised(pair).mean() / sized(pair).abs().mean().detach()
        self.losses.append((q_loss.item(), cloning.item(), improvement.item()))
        self._descend(q_loss, cloning + improvement, number)
        self._follow(number)

    def _descend(self, q_loss: Tensor, policy_loss: Tensor, number: int) -> None:
        share = (1 + math.cos(math.pi * min(number / self.sizes.decay, 1.0))) / 2
        bitten = []
        for network, loss in ((self.q, q_loss), (self.policy, policy_loss)):
            parameters = list(network.parameters())
            for p, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
                p.grad = gradient
            bitten.append(float(nn.utils.clip_grad_norm_(parameters, self.sizes.clip)) > self.sizes.clip)
        self.clipped.append((bitten[0], bitten[1]))
        for optimiser, rate in ((self.q_steps, self.sizes.q_rate), (self.policy_steps, self.sizes.policy_rate)):
            optimiser.param_groups[0]["lr"] = rate * share
            optimiser.step()

    def _follow(self, number: int) -> None:
        average(self.acting, self.policy, self.sizes.ema)
        if number >= self.sizes.start and number % self.sizes.every == 0:
            average(self.target_policy, self.policy, self.sizes.rate)
        average(self.target_q, self.q, self.sizes.polyak)


@torch.no_grad()
def average(kept: nn.Module, latest: nn.Module, rate: float) -> None:
    """kept ← (1 - rate) kept + rate latest."""
    for old, new in zip(kept.parameters(), latest.parameters(), strict=True):
        old.copy_((1 - rate) * old + rate * new)


def list_weights(net: nn.Module) -> list[Tensor]:
    """All weights in the order of the layers, matrices as (inputs, outputs) and biases as a row."""
    found = [net.frequency.detach()[None]] if isinstance(net, NoiseNet) else []
    for layer in net.modules():
        if isinstance(layer, nn.Linear):
            found += [layer.weight.detach().T, layer.bias.detach()[None]]
    return found
