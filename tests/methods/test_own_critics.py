"""Methods with their authors' critics: what is made of what, and they act as every method does."""

import dataclasses
from typing import Any

import pytest
import torch
from test_conformance import SEEDS, act_on, changed, is_idle, leaves
from tiny import HIGH, LOW, make, make_all, make_policy, tiny_data, tiny_setup
from torch import Tensor

from bench.config.check_settings import check_bounds
from bench.runner.nodes import make_node, sort_upstream_first
from critics.in_support import InSupportQ
from critics.iql import IQL
from critics.known import KnownCritic
from critics.q_ensemble import QEnsemble
from methods import Draw, Method, Policy, Setup, SlotPolicy, Step
from methods.cep import CEP, EnergyNet
from methods.core.support import NextSupportActions, SupportActions
from methods.ddice import DiffusionDICE
from methods.diffusion.noise import StreamNoise
from methods.dql import DiffusionQL
from training import SeedStreams
from training.networks import member_values

CEP_OWN = CEP(support_actions=5, support_states=14, batch_size=8)
IN_SUPPORT = {"kind": "in-support", "support_actions": 3, "support_states": 12}
DICE_OWN = DiffusionDICE(select="ensemble", ensemble=3, candidates=3, noises=2, batch_size=8)
DICE_DRAW = dataclasses.replace(DICE_OWN, select="draw")
DQL_OWN = DiffusionQL(critic="q-learning", candidates=3)
OWN = {"cep": CEP_OWN, "ddice": DICE_OWN, "ddice-draw": DICE_DRAW, "dql": DQL_OWN}

each = pytest.mark.parametrize("method", OWN.values(), ids=OWN)


def policy_of(method: Method, seeds: tuple[int, ...]) -> tuple[Policy, dict[str, Any]]:
    return make_policy(method, setup_of(method), seeds)


def setup_of(method: Method, **settings: Any) -> Setup:
    """The tiny task with the critic of the method's authors, and more settings of it."""
    setup = tiny_setup()
    own = IN_SUPPORT if isinstance(method, CEP) else {}
    return dataclasses.replace(setup, critic_config=dataclasses.replace(setup.critic_config, **(own | settings)))


def energy_of(method: CEP, setup: Setup) -> EnergyNet:
    energy = method.components(setup)["guidance"]
    assert isinstance(energy, EnergyNet)
    return energy


def own_network(method: Method) -> Setup:
    """The tiny task with the backbone of CEP's and Diffusion-DICE's authors."""
    setup = setup_of(method)
    own = dataclasses.replace(setup.denoiser, network="u-shaped", schedule="vp-linear", levels=1000)
    sampler = dataclasses.replace(setup.sampler, solver="dpm++-singlestep", steps=15, clip="none")
    return dataclasses.replace(setup, denoiser=own, sampler=sampler)


@each
def test_it_acts_in_range_and_a_seed_does_not_depend_on_its_company(method: Method):
    rows = []
    for seeds in (SEEDS, (1,), (7, 1)):
        actions = act_on(policy_of(method, seeds)[0], seeds, 1.0)
        assert actions.isfinite().all()
        assert ((actions >= torch.tensor(LOW)) & (actions <= torch.tensor(HIGH))).all()
        rows.append(actions[seeds.index(1)])
    for row in rows[1:]:
        torch.testing.assert_close(row, rows[0], rtol=1e-3, atol=1e-4)


@each
def test_it_acts_with_the_u_shaped_backbone_and_second_order_sampler(method: Method):
    actions = act_on(make_policy(method, own_network(method), SEEDS)[0], SEEDS, 1.0)
    assert actions.isfinite().all()
    assert ((actions >= torch.tensor(LOW)) & (actions <= torch.tensor(HIGH))).all()


@each
def test_keys_are_stable_and_change_with_every_setting_of_every_component(method: Method):
    setup = setup_of(method)
    components = method.components(setup)
    nodes = sort_upstream_first([make_node(part, "data", {}) for part in components.values()])
    again = sort_upstream_first([make_node(part, "data", {}) for part in method.components(setup).values()])
    assert [node.label for node in nodes] == [node.label for node in again]
    labels = {node.label for node in nodes}
    for node in nodes:
        for setting in leaves(node.component):
            label = make_node(changed(node.component, *setting), "data", {}).label
            assert (label in labels) == is_idle(node.component, setting[0])


