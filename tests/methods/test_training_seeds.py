"""Seeds that train together take the steps they would take alone, and an interrupted training loses nothing."""

import dataclasses
from typing import Any

import pytest
import torch
from kept_states import KeptStates
from recorded_work import CpuRecorder
from tiny import make, quiet, tiny_data, tiny_setup, upstream_of
from torch import nn

import training.loop
import training.steps
from critics.config import CriticKind
from critics.known import KnownCritic
from methods import Component, SeedStreams, Setup, Trained
from methods.bc import BC
from methods.cep import CEP
from methods.cql import CQL
from methods.ddice import DiffusionDICE
from methods.dql import DiffusionQL
from methods.iql import IQLPolicy
from methods.mse import MSE
from methods.swg import Joint
from methods.td3_bc import TD3BC
from training import fit
from training.checkpoint import build_module

STEPS = 6
SETUP = tiny_setup(steps=STEPS)
ON_TOY = dataclasses.replace(
    SETUP,
    known_critic=KnownCritic("sums", lambda points: points.sum(-1), 3.0),
    actions_depend_on_observations=False,
)
JOINT = Joint("smooth-expectile")


def with_network(network: Any, schedule: Any, levels: int) -> Setup:
    """The tiny task with another backbone."""
    config = dataclasses.replace(SETUP.denoiser, network=network, schedule=schedule, levels=levels)
    return dataclasses.replace(SETUP, denoiser=config)


def with_kind(kind: CriticKind) -> Setup:
    """The tiny task with a shared critic of another kind."""
    few = dataclasses.replace(SETUP.critic_config, kind=kind, support_states=12, support_actions=3)
    return dataclasses.replace(SETUP, critic_config=few)


TRAINED: dict[str, Component] = {
    "critic": SETUP.critic(),
    "behaviour": SETUP.behaviour(),
    "joint": JOINT.component(SETUP),
    "behaviour/u-shaped": with_network("u-shaped", "vp-linear", 1000).behaviour(),
    "joint/mlp": JOINT.component(with_network("mlp", "cosine", 4)),
    "cep-energy": CEP(support_actions=3, support_states=12, batch_size=8).components(SETUP)["guidance"],
    "cep-data-energy": CEP(support="data", support_actions=5, batch_size=4).components(ON_TOY)["guidance"],
    "in-support-critic": with_kind("in-support").q_critic(),
    "valued-critic": with_kind("in-support").critic(),
    "q-ensemble": DiffusionDICE(candidates=3, select="ensemble", ensemble=3).components(SETUP)["critic"],
    "ddice-guidance": DiffusionDICE(noises=3, batch_size=8).components(SETUP)["guidance"],
    "mse-energy": MSE(batch_size=8).components(SETUP)["guidance"],
    "bc": BC(loss="likelihood").actor(SETUP),
    "iql-actor": IQLPolicy(dropout=0.1).actor(SETUP),
    "td3-bc": TD3BC().actor(SETUP),
    "dql-policy": DiffusionQL(gradient_clip=1.0).components(SETUP)["denoiser"],
    "dql-actor-critic": DiffusionQL(critic="q-learning", backup_actions=2, target_start=2, target_every=2)
    .components(SETUP)["denoiser"]
    .upstream()["whole"],
    "cql": CQL(actions=2, threshold=1.0, warm_up_steps=3).actor(SETUP),
}
every_kind = pytest.mark.parametrize("kind", TRAINED)


def component_of(kind: str) -> Trained:
    component = TRAINED[kind]
    assert isinstance(component, Trained)
    return component


def rows(module: nn.Module, row: int) -> dict[str, torch.Tensor]:
    """One seed's numbers of every parameter and buffer."""
    return {name: tensor[row] for name, tensor in module.state_dict().items()}


@every_kind
def test_a_seed_trains_as_it_would_alone(kind: str):
    component, data = component_of(kind), tiny_data()
    assert component.kind == kind.partition("/")[0]
    together = fit(component, data, upstream_of(component, (0, 1, 2)), (0, 1, 2), quiet)
    alone = fit(component, data, upstream_of(component, (1,)), (1,), quiet)
    assert together.losses[1] == pytest.approx(alone.losses[0], rel=1e-4)
    among, other = rows(together.module, 1), rows(together.module, 0)
    for name, expected in rows(alone.module, 0).items():
        torch.testing.assert_close(among[name], expected, rtol=1e-4, atol=1e-5, msg=lambda m, n=name: n + m)
    assert any(not torch.allclose(among[name], other[name]) for name in among)
    for ours, theirs in zip(together.curve.rows[1], alone.curve.rows[0], strict=True):
        assert {**ours, "seconds": 0} == pytest.approx({**theirs, "seconds": 0}, rel=1e-3)


