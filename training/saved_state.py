"""The state of a training as bytes: a SHA-256, a line of JSON, then tensors as safetensors; nothing is unpickled.

The SHA-256 is of all that follows it. The JSON says whose state it is and after which step, and has the learning
curve. What is read is compared with the state that it is to replace: the same tensors, shapes and types.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, BinaryIO

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

VERSION = 1
_LONGEST_DIGEST, _LONGEST_LINE = 100, 2**26  # bytes


class SavedStateError(ValueError):
    """Why a saved state cannot be gone on from, as the end of a sentence that begins with its name."""


@dataclass(frozen=True)
class Owner:
    """Whose state it is.

    Attributes:
        component: its kind, or its label where the state is kept on disk.
        seeds: in the order of the leading axis.
        data: key of the data set.
        steps: of the whole training.
    """

    component: str
    seeds: tuple[int, ...]
    data: str
    steps: int


@dataclass(frozen=True)
class SavedState:
    """A state after so many steps.

    Attributes:
        step: steps done.
        tensors: by name, see `TrainingState.tensors`.
        curve: see `Curve.state`.
        diverged: seeds that had diverged, with the step and the reason.
    """

    step: int
    tensors: Mapping[str, Tensor]
    curve: Mapping[str, Any]
    diverged: Mapping[str, Any] = field(default_factory=dict)


def pack_state(saved: SavedState, owner: Owner) -> bytes:
    """The bytes of a state."""
    about = {"version": VERSION, "owner": asdict(owner), "step": saved.step}
    about |= {"curve": saved.curve, "diverged": saved.diverged}
    tensors = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in saved.tensors.items()
    }
    return seal(json.dumps(about).encode() + b"\n" + save(tensors))


def seal(content: bytes) -> bytes:
    """The content behind its SHA-256."""
    return hashlib.sha256(content).hexdigest().encode() + b"\n" + content


def unpack_state(content: bytes, owner: Owner) -> SavedState:
    """The state that was packed.

    Raises:
        SavedStateError: the bytes are not as they were written, or of another owner or version.
    """
    digest, _, sealed = content.partition(b"\n")
    if digest != hashlib.sha256(sealed).hexdigest().encode():
        raise SavedStateError("is damaged: its SHA-256 is another")
    line, _, arrays = sealed.partition(b"\n")
    try:
        about, tensors = json.loads(line), load(arrays)
    except (ValueError, SafetensorError, RecursionError) as error:
        raise SavedStateError("is no saved state") from error
    if not isinstance(about, dict) or about.get("version") != VERSION:
        raise SavedStateError("is no saved state of this version")
    _check_owner(about.get("owner"), owner)
    step, curve, diverged = about.get("step"), about.get("curve"), about.get("diverged")
    if type(step) is not int or not 0 < step <= owner.steps:
        raise SavedStateError(f"says that {step!r} of {owner.steps} steps are done")
    if not isinstance(curve, dict) or not isinstance(diverged, dict):
        raise SavedStateError("has no learning curve")
    return SavedState(step, tensors, curve, diverged)


def read_seeds(file: BinaryIO) -> tuple[int, ...]:
    """The seeds of a state by its first lines alone, whatever its SHA-256 says; none where it does not tell."""
    file.readline(_LONGEST_DIGEST)
    try:
        seeds = json.loads(file.readline(_LONGEST_LINE))["owner"]["seeds"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ()
    return tuple(seeds) if isinstance(seeds, list) and all(type(seed) is int for seed in seeds) else ()


def _check_owner(found: Any, owner: Owner) -> None:
    for name, expected in json.loads(json.dumps(asdict(owner))).items():
        value = found.get(name) if isinstance(found, dict) else None
        if value != expected:
            raise SavedStateError(f"is of another training: its {name} is {value!r}, not {expected!r}")


def check_tensors(
    found: Mapping[str, Tensor], expected: Mapping[str, Tensor], optional: Mapping[str, Tensor]
) -> None:
    """Refuse tensors that are not those of a state.

    Args:
        found: of the saved state.
        expected: which it must have, with their shapes and types.
        optional: which it may have.

    Raises:
        SavedStateError: a tensor that is missing, unknown, or of another shape or type.
    """
    known = {**optional, **expected}
    for name in sorted(expected.keys() - found.keys()):
        raise SavedStateError(f"lacks {name}")
    for name, tensor in found.items():
        if name not in known:
            raise SavedStateError(f"has the unknown {name}")
        if (tensor.shape, tensor.dtype) != (known[name].shape, known[name].dtype):
            raise SavedStateError(
                f"has {name} of shape {tuple(tensor.shape)} and {tensor.dtype}, "
                f"not {tuple(known[name].shape)} and {known[name].dtype}"
            )


def check_generator(state: Tensor, device: torch.device) -> None:
    """Refuse what no random generator can go on from.

    Raises:
        SavedStateError: it cannot.
    """
    try:
        torch.Generator(device).set_state(state)
    except (RuntimeError, TypeError) as error:
        raise SavedStateError("has a state of random numbers that none can be in") from error
