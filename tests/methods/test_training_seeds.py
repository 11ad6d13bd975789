"""Seeds that train together take the steps they would take alone, and an interrupted training loses nothing."""

import dataclasses

import pytest
import torch
from tiny import made, tiny_data, tiny_shared

import training.loop
from critics.iql import KnownCritic
from methods.cep import CEP
from methods.ddice import DiffusionDICE
from training.loop import TrainingState, fit, make

STEPS = 6
SHARED = tiny_shared(steps=STEPS)


ON_DATA = CEP(support="data", support_actions=5, batch_size=4)
ON_TOY = dataclasses.replace(SHARED, critic=KnownCritic("sums", lambda points: points.sum(-1), 3.0))


def with_network(network, schedule, levels):
    """The tiny task with another backbone."""
    config = dataclasses.replace(SHARED.denoiser, network=network, schedule=schedule, levels=levels)
    return dataclasses.replace(SHARED, denoiser=config)


TRAINED = {
    "critic": SHARED.critic,
    "behaviour": SHARED.behaviour(),
    "joint": SHARED.joint("smooth-expectile"),
    "behaviour/u-shaped": with_network("u-shaped", "vp-linear", 1000).behaviour(),
    "joint/mlp": with_network("mlp", "cosine", 4).joint("smooth-expectile"),
    "cep-energy": CEP(support_actions=3, support_states=12, batch_size=8).components(SHARED)["energy"],
    "cep-data-energy": ON_DATA.components(ON_TOY)["energy"],
    "in-support-critic": CEP(support_actions=3, support_states=12, critic="in-support")
    .components(SHARED)["energy"]
    .upstream()["critic"],
    "q-ensemble": DiffusionDICE(candidates=3, select="ensemble", ensemble=3).components(SHARED)["critic"],
    "ddice-guidance": DiffusionDICE(noises=3, batch_size=8).components(SHARED)["guidance"],
}


def quiet(done, total):
    pass


def rows(module, row):
    """One seed's numbers of every parameter and buffer."""
    return {name: tensor[row] for name, tensor in module.state_dict().items()}


def upstream(component, seeds):
    known = {}
    return {name: made(other, tiny_data(), seeds, known) for name, other in component.upstream().items()}


@pytest.mark.parametrize("kind", TRAINED)
def test_a_seed_trains_as_it_would_alone(kind):
    component, data = TRAINED[kind], tiny_data()
    assert component.kind == kind.partition("/")[0]
    together, losses = fit(component, data, upstream(component, (0, 1, 2)), (0, 1, 2), quiet)
    alone, (loss,) = fit(component, data, upstream(component, (1,)), (1,), quiet)
    assert losses[1] == pytest.approx(loss, rel=1e-4)
    among, other = rows(together, 1), rows(together, 0)
    for name, expected in rows(alone, 0).items():
        torch.testing.assert_close(among[name], expected, rtol=1e-4, atol=1e-5, msg=lambda m, n=name: n + m)
    assert any(not torch.allclose(among[name], other[name]) for name in among)


@pytest.mark.parametrize("kind", TRAINED)
def test_training_moves_every_trained_parameter_and_keeps_it_frozen_after(kind):
    component, data, seeds = TRAINED[kind], tiny_data(), (0, 1)
    module, _ = fit(component, data, upstream(component, seeds), seeds, quiet)
    fresh, _ = make(component, seeds, data.rewards.device)
    still = {
        name
        for (name, before), after in zip(fresh.named_parameters(), module.parameters(), strict=True)
        if torch.equal(before, after)
    }
    assert still == set()
    assert not module.training
    assert not any(p.requires_grad for p in module.parameters())


class Killed(Exception):
    """Raised by the progress callback, where a kill would strike."""


@pytest.mark.parametrize("kind", TRAINED)
def test_a_killed_training_goes_on_to_the_same_module(kind, tmp_path, monkeypatch):
    component, data, seeds = TRAINED[kind], tiny_data(), (0, 1)
    parts = upstream(component, seeds)
    whole, _ = fit(component, data, parts, seeds, quiet)

    # The progress is reported before the state is kept: a kill at step 4 finds the state of step 3.
    monkeypatch.setattr(training.loop, "CHECKPOINT_SECONDS", -1.0)
    monkeypatch.setattr(training.loop, "REPORT_EVERY", 1)
    reported = []

    def killing(done, total):
        reported.append(done)
        if len(reported) == 4:
            raise Killed

    checkpoint = tmp_path / "deep" / "checkpoint.pt"
    with pytest.raises(Killed):
        fit(component, data, parts, seeds, killing, checkpoint)
    assert checkpoint.is_file()
    resumed, _ = fit(component, data, parts, seeds, lambda done, total: reported.append(done), checkpoint)
    assert reported == [1, 2, 3, 4, 4, 5, 6]
    for name, tensor in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], tensor), name


def test_the_average_follows_its_rate_and_replaces_the_module():
    component = SHARED.behaviour()
    module, streams = make(component, (0,), torch.device("cpu"))
    state = TrainingState(module, component.training, streams)
    before = [p.clone() for p in module.parameters()]
    with torch.no_grad():
        for p in module.parameters():
            p += 2.0
    state.average()
    assert state.result() is not module
    for old, new in zip(before, state.result().parameters(), strict=True):
        torch.testing.assert_close(new, old + 0.1 * 2.0)  # ema 0.1 in the tiny config


def test_the_learning_rate_follows_half_a_cosine():
    component = SHARED.behaviour()
    module, streams = make(component, (0,), torch.device("cpu"))
    state = TrainingState(module, component.training, streams)
    rates = []
    for step in (0, 5, 10, 20):
        state.set_learning_rate(step)
        rates.append(state.optimizer.param_groups[0]["lr"] / component.training.learning_rate)
    assert rates == pytest.approx([1.0, 0.5, 0.0, 0.0])  # decay_steps is 10


def test_a_loss_that_is_no_longer_finite_stops_the_training_and_names_the_seed():
    data = tiny_data()
    data.rewards[:] = float("nan")
    with pytest.raises(ValueError, match=r"training of critic diverged before step 6 for seed 3, 7; lower its"):
        fit(SHARED.critic, data, {}, (3, 7), quiet)
