"""A signal ends a training before a step changes anything; what goes on is what would have been."""

import signal
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

import pytest
import torch
from actor_critic import ACTOR, CRITIC, ActorCritic, Networks, quiet, toy_data
from kept_states import KeptStates
from torch import Tensor

from foundation.stopping import Stopped, handle_signals, hold
from training import Step, fit
from training.loop import CHECKPOINT_SECONDS

SEEDS = (0, 3)
Place: TypeAlias = Literal["ahead", "losses", "update"]


@dataclass(frozen=True)
class Signalled(ActorCritic):
    """The toy, in the middle of one of whose steps a signal comes.

    Attributes:
        at: the steps done before; None for no signal.
        place: where it comes: while what every step needs is computed, behind the losses or the optimisers.
    """

    kind: ClassVar[str] = "actor-critic"
    at: int | None = None
    place: Place = "losses"

    def signal(self, place: Place, number: int | None) -> None:
        if (place, number) == (self.place, self.at):
            signal.raise_signal(signal.SIGTERM)

    def precompute(self, step: Step) -> dict[str, Tensor]:
        self.signal("ahead", 0)
        return super().precompute(step)

    def losses(self, module: Networks, step: Step) -> Mapping[str, Tensor]:
        found = super().losses(module, step)
        self.signal("losses", step.number)
        return found

    def after_step(self, module: Networks, step: Step) -> None:
        super().after_step(module, step)
        self.signal("update", step.number)


def make(at: int | None = None, place: Place = "losses") -> Signalled:
    return Signalled((CRITIC, ACTOR), at=at, place=place)


def stop(component: Signalled, checkpoint: KeptStates) -> None:
    with handle_signals(), pytest.raises(Stopped):
        fit(component, toy_data(), {}, SEEDS, quiet, checkpoint)


@pytest.mark.parametrize("at", [0, 4, 11])
def test_the_step_is_ended_where_it_has_begun_to_change(at: int):
    checkpoint, whole = KeptStates(), fit(make(), toy_data(), {}, SEEDS, quiet)
    stop(make(at, place="update"), checkpoint)
    again = make()
    again.seen.clear()
    resumed = fit(again, toy_data(), {}, SEEDS, quiet, checkpoint)
    assert again.seen == list(range(at + 1, again.steps)), "no step is taken twice"
    for name, tensor in whole.module.state_dict().items():
        assert torch.equal(resumed.module.state_dict()[name], tensor), name


@pytest.mark.parametrize("at", [0, 4, 11])
def test_the_step_is_broken_off_and_the_state_before_it_kept(at: int):
    checkpoint, whole = KeptStates(), fit(make(), toy_data(), {}, SEEDS, quiet)
    stop(make(at), checkpoint)
    again = make()
    again.seen.clear()
    resumed = fit(again, toy_data(), {}, SEEDS, quiet, checkpoint)
    assert again.seen == list(range(at, again.steps)), "no finished step is taken twice"
    assert checkpoint.said == []
    assert len(checkpoint.states) == (at > 0)
    for name, tensor in whole.module.state_dict().items():
        assert torch.equal(resumed.module.state_dict()[name], tensor), name
    assert resumed.losses == whole.losses


def test_what_comes_before_the_first_step_is_not_waited_for():
    checkpoint = KeptStates()
    with handle_signals(), pytest.raises(Stopped), hold():
        fit(make(at=0, place="ahead"), toy_data(), {}, SEEDS, quiet, checkpoint)
    assert checkpoint.states == []


def test_a_state_is_kept_every_two_minutes():
    assert CHECKPOINT_SECONDS == 120
