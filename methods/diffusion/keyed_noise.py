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

COUNTERS_AT_ONCE = 16384
STEPS_AHEAD = 64
NOTHING: tuple[int, Sequence[Tensor]] = (0, ())


class KeyedNoise:
    """The noise of one training seed's rows, each row at a step of an episode; see `Noise`.

    A counter of the generator is (episode, step, pair of candidates, pair of channels), and its key a hash of the
    rest. Numbers are computed for some steps ahead, twice as many each time, and for all keys of one shape
    together, since small tensors cost calls and not arithmetic; that changes none of them.

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
        self._drawn: dict[tuple[str, tuple[int, ...]], dict[str, tuple[int, Sequence[Tensor]]]] = {}

    def advance(self) -> None:
        """Every row goes to the next step of its episode."""
        self._clock += 1
        self._asked.clear()

    def start(self, row: int, episode: int) -> None:
        """A row goes to step 0 of another episode."""
        self.episodes[row] = episode
        self._began[row] = self._clock
        for keys in self._drawn.values():
            keys.update(dict.fromkeys(keys, NOTHING))

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
        keys = self._drawn.setdefault((law, shape), {})
        first, numbers = keys.get(key, NOTHING)
        if not first <= self._clock < first + len(numbers):
            keys.update(self._draw(law, shape, self._choose_keys(keys, key, shape), max(1, 2 * len(numbers))))
            first, numbers = keys[key]
        return numbers[self._clock - first]

    def _choose_keys(
        self, known: dict[str, tuple[int, Sequence[Tensor]]], key: str, shape: tuple[int, ...]
    ) -> list[str]:
        """The key and those of its law and shape that have run out too, or it alone where one step is much."""
        ended = [name for name, (first, numbers) in known.items() if self._clock >= first + len(numbers)]
        together = list(dict.fromkeys([key, *ended]))
        return together if len(together) * self._count(shape) <= COUNTERS_AT_ONCE else [key]

    def _count(self, shape: tuple[int, ...]) -> int:
        """Counters of a key at a step."""
        return max(1, len(self.episodes)) * math.prod(count_pairs(shape))

    def _draw(
        self, law: str, shape: tuple[int, ...], keys: Sequence[str], most: int
    ) -> dict[str, tuple[int, Sequence[Tensor]]]:
        """From this step on and for at most so many, the numbers (1, rows, *shape) of each key."""
        pairs, device = count_pairs(shape), self.episodes.device
        steps = min(max(COUNTERS_AT_ONCE // (len(keys) * self._count(shape)), 1), most, STEPS_AHEAD)
        ahead = torch.arange(steps, device=device)[:, None] + (self._clock - self._began)
        candidate, channel = (torch.arange(count, device=device) for count in pairs)
        counter = [self.episodes[:, None, None], ahead[..., None, None], candidate[:, None], channel]
        named = [stream_number(self.seed, f"{self.stream}/{law}/{key}") for key in keys]
        name = torch.tensor(named, device=device).view(-1, 1, 1, 1, 1)
        numbers = arrange(philox(counter, (name >> 32, name & MASK)), law, shape)
        return {key: (self._clock, own.unbind()) for key, own in zip(keys, numbers[:, :, None], strict=True)}


def count_pairs(shape: tuple[int, ...]) -> tuple[int, int]:
    """Pairs of candidates and of channels: a counter gives the numbers of two by two."""
    candidates, channels = math.prod(shape[:-1]), shape[-1] if shape else 1
    return -(-candidates // 2), -(-channels // 2)


def arrange(words: Sequence[Tensor], law: str, shape: tuple[int, ...]) -> Float[Tensor, "key step rows ..."]:
    """Numbers of that law from (key, step, row, pair of candidates, pair of channels) words, in that shape.

    Words 0 and 1 are two channels of one candidate, words 2 and 3 the same two of the next.
    """
    candidates, channels = math.prod(shape[:-1]), shape[-1] if shape else 1
    both = [words[:2], words[2:]] if candidates > 1 else [words[:2]]
    read = to_normal if law == "normal" else to_uniforms
    together = torch.stack([torch.stack(read(*pair), -1) for pair in both], dim=4)
    flat = together.flatten(5, 6).flatten(3, 4)[..., :candidates, :channels]
    return flat.reshape(*flat.shape[:3], *shape)
