"""Finds the blocks of a section by their kind."""

from collections.abc import Sequence
from typing import TypeVar

from reports.render.document import Block, Text

KindT = TypeVar("KindT")


def find_all(blocks: Sequence[Block], kind: type[KindT]) -> list[KindT]:
    """Every block of a kind, in their order."""
    return [block for block in blocks if isinstance(block, kind)]


def find_one(blocks: Sequence[Block], kind: type[KindT]) -> KindT:
    """The one block of a kind."""
    (found,) = find_all(blocks, kind)
    return found


def say(blocks: Sequence[Block]) -> str:
    """All paragraphs, one after the other."""
    return " ".join(block.text for block in find_all(blocks, Text))
