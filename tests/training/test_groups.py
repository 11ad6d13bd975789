"""Each group of parameters is stepped on its own loss alone, as its own AdamW would; a seed as alone."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
import torch
from actor_critic import ACTOR, CRITIC, ActorCritic, Hand, Networks, quiet, toy_data, train_by_hand
from kept_states import KeptStates
from torch import Tensor, nn

import training.loop
from foundation.errors import UserError
from training import SeedStreams, fit
from training.component import Group
from training.loop import Fitted
from training.optimiser import GroupOptimiser

SEEDS = (0, 3, 5)
EVERY = replace(ACTOR, every=3)
CLIPPED = replace(ACTOR, clip=0.02)
AVERAGED = replace(ACTOR, ema=0.25)
DECAYED = replace(ACTOR, decay_steps=8)
ALL = replace(ACTOR, every=2, clip=0.02, ema=0.25, decay_steps=8, weight_decay=0.3)
CASES = {
    "two groups": ActorCritic(),
    "the other order": ActorCritic((ACTOR, CRITIC)),
    "every third step": ActorCritic((CRITIC, EVERY)),
    "clipped": ActorCritic((CRITIC, CLIPPED)),
    "averaged": ActorCritic((CRITIC, AVERAGED)),
    "decayed": ActorCritic((CRITIC, DECAYED)),
    "all together": ActorCritic((CRITIC, ALL)),
    "no loss in some steps": ActorCritic((CRITIC, AVERAGED), idle=(0, 1, 4, 11)),
}
every_case = pytest.mark.parametrize("component", CASES.values(), ids=CASES)


def assert_near(found: Tensor, expected: Tensor, name: str) -> None:
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5, msg=lambda message: f"{name}: {message}")


def trained(component: ActorCritic, seeds: tuple[int, ...] = SEEDS) -> Fitted:
    return fit(component, toy_data(), {}, seeds, quiet)


def kept_by_hand(component: ActorCritic, hand: Hand) -> Mapping[str, Tensor]:
    """The averages where the group has one, the last parameters elsewhere."""
    averaged = tuple(name for group in component.chosen if group.ema for name in group.parameters)
    return {name: hand.averages[name] if name.startswith(averaged) else p for name, p in hand.parameters.items()}


@every_case
def test_each_group_takes_the_steps_of_its_own_optimiser_on_its_own_loss(component: ActorCritic):
    module = trained(component).module
    for row, seed in enumerate(SEEDS):
        expected = kept_by_hand(component, train_by_hand(component, seed))
        for name, found in module.named_parameters():
            assert_near(found[row], expected[name], name)


def test_the_settings_of_a_group_show_in_what_is_kept():
    """Each case differs from the plain one in the actor; the critic, whose group is the same, does not."""
    plain = trained(CASES["two groups"]).module.state_dict()
    for name in ("every third step", "clipped", "averaged", "decayed", "all together"):
        other = trained(CASES[name]).module.state_dict()
        assert not torch.allclose(other["actor.0.weight"], plain["actor.0.weight"], atol=1e-4), name
        torch.testing.assert_close(other["q.0.weight"], plain["q.0.weight"])


@every_case
def test_the_curve_has_the_losses_rates_and_norms_of_every_step(component: ActorCritic):
    rows = trained(component).curve.rows
    for place, seed in enumerate(SEEDS):
        hand = train_by_hand(component, seed).rows
        assert len(rows[place]) == component.length
        for ours, expected in zip(rows[place], hand, strict=True):
            assert ours["seconds"] >= 0
            found = {name: value for name, value in ours.items() if name != "seconds"}
            assert found == pytest.approx(expected, rel=2e-3, abs=1e-5)


@every_case
def test_a_seed_in_company_trains_as_it_does_alone(component: ActorCritic):
    together, alone = trained(component), trained(component, (3,))
    assert together.losses[1] == pytest.approx(alone.losses[0], rel=1e-4)
    for (name, found), expected in zip(together.module.named_parameters(), alone.module.parameters(), strict=True):
        assert_near(found[1], expected[0], name)


@pytest.mark.parametrize("clip", [0.5, 2.0, 30.0])
def test_a_seeds_gradient_is_clipped_as_torch_clips_it_alone(clip: float):
    """Three seeds whose losses, and so whose gradients, are 1, 10 and 100 times as large."""
    module = Networks(SeedStreams(SEEDS, "x"))
    optimiser = GroupOptimiser(module, Group(name="q", parameters=("q.",), learning_rate=0.0, clip=clip))
    pairs, scale = SeedStreams(SEEDS, "y").normal(7, 5), torch.tensor([1.0, 10.0, 100.0])
    loss = scale * module.q(pairs).square().mean((1, 2))
    whole = torch.autograd.grad(loss.sum(), list(module.q.parameters()), retain_graph=True)
    optimiser.backward(loss, keep_graph=False)
    optimiser.step(measure=True)
    norms = optimiser.gradient_norm
    assert norms is not None
    for row in range(3):
        alone = [nn.Parameter(p[row].detach().clone()) for p in module.q.parameters()]
        for p, gradient in zip(alone, whole, strict=True):
            p.grad = gradient[row].clone()
        norm = nn.utils.clip_grad_norm_(alone, clip)
        assert norms[row].item() == pytest.approx(norm.item(), rel=1e-5)
        for p, expected in zip(module.q.parameters(), alone, strict=True):
            assert p.grad is not None
            torch.testing.assert_close(p.grad[row], expected.grad, rtol=1e-4, atol=1e-7)
    assert all(p.grad is None for p in module.actor.parameters())


class Killed(Exception):
    """Raised by the progress callback, where a kill would strike."""


@pytest.mark.parametrize(
    "component", [CASES["all together"], replace(CASES["all together"], noise_ahead=True)], ids=["", "precomputed"]
)
@pytest.mark.parametrize("last", [1, 4, 7, 11])
def test_a_killed_training_goes_on_to_the_same_module_loss_and_curve(
    component: ActorCritic, last: int, monkeypatch: pytest.MonkeyPatch
):
    whole = trained(component)
    monkeypatch.setattr(training.loop, "CHECKPOINT_SECONDS", -1.0)
    monkeypatch.setattr(training.loop, "REPORT_EVERY", 1)
    checkpoint, told = KeptStates(), []

    def killing(done: int, total: int) -> None:
        if done > last:  # the state of step `last` is kept, that of the next is not
            raise Killed

    def on_row(seed: int, row: dict[str, float]) -> None:
        told.append((seed, row["step"]))

    component.seen.clear()
    with pytest.raises(Killed):
        fit(component, toy_data(), {}, SEEDS, killing, checkpoint, on_row)
    resumed = fit(component, toy_data(), {}, SEEDS, quiet, checkpoint, on_row)
    assert component.seen == [*range(last + 1), *range(last, 12)], "only the step that was lost is done again"
    for name, tensor in whole.module.state_dict().items():
        assert torch.equal(resumed.module.state_dict()[name], tensor), name
    assert resumed.losses == whole.losses
    for ours, theirs in zip(resumed.curve.rows, whole.curve.rows, strict=True):
        assert [row["step"] for row in ours] == list(range(1, 13))
        assert [{**row, "seconds": 0} for row in ours] == [{**row, "seconds": 0} for row in theirs]
        assert [row["seconds"] for row in ours] == sorted(row["seconds"] for row in ours)
    assert set(told) == {(seed, step) for seed in SEEDS for step in range(1, 13)}


def test_groups_that_share_a_parameter_are_refused():
    """Each would step on the other's gradient; the default of a group is all parameters."""
    both = (CRITIC, Group(name="actor", learning_rate=1e-3))
    with pytest.raises(UserError, match=r"parameter q\.0\.weight is in the optimiser groups 'critic' and 'actor'"):
        trained(ActorCritic(chosen=both))


def test_a_group_without_parameters_is_refused():
    with pytest.raises(UserError, match=r"group 'actor' has no parameters: none begins with actr; .* actor, q"):
        trained(ActorCritic(chosen=(CRITIC, replace(ACTOR, parameters=("actr",)))))


def test_a_loss_without_a_group_is_refused():
    with pytest.raises(UserError, match="a loss is called 'actor', but the optimiser groups critic"):
        trained(ActorCritic(chosen=(CRITIC,)))
