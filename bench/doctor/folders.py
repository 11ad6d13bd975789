"""The folders of results and artifacts: whether they can be written and locked, where they lie, what is free."""

import os
import shutil
import tempfile
from pathlib import Path

from bench.doctor.finding import Finding, Subject
from bench.storage.results import NEEDED_BYTES
from foundation.exhausted import describe_os_error, suggest_write_remedy
from foundation.locks import probe_locks
from reports.errors import ReportError
from reports.load.files import check_folder

NETWORK = ("nfs", "nfs4", "cifs", "smb3", "smbfs", "lustre", "gpfs", "beegfs", "ceph", "afs", "9p")
FEW_FILES = 1000


def find_folders(subject: Subject) -> list[Finding]:
    """Both folders, each once."""
    both = {"results": subject.results, "artifacts": subject.artifacts}
    return [finding for name, folder in both.items() for finding in examine_folder(name, folder)]


def examine_folder(name: str, folder: Path) -> list[Finding]:
    """One folder, or where it would be made."""
    place = next((path for path in (folder, *folder.absolute().parents) if path.exists()), Path.cwd())
    other = f"choose another folder with --{name}"
    if not place.is_dir():
        return [Finding(name, f"{str(place)!r} is a file", "fail", other)]
    free = shutil.disk_usage(place).free
    kind = read_file_system(place)
    where = f"{folder}{'' if folder.exists() else ' (not made yet)'}"
    found = f"{where}: {free / 1e9:,.1f} GB free, {kind}"
    try:
        write_and_move(place)
        locks = probe_locks(place)
    except OSError as error:
        remedy = f"{suggest_write_remedy(error)}, with --{name}"
        return [Finding(name, f"{where} cannot be written ({describe_os_error(error)})", "fail", remedy)]
    found += f", locks by {locks.value}"
    if free < NEEDED_BYTES:
        needed = f"a run needs {NEEDED_BYTES // 2**20} MiB"
        return [Finding(name, f"{found}; {needed}", "fail", f"free some space, or {other}")]
    files = os.statvfs(place).f_favail
    if os.statvfs(place).f_files > 0 and files < FEW_FILES:
        return [Finding(name, f"{found}; only {files} more files", "fail", f"delete some files, or {other}")]
    return [Finding(name, found), *find_format(name, folder)]


def find_format(name: str, folder: Path) -> list[Finding]:
    """Whether the results in a folder are of this version, where it has any."""
    if not (folder / "FORMAT").is_file():
        return []
    try:
        check_folder(folder)
    except ReportError as error:
        return [Finding(f"{name} format", str(error), "fail", f"name another folder with --{name}")]
    return []


def write_and_move(folder: Path) -> None:
    """Do once what every file of a run needs: write, flush to the disk, move into place, delete.

    Raises:
        OSError: what does not work.
    """
    with tempfile.TemporaryDirectory(prefix=".doctor-", dir=folder) as inside:
        file = Path(inside) / "file"
        with file.open("wb") as opened:
            opened.write(bytes(4096))
            opened.flush()
            os.fsync(opened.fileno())
        os.replace(file, file.with_name("moved"))


def read_file_system(folder: Path, mounts: Path = Path("/proc/self/mounts")) -> str:
    """The kind of file system that a folder lies on, such as `ext4` or `nfs4 (a network's)`."""
    if not mounts.is_file():
        return "file system unknown"
    lines = (line.split() for line in mounts.read_text().splitlines())
    # Spaces in a path are written as \040 there.
    kinds = {Path(words[1].replace("\\040", " ")): words[2] for words in lines if len(words) > 2}
    path = folder.resolve()
    kind = next((kinds[each] for each in (path, *path.parents) if each in kinds), "file system unknown")
    return f"{kind} (a network's)" if kind in NETWORK or kind.startswith("fuse.ssh") else kind
