"""Finds what in an HDF5 file leads out of it or claims more than this machine can hold; no value is read."""

from typing import Any

import h5py
import numpy as np

from suites.sources.d4rl.check import measure_memory


def find_storage_fault(file: h5py.File) -> str | None:
    """The first link into another file, data that lie in one, or arrays larger than the memory; else None."""
    links: list[str] = []

    def note_link(name: str, link: Any) -> None:
        if isinstance(link, h5py.ExternalLink):
            links.append(name)

    file.visititems_links(note_link)
    if links:
        return f"{links[0]} is a link into another file"
    outside: list[str] = []
    sizes = [0]

    def note_array(name: str, found: Any) -> None:
        if isinstance(found, h5py.Dataset):
            sizes[0] += int(np.prod(found.shape or (), dtype=object)) * found.dtype.itemsize
            if found.external or found.is_virtual:
                outside.append(name)

    file.visititems(note_array)
    if outside:
        return f"{outside[0]} has its data in another file"
    if sizes[0] > (memory := measure_memory()):
        return f"its arrays take {sizes[0] / 1e6:,.0f} MB, and this machine has {memory / 1e6:,.0f} MB of memory"
    return None
