"""What was written is on the disk once the call returns: the file before the rename, the folder after it."""

import errno
import os
from pathlib import Path

import pytest

from foundation.errors import UserError
from foundation.files import is_leftover, make_folder, sync_folder, write_atomically


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Each sync and rename with the name of what it is of."""
    told: list[tuple[str, str]] = []
    sync, replace = os.fsync, os.replace

    def note_sync(handle: int) -> None:
        told.append(("sync", Path(os.readlink(f"/proc/self/fd/{handle}")).name))
        sync(handle)

    def note_replace(source: Path, target: Path) -> None:
        told.append(("replace", Path(target).name))
        replace(source, target)

    monkeypatch.setattr("os.fsync", note_sync)
    monkeypatch.setattr("os.replace", note_replace)
    return told


def test_a_file_is_synced_before_its_rename_and_the_folder_after_it(tmp_path, calls):
    write_atomically(tmp_path / "new" / "inner" / "result.json", b"it")
    syncs = [(kind, "the file" if name.startswith(".writing-") else name) for kind, name in calls]
    assert syncs == [
        ("sync", tmp_path.name),
        ("sync", "new"),
        ("sync", "the file"),
        ("replace", "result.json"),
        ("sync", "inner"),
    ]
    calls.clear()
    make_folder(tmp_path / "new" / "inner")
    assert calls == []


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP, errno.EACCES])
@pytest.mark.parametrize("call", ["open", "fsync"])
def test_a_folder_that_cannot_be_synced_is_no_fault(tmp_path, monkeypatch, number, call):
    asked: list[str] = []

    def refuse(*_: object) -> None:
        asked.append(call)
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, call, refuse)
    sync_folder(tmp_path)
    assert asked == [call]


def test_a_disk_that_fails_is_one(tmp_path, monkeypatch):
    sync = os.fsync

    def fail(handle: int) -> None:
        if os.path.isdir(f"/proc/self/fd/{handle}"):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        sync(handle)

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(UserError, match="Input/output error"):
        write_atomically(tmp_path / "result.json", b"it")


def test_what_nobody_changed_for_a_day_is_left_over(tmp_path):
    file = tmp_path / "file"
    assert not is_leftover(file)
    file.touch()
    assert not is_leftover(file)
    os.utime(file, (0, file.stat().st_mtime - 25 * 3600))
    assert is_leftover(file)
