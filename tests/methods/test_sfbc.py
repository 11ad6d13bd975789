"""SfBC's selection: frequencies of draws without replacement, the scale of Q, and the law that it tends to."""

import itertools

import numpy as np
import pytest
import torch
from tiny import make, tiny_data, tiny_setup
from torch import Tensor

from methods import MeanOfDraws, SeedStreams
from methods.diffusion.noise import StreamNoise
from methods.sfbc import SfBC

SCORES = (0.0, 1.0, -0.5, 0.3)
ROWS = 40_000


def pick(draws: int) -> Tensor:
    """What is picked among four candidates whose z are 1, 10, 100 and 1000."""
    z = torch.tensor([1.0, 10.0, 100.0, 1000.0]).expand(1, ROWS, 4)[..., None]
    noise = StreamNoise(SeedStreams([0], "draws"), ROWS)
    return MeanOfDraws(4, draws=draws).pick(torch.tensor(SCORES).expand(1, ROWS, 4), z, noise)[0, :, 0]


@pytest.mark.parametrize("draws", [1, 2, 3])
def test_draws_without_replacement_have_the_probabilities_of_one_after_the_other(draws):
    """P(i, j) = p_i p_j/(1 - p_i), summed over both orders: the mean tells the set, not the order."""
    p = np.exp(SCORES) / np.exp(SCORES).sum()
    expected: dict[float, float] = {}
    for order in itertools.permutations(range(4), draws):
        left, chance = 1.0, 1.0
        for place in order:
            chance *= p[place] / left
            left -= p[place]
        value = round(sum(10.0**place for place in order) / draws, 3)
        expected[value] = expected.get(value, 0.0) + chance
    values, counts = torch.unique((pick(draws) * 1000).round() / 1000, return_counts=True)
    found = {round(value, 3): count / ROWS for value, count in zip(values.tolist(), counts.tolist(), strict=True)}
    assert found.keys() == {round(float(np.float32(value)), 3) for value in expected}
    for value, chance in expected.items():
        near = min(found, key=lambda other: abs(other - value))
        assert found[near] == pytest.approx(chance, abs=4.5 * np.sqrt(chance * (1 - chance) / ROWS))


def test_all_of_them_is_their_mean():
    torch.testing.assert_close(pick(9), torch.full((ROWS,), 1111 / 4))


def test_q_is_in_units_of_its_deviation_over_the_data():
    needed = SfBC(candidates=2, inverse_temperature=7.0).components(tiny_setup())
    models, data = {name: make(component, (0, 1)) for name, component in needed.items()}, tiny_data()
    s, a = (part.expand(2, -1, -1) for part in (data.observations, data.actions))
    q = models["critic"].q(s, a)
    selection = SfBC(candidates=2, inverse_temperature=7.0).selection()
    assert isinstance(selection, MeanOfDraws)
    expected = [7 * row / max(0.1, np.std(row)) for row in q.detach().numpy()]
    np.testing.assert_allclose(selection.score(models, s, a).detach().numpy(), expected, rtol=1e-4)
    plain = SfBC(candidates=2, inverse_temperature=7.0, normalise=False)
    assert "spread" not in plain.components(tiny_setup())
    chosen = plain.selection()
    assert isinstance(chosen, MeanOfDraws)
    torch.testing.assert_close(chosen.score({"critic": models["critic"]}, s, a), 7 * q)
