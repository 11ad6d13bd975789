"""Errors of other libraries that mean a lack of memory or disk are known, and become a sentence with a remedy."""

import errno
import os
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
import torch

from foundation.errors import UserError
from foundation.exhausted import describe_memory_error, describe_unwritten, is_of_gpu, is_out_of_memory
from foundation.files import write_atomically

Usage = namedtuple("Usage", "total used free")


def raised_by(function) -> BaseException:
    with pytest.raises((MemoryError, RuntimeError)) as caught:
        function()
    return caught.value


def test_what_the_libraries_raise_is_known():
    asked = raised_by(lambda: np.empty(2**55, np.uint8))
    assert is_out_of_memory(asked)
    assert "PiB more were asked for" in describe_memory_error(asked)
    asked = raised_by(lambda: torch.empty(2**55, dtype=torch.uint8))
    assert is_out_of_memory(asked)
    assert not is_of_gpu(asked)
    assert "36028797018963968 bytes more were asked for" in describe_memory_error(asked)
    assert "--processes 1" in describe_memory_error(asked)


def test_a_gpu_is_told_apart():
    error = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total of ...")
    assert is_out_of_memory(error)
    assert is_of_gpu(error)
    sentence = describe_memory_error(error)
    assert sentence.startswith("the GPU's memory ran out when 2.00 GiB more were asked for")
    assert "--device cpu" in sentence


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (RuntimeError("std::bad_alloc"), True),
        (RuntimeError("can't start new thread"), True),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), True),
        (OSError(errno.ENOSPC, "No space left on device"), False),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_other_errors_are_not_mistaken_for_it(error, expected):
    assert is_out_of_memory(error) is expected


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, ("No space left", "it has 3.0 MB, 1.0 MB are free", "bench clean", "--results")),
        (errno.EFBIG, ("File too large", "it has 3.0 MB", "ulimit -f unlimited")),
        (errno.EROFS, ("Read-only file system", "make the folder writable or choose another folder")),
        (errno.EIO, ("free some space or choose another folder",)),
    ],
)
def test_a_file_that_cannot_be_written_is_one_sentence(monkeypatch, number, words):
    monkeypatch.setattr("shutil.disk_usage", lambda path: Usage(2**40, 2**40, 1_000_000))
    said = describe_unwritten(Path("a/b"), OSError(number, os.strerror(number)), 3_000_000)
    for each in (*words, "cannot write 'a/b'", "what is finished is kept"):
        assert each in said


def test_the_size_of_a_file_is_said(tmp_path, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(UserError, match=r"it has 2\.0 MB, [\d.,]+ MB are free"):
        write_atomically(tmp_path / "file", bytes(2_000_000))
    assert list(tmp_path.iterdir()) == []
