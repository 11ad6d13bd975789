"""Methods with an actor: every loss and parameter is that of a second implementation, step by step."""

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
import torch
from reference_actors import CQL as ReferenceCQL
from reference_actors import TD3BC as ReferenceTD3BC
from reference_actors import Reference, Regressed
from scipy import stats
from tiny import (
    ACTIONS,
    HIGH,
    LOW,
    OBSERVATIONS,
    act,
    make,
    make_policy,
    quiet,
    tiny_data,
    tiny_setup,
    upstream_of,
)
from torch import Tensor, nn

from critics.config import CriticSettings
from critics.iql import IQL
from critics.known import KnownCritic
from methods import (
    ActorMethod,
    Component,
    Computed,
    Data,
    GaussianActor,
    MethodError,
    ObservationScale,
    SeedStreams,
    Setup,
    SquashedGaussianActor,
    Trained,
)
from methods.bc import BC
from methods.core.actors import Scale, size_actor
from methods.cql import CQL
from methods.idql import IDQL
from methods.iql import IQLPolicy
from methods.td3_bc import TD3BC
from training import SeedLinear, SeedMLP, Step, compute, fit
from training.component import Group

SEEDS, STEPS = (0, 3), 7
METHODS: dict[str, tuple[ActorMethod, type[Reference]]] = {
    "bc": (BC(), Regressed),
    "bc, likelihood": (BC(loss="likelihood", normalise=False), Regressed),
    "iql": (IQLPolicy(), Regressed),
    "iql, clipped, dropout": (IQLPolicy(inverse_temperature=9.0, greatest_weight=1.05, dropout=0.25), Regressed),
    "iql, constant rate": (IQLPolicy(decay=False, learning_rate=0.002), Regressed),
    "td3-bc": (TD3BC(), ReferenceTD3BC),
    "td3-bc, by the paper": (TD3BC(scale="data", delay=3, noise=2.0, noise_clip=0.8), ReferenceTD3BC),
    "td3-bc, as it is": (TD3BC(normalise=False, alpha=1.0, delay=1), ReferenceTD3BC),
    "cql": (CQL(actions=4), ReferenceCQL),
    "cql, warm-up": (CQL(actions=3, warm_up_steps=4, learning_rate=0.002), ReferenceCQL),
    "cql, multiplier": (CQL(actions=3, threshold=0.5, alpha=2.0, max_backup=True), ReferenceCQL),
}
each = pytest.mark.parametrize(("method", "reference"), METHODS.values(), ids=METHODS)


def setup_of(steps: int = STEPS) -> Setup:
    """The tiny task, at a rate and a target rate that show in few steps."""
    setup = tiny_setup(steps=steps)
    critic = dataclasses.replace(setup.critic_config, learning_rate=1e-3, polyak=0.1, value_layer_norm=False)
    return dataclasses.replace(setup, critic_config=critic)


def list_perceptrons(module: nn.Module) -> dict[str, SeedMLP]:
    return {name: part for name, part in module.named_modules() if isinstance(part, SeedMLP)}


