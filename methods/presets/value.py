"""A preset's value is a setting as one source has it, and says which source."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, TypeAlias


@dataclass(frozen=True)
class Value:
    """A setting as a source has it.

    Attributes:
        value: on every task that `where` does not name.
        source: where it stands, as in `arXiv 2505.18345, §5` or `IDQL 7582571, launcher/hyperparameters.py`.
        where: patterns of task names, such as `antmaze-*`, to the value there; the first that fits counts.
        own: holds under own terms alone, since it puts something of the method's in the place of what is shared.
    """

    value: Any
    source: str
    where: Mapping[str, Any] = field(default_factory=dict)
    own: bool = False

    def on(self, task: str) -> Any:
        """The value on the task of that name."""
        return next((value for pattern, value in self.where.items() if fnmatchcase(task, pattern)), self.value)


TOY = ("8gaussians", "swissroll", "moons", "rings", "checkerboard", "2spirals")


def on_toy(value: Any) -> dict[str, Any]:
    """A `where` that gives the toy sets a value of their own."""
    return dict.fromkeys(TOY, value)


Settings: TypeAlias = Mapping[str, Value]
Presets: TypeAlias = Mapping[str, Settings]