def test_support_actions_at_states_and_at_next_states_are_two_components():
    """The energy stands on the first, the in-support critic on the second alone."""
    setup = setup_of(CEP_OWN)
    energy = energy_of(CEP_OWN, setup)
    ends = setup.sampler, setup.action_low, setup.action_high
    following = NextSupportActions(setup.behaviour(), 12, 3, *ends)
    assert energy.support == SupportActions(setup.behaviour(), 14, 5, *ends)
    assert energy.critic == InSupportQ(setup.critic_config, 3, 2, following, 1.0)
    assert energy.critic.upstream() == {"support": following}
    assert energy.upstream() == {"support": energy.support, "critic": energy.critic}
    nodes = sort_upstream_first([make_node(energy, "data", {})])
    kinds = [node.component.kind for node in nodes]
    assert kinds == ["behaviour", "support", "next-support", "in-support-critic", "cep-energy"]
    labels = {node.component.kind: node.label for node in nodes}
    assert labels["support"].split("-")[-1] != labels["next-support"].split("-")[-1]
    critic = next(node for node in nodes if node.component.kind == "in-support-critic")
    below = [node.component.kind for node in sort_upstream_first([critic])]
    assert below == ["behaviour", "next-support", "in-support-critic"]
    other = energy_of(CEP_OWN, setup_of(CEP_OWN, inverse_temperature=2.0))
    assert other.critic == InSupportQ(setup.critic_config, 3, 2, following, 2.0)
    shared = energy_of(CEP(), tiny_setup())
    kinds = [node.component.kind for node in sort_upstream_first([make_node(shared, "data", {})])]
    assert kinds == ["behaviour", "support", "critic", "cep-energy"]


def test_the_energy_learns_the_in_support_q():
    energy = energy_of(CEP_OWN, setup_of(CEP_OWN))
    models = make_all(energy.upstream(), (0,))
    target = energy.precompute(Step(tiny_data(), models, SeedStreams([0], "x")))["target"]
    here = models["support"].observations[:, :1].expand(-1, 5, -1)
    q = models["critic"].q(here, models["support"].actions[:, 0])
    torch.testing.assert_close(target[:, 0], (3.0 * q).softmax(-1))


def test_the_ensemble_is_made_only_where_it_selects():
    setup = tiny_setup()
    shared = IQL(setup.critic_config, 3, 2)
    assert DICE_OWN.components(setup)["critic"] == QEnsemble(setup.critic_config, 3, 2, shared, 3)
    for other in (DICE_DRAW, DiffusionDICE(candidates=3)):
        assert other.components(setup)["critic"] == shared
    assert set(dataclasses.replace(DICE_OWN, candidates=1).components(setup)) == {"denoiser", "guidance"}


def greatest(scores: Tensor, z: Tensor) -> Tensor:
    """The candidate with the highest score."""
    rows, columns = torch.meshgrid(torch.arange(z.shape[0]), torch.arange(z.shape[1]), indexing="ij")
    return z[rows, columns, scores.argmax(-1)]


def test_each_selection_asks_its_own_values():
    observations = SeedStreams(SEEDS, "states").normal(40, 3)
    z = SeedStreams(SEEDS, "candidates").normal(40, 3, 2)
    repeated, flat = observations.repeat_interleave(3, 1), z.flatten(1, 2)
    ensemble = make(DICE_OWN.components(tiny_setup())["critic"], SEEDS)
    noise = StreamNoise(SeedStreams(SEEDS, "select"), 40)
    chosen = DICE_OWN.selection().choose(observations, z, {"critic": ensemble}, noise)
    mean = ensemble.each_q(repeated, flat).mean(1).unflatten(1, (40, 3))
    assert torch.equal(chosen, greatest(mean, z))

    critic = make(DICE_DRAW.components(tiny_setup())["critic"], SEEDS)
    draw = DICE_DRAW.selection()
    first = member_values(critic.target_q, repeated, flat, members=2)[:, 0].unflatten(1, (40, 3))
    assert isinstance(draw, Draw)
    score = draw.score({"critic": critic}, repeated, flat).unflatten(1, (40, 3))
    torch.testing.assert_close(score, first)
    assert draw.is_log
    alone = dataclasses.replace(DICE_OWN, candidates=1)
    policy, _ = policy_of(alone, SEEDS)
    assert isinstance(policy, SlotPolicy)
    assert policy.selection.candidates == 1


def test_where_q_is_known_nothing_is_learned():
    known = KnownCritic("squares", lambda points: (points**2).sum(-1), 5.0)
    setup = dataclasses.replace(setup_of(CEP_OWN), known_critic=known)
    energy = energy_of(CEP_OWN, setup)
    assert energy.critic is known
    assert setup.critic() is setup.q_critic() is known
    for method in (DICE_OWN, DICE_DRAW):
        assert method.components(setup)["critic"] is known
    points = torch.tensor([[[1.0, 2.0]]])
    assert known.first_q(torch.full((1, 1, 1), 3.0), points).tolist() == [[15.0]]


@pytest.mark.parametrize(
    ("method", "words"),
    [
        (DiffusionQL(backup_actions=0), "dql.backup_actions=0 must be at least 1"),
        (DiffusionQL(gradient_clip=0.0), "dql.gradient_clip=0.0 must be above 0"),
        (DiffusionQL(eta=-1.0), "dql.eta=-1.0 must be at least 0"),
        (DiffusionDICE(ensemble=0), "ddice.ensemble=0 must be at least 1"),
    ],
)
def test_a_number_that_cannot_be_is_named(method: Method, words: str):
    name = words.partition(".")[0]
    with pytest.raises(ValueError, match=words.replace(".", r"\.")):
        check_bounds(method, name)
