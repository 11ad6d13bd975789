"""Work on tensors captured as a CUDA graph: recorded once, then replayed over the same memory in one launch.

A replay repeats the operations that were recorded, at the same addresses and with the same Python numbers
(https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs). So captured work decides nothing on the host
and reads nothing from the GPU; what changes from one replay to the next lies in tensors that are changed in place,
and random numbers come from generators that the graph knows.
"""

import contextlib
from collections.abc import Callable
from typing import Protocol, runtime_checkable

import torch

from training.seeds import SeedStreams

Work = Callable[[], None]
REGISTERS_ITSELF = "2.14"
"""The PyTorch from which on a graph finds the generators that are used in it."""


class CaptureError(Exception):
    """Work that cannot be captured; the message says why."""


@runtime_checkable
class Recorder(Protocol):
    """Makes graphs of work.

    Attributes:
        rate_dtype: what the optimiser reads a learning rate in that is a tensor.
    """

    rate_dtype: torch.dtype

    def run(self, work: Work) -> None:
        """The work itself, once, as it has to be done before it is captured."""
        ...

    def capture(self, work: Work, streams: SeedStreams | None = None) -> Work:
        """What does the work again at each call; the work itself is not done now.

        Args:
            work: has been run before.
            streams: where it draws its random numbers.

        Raises:
            CaptureError: work that decides something on the host, or reads from the device.
        """
        ...


class CudaRecorder:
    """CUDA graphs on one GPU; work is run and captured on one stream beside the current one.

    Args:
        device: the GPU.
    """

    rate_dtype = torch.float32

    def __init__(self, device: torch.device):
        self.stream = torch.cuda.Stream(device)

    def run(self, work: Work) -> None:
        """After what the current stream has to do, and before what it will have to do."""
        current = torch.cuda.current_stream(self.stream.device)
        self.stream.wait_stream(current)
        with torch.cuda.stream(self.stream):
            work()
        current.wait_stream(self.stream)

    def capture(self, work: Work, streams: SeedStreams | None = None) -> Work:
        current, graph = torch.cuda.current_stream(self.stream.device), torch.cuda.CUDAGraph()
        before = [] if streams is None else streams.state()
        try:
            if streams is not None and torch.__version__ < REGISTERS_ITSELF:
                for generator in streams.generators:
                    graph.register_generator_state(generator)
            with torch.cuda.graph(graph, stream=self.stream):
                work()
        except Exception as error:  # whatever the work raises, it raises again when it is run
            torch.cuda.set_stream(current)  # which a capture that fails leaves as it was within
            with contextlib.suppress(RuntimeError):
                graph.reset()
            if streams is not None:
                streams.renew(before)
            reason = error.__context__ or error  # the end of a capture that failed raises an error of its own
            raise CaptureError(str(reason).partition("\n")[0] or type(reason).__name__) from error
        return graph.replay


def find_recorder(device: torch.device) -> Recorder | None:
    """What captures work on that device; None on a CPU, where a replay would save nothing."""
    return CudaRecorder(device) if device.type == "cuda" else None