@every_kind
def test_training_moves_every_trained_parameter_and_keeps_it_frozen_after(kind: str):
    component, seeds = component_of(kind), (0, 1)
    module = make(component, seeds)
    fresh = component.build(SeedStreams(seeds, f"/{component.kind}/initial"))
    still = {
        name
        for (name, before), after in zip(fresh.named_parameters(), module.parameters(), strict=True)
        if torch.equal(before, after)
    }
    assert still == set()
    assert not module.training
    assert not any(p.requires_grad for p in module.parameters())


@every_kind
def test_captured_training_is_the_eager_one(kind: str, monkeypatch, caplog):
    """A known critic of a toy set computes on the host, so that a network that asks it is trained eagerly."""
    component, data, seeds, recorder = component_of(kind), tiny_data(), (0, 1), CpuRecorder()
    models = upstream_of(component, seeds)
    monkeypatch.setattr("training.curve.MOST_ROWS", 1)
    monkeypatch.setattr(training.steps, "WARM_UP", 1)
    expected = fit(component, data, models, seeds, quiet)
    monkeypatch.setattr(training.steps, "find_recorder", lambda device: recorder)
    found = fit(component, data, models, seeds, quiet)
    assert ("fail here" in caplog.text) == (kind == "cep-data-energy")
    if kind == "cep-data-energy":
        return
    runs = 4 if kind == "td3-bc" else 3  # its actor steps in every second, which are steps of another kind
    assert (recorder.runs, recorder.replays) == (runs, STEPS - runs), "the first of all, of each kind, with a row"
    for name, tensor in expected.module.state_dict().items():
        assert torch.equal(found.module.state_dict()[name], tensor), name
    for ours, theirs in zip(found.curve.rows, expected.curve.rows, strict=True):
        assert [{**row, "seconds": 0} for row in ours] == [{**row, "seconds": 0} for row in theirs]


class Killed(Exception):
    """Raised by the progress callback, where a kill would strike."""


@every_kind
def test_a_killed_training_goes_on_to_the_same_module_and_curve(kind: str, monkeypatch):
    component, data, seeds = component_of(kind), tiny_data(), (0, 1)
    models = upstream_of(component, seeds)
    whole = fit(component, data, models, seeds, quiet)

    # The progress is reported before the state is kept: a kill at step 4 finds the state of step 3.
    monkeypatch.setattr(training.loop, "CHECKPOINT_SECONDS", -1.0)
    monkeypatch.setattr(training.loop, "REPORT_EVERY", 1)
    reported: list[int] = []

    def killing(done: int, total: int) -> None:
        reported.append(done)
        if len(reported) == 4:
            raise Killed

    checkpoint = KeptStates()
    with pytest.raises(Killed):
        fit(component, data, models, seeds, killing, checkpoint)
    assert len(checkpoint.states) == 2
    resumed = fit(component, data, models, seeds, lambda done, total: reported.append(done), checkpoint)
    assert reported == [1, 2, 3, 4, 4, 5, 6]
    for name, tensor in whole.module.state_dict().items():
        assert torch.equal(resumed.module.state_dict()[name], tensor), name
    for ours, theirs in zip(resumed.curve.rows, whole.curve.rows, strict=True):
        assert [row["step"] for row in ours] == [1, 2, 3, 4, 5, 6]
        assert [{**row, "seconds": 0} for row in ours] == [{**row, "seconds": 0} for row in theirs]


def test_a_loss_that_is_no_longer_finite_is_named_with_its_seed_and_component():
    data = tiny_data()
    data.rewards[:] = float("nan")
    diverged = fit(component_of("critic"), data, {}, (3, 7), quiet).diverged
    assert list(diverged) == [3, 7]
    assert diverged[3].step == STEPS
    assert "lower the learning rate of critic (--critic.learning-rate)" in diverged[3].reason


@every_kind
def test_another_data_set_starts_from_other_weights_and_draws_other_rows(kind: str):
    """Equal numbers under another fingerprint: the tasks of a suite share no random numbers of training."""
    component, data = component_of(kind), tiny_data()
    here, there = (dataclasses.replace(data, key=key) for key in ("one", "other"))
    (module, noise), (same, again), (other, apart) = (
        build_module(component, (3,), each) for each in (here, here, there)
    )
    drawn, repeated, different = (streams.integers(10**6, 500) for streams in (noise, again, apart))
    assert torch.equal(drawn, repeated)
    assert abs(torch.corrcoef(torch.cat([drawn, different]).double())[0, 1]) < 0.2
    weights, equal, unlike = (dict(each.named_parameters()) for each in (module, same, other))
    assert all(torch.equal(weights[name], equal[name]) for name in weights)
    started = [
        name for name, weight in weights.items() if (weight != weight.flatten()[0]).any()
    ]  # the rest are constants at first
    assert started
    assert not any(torch.equal(weights[name], unlike[name]) for name in started)
