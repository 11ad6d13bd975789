"""CEP and Diffusion-DICE with their authors' critics: what is made of what, and they act as every method does."""

import dataclasses

import pytest
import torch
from test_conformance import SEEDS, act, changed, leaves
from tiny import HIGH, LOW, made, tiny_data, tiny_shared

from bench.config.bounds import check_bounds
from bench.runner.plan import node_of, ordered
from critics.in_support import InSupportQ
from critics.iql import KnownCritic
from critics.q_ensemble import QEnsemble
from methods.cep import CEP
from methods.core.selection import Best, First, SoftmaxDraw
from methods.ddice import DiffusionDICE

CEP_OWN = CEP(critic="in-support", support_actions=3, support_states=12, batch_size=8)
DICE_OWN = DiffusionDICE(select="ensemble", ensemble=3, candidates=3, noises=2, batch_size=8)
DICE_DRAW = dataclasses.replace(DICE_OWN, select="draw")
OWN = {"cep": CEP_OWN, "ddice": DICE_OWN, "ddice-draw": DICE_DRAW}

each = pytest.mark.parametrize("method", OWN.values(), ids=OWN)


def policy_of(method, seeds, rho):
    shared, known = tiny_shared(), {}
    parts = {name: made(part, tiny_data(), seeds, known) for name, part in method.components(shared).items()}
    return method.policy(parts, shared, rho), parts


def own_network():
    """The tiny task with the backbone of the two methods' authors."""
    shared = tiny_shared()
    own = dataclasses.replace(shared.denoiser, network="u-shaped", schedule="vp-linear", levels=1000)
    sampler = dataclasses.replace(shared.sampler, solver="dpm++-singlestep", steps=15, clip="none")
    return dataclasses.replace(shared, denoiser=own, sampler=sampler)


@each
def test_it_acts_in_range_and_a_seed_does_not_depend_on_its_company(method):
    rows = []
    for seeds in (SEEDS, (1,), (7, 1)):
        actions = act(policy_of(method, seeds, 1.0)[0], seeds)
        assert actions.isfinite().all()
        assert ((actions >= torch.tensor(LOW)) & (actions <= torch.tensor(HIGH))).all()
        rows.append(actions[seeds.index(1)])
    for row in rows[1:]:
        torch.testing.assert_close(row, rows[0], rtol=1e-3, atol=1e-4)


@each
def test_it_acts_with_the_authors_backbone_and_sampler(method):
    shared, known = own_network(), {}
    parts = {name: made(part, tiny_data(), SEEDS, known) for name, part in method.components(shared).items()}
    actions = act(method.policy(parts, shared, 1.0), SEEDS)
    assert actions.isfinite().all()
    assert ((actions >= torch.tensor(LOW)) & (actions <= torch.tensor(HIGH))).all()


@each
def test_keys_are_stable_and_change_with_every_setting_of_every_component(method):
    components = method.components(tiny_shared())
    nodes = ordered([node_of(part, "data", {}) for part in components.values()])
    again = ordered([node_of(part, "data", {}) for part in method.components(tiny_shared()).values()])
    assert [node.label for node in nodes] == [node.label for node in again]
    labels = {node.label for node in nodes}
    for node in nodes:
        for setting in leaves(node.component):
            assert node_of(changed(node.component, *setting), "data", {}).label not in labels


def test_one_set_of_support_actions_serves_the_critic_and_the_energy():
    shared = tiny_shared()
    energy = CEP_OWN.components(shared)["energy"]
    assert energy.critic == InSupportQ(shared.critic_config, 3, 2, energy.support, 1.0)
    assert energy.support.next_states
    kinds = [node.component.kind for node in ordered([node_of(energy, "data", {})])]
    assert kinds == ["behaviour", "support", "in-support-critic", "cep-energy"]
    other = dataclasses.replace(CEP_OWN, value_inverse_temperature=2.0).components(shared)["energy"]
    assert other.critic.inverse_temperature == 2.0
    assert not CEP().components(shared)["energy"].support.next_states


def test_the_energy_learns_the_in_support_q():
    shared, known = tiny_shared(), {}
    energy = CEP_OWN.components(shared)["energy"]
    parts = {name: made(part, tiny_data(), (0,), known) for name, part in energy.upstream().items()}
    table = energy.tables(tiny_data(), parts, 1)["target"]
    here = parts["support"].observations[:, :1].expand(-1, 3, -1)
    q = parts["critic"].q(here, parts["support"].actions[:, 0])
    torch.testing.assert_close(table[:, 0], (3.0 * q).softmax(-1))


def test_the_ensemble_is_made_only_where_it_selects():
    shared = tiny_shared()
    ensemble = DICE_OWN.components(shared)["critic"]
    assert ensemble == QEnsemble(shared.critic_config, 3, 2, shared.critic, 3)
    for other in (DICE_DRAW, dataclasses.replace(DICE_OWN, candidates=1), DiffusionDICE(candidates=3)):
        assert other.components(shared)["critic"] is shared.critic


def test_each_selection_asks_its_own_values():
    rows = torch.zeros(3, 4, 3), torch.rand(3, 4, 2, generator=torch.Generator().manual_seed(0))
    by_ensemble, parts = policy_of(DICE_OWN, SEEDS, 1.0)
    assert isinstance(by_ensemble.selection, Best)
    mean = parts["critic"].each_q(*rows).mean(1)
    torch.testing.assert_close(by_ensemble.selection.score(*rows), mean)
    by_draw, parts = policy_of(DICE_DRAW, SEEDS, 1.0)
    assert isinstance(by_draw.selection, SoftmaxDraw)
    first = parts["critic"].both_q(parts["critic"].target_q, *rows)[:, 0]
    torch.testing.assert_close(by_draw.selection.score(*rows), first)
    alone = dataclasses.replace(DICE_OWN, candidates=1)
    assert isinstance(policy_of(alone, SEEDS, 1.0)[0].selection, First)


def test_where_q_is_known_nothing_is_learned():
    known = KnownCritic("squares", lambda points: (points**2).sum(-1), 5.0)
    shared = dataclasses.replace(tiny_shared(), critic=known)
    energy = CEP_OWN.components(shared)["energy"]
    assert energy.critic is known
    assert energy == dataclasses.replace(CEP_OWN, critic="shared").components(shared)["energy"]
    for method in (DICE_OWN, DICE_DRAW):
        assert method.components(shared)["critic"] is known
    points = torch.tensor([[[1.0, 2.0]]])
    assert known.first_q(torch.full((1, 1, 1), 3.0), points).tolist() == [[15.0]]


@pytest.mark.parametrize(
    ("method", "words"),
    [
        (DiffusionDICE(ensemble=0), "ddice.ensemble=0 must be at least 1"),
        (CEP(value_inverse_temperature=-1.0), "cep.value_inverse_temperature=-1.0 must be at least 0"),
    ],
)
def test_a_number_that_cannot_be_is_named(method, words):
    name = words.partition(".")[0]
    with pytest.raises(ValueError, match=words.replace(".", r"\.")):
        check_bounds(method, name)
