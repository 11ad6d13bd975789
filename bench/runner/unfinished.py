"""What is done of an evaluation, kept so that it goes on from there; killed, it loses the last seconds of that.

An episode, and a block of samples, depends on its seed and number alone (see `bench.runner.blocks`), so what is
computed by going on is what would have been computed at once.
"""

import base64
import time
from dataclasses import dataclass, field

import numpy as np
import torch

from bench.runner.counting import Counted, add_counts
from bench.storage.unfinished import UnfinishedFile
from reports.load import unfinished_schema as schema
from reports.load.schema import FORMAT, Episode

SAVE_EVERY = 10.0  # seconds; what is done since is lost where a process is killed


@dataclass
class Unfinished:
    """The episodes, or blocks of samples, that are done of one evaluation.

    Attributes:
        file: where they are kept; None for an evaluation that is not gone on with.
        seconds: that those took which were done before.
        episodes: by their numbers.
        blocks: of samples, by `PLACE-FIRST`, the place of β and the number of the first sample.
        known: how many actions or samples were done before.
        share: of the time that passes, where several evaluations are made together.
    """

    file: UnfinishedFile | None = None
    seconds: float = 0.0
    episodes: dict[int, schema.DoneEpisode] = field(default_factory=dict)
    blocks: dict[str, schema.DoneBlock] = field(default_factory=dict)
    known: int = 0
    share: float = 1.0
    _began: float = field(default_factory=time.monotonic)
    _saved: float = field(default_factory=time.monotonic)
    _in_file: int = 0

    @classmethod
    def read(cls, file: UnfinishedFile, episodes: range) -> "Unfinished":
        """What a file keeps; nothing where there is none.

        Args:
            file: where.
            episodes: those that are asked for; of others nothing is taken.

        Raises:
            UnfinishedError: it is damaged, or of another evaluation.
        """
        found = file.read()
        if found is None:
            return cls(file)
        asked = {number: each for number, each in found.episodes.items() if number in episodes}
        done = cls(file, found.seconds, asked, dict(found.blocks))
        done.known, done._in_file = done.counts["evaluations"]["actions"], len(done)
        return done

    def __len__(self) -> int:
        """Episodes and blocks."""
        return len(self.episodes) + len(self.blocks)

    def add_episode(
        self, number: int, episode: Episode, counted: Counted, trajectory: schema.Trajectory | None = None
    ) -> None:
        """An episode is over."""
        self.episodes[number] = schema.DoneEpisode(
            episode=episode, counted=_pack(counted, episode.length), trajectory=trajectory
        )
        self._save_now_and_then()

    def add_block(self, name: str, points: torch.Tensor, counted: Counted) -> None:
        """Samples are drawn, (point, 2) in single precision."""
        text = base64.b64encode(np.ascontiguousarray(points.cpu().numpy(), "<f4").tobytes()).decode()
        self.blocks[name] = schema.DoneBlock(points=text, counted=_pack(counted, len(points)))
        self._save_now_and_then()

    def find_block(self, name: str, device: torch.device) -> torch.Tensor | None:
        """The samples that were drawn before; None where they have to be drawn."""
        if name not in self.blocks:
            return None
        found = np.frombuffer(base64.b64decode(self.blocks[name].points), "<f4").reshape(-1, 2)
        return torch.from_numpy(found.astype(np.float32)).to(device)

    @property
    def counts(self) -> dict[str, dict]:
        """The sum of what was counted, the actions or samples among it."""
        done = (*self.episodes.values(), *self.blocks.values())
        return add_counts(each.counted.model_dump() for each in done)

    def _save_now_and_then(self) -> None:
        if time.monotonic() - self._saved > SAVE_EVERY:
            self.save()

    def save(self) -> None:
        """Keep what is done, unless it is kept already.

        Raises:
            UserError: the disk is full or the folder cannot be written.
        """
        if self.file is None or len(self) == self._in_file:
            return
        seconds = self.seconds + self.share * (time.monotonic() - self._began)
        self.file.write(
            schema.UnfinishedEvaluation(
                format=FORMAT, of=self.file.of, seconds=seconds, episodes=self.episodes, blocks=self.blocks
            )
        )
        self._saved, self._in_file = time.monotonic(), len(self)

    def remove(self) -> None:
        """Keep no more, and forget what is kept: the result is there."""
        if self.file is not None:
            self.file.remove()
            self.file = None


def _pack(counted: Counted, actions: int) -> schema.Counted:
    interventions = {name: tuple(by_level) for name, by_level in counted["interventions"].items()}
    return schema.Counted(interventions=interventions, evaluations={**counted["evaluations"], "actions": actions})
