"""A file of arrays that cannot be read is named by its fault, whatever bit of it was flipped."""

from pathlib import Path

import numpy as np
import pytest

from foundation.npz import find_npz_fault


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    path = tmp_path / "a.npz"
    generator = np.random.default_rng(0)
    np.savez_compressed(path, allow_pickle=False, x=generator.normal(size=(8, 2)), y=np.arange(60))
    return path


def test_a_whole_file_has_no_fault(packed):
    assert find_npz_fault(packed) is None


def test_no_flipped_bit_is_a_traceback(packed):
    """A flip in the numbers themselves is seen only where they are read; one in a header is named here."""
    whole = packed.read_bytes()
    found: list[str | None] = []
    for place in range(len(whole)):
        packed.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << place % 8]) + whole[place + 1 :])
        found.append(find_npz_fault(packed))
    named = [fault for fault in found if fault is not None]
    assert len(named) > len(found) / 10
    assert any("decompressing" in fault for fault in named), "zlib's own error is among them"
    assert all("\n" not in fault for fault in named)
