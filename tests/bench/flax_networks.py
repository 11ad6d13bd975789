"""The authors' networks in NumPy, from the definitions of their flax modules: parameters, denoiser, Q, V and SWG's
sampler. Nothing of this project is used.
"""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import TypeAlias

import numpy as np

Tree: TypeAlias = dict[str, np.ndarray]
EPSILON = 1e-6  # of flax's LayerNorm
BLOCKS, WEIGHT_BLOCK = 3, 1


def draw_dense(rng: np.random.Generator, path: str, inputs: int, outputs: int, members: int = 0) -> Tree:
    lead = (members,) if members else ()
    kernel = rng.standard_normal((*lead, inputs, outputs)) / np.sqrt(inputs)
    return {f"{path}/kernel": kernel, f"{path}/bias": 0.1 * rng.standard_normal((*lead, outputs))}


def draw_norm(rng: np.random.Generator, path: str, size: int) -> Tree:
    return {
        f"{path}/scale": 1 + 0.3 * rng.standard_normal(size),
        f"{path}/bias": 0.3 * rng.standard_normal(size),
    }


def draw_denoiser(
    seed: int, observations: int, actions: int, weight: bool, width: int, frequencies: int, features: int
) -> Tree:
    """`DDPM` of FourierFeatures, MLP and MLPResNet, or MLPResNet_mod where it predicts a weight too."""
    rng, body = np.random.default_rng(seed), "MLPResNet_mod_0" if weight else "MLPResNet_0"
    tree: Tree = {"FourierFeatures_0/kernel": 0.2 * rng.standard_normal((frequencies, 1))}
    tree |= draw_dense(rng, "MLP_0/Dense_0", 2 * frequencies, features)
    tree |= draw_dense(rng, "MLP_0/Dense_1", features, features)
    tree |= draw_dense(rng, f"{body}/Dense_0", actions + weight + observations + features, width)
    for block in range(BLOCKS):
        place = f"{body}/MLPResNetBlock_{block}"
        tree |= draw_norm(rng, f"{place}/LayerNorm_0", width)
        tree |= draw_dense(rng, f"{place}/Dense_0", width, 4 * width)
        tree |= draw_dense(rng, f"{place}/Dense_1", 4 * width, width)
    if weight:
        tree |= draw_dense(rng, f"{body}/MLP_0/Dense_0", width, width)
        tree |= draw_dense(rng, f"{body}/MLP_0/Dense_1", width, 1)
    tree |= draw_dense(rng, f"{body}/Dense_1", width, actions)
    return {path: array.astype(np.float32) for path, array in tree.items()}


def draw_q(seed: int, observations: int, actions: int, width: int, module: str) -> Tree:
    """An `Ensemble` of two, whose arrays have the members first."""
    rng, sizes = np.random.default_rng(seed), [observations + actions, width, width]
    tree: Tree = {}
    for number, (inputs, outputs) in enumerate(pairwise(sizes)):
        tree |= draw_dense(rng, f"{module}/MLP_0/Dense_{number}", inputs, outputs, members=2)
    tree |= draw_dense(rng, f"{module}/Dense_0", width, 1, members=2)
    return {path: array.astype(np.float32) for path, array in tree.items()}


def draw_v(seed: int, observations: int, width: int) -> Tree:
    """V with a LayerNorm on its input."""
    rng, sizes = np.random.default_rng(seed), [observations, width, width]
    tree = draw_norm(rng, "MLP_0/LayerNorm_0", observations)
    for number, (inputs, outputs) in enumerate(pairwise(sizes)):
        tree |= draw_dense(rng, f"MLP_0/Dense_{number}", inputs, outputs)
    tree |= draw_dense(rng, "OutputVDense", width, 1)
    return {path: array.astype(np.float32) for path, array in tree.items()}


def save(tree: Tree, file: Path, root: str = "") -> Path:
    """As the documentation shows."""
    np.savez(file, allow_pickle=False, **{f"{root}{path}": array for path, array in tree.items()})
    return file


def dense(tree: Tree, path: str, x: np.ndarray) -> np.ndarray:
    return x @ tree[f"{path}/kernel"].astype(float) + tree[f"{path}/bias"].astype(float)


