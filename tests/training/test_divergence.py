"""A seed that diverges is named with step and reason; the others take the steps that they would take anyway."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import pytest
import torch
from actor_critic import ACTOR, CRITIC, ActorCritic, Networks, quiet, toy_data
from kept_states import KeptStates
from torch import Tensor

import training.loop
from critics.config import CriticConfig
from critics.iql import IQL
from training import Data, Step, fit

SEEDS = (0, 3, 5)
IQL_SMALL = CriticConfig(width=16, steps=100, batch_size=16)


@dataclass(frozen=True)
class Breaking(ActorCritic):
    """The toy, the loss of whose second seed is NaN from some step on."""

    kind: ClassVar[str] = "actor-critic"
    breaks_at: int = 5

    def losses(self, module: Networks, step: Step) -> Mapping[str, Tensor]:
        found = super().losses(module, step)
        if step.number < self.breaks_at:
            return found
        factor = torch.ones(len(step.noise))
        factor[1:2] = float("nan")
        return {name: loss * factor for name, loss in found.items()}


@pytest.fixture(autouse=True)
def look_at_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training.loop, "REPORT_EVERY", 1)


AVERAGED = Breaking((CRITIC, replace(ACTOR, ema=0.3, clip=0.02)))


def test_the_others_are_what_they_would_be_bit_for_bit():
    whole = fit(replace(AVERAGED, breaks_at=99), toy_data(), {}, SEEDS, quiet)
    found = fit(AVERAGED, toy_data(), {}, SEEDS, quiet)
    assert whole.diverged == {}
    assert {seed: each.step for seed, each in found.diverged.items()} == {3: 6}
    assert found.diverged[3].reason.startswith("diverged: its loss is nan, its last finite loss was ")
    assert found.diverged[3].reason.endswith("lower the learning rate of actor-critic or check the data's scale")
    for name, tensor in whole.module.state_dict().items():
        assert torch.equal(found.module.state_dict()[name][[0, 2]], tensor[[0, 2]]), name
    for place in (0, 2):
        ours, theirs = found.curve.rows[place], whole.curve.rows[place]
        assert [{**row, "seconds": 0} for row in ours] == [{**row, "seconds": 0} for row in theirs]


def test_a_training_ends_where_all_its_seeds_have_diverged():
    told: list[int] = []
    found = fit(AVERAGED, toy_data(), {}, (0, 3), lambda done, total: told.append(done))
    assert told[-1] == AVERAGED.steps
    assert list(found.diverged) == [3]
    data = toy_data()
    data.rewards[:] = float("nan")
    told.clear()
    found = fit(AVERAGED, data, {}, SEEDS, lambda done, total: told.append(done))
    assert [(seed, each.step) for seed, each in found.diverged.items()] == [(seed, 1) for seed in SEEDS]
    assert told == []


def test_a_resumed_training_knows_which_seed_diverged_and_when(monkeypatch: pytest.MonkeyPatch):
    class Killed(Exception):
        pass

    def kill(done: int, total: int) -> None:
        if done == 9:
            raise Killed

    monkeypatch.setattr(training.loop, "CHECKPOINT_SECONDS", -1.0)
    whole, kept = fit(AVERAGED, toy_data(), {}, SEEDS, quiet), KeptStates()
    with pytest.raises(Killed):
        fit(AVERAGED, toy_data(), {}, SEEDS, kill, kept)
    resumed = fit(AVERAGED, toy_data(), {}, SEEDS, quiet, kept)
    assert resumed.diverged == whole.diverged
    assert kept.said == []
    for name, tensor in whole.module.state_dict().items():
        assert torch.equal(resumed.module.state_dict()[name].nan_to_num(), tensor.nan_to_num()), name


@dataclass(frozen=True)
class BreakingLate(ActorCritic):
    """The toy, whose second seed has a parameter that is not finite after the last step, with finite losses."""

    kind: ClassVar[str] = "actor-critic"

    def after_step(self, module: Networks, step: Step) -> None:
        if step.number + 1 == self.steps:
            with torch.no_grad():
                next(module.q.parameters())[1].flatten()[0] = float("inf")


def test_parameters_that_are_not_finite_after_the_last_step_are_found():
    found = fit(BreakingLate(), toy_data(), {}, SEEDS, quiet)
    assert [(seed, each.step) for seed, each in found.diverged.items()] == [(3, BreakingLate().steps)]
    assert "diverged: its parameter q." in found.diverged[3].reason
    assert all(torch.tensor(found.losses).isfinite())


def make_data(scale: float = 1.0) -> Data:
    numbers = torch.Generator().manual_seed(3)
    return Data(
        observations=torch.randn(400, 3, generator=numbers),
        actions=torch.rand(400, 2, generator=numbers) - 0.5,
        rewards=scale * torch.linspace(-1, 2, 400),
        next_observations=torch.randn(400, 3, generator=numbers),
        terminals=torch.zeros(400),
    )


def test_a_critic_at_a_learning_rate_of_a_thousand_is_named_by_its_values():
    """Loss and parameters stay finite; no return is above 2 / (1 - 0.99) = 200. Q is -7e9, or dead at -4e3."""
    component = IQL(replace(IQL_SMALL, learning_rate=1e3), 3, 2)
    found = fit(component, make_data(), {}, SEEDS, quiet)
    assert all(torch.tensor(found.losses).isfinite())
    assert sorted([*found.diverged, *found.doubts]) == list(SEEDS)
    assert found.diverged
    returns = "where discounted returns can range from -100 to 200"
    for each in found.diverged.values():
        assert each.step == 100
        assert "its values are beyond what they can be" in each.reason
        assert f"{returns}; lower the learning rate of critic (--critic.learning-rate) or" in each.reason
    assert all(text.startswith("Q ranges from -") and text.endswith(returns) for text in found.doubts.values())


@pytest.mark.parametrize(("scale", "diverges"), [(1.0, False), (1e15, False), (1e25, True)])
def test_a_critic_of_rewards_of_an_absurd_scale_is_named_by_its_values(scale: float, diverges: bool):
    found = fit(IQL(IQL_SMALL, 3, 2), make_data(scale), {}, SEEDS, quiet)
    assert list(found.diverged) == (list(SEEDS) if diverges else [])
    said = f"where discounted returns can range from {-100 * scale:.3g} to {200 * scale:.3g}"
    if scale == 1.0:
        assert found.doubts == {}
    elif diverges:
        assert all(said in each.reason for each in found.diverged.values())
    else:
        assert list(found.doubts) == list(SEEDS)
        assert all(said in text for text in found.doubts.values())


def test_without_discount_no_return_bounds_q():
    config = replace(IQL_SMALL, discount=1.0, learning_rate=1e3)
    found = fit(IQL(config, 3, 2), make_data(), {}, SEEDS, quiet)
    assert found.diverged == {}
    streams = training.SeedStreams(SEEDS, "unused")
    component = IQL(config, 3, 2)
    (note, *_) = component.diagnose(component.build(streams), Step(make_data(), {}, streams))
    assert note.text.endswith("where rewards range from -1 to 2")
