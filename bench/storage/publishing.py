"""Publishes several small files of a folder in one step: killed anywhere, none of them is there or all are.

What is to be written is first kept in `publishing.json`, whole or not at all. Once that is there the files count
as written; whoever looks into the folder next writes those that are missing.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from foundation.errors import UserError
from foundation.files import write_atomically

JOURNAL = "publishing.json"


def publish(folder: Path, texts: Mapping[str, str]) -> None:
    """Write the files of a folder that nobody else writes meanwhile.

    Args:
        folder: where.
        texts: by the files' names.

    Raises:
        UserError: the disk is full or the folder cannot be written.
    """
    write_atomically(folder / JOURNAL, json.dumps(texts).encode())
    finish_publishing(folder)


def finish_publishing(folder: Path) -> None:
    """Write what a killed process kept to be published, if there is anything.

    Raises:
        UserError: it is not what `publish` wrote, or the folder cannot be written.
    """
    journal = folder / JOURNAL
    try:
        content = journal.read_bytes()
    except FileNotFoundError:  # nothing is left, or another process has finished it
        return
    for name, text in _read_texts(journal, content).items():
        write_atomically(folder / name, text.encode())
    journal.unlink(missing_ok=True)


def _read_texts(journal: Path, content: bytes) -> dict[str, str]:
    try:
        texts = json.loads(content)
    except (ValueError, RecursionError):
        texts = None
    if isinstance(texts, dict) and all(
        isinstance(text, str) and Path(name).name == name for name, text in texts.items()
    ):
        return texts
    raise UserError(f"{str(journal)!r} is damaged; delete it and run again to make its component again.")
