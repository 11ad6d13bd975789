"""The schema of `run.json`: a run that was contributed to a site of runs, and the hash of each of its files."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import StringConstraints

from reports.load.base_schema import Sealed
from reports.load.fields import Digest, RelativePath

SITE = 1
"""Number of the layout of a site of contributed runs, which its file `SITE` has."""
MARKER, RUNS, RUN, RESULTS, REPORT = "SITE", "runs", "run.json", "results", "report"
LONGEST_NAME, LONGEST_NOTE = 80, 500  # letters
ID_LETTERS = 16


class Contribution(Sealed):
    """`run.json`: a contributed run.

    Attributes:
        site: number of the layout.
        content: SHA-256 of what was contributed, see `hash_content`; its first letters name the run's folder.
        name, note: the contributor's words, on one line each.
        created: when it was added, date and time in UTC, ISO 8601.
        results, report: path of each file, relative to the run's folder of that name, to its SHA-256.
    """

    site: Literal[1]
    content: Digest
    name: Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_NAME)]
    note: Annotated[str, StringConstraints(max_length=LONGEST_NOTE)]
    created: str
    results: Mapping[RelativePath, Digest]
    report: Mapping[RelativePath, Digest]

    @property
    def id(self) -> str:
        """The name of the run's folder."""
        return self.content[:ID_LETTERS]
