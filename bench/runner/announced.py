"""Tells whoever watches which process evaluates a cell: a lease beside its result, which nobody waits for.

Two processes that evaluate one cell at once write the same result; the second says nothing.
"""

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from foundation.leases import Lease, describe_self
from reports.load.progress import locate_lease

_TAKEN = object()


@contextlib.contextmanager
def announce_evaluations(results: Iterable[Path]) -> Iterator[None]:
    """Hold the leases of evaluations for the time of the block; a lease that another process has is left to it.

    A lease that cannot be written is left out: nothing depends on it.

    Args:
        results: where their results go.
    """
    here, held = describe_self(has_flock=False), list[Lease]()
    try:
        for file in results:
            lease = Lease(locate_lease(file))
            with contextlib.suppress(OSError):  # as where another removes the folder of its own
                if next(lease.take(here), _TAKEN) is _TAKEN:
                    held.append(lease)
        yield
    finally:
        for lease in held:
            lease.remove()
