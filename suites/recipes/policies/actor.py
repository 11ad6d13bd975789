"""A behaviour policy is a tanh-squashed Gaussian whose mean and spread are one small network of the state.

    u ~ N(mean(s), exp(log_std(s))²),  a = tanh(u)

(Soft Actor-Critic, arXiv 1801.01290, appendix C.) The network is dense layers with ReLU between them; the
normalisation that it was trained with is folded into them, which is exact.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

LOG_STD_MIN, LOG_STD_MAX = -20.0, 2.0  # as the policies were trained


class Policy(Protocol):
    """Draws actions for many states at once."""

    def sample(self, observations: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """From observations (n, observation_dim) float32, actions (n, action_dim) float32 in [-1, 1]."""
        ...


@dataclass(frozen=True)
class Uniform:
    """The untrained policy: every action in [-1, 1] is as likely.

    Attributes:
        action_dim: size of one action.
    """

    action_dim: int

    def sample(self, observations: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Actions (n, action_dim) float32 for observations (n, observation_dim)."""
        return generator.uniform(-1.0, 1.0, (len(observations), self.action_dim)).astype(np.float32)


@dataclass(frozen=True)
class Actor:
    """A trained policy.

    Attributes:
        layers: (weights (inputs, outputs), biases (outputs,)) float32; the last layer's outputs are the mean
            and then the log standard deviation before squashing.
    """

    layers: tuple[tuple[np.ndarray, np.ndarray], ...]

    def law(self, observations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and log standard deviation (n, action_dim) before squashing, of observations (n, dim)."""
        hidden = observations
        for weights, biases in self.layers[:-1]:
            hidden = np.maximum(hidden @ weights + biases, 0.0)
        weights, biases = self.layers[-1]
        mean, log_std = np.split(hidden @ weights + biases, 2, axis=1)
        return mean, np.clip(log_std, LOG_STD_MIN, LOG_STD_MAX)

    def sample(self, observations: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Actions (n, action_dim) float32 for observations (n, observation_dim) float32."""
        mean, log_std = self.law(observations)
        noise = generator.standard_normal(mean.shape, np.float32)
        return np.tanh(mean + np.exp(log_std) * noise)


def to_tensors(actor: Actor, prefix: str, dtype: type = np.float32) -> dict[str, np.ndarray]:
    """Its weights by name, as `from_tensors` reads them."""
    named = {}
    for index, (weights, biases) in enumerate(actor.layers):
        named[f"{prefix}.{index}.weights"] = np.ascontiguousarray(weights, dtype)
        named[f"{prefix}.{index}.biases"] = np.ascontiguousarray(biases, dtype)
    return named


def from_tensors(tensors: Mapping[str, np.ndarray], prefix: str) -> Actor:
    """The actor under that prefix.

    Raises:
        KeyError: there is none.
    """
    depth = sum(name.startswith(f"{prefix}.") and name.endswith(".weights") for name in tensors)
    if depth == 0:
        raise KeyError(prefix)
    return Actor(
        tuple(
            (
                tensors[f"{prefix}.{index}.weights"].astype(np.float32),
                tensors[f"{prefix}.{index}.biases"].astype(np.float32),
            )
            for index in range(depth)
        )
    )
