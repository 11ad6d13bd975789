"""The locomotion robots' behaviour policies, tanh-squashed Gaussians, and the loading of their stored weights.

    u ~ N(mean(s), exp(log_std(s))²),  a = tanh(u)

(Soft Actor-Critic, arXiv 1801.01290, appendix C.) Mean and spread are one network of dense layers with ReLU
between them; the normalisation that it was trained with is folded into the layers, which is exact.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from suites.errors import DataError

FOLDER = Path(__file__).parent
EARLIER = "earlier-"  # and a number from 1: the checkpoints before medium
LOG_STD_MIN, LOG_STD_MAX = -20.0, 2.0  # as the policies were trained


class BehaviourPolicy(Protocol):
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
        return generator.uniform(-1.0, 1.0, (len(observations), self.action_dim)).astype(np.float32)


@dataclass(frozen=True)
class Actor:
    """A trained policy.

    Attributes:
        layers: (weights (inputs, outputs), biases (outputs,)) float32; the last layer's outputs are the mean
            and then the log standard deviation before squashing.
    """

    layers: tuple[tuple[np.ndarray, np.ndarray], ...]

    def distribution(self, observations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and log standard deviation (n, action_dim) before squashing, of observations (n, dim)."""
        hidden = observations
        for weights, biases in self.layers[:-1]:
            hidden = np.maximum(hidden @ weights + biases, 0.0)
        weights, biases = self.layers[-1]
        mean, log_std = np.split(hidden @ weights + biases, 2, axis=1)
        return mean, np.clip(log_std, LOG_STD_MIN, LOG_STD_MAX)

    def sample(self, observations: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        mean, log_std = self.distribution(observations)
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


@dataclass(frozen=True)
class RobotPolicies:
    """The policies of one robot.

    Attributes:
        earlier: the untrained policy, then the checkpoints before medium, in the order of training.
        medium: about a third of the expert's score.
        expert: the best.
    """

    earlier: tuple[BehaviourPolicy, ...]
    medium: Actor
    expert: Actor


def load_policies(robot: str, folder: Path = FOLDER) -> RobotPolicies:
    """Load the policies of a robot, as `choose.py` wrote them.

    Raises:
        DataError: they have not been trained, or their file is damaged.
    """
    path = folder / f"{robot}.safetensors"
    if not path.is_file():
        raise DataError(
            f"local data of {robot} cannot be made: its policies are not there ({path.name}); train them with "
            f"`python suites/recipes/policies/train.py --robot {robot}` and then "
            f"`python suites/recipes/policies/choose.py`, or choose other data, such as --data d4rl"
        )
    try:
        tensors = load_file(path)
        expert, medium = (from_tensors(tensors, role) for role in ("expert", "medium"))
        number = len({name.split(".")[0] for name in tensors if name.startswith(EARLIER)})
        earlier = [from_tensors(tensors, f"{EARLIER}{index}") for index in range(1, number + 1)]
    except (OSError, KeyError, IndexError, SafetensorError) as error:
        raise DataError(f"policies in {path} cannot be read ({error}); restore that file") from error
    untrained = Uniform(expert.layers[-1][1].size // 2)
    return RobotPolicies(earlier=(untrained, *earlier), medium=medium, expert=expert)
