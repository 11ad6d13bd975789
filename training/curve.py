"""The learning curve of a component, per seed: step, loss and its parts, learning rate, gradient norm, seconds."""

import csv
import io
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from training.saved_state import SavedStateError

MOST_ROWS = 1000

Row: TypeAlias = dict[str, float]
OnRow: TypeAlias = Callable[[int, Row], None]
"""Called with a seed and its row as soon as it is there."""


@dataclass
class Curve:
    """At most 1,000 rows for each seed, evenly spaced over the steps; the last step is one of them.

    Attributes:
        seeds: in the order of the leading axis.
        steps: of the whole training.
        on_row: told every row.
        rows: of each seed, in the order of `seeds`.
    """

    seeds: Sequence[int]
    steps: int
    on_row: OnRow | None = None
    rows: list[list[Row]] = field(default_factory=list)
    _seconds: float = 0.0
    _since: float = field(default_factory=time.monotonic)

    def __post_init__(self):
        self.rows = [[] for _ in self.seeds]

    def wants(self, step: int) -> bool:
        """Whether the step, counted from 1, is one of the rows."""
        return step % -(-self.steps // MOST_ROWS) == 0 or step == self.steps

    def add(self, step: int, values: Mapping[str, Any]) -> None:
        """A row for every seed.

        Args:
            step: counted from 1.
            values: by column, one number for all seeds or a (seed,) tensor.
        """
        seconds = self._seconds + time.monotonic() - self._since
        columns = {name: value.tolist() if hasattr(value, "tolist") else value for name, value in values.items()}
        for place, seed in enumerate(self.seeds):
            row = {name: value[place] if isinstance(value, list) else value for name, value in columns.items()}
            row: Row = {"step": step} | row | {"step": step, "seconds": round(seconds, 3)}
            self.rows[place].append(row)
            if self.on_row is not None:
                self.on_row(seed, row)

    def describe_last_finite(self, place: int) -> list[str]:
        """The last finite loss of the seed at that place, as a part of a sentence; nothing where there is none."""
        finite = [row for row in self.rows[place] if math.isfinite(row["loss"])]
        return (
            [f"its last finite loss was {finite[-1]['loss']:.2g} at step {finite[-1]['step']}"] if finite else []
        )

    def to_csv(self, place: int) -> str:
        """The rows of the seed at that place of the leading axis, with a header."""
        rows = self.rows[place]
        names = list(dict.fromkeys(name for row in rows for name in row))
        text = io.StringIO()
        writer = csv.DictWriter(text, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return text.getvalue()

    def state(self) -> dict[str, Any]:
        return {"rows": self.rows, "seconds": self._seconds + time.monotonic() - self._since}

    def restore(self, state: Mapping[str, Any], step: int) -> None:
        """Go on from what `state` gave after so many steps; nothing is changed where it does not fit.

        Raises:
            SavedStateError: it has not the rows of these steps and seeds.
        """
        rows, seconds = state.get("rows"), state.get("seconds")
        expected = [number for number in range(1, step + 1) if self.wants(number)]
        if not isinstance(rows, list) or not isinstance(seconds, (int, float)) or len(rows) != len(self.seeds):
            raise SavedStateError("has no learning curve of these seeds")
        for of_seed in rows:
            if not isinstance(of_seed, list) or [_read_step(row) for row in of_seed] != expected:
                raise SavedStateError(f"has a learning curve that is not of {step} steps")
        self.rows = [list(of_seed) for of_seed in rows]
        self._seconds, self._since = seconds, time.monotonic()


def _read_step(row: Any) -> Any:
    """The step of a row in which everything is a number; None of any other."""
    is_row = isinstance(row, dict) and all(type(value) in (int, float) for value in row.values())
    return row.get("step") if is_row else None
