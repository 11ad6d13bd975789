"""The ids of a page: of its headings, its tables and their rows, each given once."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from foundation.text import clean_line
from reports.render.document import Heading, Table

_LONGEST = 60


@dataclass(frozen=True)
class Entry:
    """A heading in the table of contents."""

    level: int
    anchor: str
    label: str


@dataclass
class Anchors:
    """What ids were given so far.

    Attributes:
        taken: all of them.
        entries: the headings, in order.
        suite: label and anchor of the latest heading of level 2.
        place: the anchor of the latest heading.
        title: its label.
        ending: what the titles below the latest heading of level 2 may end in, as it does: `, data local: ...`.
    """

    taken: set[str] = field(default_factory=set)
    entries: list[Entry] = field(default_factory=list)
    suite: str = ""
    place: str = "page"
    title: str = ""
    ending: str = ""

    def name_heading(self, heading: Heading) -> str:
        """The heading's id, such as `maze2d-scores`; those of level 3 and 4 begin with the id of their level 2."""
        text = _strip_marks(heading.text)
        if heading.level <= 2:
            self.suite, self.ending = "", text[len(text.partition(", ")[0]) :]
        label = text.removesuffix(self.ending) if self.ending and heading.level > 2 else text
        self.place = self._take("-".join(filter(None, (self.suite, make_slug(label.partition(", data ")[0])))))
        self.title = label
        if heading.level == 2:
            self.suite = self.place
        self.entries.append(Entry(heading.level, self.place, label))
        return self.place

    def name_table(self, table: Table) -> str:
        """The table's id: its name, or that of where it stands."""
        return self._take(make_slug(table.name) if table.name else f"{self.place}-table")

    def name_rows(self, table: Table, anchor: str) -> list[str]:
        """The ids of a table's rows: its own with the first cell, or with as many as tell the rows apart.

        Args:
            table: their table.
            anchor: its id.
        """
        count = next((n for n in range(1, table.words + 1) if _tells_apart(table.rows, n)), max(1, table.words))
        return [self._take(f"{anchor}--{make_slug(' '.join(row[:count]))}") for row in table.rows]

    def _take(self, wanted: str) -> str:
        """The id, with a number behind it where it is taken."""
        found, number = wanted, 1
        while found in self.taken:
            number += 1
            found = f"{wanted}-{number}"
        self.taken.add(found)
        return found


def make_slug(text: str) -> str:
    """The text's letters and digits in lower case, joined by `-`: nothing else of it gets into an id."""
    return re.sub(r"\W+", "-", clean_line(text).lower()).strip("-")[:_LONGEST].strip("-") or "part"


def _strip_marks(text: str) -> str:
    return re.sub(r"`([^`]+)`|\*\*([^*]+)\*\*", lambda found: found[1] or found[2], text)


def _tells_apart(rows: Sequence[Sequence[str]], count: int) -> bool:
    return len({tuple(row[:count]) for row in rows}) == len(rows)
