"""The schema of `merged.json`: which folders a merged results folder was made from."""

from reports.load.base_schema import Schema, Sealed
from reports.load.fields import Whole
from reports.load.schema import Format

MERGED = "merged.json"
SOURCES = "sources"
"""Folder of the sources' own records, `sources/N/`, N from 1 in the order of `merged.json`."""


class Taken(Schema):
    """How many lines of a source's record are in the merged one, where they follow those of the sources before.

    Attributes:
        lines: that no source before it had.
        last: SHA-256 of the source's own last line; 64 zeros where it had none.
    """

    lines: Whole
    last: str


class Source(Schema):
    """A folder that was merged.

    Attributes:
        name: of the folder, without where it lay.
        results: how many results were taken from it.
        ledger, plans: lines of its records.
    """

    name: str
    results: Whole
    ledger: Taken
    plans: Taken


class Merged(Sealed):
    """`merged.json`: the sources in the order in which they were named, and when they were merged."""

    format: Format
    created: str
    sources: tuple[Source, ...]
