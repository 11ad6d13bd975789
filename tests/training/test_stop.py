"""A signal ends a training between two steps, once its state is kept; what goes on is what would have been."""

import signal
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch
from actor_critic import ACTOR, CRITIC, ActorCritic, Networks, quiet, toy_data
from kept_states import KeptStates
from torch import Tensor

from foundation.stopping import Stopped, handle_signals, hold
from training import Step, fit
from training.loop import CHECKPOINT_SECONDS

SEEDS = (0, 3)


@dataclass(frozen=True)
class Signalled(ActorCritic):
    """The toy, in the middle of one of whose steps a signal comes.

    Attributes:
        at: the steps done before; None for no signal.
        before: whether it comes while what every step needs is computed.
    """

    kind: ClassVar[str] = "actor-critic"
    at: int | None = None
    before: bool = False

    def precompute(self, step: Step) -> dict[str, Tensor]:
        if self.before:
            signal.raise_signal(signal.SIGTERM)
        return super().precompute(step)

    def losses(self, module: Networks, step: Step) -> Mapping[str, Tensor]:
        if step.number == self.at:
            signal.raise_signal(signal.SIGTERM)
        return super().losses(module, step)


def make(at: int | None = None, before: bool = False) -> Signalled:
    return Signalled((CRITIC, ACTOR), at=at, before=before)


def stop(component: Signalled, checkpoint: KeptStates) -> None:
    with handle_signals(), pytest.raises(Stopped):
        fit(component, toy_data(), {}, SEEDS, quiet, checkpoint)


@pytest.mark.parametrize("at", [0, 4, 11])
def test_the_step_is_ended_and_its_state_kept(at: int):
    checkpoint, whole = KeptStates(), fit(make(), toy_data(), {}, SEEDS, quiet)
    stop(make(at), checkpoint)
    again = make()
    again.seen.clear()
    resumed = fit(again, toy_data(), {}, SEEDS, quiet, checkpoint)
    assert again.seen == list(range(at + 1, again.steps)), "no step is taken twice"
    assert checkpoint.said == []
    for name, tensor in whole.module.state_dict().items():
        assert torch.equal(resumed.module.state_dict()[name], tensor), name
    assert resumed.losses == whole.losses


def test_what_comes_before_the_first_step_is_not_waited_for():
    checkpoint = KeptStates()
    with handle_signals(), pytest.raises(Stopped), hold():
        fit(make(before=True), toy_data(), {}, SEEDS, quiet, checkpoint)
    assert checkpoint.states == []


def test_a_state_is_kept_every_two_minutes():
    assert CHECKPOINT_SECONDS == 120
