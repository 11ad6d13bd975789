"""Candidates of one observation lie next to each other; each selection picks one of them, by its own law."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import pytest
import torch
from scipy.stats import chisquare
from tiny import tiny_setup
from torch import Tensor

from methods import (
    Best,
    Component,
    Draw,
    First,
    MethodError,
    Models,
    SeedStreams,
    Selection,
    Setup,
    SlotMethod,
    SlotPolicy,
)
from methods.core.selection import set_candidates
from methods.diffusion.noise import CandidateNoise, Noise, StreamNoise
from methods.diffusion.sampler import Bounds, SamplerConfig
from methods.diffusion.schedule import Schedule, make_schedule
from methods.swg_r import SWGR

# Two seeds, two observations, three candidates each; channel 0 says which, channel 1 is a score.
TABLE = torch.tensor(
    [
        [[[0, 5.0], [1, 7.0], [2, 6.0]], [[10, 1.0], [11, 2.0], [12, 3.0]]],
        [[[20, 9.0], [21, 8.0], [22, 7.0]], [[30, 1.0], [31, 4.0], [32, -3.0]]],
    ]
)
OBSERVATIONS = torch.tensor([[0.0], [1.0]]).expand(2, -1, -1)


def last_channel(models: Models, observations: Tensor, z: Tensor) -> Tensor:
    return z[..., -1]


def noise_of(rows: int, *seeds: int) -> StreamNoise:
    return StreamNoise(SeedStreams(seeds or (0, 1), "x"), rows)


def choose(selection: Selection) -> Tensor:
    return selection.choose(OBSERVATIONS, TABLE, {}, noise_of(2))


def test_first_takes_the_first_of_each():
    assert choose(First())[..., 0].tolist() == [[0, 10], [20, 30]]


def test_best_takes_the_highest_score_of_each():
    assert choose(Best(3, last_channel)).tolist() == [[[1, 7], [12, 3]], [[20, 9], [31, 4]]]


def test_the_score_sees_the_observation_of_its_candidate():
    sign = Best(3, lambda models, observations, z: (1 - 2 * observations[..., 0]) * z[..., -1])
    assert choose(sign)[..., 0].tolist() == [[1, 10], [20, 32]]


def draws_by(weight: Callable[[Tensor], Tensor], kinds: int, count: int, is_log: bool) -> Tensor:
    """How often each of as many candidates is drawn for as many observations."""
    candidates = torch.arange(float(kinds)).expand(1, count, -1)[..., None]
    draw = Draw(kinds, lambda models, observations, z: weight(z[..., 0].long()), is_log=is_log)
    chosen = draw.choose(torch.zeros(1, count, 1), candidates, {}, noise_of(count, 0))
    return torch.bincount(chosen.flatten().long(), minlength=kinds)


@pytest.mark.parametrize("shift", [0.0, 1e4, -1e4])
def test_a_draw_by_the_log_is_in_proportion_to_e_to_the_score(shift: float):
    """Chi-square of 20,000 draws against 1, 2, 5, the scores' exponentials; a common shift does not matter."""
    scores, count = torch.tensor([1.0, 2.0, 5.0], dtype=torch.float64).log(), 20_000
    found = draws_by(lambda index: shift + scores[index], 3, count, is_log=True)
    assert chisquare(found.numpy(), count * scores.exp().numpy() / 8).pvalue > 1e-3


@pytest.mark.parametrize("scale", [1.0, 1e-30, 1e30])
def test_a_draw_is_in_proportion_to_the_weight(scale: float):
    """Chi-square of 20,000 draws against the weights 1, 0, 2, 5; the scale of the weights does not matter."""
    weights, count = torch.tensor([1.0, 0.0, 2.0, 5.0]), 20_000
    found = draws_by(lambda index: scale * weights[index], 4, count, is_log=False)
    assert found[1] == 0
    kept = torch.tensor([0, 2, 3])
    assert chisquare(found[kept].numpy(), (count * weights[kept] / 8).numpy()).pvalue > 1e-3


def test_swg_r_draws_in_proportion_to_the_predicted_weight_or_takes_the_best_q():
    """z = (which, w): weights 0.1, 0.3 and 0.6, and one of -2, which is clipped to 1e-4; Q is the least at 0.6."""
    count, weights = 20_000, torch.tensor([0.1, 0.3, 0.6, -2.0])
    candidates = torch.stack([torch.arange(4.0), weights], -1).expand(1, count, -1, -1)
    observations = torch.zeros(1, count, 1)
    drawn = SWGR(candidates=4, select="draw").selection().choose(observations, candidates, {}, noise_of(count, 0))
    found = torch.bincount(drawn[..., 0].flatten().long(), minlength=4)
    expected = count * torch.tensor([0.1, 0.3, 0.6, 1e-4], dtype=torch.float64) / 1.0001
    assert chisquare(found.numpy(), expected.numpy()).pvalue > 1e-3

    class Falling:
        def q(self, observations: Tensor, actions: Tensor) -> Tensor:
            assert actions.shape[-1] == 1, "the action alone"
            return -actions[..., 0]

    best = (
        SWGR(candidates=4, select="critic")
        .selection()
        .choose(observations, candidates, {"critic": Falling()}, noise_of(count, 0))
    )
    assert (best[..., 0] == 0).all()
    assert SWGR(select="critic").selection().components(tiny_setup()).keys() == {"critic"}
    assert not SWGR(select="draw").selection().components(tiny_setup())


