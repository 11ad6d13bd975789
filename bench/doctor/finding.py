"""What is examined, and what was found: one line each, with a remedy where something does not work."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, TypeAlias

State: TypeAlias = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class Finding:
    """One thing that was examined.

    Attributes:
        what: its name.
        found: in a few words.
        state: `warn` where only some commands suffer.
        remedy: what to do, a sentence without its full stop; empty where nothing is to be done.
    """

    what: str
    found: str
    state: State = "ok"
    remedy: str = ""

    def format(self) -> str:
        """The line, and the remedy below it."""
        line = f"{self.state:4}  {self.what:22}  {self.found}"
        return f"{line}\n      {'':22}  {self.remedy}" if self.remedy else line


@dataclass(frozen=True)
class Subject:
    """What is examined.

    Attributes:
        suite: only this one, or None.
        results, artifacts: the folders that a run would write to.
        plugin: files that register methods or suites.
    """

    suite: str | None = None
    results: Path = Path("results")
    artifacts: Path = Path("artifacts")
    plugin: tuple[Path, ...] = ()

    def to_json(self) -> str:
        """For another process."""
        return json.dumps(asdict(self), default=lambda value: str(value))

    @classmethod
    def from_json(cls, text: str) -> "Subject":
        """What `to_json` wrote."""
        given = json.loads(text)
        plugin = tuple(map(Path, given["plugin"]))
        return cls(given["suite"], Path(given["results"]), Path(given["artifacts"]), plugin)
