"""Candidates of one observation lie next to each other; each selection picks one of them, by its own law."""

from dataclasses import dataclass

import pytest
import torch
from scipy.stats import chisquare
from torch import Tensor

from methods.core.method import DiffusionPolicy
from methods.core.selection import Best, Draw, First, SoftmaxDraw
from methods.diffusion.guidance import Repairs
from methods.diffusion.sampler import Bounds, SamplerConfig
from methods.diffusion.schedule import make_schedule
from training.seeds import SeedStreams

# Two seeds, two observations, three candidates each; channel 0 says which, channel 1 is a score.
TABLE = torch.tensor(
    [
        [[0, 5.0], [1, 7.0], [2, 6.0], [10, 1.0], [11, 2.0], [12, 3.0]],
        [[20, 9.0], [21, 8.0], [22, 7.0], [30, 1.0], [31, 4.0], [32, -3.0]],
    ]
)
OBSERVATIONS = torch.tensor([[0.0], [0.0], [0.0], [1.0], [1.0], [1.0]]).expand(2, -1, -1)


def last_channel(observations, candidates):
    return candidates[..., -1]


def test_first_takes_the_first_of_each():
    chosen = First().choose(OBSERVATIONS, TABLE, 2, SeedStreams([0, 1], "x"))
    assert chosen[..., 0].tolist() == [[0, 10], [20, 30]]


def test_best_takes_the_highest_score_of_each():
    chosen = Best(last_channel).choose(OBSERVATIONS, TABLE, 2, SeedStreams([0, 1], "x"))
    assert chosen.tolist() == [[[1, 7], [12, 3]], [[20, 9], [31, 4]]]


def test_the_score_sees_the_observation_of_its_candidate():
    sign = Best(lambda observations, candidates: (1 - 2 * observations[..., 0]) * candidates[..., -1])
    chosen = sign.choose(OBSERVATIONS, TABLE, 2, SeedStreams([0, 1], "x"))
    assert chosen[..., 0].tolist() == [[1, 10], [20, 32]]


@pytest.mark.parametrize("shift", [0.0, 1e4, -1e4])
def test_softmax_draw_is_in_proportion_to_e_to_the_score(shift):
    """Chi-square of 20,000 draws against 1, 2, 5, the scores' exponentials; a common shift does not matter."""
    scores = torch.tensor([1.0, 2.0, 5.0], dtype=torch.float64).log()
    count = 20_000
    candidates = torch.arange(3.0).repeat(count)[None, :, None]
    draw = SoftmaxDraw(lambda observations, candidates: shift + scores[candidates[..., 0].long()])
    chosen = draw.choose(candidates, candidates, count, SeedStreams([0], "x")).flatten().long()
    found = torch.bincount(chosen, minlength=3)
    assert chisquare(found.numpy(), count * scores.exp().numpy() / 8).pvalue > 1e-3


@pytest.mark.parametrize("scale", [1.0, 1e-30, 1e30])
def test_draw_is_in_proportion_to_the_weight(scale):
    """Chi-square of 20,000 draws against the weights 1, 0, 2, 5; the scale of the weights does not matter."""
    weights = torch.tensor([1.0, 0.0, 2.0, 5.0])
    count = 20_000
    candidates = torch.arange(4.0).repeat(count)[None, :, None]
    draw = Draw(lambda observations, candidates: scale * weights[candidates[..., 0].long()])
    chosen = draw.choose(candidates, candidates, count, SeedStreams([0], "x")).flatten().long()
    found = torch.bincount(chosen, minlength=4)
    assert found[1] == 0
    kept = torch.tensor([0, 2, 3])
    assert chisquare(found[kept].numpy(), (count * weights[kept] / 8).numpy()).pvalue > 1e-3


def test_draw_differs_between_seeds_and_repeats_for_one():
    candidates = torch.arange(8.0).repeat(50)[None, :, None].expand(2, -1, -1)
    draw = Draw(lambda observations, candidates: torch.ones_like(candidates[..., 0]))
    one = draw.choose(candidates, candidates, 50, SeedStreams([0, 1], "x"))
    two = draw.choose(candidates, candidates, 50, SeedStreams([0, 1], "x"))
    assert torch.equal(one, two)
    assert not torch.equal(one[0], one[1])


@dataclass
class Echo:
    """A denoiser that answers with its observation and fresh noise's sign: shows which row is whose."""

    schedule = make_schedule("vp", 3)
    channels = 2

    def __call__(self, z: Tensor, level: int, observations: Tensor) -> Tensor:
        return torch.cat([observations, z[..., :1]], -1)


def test_a_policy_gives_every_observation_its_own_candidates():
    observations = torch.tensor([[[0.1], [0.2], [0.3]], [[1.1], [1.2], [1.3]]])
    bounds = Bounds(torch.full((2,), -9.0), torch.full((2,), 9.0))
    policy = DiffusionPolicy(Echo(), SamplerConfig(), bounds, 1, 4, Best(last_channel), Repairs())
    actions = policy.act(observations, SeedStreams([0, 1], "x"))
    assert torch.equal(actions, observations)