def test_a_draw_differs_between_seeds_and_repeats_for_one():
    candidates, observations = torch.arange(8.0)[:, None].expand(2, 50, -1, -1), torch.zeros(2, 50, 1)
    draw = Draw(8, lambda models, observations, z: torch.ones_like(z[..., 0]))
    one, two = (draw.choose(observations, candidates, {}, noise_of(50)) for _ in range(2))
    assert torch.equal(one, two)
    assert not torch.equal(one[0], one[1])


def test_a_draw_by_weight_takes_the_weight_of_the_setting_and_the_shared_critic():
    """Q = a and V = s: exponential(β = 1) weighs by e^{a - s}; actions log 1, log 2, log 5 give 1 : 2 : 5."""
    draw, setup, count = Draw.by_weight(3, "exponential:inverse_temperature=1,maximum=99"), tiny_setup(), 20_000
    components = draw.components(setup)
    assert components["critic"] == setup.critic()

    class Known:
        def q(self, observations: Tensor, actions: Tensor) -> Tensor:
            return actions[..., 0]

        def v(self, observations: Tensor) -> Tensor:
            return observations[..., 0]

    models = {"critic": Known(), "weight": components["weight"].build(SeedStreams([0], "x"))}
    candidates = torch.tensor([1.0, 2.0, 5.0]).log()[:, None].expand(1, count, -1, -1)
    chosen = draw.choose(torch.full((1, count, 1), 0.7), candidates, models, noise_of(count, 0))
    found = [int((chosen.exp().round() == kind).sum()) for kind in (1, 2, 5)]
    assert chisquare(found, [count / 8, count / 4, count * 5 / 8]).pvalue > 1e-3


@dataclass
class Echo:
    """A denoiser that answers with its observation and fresh noise: shows which row is whose."""

    schedule: Schedule = make_schedule("vp", 3)  # noqa: RUF009 - never changed
    channels: int = 2

    def __call__(self, z: Tensor, level: int, observations: Tensor) -> Tensor:
        return torch.cat([observations, z[..., :1]], -1)


def test_a_policy_gives_every_observation_its_own_candidates():
    observations = torch.tensor([[[0.1], [0.2], [0.3]], [[1.1], [1.2], [1.3]]])
    bounds = Bounds(torch.full((2,), -9.0), torch.full((2,), 9.0))
    policy = SlotPolicy(Echo(), None, Best(4, last_channel), {}, SamplerConfig(), bounds, 1)
    actions = policy.act(observations, torch.zeros(2, 3), noise_of(3))
    assert torch.equal(actions, observations)


def test_the_chosen_candidate_is_the_best_of_those_that_were_drawn():
    """One step from z to ẑ_0 = (s, z): the candidates' noise is (seed, batch, candidate, channel) of `start`."""
    observations = torch.zeros(2, 5, 1)
    bounds = Bounds(torch.full((2,), -9.0), torch.full((2,), 9.0))
    policy = SlotPolicy(Echo(), None, Best(4, last_channel), {}, SamplerConfig(steps=1), bounds, 2)
    z = policy.act(observations, torch.zeros(2, 5), noise_of(5))
    drawn = noise_of(5).normal("start", 4, 2)
    assert torch.equal(z[..., 1], drawn[..., 0].amax(-1))


def test_candidates_of_one_observation_lie_next_to_each_other():
    plain, beside = noise_of(3).normal("x", 4, 2), CandidateNoise(noise_of(3), 4).normal("x", 2)
    assert beside.shape == (2, 12, 2)
    assert torch.equal(beside[:, 4:8], plain[:, 1])
    plain, beside = noise_of(3).uniform("x", 4), CandidateNoise(noise_of(3), 4).uniform("x")
    assert torch.equal(beside.unflatten(1, (3, 4)), plain)


class ByTable:
    """Q by the action alone, -(a - 11)²: of the actions 10, 11 and 12 the second is the best."""

    def q(self, observations: Tensor, actions: Tensor) -> Tensor:
        assert actions.shape[-1] == 1, "Q is asked for the action, without the channels after it"
        return -(actions[..., 0] - 11).square()


def test_a_first_draw_becomes_the_best_by_the_shared_q():
    setup = tiny_setup()
    best = set_candidates(First(), 3, action_dim=1)
    assert best.candidates == 3
    assert best.components(setup) == {"critic": setup.critic()}
    chosen = best.choose(OBSERVATIONS, TABLE, {"critic": ByTable()}, noise_of(2))
    assert chosen.tolist() == [[[2, 6], [11, 2]], [[20, 9], [30, 1]]]
    assert set_candidates(First(), 1, action_dim=1) == First()


@pytest.mark.parametrize("selection", [Best(7, last_channel), Draw(7, last_channel, needs=None, is_log=True)])
def test_a_scored_selection_keeps_its_score_and_law(selection: Best | Draw):
    assert set_candidates(selection, 3, action_dim=1) == replace(selection, candidates=3)


@dataclass(frozen=True)
class Whole:
    """A selection that is of no number of candidates that could be set."""

    candidates: int = 2

    def components(self, setup: Setup) -> Mapping[str, Component]:
        return {}

    def choose(self, observations: Tensor, z: Tensor, models: Models, noise: Noise) -> Tensor:
        return z.mean(2)


@dataclass(frozen=True)
class Averaged(SlotMethod):
    title: ClassVar[str] = "Averaged"
    paper: ClassVar[str] = "none"

    def selection(self) -> Selection:
        return Whole()


def test_a_selection_whose_number_cannot_be_set_is_refused_in_one_sentence():
    setup = tiny_setup()
    assert Averaged().select_in(setup) == Whole()
    with pytest.raises(MethodError, match=r"Averaged: a Whole has no number .* leave out equal\.candidates=4"):
        Averaged().components(replace(setup, candidates=4))
