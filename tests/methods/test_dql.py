"""Diffusion-QL: its training against a second implementation, its selection against enumerated probabilities."""

import dataclasses

import numpy as np
import pytest
import torch
from plain_dql import NoiseNet, PlainDQL, Sizes, list_weights, make_perceptron
from tiny import HIGH, LOW, make, quiet, tiny_data, tiny_setup
from torch import Tensor, nn

from critics.known import KnownCritic
from methods import Models, SeedStreams, Setup, Step
from methods.core.diffusion_actor import DiffusionActorCriticNetworks, TrainedPolicy, TrainedQ
from methods.core.selection import Scored
from methods.diffusion.denoiser import BehaviourDenoiser
from methods.diffusion.noise import StreamNoise
from methods.dql import DiffusionQL, DQLActorCritic, ImprovedPolicy
from training import fit

SEEDS = (3, 8)
OWN = DiffusionQL(
    critic="q-learning", eta=0.7, target_rate=0.3, target_every=3, target_start=4, gradient_clip=0.5, candidates=3
)


def perceptron_setup(steps: int) -> Setup:
    """The tiny task with the perceptron and Adam, its average kept."""
    setup = tiny_setup(steps=steps)
    own = dataclasses.replace(
        setup.denoiser, network="mlp", learning_rate=3e-3, weight_decay=0.0, decay_steps=20, ema=0.2
    )
    critic = dataclasses.replace(setup.critic_config, layers=2, learning_rate=5e-3, polyak=0.1)
    return dataclasses.replace(setup, denoiser=own, critic_config=critic)


def actor_critic_of(method: DiffusionQL, setup: Setup) -> DQLActorCritic:
    part = method.components(setup)["denoiser"]
    assert isinstance(part, TrainedPolicy)
    assert isinstance(part.whole, DQLActorCritic)
    return part.whole


def weights_of(network: nn.Module, place: int) -> dict[str, Tensor]:
    return {name: tensor[place].detach() for name, tensor in network.state_dict().items()}


def begin_plain(component: DQLActorCritic, seed: int) -> PlainDQL:
    """The second implementation at the weights at which the first one begins."""
    fresh = component.build(SeedStreams([seed], "/dql-actor-critic/initial"))
    twins = weights_of(fresh.critic.twin_q, 0)
    config, critic = component.backbone.config, component.config
    assert (config.decay_steps, config.ema, component.clip) == (20, 0.2, 0.5)
    sizes = Sizes(
        levels=config.levels,
        batch=config.batch_size,
        low=LOW,
        high=HIGH,
        eta=component.eta,
        discount=critic.discount,
        polyak=critic.polyak,
        candidates=component.next_actions,
        rate=component.target_rate,
        every=component.target_every,
        start=component.target_start,
        policy_rate=config.learning_rate,
        q_rate=critic.learning_rate,
        decay=20,
        clip=0.5,
        ema=0.2,
    )
    q = nn.ModuleList(
        make_perceptron({f"q.{name}": tensor[twin] for name, tensor in twins.items()}, "q", nn.Mish)
        for twin in range(2)
    )
    noise = SeedStreams([seed], "/dql-actor-critic/training")
    return PlainDQL(sizes, NoiseNet(weights_of(fresh.policy.network, 0)), q, noise)


def assert_same_weights(network: nn.Module, place: tuple[int, ...], plain: nn.Module) -> None:
    found = [tensor[place].detach() for tensor in network.state_dict().values()]
    expected = list_weights(plain)
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one.reshape(other.shape), other, rtol=0, atol=1e-5)


@pytest.mark.parametrize(("steps", "backup_actions"), [(1, 1), (12, 1), (6, 3)])
def test_it_trains_as_a_second_implementation_does(steps: int, backup_actions: int):
    """All losses, all weights: delays, averages, decay and clipping are met; two seeds at once, each as alone."""
    method = dataclasses.replace(OWN, backup_actions=backup_actions)
    component, data = actor_critic_of(method, perceptron_setup(steps)), tiny_data()
    fitted = fit(component, data, {}, SEEDS, quiet)
    module = fitted.module
    assert isinstance(module, DiffusionActorCriticNetworks)
    for place, seed in enumerate(SEEDS):
        plain = begin_plain(component, seed)
        for number in range(steps):
            plain.step(data, number)
        assert_same_weights(module.policy.network, (place,), plain.acting)
        assert_same_weights(module.target_policy.network, (place,), plain.target_policy)
        for twin in range(2):
            assert_same_weights(module.critic.twin_q, (place, twin), plain.q[twin])
            assert_same_weights(module.critic.target_q, (place, twin), plain.target_q[twin])
        found = [[row[name] for name in ("critic", "cloning_loss", "q_loss")] for row in fitted.curve.rows[place]]
        np.testing.assert_allclose(found, plain.losses, rtol=0, atol=1e-5)
        if steps == 12:
            assert {True, False} <= set(plain.coins)
            assert any(any(each) for each in plain.clipped)