def compare_perceptron(ours: SeedMLP, row: int, theirs: nn.Sequential, member: int | None = None) -> None:
    linears = [layer for layer in theirs.modules() if isinstance(layer, nn.Linear)]
    own = [layer for layer in ours if isinstance(layer, SeedLinear)]
    for mine, other in zip(own, linears, strict=True):
        weight, bias = (p[row] if member is None else p[row, member] for p in (mine.weight, mine.bias))
        torch.testing.assert_close(weight.T, other.weight, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(bias[0], other.bias, rtol=1e-5, atol=1e-5)


def compare_networks(ours: Any, row: int, theirs: Any) -> None:
    """Every perceptron and every free parameter of a seed."""
    seen = set()
    for name, part in list_perceptrons(ours).items():
        seen.update(id(p) for p in part.parameters())
        match name.partition("."):
            case ("mean" | "perceptron", _, _):
                compare_perceptron(part, row, theirs.mean)
            case ("actor", _, _):
                compare_perceptron(part, row, theirs.actor)
            case ("target_actor", _, _):
                compare_perceptron(part, row, theirs.actor_target)
            case ("twin_q", _, _):
                for member in (0, 1):
                    compare_perceptron(part, row, theirs.q[member], member)
            case ("target_q", _, _):
                for member in (0, 1):
                    compare_perceptron(part, row, theirs.q_target[member], member)
            case _:
                pytest.fail(f"nothing to compare {name} with")
    for name, parameter in ours.named_parameters():
        if id(parameter) not in seen:
            expected = getattr(theirs, name)
            torch.testing.assert_close(parameter[row].flatten(), expected.flatten(), rtol=1e-5, atol=1e-5)


@each
def test_it_trains_as_the_second_implementation_does(method: ActorMethod, reference: type[Reference]):
    component: Any = method.actor(setup_of())
    data, models = tiny_data(), upstream_of(component, SEEDS)
    fitted = fit(component, data, models, SEEDS, quiet)
    for row, seed in enumerate(SEEDS):
        fresh = component.build(SeedStreams(SEEDS, f"/{component.kind}/initial"))
        noise = SeedStreams([seed], f"/{component.kind}/training")
        hand = reference(component, fresh, models, row, data, noise)
        rows = fitted.curve.rows[row]
        assert len(rows) == STEPS
        for ours in rows:
            theirs = hand.step()
            assert {name: ours[name] for name in theirs} == pytest.approx(theirs, rel=1e-5, abs=1e-5)
        compare_networks(fitted.module, row, hand)
        before = torch.cat([p[row].flatten() for p in fresh.parameters()])
        after = torch.cat([p[row].flatten() for p in fitted.module.parameters()])
        assert (before - after).abs().max() > 1e-3  # it has moved by far more than it may differ


def test_the_scale_is_numpys_mean_and_deviation_and_a_thousandth():
    scale, data = make(ObservationScale(OBSERVATIONS), SEEDS), tiny_data()
    rows = data.observations.numpy().astype(np.float64)
    expected = (rows - rows.mean(0)) / (rows.std(0) + 1e-3)
    assert isinstance(scale, Scale)
    found = scale(data.observations.expand(2, -1, -1))
    np.testing.assert_allclose(found.numpy(), np.stack([expected] * 2), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("scaled", [True, False])
def test_it_acts_by_the_mean_within_the_range_whatever_the_noise(scaled: bool):
    setup = setup_of()
    policy, models = make_policy(BC(normalise=scaled), setup, SEEDS)
    with torch.no_grad():
        for layer in list_perceptrons(models["actor"])["perceptron.layers"]:
            if isinstance(layer, SeedLinear):
                layer.weight.mul_(3)
    observations = SeedStreams(SEEDS, "states").normal(50, OBSERVATIONS)
    actions = act(policy, observations, 0.0, SEEDS, "one")
    assert torch.equal(actions, act(policy, observations, 7.0, SEEDS, "another"))
    assert policy.counts.of_seed(0)["evaluations"]["beside"] == 100
    seen = observations
    if scaled:
        rows = tiny_data().observations
        seen = (observations - rows.mean(0)) / (rows.std(0, correction=0) + 1e-3)
    free = models["actor"](seen)
    outside = (free < torch.tensor(LOW)) | (free > torch.tensor(HIGH))
    assert 0 < outside.sum() < outside.numel()
    expected = np.clip(free.detach().numpy(), LOW, HIGH)
    np.testing.assert_allclose(actions.detach().numpy(), expected, atol=1e-5)


def test_the_squashed_law_has_scipys_density():
    """P(a) of one action at the change of variables, by differences of scipy's normal distribution function."""
    setup = setup_of()
    actor = SquashedGaussianActor(SeedStreams([0], "x"), size_actor(setup))
    observations = SeedStreams([0], "states").normal(20, OBSERVATIONS)
    actions, log_prob = actor.sample(observations, SeedStreams([0], "noise").normal(20, 1, ACTIONS))
    mean, log_std = (each[0].detach().numpy().astype(np.float64) for each in actor(observations))
    at = actions[0, :, 0].detach().numpy().astype(np.float64)
    law, width = stats.norm(mean, np.exp(log_std)), 1e-5
    mass = law.cdf(np.arctanh(at + width)) - law.cdf(np.arctanh(at - width))
    expected = np.log(mass / (2 * width)).sum(-1)
    np.testing.assert_allclose(log_prob[0, :, 0].detach().numpy(), expected, rtol=1e-3, atol=1e-3)
    given = actor.log_prob(observations, actions[:, :, 0])
    np.testing.assert_allclose(given[0].detach().numpy(), expected, rtol=1e-3, atol=1e-3)


def test_the_bounds_of_the_deviation_hold():
    setup = setup_of()
    actor = GaussianActor(SeedStreams([0], "x"), size_actor(setup))
    observations, actions = torch.zeros(1, 1, OBSERVATIONS), torch.zeros(1, 1, ACTIONS)
    mean = actor.act(observations)[0, 0].detach().numpy()
    for given, held in ((-9.0, -5.0), (7.0, 2.0), (-1.0, -1.0)):
        actor.log_std.data.fill_(given)
        law: Any = stats.norm(mean, math.exp(held))
        expected = law.logpdf(0.0).sum()
        assert actor.log_prob(observations, actions).item() == pytest.approx(expected, rel=1e-4)


def test_cql_estimates_the_sum_over_actions():
    """Of a known Q: log ∫ e^{c·a} da over [-1, 1]² is Σ log(2 sinh(c_i)/c_i), and each law's part estimates it."""
    component: Any = CQL(actions=4000).actor(setup_of())
    module = component.build(SeedStreams([0], "x"))
    slope = torch.tensor([1.5, -2.0])
    module.each_q = lambda observations, actions: (actions @ slope)[:, None].expand(-1, 2, -1)
    data = tiny_data()
    step = Step(data, {}, SeedStreams([0], "y"))
    batch = data.batch(torch.tensor([[0, 1, 2]]))
    found = component.sum_actions(module, batch, step)
    exact = sum(math.log(2 * math.sinh(c) / c) for c in (1.5, 2.0)) + math.log(3 * 4000)
    np.testing.assert_allclose(found.detach().numpy(), np.full((1, 2, 3), exact), atol=0.06)


def test_iql_has_the_shared_critic_and_the_others_their_own():
    setup = setup_of()
    shared = IQL(setup.critic_config, OBSERVATIONS, ACTIONS)
    assert IQLPolicy().actor(setup).upstream()["critic"] == shared == IDQL().components(setup)["critic"]
    assert set(IQLPolicy().components(setup)) == {"actor"}
    assert set(BC().components(setup)) == {"actor", "scale"}
    for method, names in ((TD3BC(), {"actor", "critic", "scale"}), (CQL(), {"actor", "critic"})):
        found = method.components(setup)
        assert set(found) == names
        assert found["critic"] is found["actor"]
        assert shared not in found["actor"].upstream().values()


def test_the_groups_are_the_papers():
    setup = setup_of()
    rates = {group.name: (group.learning_rate, group.every) for group in TD3BC().actor(setup).groups}
    assert rates == {"critic": (1e-3, 1), "actor": (1e-3, 2)}
    plain, lagrange = (CQL(threshold=tau).actor(setup).groups for tau in (None, 5.0))
    third = pytest.approx(1e-3 / 3)
    assert {g.name: g.learning_rate for g in plain} == {"entropy": third, "critic": 1e-3, "actor": third}
    assert {g.name for g in lagrange} - {g.name for g in plain} == {"multiplier"}
    (one,) = IQLPolicy(learning_rate=0.5).actor(setup).groups
    assert one == Group(learning_rate=0.5, decay_steps=STEPS)


@pytest.mark.parametrize("method", [BC(), IQLPolicy(), TD3BC(), CQL()], ids=lambda method: method.title)
def test_a_density_is_refused(method: ActorMethod):
    known = KnownCritic("squares", lambda points: (points**2).sum(-1), 5.0)
    setup = dataclasses.replace(setup_of(), known_critic=known)
    with pytest.raises(MethodError, match="the same point for every sample"):
        method.components(setup)


def test_td3_bc_diagnoses_q_at_the_observations_that_it_sees():
    component: Any = TD3BC().actor(setup_of())
    module, models = make(component, SEEDS), upstream_of(component, SEEDS)
    step = Step(tiny_data(), models, SeedStreams(SEEDS, "x"))
    data = tiny_data()
    seen = (data.observations - data.observations.mean(0)) / (data.observations.std(0, correction=0) + 1e-3)
    values = module.each_q(*(rows.expand(2, -1, -1) for rows in (seen, data.actions)))
    for row, note in enumerate(component.diagnose(module, step)):
        low, high = (f"{end.item():.3g}" for end in (values[row].min(), values[row].max()))
        assert f"Q ranges from {low} to {high} " in note.text


BANDIT = {
    "bc": (BC(), 0.25, 0.4),
    "iql": (IQLPolicy(inverse_temperature=10.0), 0.0, 0.1),
    "td3-bc": (TD3BC(), 0.0, 0.22),
    "cql": (CQL(actions=3, alpha=0.5), 0.0, 0.22),
}


@pytest.mark.parametrize(("method", "least", "most"), BANDIT.values(), ids=BANDIT)
def test_those_that_follow_q_find_the_best_action_and_bc_the_mean(method: ActorMethod, least: float, most: float):
    """One step that earns -(a - s)², a uniform: the best action is s, the data's mean is 0, E|s| is 0.3 or so."""
    numbers = SeedStreams([7], "bandit")
    s, a = 1.2 * numbers.uniform(600, 1)[0] - 0.6, 2 * numbers.uniform(600, 1)[0] - 1
    data = Data(s, a, -(a - s).square()[:, 0], s, torch.ones(600))
    critic = CriticSettings(steps=150, width=16, batch_size=32, learning_rate=1e-2, polyak=0.1)
    sizes = {"observation_dim": 1, "action_dim": 1, "action_low": (-1.0,), "action_high": (1.0,)}
    setup = dataclasses.replace(tiny_setup(), critic_config=critic, **sizes)

    def train(component: Component) -> Any:
        models = {name: train(other) for name, other in component.upstream().items()}
        if isinstance(component, Computed):
            return compute(component, data, models, [0], quiet)
        assert isinstance(component, Trained)
        return fit(component, data, models, [0], quiet).module

    components = method.components(setup)
    models = {name: train(component) for name, component in components.items() if name != "critic"}
    states = torch.linspace(-0.6, 0.6, 9)[None, :, None]
    actions = act(method.policy(models, setup), states, 0.0, (0,))
    assert least <= (actions - states).abs().mean() < most


def count_zeros(x: Tensor) -> float:
    return (x == 0).float().mean().item()


def test_dropout_zeroes_its_share_in_training_alone():
    setup = setup_of()
    actor = GaussianActor(SeedStreams([0], "x"), size_actor(setup, dropout=0.5))
    observations = SeedStreams([0], "states").normal(400, OBSERVATIONS)
    hidden: list[Tensor] = []
    last = actor.mean.perceptron.layers[-1]
    last.register_forward_pre_hook(lambda _, inputs: hidden.append(inputs[0]))
    plain = actor.act(observations)
    torch.testing.assert_close(actor.act(observations), plain)
    actor.mean(observations, SeedStreams([0], "masks"))
    assert count_zeros(hidden[-1]) > count_zeros(hidden[0]) + 0.1
