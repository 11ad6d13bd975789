"""Parameters of networks written in flax, by the paths of their tree, as the tensors of ours, and back.

An affine map's kernel is (in, out) in both, so nothing is transposed. Flax's arrays lack the axis of rows that
biases, scales and shifts have here, and learnable frequencies are a column there and a row here.
"""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

Paths: TypeAlias = Mapping[str, str]
"""Name of a tensor here to the path of its array, such as `MLP_0/Dense_0/kernel`."""
ROOT = "params/"
FREQUENCIES = "FourierFeatures_0/kernel"
_SHOWN = 3


class TreeError(ValueError):
    """What is wrong with a tree, as the end of a sentence that begins with its file."""


def name_affine(ours: str, theirs: str) -> dict[str, str]:
    """The names of an affine map's weight and bias."""
    return {f"{ours}.weight": f"{theirs}/kernel", f"{ours}.bias": f"{theirs}/bias"}


def name_norm(ours: str, theirs: str) -> dict[str, str]:
    """The names of a LayerNorm's scale and shift."""
    return {f"{ours}.scale": f"{theirs}/scale", f"{ours}.shift": f"{theirs}/bias"}


def drop_root(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays by their paths below `params/`, where all lie there."""
    if all(path.startswith(ROOT) for path in arrays):
        return {path.removeprefix(ROOT): array for path, array in arrays.items()}
    return dict(arrays)


def find_shape(path: str, shape: Sequence[int]) -> tuple[int, ...]:
    """The shape of flax's array from that of ours, without the seed axis."""
    if path == FREQUENCIES:
        return tuple(reversed(shape))
    if path.endswith("/kernel"):
        return tuple(shape)
    return (*shape[:-2], shape[-1])


def read_tree(
    arrays: Mapping[str, np.ndarray], paths: Paths, shapes: Mapping[str, Sequence[int]]
) -> dict[str, Tensor]:
    """The tensors of one seed by their names here.

    Args:
        arrays: by path.
        paths: of all that are expected; a network that is there twice has two names of one path.
        shapes: of ours by name, without the seed axis.

    Raises:
        TreeError: an array that lacks, one too many, or one of another type or shape or with a value that is not
            finite.
    """
    expected = {path: find_shape(path, shapes[name]) for name, path in paths.items()}
    _refuse_other_paths(arrays, expected)
    for path, shape in expected.items():
        array = arrays[path]
        if array.dtype != np.float32:
            raise TreeError(f"has {path!r} as {array.dtype}, expected float32; convert it with .astype('float32')")
        if array.shape != shape:
            raise TreeError(f"has {path!r} of shape {array.shape}, expected {shape} by the settings")
        if not np.isfinite(array).all():
            count = int((~np.isfinite(array)).sum())
            raise TreeError(f"has {path!r} with {count} of {array.size} values not finite; its training diverged")
    return {
        name: torch.from_numpy(np.array(arrays[path], np.float32)).reshape(*shapes[name])
        for name, path in paths.items()
    }


def write_tree(tensors: Mapping[str, Tensor], paths: Paths) -> dict[str, np.ndarray]:
    """The arrays of one seed by their paths, of tensors without the seed axis."""
    return {
        path: tensors[name].numpy(force=True).reshape(find_shape(path, tensors[name].shape))
        for name, path in paths.items()
    }


def _refuse_other_paths(arrays: Mapping[str, np.ndarray], expected: Mapping[str, object]) -> None:
    missing, extra = sorted(expected.keys() - arrays.keys()), sorted(arrays.keys() - expected.keys())
    if missing:
        has = f"; it has {_list(extra)}, which {'is' if len(extra) == 1 else 'are'} not expected" if extra else ""
        raise TreeError(f"lacks {_list(missing)}{has}")
    if extra:
        raise TreeError(f"has {_list(extra)} beside the {len(expected)} arrays that are expected by the settings")


def _list(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
    return f"{', '.join(map(repr, paths[:_SHOWN]))}{more}"