def test_the_target_policy_waits_and_then_follows_at_every_turn():
    """By hand, a scalar: steps 4 (not a multiple of 3), 6 and 9 of those from 0 to 9, at a rate of 0.3."""
    module = actor_critic_of(OWN, perceptron_setup(1)).build(SeedStreams(SEEDS, "x"))
    (first, *_) = module.target_policy.parameters()
    source = next(iter(module.policy.parameters()))
    with torch.no_grad():
        first.zero_()
        source.fill_(1.0)
    expected = [0.0] * 6 + [0.3] * 3 + [0.51]
    for value in expected:
        module.follow(0.3, 3, 4)
        torch.testing.assert_close(first, torch.full_like(first, value))
    assert module.get_buffer("number").tolist() == [10.0, 10.0]


def test_without_q_it_clones_the_behaviour():
    """η = 0: the behaviour denoiser's loss, as a mean over the two channels."""
    setup = perceptron_setup(1)
    policy = DiffusionQL(eta=0.0).components(setup)["denoiser"]
    assert isinstance(policy, ImprovedPolicy)
    models = {"critic": make(policy.critic, SEEDS)}
    module, data = policy.build(SeedStreams(SEEDS, "weights")), tiny_data()
    given = Step(data, models, SeedStreams(SEEDS, "numbers"))
    loss = policy.losses(module, dataclasses.replace(given, precomputed=policy.precompute(given)))["loss"]
    other = BehaviourDenoiser(setup.backbone).losses(module, Step(data, {}, SeedStreams(SEEDS, "numbers")))["loss"]
    torch.testing.assert_close(loss, other / 2)


def test_against_a_made_critic_the_loss_and_its_gradient_are_the_papers():
    """Q(s, a) = s_1 - 2 a_1 + a_2², of which the second implementation has its own text."""

    class Square:
        def q(self, observations: Tensor, actions: Tensor) -> Tensor:
            return observations[..., 0] - 2 * actions[..., 0] + actions[..., 1].square()

    setup = perceptron_setup(1)
    policy, data = DiffusionQL(eta=0.4).components(setup)["denoiser"], tiny_data()
    assert isinstance(policy, ImprovedPolicy)
    module = policy.build(SeedStreams(SEEDS, "weights"))
    given = Step(data, {"critic": Square()}, SeedStreams(SEEDS, "numbers"))
    given = dataclasses.replace(given, precomputed=policy.precompute(given))
    loss = policy.losses(module, given)["loss"]
    loss.sum().backward()
    for place, seed in enumerate(SEEDS):
        plain = begin_plain(actor_critic_of(OWN, setup), seed)
        plain.policy, plain.noise = NoiseNet(weights_of(module.network, place)), SeedStreams([seed], "numbers")
        rows = plain.noise.integers(len(data), 8)[0]
        s, a = data.observations[rows], data.actions[rows]
        k, eps = plain.noise.integers(4, 8)[0], plain.noise.normal(8, 2)[0]
        kept = plain.kept[k][:, None].float()
        predicted = plain.policy(kept.sqrt() * a + (1 - kept).sqrt() * eps, k + 1.0, s)
        drawn = plain.draw(plain.policy, s)
        q = s[:, 0] - 2 * drawn[:, 0] + drawn[:, 1] ** 2
        expected = ((predicted - eps) ** 2).mean() - 0.4 * q.mean() / q.abs().mean().detach()
        torch.testing.assert_close(loss[place], expected, rtol=0, atol=1e-5)
        expected.backward()
        assert plain.policy.body[0].weight.grad is not None
        first = module.network.get_submodule("mlp.0").get_parameter("weight").grad
        assert first is not None
        torch.testing.assert_close(first[place].T, plain.policy.body[0].weight.grad, rtol=1e-4, atol=1e-5)


