"""A seed's random numbers are its own: the same whoever else is there, and continued by a checkpoint."""

import pytest
import torch
from scipy.stats import kstest

from training.seeds import SeedStreams, stream_number

DRAWS = {
    "normal": lambda streams: streams.normal(5, 3),
    "uniform": lambda streams: streams.uniform(7),
    "integers": lambda streams: streams.integers(1000, 4, 2),
}


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_a_stream_does_not_depend_on_its_company(draw):
    together, alone = SeedStreams([0, 1, 2], "x"), SeedStreams([1], "x")
    for _ in range(3):
        among, single = draw(together), draw(alone)
        assert torch.equal(among[1], single[0])
        assert not torch.equal(among[0], among[1])


def test_purposes_and_near_seeds_give_unrelated_streams():
    numbers = torch.cat([SeedStreams(range(4), purpose).normal(2000) for purpose in ("a", "b", "a/b")])
    correlation = torch.corrcoef(numbers) - torch.eye(12)
    assert correlation.abs().max() < 4.5 / 2000**0.5
    assert len({stream_number(seed, purpose) for seed in range(100) for purpose in ("a", "b")}) == 200
    assert stream_number(1, "2/x") != stream_number(12, "/x")


def test_the_numbers_have_their_laws():
    streams = SeedStreams([3], "laws")
    assert kstest(streams.normal(5000)[0].numpy(), "norm").pvalue > 1e-3
    assert kstest(streams.uniform(5000)[0].numpy(), "uniform").pvalue > 1e-3
    integers = streams.integers(3, 5000)
    assert integers.unique().tolist() == [0, 1, 2]
    assert integers.double().mean().item() == pytest.approx(1.0, abs=4.5 * (2 / 3 / 5000) ** 0.5)


def test_a_restored_stream_goes_on_where_it_was():
    streams = SeedStreams([0, 5], "x")
    streams.normal(11)
    state = streams.state()
    expected = streams.normal(9)
    other = SeedStreams([0, 5], "something else")
    other.restore(state)
    assert torch.equal(other.normal(9), expected)
