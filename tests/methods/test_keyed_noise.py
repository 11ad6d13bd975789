"""Philox against its published vectors, and keyed noise: its laws, and that a number depends on its name alone."""

import pytest
import torch
from scipy import stats
from torch import Tensor

from foundation.errors import UserError
from methods.diffusion.keyed_noise import KeyedNoise
from methods.diffusion.noise import CandidateNoise, Noise
from methods.diffusion.philox import MASK, philox, to_normal, to_uniforms

# Random123, tests/kat_vectors: philox4x32 10 (counter, key, output)
KNOWN = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((MASK,) * 4, (MASK,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


@pytest.mark.parametrize(("counter", "key", "output"), KNOWN)
def test_philox_gives_the_published_words(counter: tuple[int, ...], key: tuple[int, int], output: tuple[int, ...]):
    assert tuple(int(word) for word in philox([torch.tensor(word) for word in counter], key)) == output


def test_words_become_numbers_of_their_whole_range():
    ends = torch.tensor([0, 2**31, MASK])
    for found in to_uniforms(ends, ends):
        assert found.tolist() == [0.0, 0.5, 1 - 2.0**-24]
    largest, zero = to_normal(torch.tensor([0]), torch.tensor([0]))
    assert largest.item() == pytest.approx((66 * torch.tensor(2.0).log().item()) ** 0.5)
    assert zero.item() == 0.0
    assert all(number.isfinite().all() for number in to_normal(ends, ends))


def draw(
    *shape: int,
    rows: int = 500,
    law: str = "normal",
    steps: int = 1,
    seed: int = 3,
    stream: str = "x",
    key: str = "start",
) -> Tensor:
    """(step, row, *shape)"""
    noise, found = KeyedNoise(seed, stream, range(rows)), []
    for _ in range(steps):
        found.append(getattr(noise, law)(key, *shape)[0])
        noise.advance()
    return torch.stack(found)


def test_normal_numbers_are_normal():
    """Kolmogorov-Smirnov, moments, and the tail beyond 3.5, of 600,000."""
    numbers = draw(4, 3, rows=5000, steps=10).double().flatten()
    assert stats.kstest(numbers.numpy(), "norm").pvalue > 0.01
    count = len(numbers)
    for power, moment, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        assert abs(numbers.pow(power).mean().item() - moment) < 3.5 * (variance / count) ** 0.5
    tail = 2 * stats.norm.sf(3.5) * count
    assert abs((numbers.abs() > 3.5).sum().item() - tail) < 3.5 * tail**0.5


def test_uniform_numbers_are_uniform():
    numbers = draw(4, 3, rows=5000, law="uniform", steps=10).double().flatten()
    assert stats.kstest(numbers.numpy(), "uniform").pvalue > 0.01
    assert 0 <= numbers.min() < 1e-4
    assert 1 - 1e-4 < numbers.max() < 1


def test_every_part_of_the_name_gives_other_numbers():
    """No two of neighbouring seeds, streams, keys, steps, episodes, candidates or channels are correlated."""
    numbers = draw(3, 4, steps=20)
    pairs = [(numbers, draw(3, 4, steps=20, seed=4)), (numbers, draw(3, 4, steps=20, stream="y"))]
    pairs += [(numbers, draw(3, 4, steps=20, key=key)) for key in ("step-0", "step-1")]
    pairs += [
        (numbers.narrow(axis, 1, n - 1), numbers.narrow(axis, 0, n - 1)) for axis, n in enumerate((20, 500, 3, 4))
    ]
    pairs += [(numbers, draw(3, 4, steps=20, law="uniform"))]
    for one, other in pairs:
        correlation = torch.corrcoef(torch.stack([one.flatten(), other.flatten()]))[0, 1].item()
        assert abs(correlation) < 4 / one.numel() ** 0.5
    assert len(numbers.unique()) > 0.999 * numbers.numel()


def test_a_number_does_not_depend_on_how_many_there_are():
    """Candidates, channels, rows and steps: a method with more of them shares those that another has."""
    many = draw(5, 7, rows=9, steps=3)
    assert torch.equal(draw(2, 3, rows=4, steps=2), many[:2, :4, :2, :3])
    assert torch.equal(draw(7, rows=9, steps=3), many[:, :, 0])
    assert torch.equal(draw(rows=9, steps=3), many[:, :, 0, 0])


def test_candidates_of_a_policy_are_those_of_its_row():
    plain, noise = KeyedNoise(0, "x", range(3)), KeyedNoise(0, "x", range(3))
    assert isinstance(plain, Noise)
    found = CandidateNoise(noise, 4).normal("start", 2)
    assert torch.equal(found.unflatten(1, (3, 4)), plain.normal("start", 4, 2))


def test_a_row_draws_the_same_wherever_and_whenever_its_episode_is_computed():
    whole = draw(2, rows=8, steps=200)
    noise = KeyedNoise(3, "x", [5, 6])
    for step in range(90):
        assert torch.equal(noise.normal("start", 2)[0], whole[step, [5, 6]])
        noise.advance()
    noise.start(0, 2)
    for step in range(100):
        found = noise.normal("start", 2)[0]
        assert torch.equal(found[0], whole[step, 2])
        assert torch.equal(found[1], whole[90 + step, 6])
        noise.advance()


def test_a_key_is_for_one_draw():
    noise = KeyedNoise(0, "x", range(3))
    noise.normal("start", 2)
    with pytest.raises(UserError, match="'start' twice in one call"):
        noise.uniform("start", 2)
    noise.advance()
    noise.normal("start", 2)