def test_of_the_candidates_one_is_drawn_by_the_softmax_of_q():
    """Frequencies of 40,000 draws within 4.5 standard deviations of e^Q / Σ e^Q; the best is the best."""
    rows, values = 40_000, np.array([0.0, 1.0, -0.5, 0.3])

    class Table:
        def q(self, observations: Tensor, actions: Tensor) -> Tensor:
            return torch.tensor(values, dtype=torch.float32)[actions[..., 0].long()]

    z = torch.arange(4.0).expand(1, rows, 4)[..., None]
    observations, noise = torch.zeros(1, rows, 1), StreamNoise(SeedStreams([0], "draws"), rows)
    models: Models = {"critic": Table()}
    drawn = DiffusionQL(candidates=4).selection().choose(observations, z, models, noise)[0, :, 0]
    chances = np.exp(values) / np.exp(values).sum()
    found = np.bincount(drawn.long().numpy(), minlength=4) / rows
    np.testing.assert_array_less(np.abs(found - chances), 4.5 * np.sqrt(chances * (1 - chances) / rows))
    best = DiffusionQL(candidates=4, select="best").selection().choose(observations, z, models, noise)
    assert (best == 1.0).all()


def test_candidates_are_valued_by_the_critic_that_the_policy_was_trained_with():
    setup = perceptron_setup(2)
    own = OWN.components(setup)
    assert isinstance(own["critic"], TrainedQ)
    assert own["critic"].whole == actor_critic_of(OWN, setup)
    shared = DiffusionQL(candidates=3).components(setup)
    assert shared["critic"] == setup.critic()
    assert shared["denoiser"].upstream() == {"critic": setup.critic()}
    assert set(dataclasses.replace(OWN, candidates=1).components(setup)) == {"denoiser"}
    selection = OWN.selection()
    assert isinstance(selection, Scored)
    critic, whole = make(own["critic"], SEEDS), make(actor_critic_of(OWN, setup), SEEDS)
    s, a = (SeedStreams(SEEDS, name).normal(5, size) for name, size in (("s", 3), ("a", 2)))
    both = [
        make_perceptron(
            {f"q.{n}": t[place][twin] for n, t in whole.critic.target_q.state_dict().items()}, "q", nn.Mish
        )
        for place in range(2)
        for twin in range(2)
    ]
    expected = torch.stack(
        [
            torch.minimum(
                *(net(torch.cat([s[place], a[place]], 1))[:, 0] for net in both[2 * place : 2 * place + 2])
            )
            for place in range(2)
        ]
    )
    torch.testing.assert_close(selection.score({"critic": critic}, s, a), expected.detach())


def test_where_q_is_known_it_is_not_learned():
    known = KnownCritic("squares", lambda points: (points**2).sum(-1), 5.0)
    setup = dataclasses.replace(tiny_setup(), known_critic=known)
    components = OWN.components(setup)
    assert components == dataclasses.replace(OWN, critic="shared").components(setup)
    assert components["critic"] is known


@pytest.mark.parametrize(
    ("task", "eta", "clip", "steps", "rate", "backup_actions"),
    [  # typed by hand from `hyperparameters` of main.py at d871f5c
        ("hopper-medium-replay-v2", 1.0, 4.0, 2_000_000, 3e-4, 1),
        ("walker2d-medium-v2", 1.0, 1.0, 2_000_000, 3e-4, 1),
        ("antmaze-umaze", 0.5, 2.0, 1_000_000, 3e-4, 1),
        ("antmaze-umaze-diverse", 2.0, 3.0, 1_000_000, 3e-4, 10),
        ("antmaze-medium-play", 2.0, 2.0, 1_000_000, 1e-3, 10),
        ("antmaze-large-play", 4.5, 10.0, 1_000_000, 3e-4, 10),
        ("pen-cloned", 0.1, 8.0, 1_000_000, 3e-5, 1),
        ("kitchen-complete", 0.005, 9.0, 250_000, 3e-4, 1),
        ("kitchen-mixed", 0.005, 10.0, 1_000_000, 3e-4, 1),
    ],
)
def test_a_task_has_the_settings_of_the_authors_table(task, eta, clip, steps, rate, backup_actions):
    names = ("eta", "gradient_clip", "denoiser.steps", "denoiser.learning_rate", "backup_actions")
    for preset in DiffusionQL.presets.values():
        assert tuple(preset[name].on(task) for name in names) == (eta, clip, steps, rate, backup_actions)
