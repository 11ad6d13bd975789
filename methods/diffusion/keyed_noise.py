"""Noise as a function of what it is for: training seed, stream, key, episode, step, candidate and channel.

Neither the method, its ρ nor what else is computed enters, so comparisons are paired and episodes can be added.
The first channels and candidates are the same numbers however many there are.
"""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from foundation.errors import UserError
from methods.diffusion.philox import MASK, philox, to_normal, to_uniforms
from training.seeds import stream_number

COUNTERS_AT_ONCE = 8192
STEPS_AHEAD = 64


class KeyedNoise:
    """The noise of one training seed's rows, each row at a step of an episode; see `Noise`.

    A counter of the generator is (episode, step, pair of candidates, pair of channels), and its key a hash of the
    rest. The numbers of a key are computed for some steps ahead, twice as many each time; that changes none of
    them.

    Args:
        seed: the training seed.
        stream: what the numbers are for, such as `evaluation/maze2d-umaze`.
        episodes: the number of each row's episode.
        device: where the numbers are drawn.
        step: at which all rows are at first.
    """

    def __init__(
        self,
        seed: int,
        stream: str,
        episodes: Sequence[int],
        device: torch.device | str = "cpu",
        step: int = 0,
    ):
        self.seed, self.stream = seed, stream
        self.episodes = torch.tensor(list(episodes), dtype=torch.int64, device=device)
        self._clock = step
        self._began = torch.zeros_like(self.episodes)
        self._asked: set[str] = set()
        self._drawn: dict[tuple[str, str, tuple[int, ...]], tuple[int, Tensor]] = {}

    def advance(self) -> None:
        """Every row goes to the next step of its episode."""
        self._clock += 1
        self._asked.clear()

    def start(self, row: int, episode: int) -> None:
        """A row goes to step 0 of another episode."""
        self.episodes[row] = episode
        self._began[row] = self._clock
        self._drawn.clear()

    def normal(self, key: str, *shape: int) -> Float[Tensor, "1 rows ..."]:
        """Standard normal numbers, (1, rows, *shape): the last axis are channels, those before it candidates.

        Raises:
            UserError: a key that was asked for before at this step.
        """
        return self._read("normal", key, shape)

    def uniform(self, key: str, *shape: int) -> Float[Tensor, "1 rows ..."]:
        """Numbers uniform in [0, 1); see `normal`."""
        return self._read("uniform", key, shape)

    def _read(self, law: str, key: str, shape: tuple[int, ...]) -> Tensor:
        if key in self._asked:
            raise UserError(
                f"the policy asks for noise {key!r} twice in one call, which would give the same numbers twice; "
                "give each of its draws a key of its own."
            )
        self._asked.add(key)
        first, numbers = self._drawn.get((law, key, shape), (0, self.episodes[:0]))
        if not first <= self._clock < first + len(numbers):
            first, numbers = self._clock, self._draw(law, key, shape, max(1, 2 * len(numbers)))
            self._drawn[law, key, shape] = first, numbers
        return numbers[self._clock - first][None]

    def _draw(self, law: str, key: str, shape: tuple[int, ...], most: int) -> Float[Tensor, "step rows ..."]:
        """The numbers of this step and of some that follow, at most so many in all."""
        candidates, channels = math.prod(shape[:-1]), shape[-1] if shape else 1
        pairs = -(-candidates // 2), -(-channels // 2)
        at_once = COUNTERS_AT_ONCE // max(1, len(self.episodes) * math.prod(pairs))
        device = self.episodes.device
        ahead = torch.arange(min(max(at_once, 1), most, STEPS_AHEAD), device=device)
        steps = ahead[:, None] + (self._clock - self._began)
        numbers = (torch.arange(count, device=device) for count in pairs)
        counter = [
            self.episodes[:, None, None],
            steps[..., None, None],
            *(number.view(view) for number, view in zip(numbers, ((-1, 1), (1, -1)), strict=True)),
        ]
        name = stream_number(self.seed, f"{self.stream}/{law}/{key}")
        words = philox(counter, (name >> 32, name & MASK))
        # Words 0 and 1 are two channels of one candidate, words 2 and 3 the same two of the next.
        both = [words[:2], words[2:]] if candidates > 1 else [words[:2]]
        read = to_normal if law == "normal" else to_uniforms
        together = torch.stack([torch.stack(read(*pair), -1) for pair in both], dim=3)
        flat = together.flatten(4, 5).flatten(2, 3)[:, :, :candidates, :channels]
        return flat.reshape(*flat.shape[:2], *shape)
