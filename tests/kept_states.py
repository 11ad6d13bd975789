"""A checkpoint in memory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass
class KeptStates:
    """The last two states; satisfies `training.checkpoint.CheckpointFile`.

    Attributes:
        owner: whose they are.
        states: the newest first.
        said: what the user was told.
    """

    owner: str = "tested"
    states: list[bytes] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def read(self) -> Mapping[str, bytes]:
        return {str(place): content for place, content in enumerate(self.states)}

    def write(self, content: bytes) -> None:
        self.states = [content, *self.states[:1]]

    def refuse(self, names: Sequence[str], sentence: str) -> None:
        self.said.append(sentence)
        self.states = [content for place, content in enumerate(self.states) if str(place) not in names]
