"""Where the parameters of Q and V lie in the authors' code: SWG-JAX (e312c4f) and IDQL (7582571).

An ensemble is one network whose arrays have an axis of members first, below a module that flax names after the
network's class: `VmapQ_Model_0` in SWG-JAX, `VmapStateActionValue_0` in IDQL. V's last layer is `OutputVDense`.
"""

from collections.abc import Iterable

from training.flax_tree import name_affine, name_norm

Q_MODULES = ("VmapQ_Model_0", "VmapStateActionValue_0")
FIRST_LAYER = "MLP_0/Dense_0/kernel"
"""Of V, and of Q below its module."""


def name_q(layers: int, ours: str, module: str) -> dict[str, str]:
    """Names of the tensors of twin Q to their paths.

    Args:
        layers: hidden layers.
        ours: `target_q` or `twin_q` of `IQLNetworks`.
        module: one of `Q_MODULES`.
    """
    found: dict[str, str] = {}
    for number in range(layers):
        found |= name_affine(f"{ours}.{2 * number}", f"{module}/MLP_0/Dense_{number}")
    return found | name_affine(f"{ours}.{2 * layers}", f"{module}/Dense_0")


def name_v(layers: int, has_norm: bool) -> dict[str, str]:
    """Names of the tensors of V to their paths.

    Args:
        layers: hidden layers.
        has_norm: whether a LayerNorm is on its input.
    """
    found, place = (name_norm("value.0", "MLP_0/LayerNorm_0"), 1) if has_norm else ({}, 0)
    for number in range(layers):
        found |= name_affine(f"value.{place}.{2 * number}", f"MLP_0/Dense_{number}")
    return found | name_affine(f"value.{place}.{2 * layers}", "OutputVDense")


def find_q_module(paths: Iterable[str]) -> str:
    """The module of the ensemble in a tree with these paths; the first known one where there is none."""
    there = {path.partition("/")[0] for path in paths}
    return next((module for module in Q_MODULES if module in there), Q_MODULES[0])
