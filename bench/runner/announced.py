"""Tells whoever watches which process evaluates a cell: a lease beside its result, which nobody waits for.

Two processes that evaluate one cell at once write the same result; the second says nothing.
"""

import contextlib
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from foundation.leases import Lease, describe_self
from reports.load.progress import locate_lease


@contextlib.contextmanager
def announce_evaluations(results: Iterable[Path]) -> Iterator[None]:
    """Hold the leases of evaluations for the time of the block; a lease that another process has is left to it.

    Args:
        results: where their results go.

    Raises:
        OSError: a lease cannot be written.
    """
    here, held = describe_self(has_flock=False), list[Lease]()
    try:
        for file in results:
            lease = Lease(locate_lease(file))
            held.append(lease)
            for _ in lease.take(here):
                held.pop()
                break
        yield
    finally:
        for lease in held:
            lease.release()
            shutil.rmtree(lease.folder, ignore_errors=True)