def norm(tree: Tree, path: str, x: np.ndarray) -> np.ndarray:
    centred = x - x.mean(-1, keepdims=True)
    scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + EPSILON)
    return scaled * tree[f"{path}/scale"] + tree[f"{path}/bias"]


def swish(x: np.ndarray) -> np.ndarray:
    return x / (1 + np.exp(-x))


def predict_noise(tree: Tree, s: np.ndarray, z: np.ndarray, time: float) -> np.ndarray:
    """What `apply` gives at one time, in double precision."""
    body = next(path.split("/")[0] for path in tree if path.startswith("MLPResNet"))
    angle = 2 * np.pi * np.full((len(s), 1), time) @ tree["FourierFeatures_0/kernel"].T.astype(float)
    hidden = swish(dense(tree, "MLP_0/Dense_0", np.concatenate([np.cos(angle), np.sin(angle)], -1)))
    x = dense(tree, f"{body}/Dense_0", np.concatenate([z, s, dense(tree, "MLP_0/Dense_1", hidden)], -1))
    outputs = []
    for block in range(BLOCKS):
        place = f"{body}/MLPResNetBlock_{block}"
        inner = swish(dense(tree, f"{place}/Dense_0", norm(tree, f"{place}/LayerNorm_0", x)))
        x = x + dense(tree, f"{place}/Dense_1", inner)
        outputs.append(x)
    noise = dense(tree, f"{body}/Dense_1", swish(x))
    if body == "MLPResNet_0":
        return noise
    head = swish(dense(tree, f"{body}/MLP_0/Dense_0", outputs[WEIGHT_BLOCK]))
    return np.concatenate([noise, dense(tree, f"{body}/MLP_0/Dense_1", head)], -1)


def evaluate_q(tree: Tree, s: np.ndarray, a: np.ndarray) -> np.ndarray:
    """The smaller of both members."""
    module = next(iter(tree)).split("/")[0]
    values = []
    for member in range(2):
        own = {path.removeprefix(f"{module}/"): array[member] for path, array in tree.items()}
        x = np.concatenate([s, a], -1)
        for number in range(2):
            x = np.maximum(dense(own, f"MLP_0/Dense_{number}", x), 0)
        values.append(dense(own, "Dense_0", x)[:, 0])
    return np.minimum(*values)


def evaluate_v(tree: Tree, s: np.ndarray) -> np.ndarray:
    x = norm(tree, "MLP_0/LayerNorm_0", s)
    for number in range(2):
        x = np.maximum(dense(tree, f"MLP_0/Dense_{number}", x), 0)
    return dense(tree, "OutputVDense", x)[:, 0]


def sample_swg(tree: Tree, s: np.ndarray, actions: int, levels: int, rho: float) -> np.ndarray:
    """`ddpm_sampler_swg` at temperature 0; its gradient by central differences."""
    t = np.arange(1, levels + 1)
    alpha = np.exp(-0.1 / levels - 0.5 * 9.9 * (2 * t - 1) / levels**2)
    kept = np.cumprod(alpha)
    z = np.zeros((len(s), actions + 1))
    for time in reversed(range(levels)):
        sigma = np.sqrt(1 - kept[time])

        def log_weight(z: np.ndarray, time: int = time, sigma: float = sigma) -> np.ndarray:
            noise = predict_noise(tree, s, z, time)[:, -1]
            return np.log(np.clip((z[:, -1] - noise * sigma) / np.sqrt(alpha[time]), 1e-4, 1.0))

        noise = predict_noise(tree, s, z, time) - rho * sigma * differentiate(log_weight, z)
        z = (z - (1 - alpha[time]) / sigma * noise) / np.sqrt(alpha[time])
        z = np.concatenate([z[:, :-1].clip(-1, 1), z[:, -1:].clip(1e-4, 1)], -1)
    return z[:, :-1]


def differentiate(function: Callable[[np.ndarray], np.ndarray], z: np.ndarray, step: float = 1e-6) -> np.ndarray:
    """The gradient of each row's value with respect to that row."""
    columns = []
    for channel in range(z.shape[1]):
        moved = np.zeros_like(z)
        moved[:, channel] = step
        columns.append((function(z + moved) - function(z - moved)) / (2 * step))
    return np.stack(columns, -1)
