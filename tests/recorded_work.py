"""CUDA graphs imitated on a CPU: operations are recorded one by one, and replayed into what they had filled.

As in a CUDA graph, a replay runs no Python of the work, has the Python numbers of the recording, reads and writes
where the recording did, and goes on with the generators. Reading a value from the device while recording fails.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from training.capture import CaptureError
from training.seeds import SeedStreams

aten = torch.ops.aten
ON_THE_HOST = {
    aten._local_scalar_dense,
    aten.is_nonzero,
    aten.equal,
    aten.nonzero,
    aten.masked_select,
    aten.lift_fresh,
}
"""Operations that wait for the device, or bring something to it from the host's memory."""


class Tape(TorchDispatchMode):
    """Runs operations and keeps each with what it was given and what it filled."""

    def __init__(self):
        super().__init__()
        self.calls: list[tuple[Any, Any, Any, Any]] = []

    def __enter__(self) -> "Tape":
        torch.Tensor.numpy = refuse_numpy  # pyright: ignore[reportAttributeAccessIssue]
        return super().__enter__()

    def __exit__(self, *error: Any) -> None:
        del torch.Tensor.numpy
        super().__exit__(*error)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func._overloadpacket in ON_THE_HOST or has_mask(func, args):
            raise CaptureError(f"{func} is not permitted when stream is capturing")
        given = kwargs or {}
        found = func(*args, **given)
        self.calls.append((func, args, given, found))
        return found

    def replay(self) -> None:
        """Every operation again; what it gives goes where it went."""
        with torch.no_grad():
            for func, args, kwargs, before in self.calls:
                for old, new in zip(tensors(before), tensors(func(*args, **kwargs)), strict=True):
                    if old.data_ptr() != new.data_ptr():
                        old.copy_(new)


def refuse_numpy(*given: Any) -> None:
    raise CaptureError("a copy to the host is not permitted when stream is capturing")


def has_mask(func: Any, args: Any) -> bool:
    """Whether it indexes by truth values, so that the size of what it gives is read from the device."""
    is_indexing = func._overloadpacket in (aten.index, aten.index_put_)
    return is_indexing and any(leaf.dtype == torch.bool for leaf in tensors(args[1]))


def tensors(values: Any) -> Iterator[Tensor]:
    return (leaf for leaf in tree_leaves(values) if isinstance(leaf, Tensor))


@dataclass
class CpuRecorder:
    """Imitates `CudaRecorder`.

    Attributes:
        rate_dtype: a processor's optimiser reads a learning rate in double precision.
        runs, captures, replays: how often each was done.
    """

    rate_dtype: torch.dtype = torch.float64
    runs: int = 0
    captures: int = 0
    replays: int = 0
    tapes: list[Tape] = field(default_factory=list)

    def run(self, work: Callable[[], None]) -> None:
        self.runs += 1
        work()

    def capture(self, work: Callable[[], None], streams: SeedStreams | None = None) -> Callable[[], None]:
        """Recording does the work once; that is the first replay, which a CUDA graph would only then do."""
        before = [] if streams is None else streams.state()
        try:
            with Tape() as tape:
                work()
        except CaptureError:
            if streams is not None:
                streams.renew(before)
            raise
        self.captures += 1
        self.tapes.append(tape)
        done = [True]

        def replay() -> None:
            self.replays += 1
            if not done:
                tape.replay()
            done.clear()

        return replay
