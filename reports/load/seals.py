"""The last field of a file, or of a line of one, is the SHA-256 of the text before it: a changed byte is seen.

It stands against accidents: who edits a file can make it anew, or take it out. A file without it, as version 0.2.0
wrote, is read as it is.
"""

import hashlib
import re

SEAL = "sha256"
CHANGED = "is not as it was written, as its hash says"
_OF_FILE = re.compile(rb',\n "sha256": "([0-9a-f]{64})"\n\}\n\Z')
_OF_LINE = re.compile(rb',"sha256":"([0-9a-f]{64})"\}\Z')


def seal_file(text: str) -> bytes:
    """A JSON object in lines indented by one space, with its seal and a line feed at its end."""
    before = text.removesuffix("\n}").encode()
    return before + f',\n "{SEAL}": "{hashlib.sha256(before).hexdigest()}"\n}}\n'.encode()


def seal_line(text: str) -> bytes:
    """A JSON object on one line without spaces, with its seal; without the line's end."""
    before = text.removesuffix("}").encode()
    return before + f',"{SEAL}":"{hashlib.sha256(before).hexdigest()}"}}'.encode()


def find_chain_fault(line: bytes, seal: str | None, holds: str, previous: str) -> str | None:
    """What is wrong with a line of a record whose lines hold the hash of the one before; None where nothing is.

    Args:
        line: without its end.
        seal: the field as it was parsed; None where there is none.
        holds: the hash that it holds.
        previous: hash of the line before.
    """
    if holds != previous:
        return "does not hold the hash of the line before it"
    return None if is_intact(line, seal, is_line=True) else CHANGED


def is_intact(content: bytes, seal: str | None, *, is_line: bool = False) -> bool:
    """Whether a file or a line is as it was written.

    Args:
        content: all of it; of a line without its end.
        seal: the field as it was parsed; None where there is none.
        is_line: whether it is a line.
    """
    found = (_OF_LINE if is_line else _OF_FILE).search(content)
    if found is None:
        return seal is None
    return hashlib.sha256(content[: found.start()]).hexdigest().encode() == found[1]
