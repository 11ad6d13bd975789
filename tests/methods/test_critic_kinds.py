"""Any kind of critic goes with any method: what is made of what, and that every method acts with it."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch
from test_conformance import SEEDS, act_on, changed, is_idle, leaves, strength
from tiny import HIGH, LOW, make_policy, slot_methods, small, tiny_setup

from bench.runner.nodes import Node, make_node, sort_upstream_first
from critics.config import CriticConfig, CriticKind, CriticSettings
from critics.in_support import InSupportQ
from critics.iql import IQL
from critics.valued import ValuedCritic
from methods import Draw, Method, Rho, Setup, SlotMethod, get_method
from methods.core.conservative import ConservativeQ
from methods.core.support import NextSupportActions
from methods.cql import CQL
from methods.ddice import DiffusionDICE
from methods.dps import PlugIn
from methods.idql import IDQL

KINDS: tuple[CriticKind, ...] = ("iql", "in-support", "cql")
LABELS: Mapping[CriticKind, str] = {"iql": "critic", "in-support": "in-support-critic", "cql": "cql"}
ASK_V = {"swg", "swg-r", "ddice"}
"""The methods of three slots whose weights are of the advantage, at their default settings."""
ASK_NOTHING = {"unguided"}
every_kind = pytest.mark.parametrize("kind", KINDS)


def setup_of(kind: CriticKind) -> Setup:
    setup = tiny_setup()
    few = dataclasses.replace(setup.critic_config, kind=kind, support_states=12, support_actions=3)
    return dataclasses.replace(setup, critic_config=few)


def nodes_of(method: Method, setup: Setup) -> list[Node]:
    known = {}
    return sort_upstream_first([make_node(part, "data", known) for part in method.components(setup).values()])


def kinds_of(method: Method, setup: Setup) -> set[str]:
    return {node.component.kind for node in nodes_of(method, setup)}


@every_kind
@pytest.mark.parametrize("name", slot_methods())
def test_every_method_of_three_slots_acts_with_every_kind(name: str, kind: CriticKind):
    policy, _ = make_policy(small(name), setup_of(kind), SEEDS)
    actions = act_on(policy, SEEDS, strength(name))
    assert actions.isfinite().all()
    assert ((actions >= torch.tensor(LOW)) & (actions <= torch.tensor(HIGH))).all()


@every_kind
@pytest.mark.parametrize("name", slot_methods())
def test_v_is_fitted_for_the_methods_that_ask_it_alone(name: str, kind: CriticKind):
    """Which those are was read from the papers: SWG's and DICE's weights are of Q - V, the others' of Q."""
    found = kinds_of(small(name), setup_of(kind)) & {*LABELS.values(), "valued-critic"}
    has_value = kind == "iql" or name not in ASK_V
    expected = {LABELS[kind]} if has_value else {LABELS[kind], "valued-critic"}
    assert found == (set() if name in ASK_NOTHING else expected)


@every_kind
def test_a_draw_by_the_weight_asks_v_and_the_best_by_q_does_not(kind: CriticKind):
    setup = setup_of(kind)
    best, draw = (IDQL(candidates=3, select=how).components(setup)["critic"] for how in ("best", "draw"))
    assert best == setup.q_critic()
    assert draw == setup.critic()
    assert (best == draw) == (kind == "iql")


def test_the_kinds_are_made_of_the_settings_that_they_have():
    config = setup_of("in-support").critic_config
    setup = setup_of("in-support")
    ends = setup.sampler, setup.action_low, setup.action_high
    support = NextSupportActions(setup.behaviour(), 12, 3, *ends)
    assert setup.q_critic() == InSupportQ(config, 3, 2, support, 1.0)
    assert setup.critic() == ValuedCritic(config, 3, setup.q_critic())
    assert setup_of("iql").critic() == setup_of("iql").q_critic() == IQL(config, 3, 2)
    weaker = dataclasses.replace(setup_of("cql").critic_config, penalty=2.0)
    assert dataclasses.replace(setup, critic_config=weaker).q_critic() == ConservativeQ.of(config, 3, 2, 2.0)


def test_methods_share_one_critic_of_a_kind():
    setup, known = setup_of("in-support"), {}
    labels: set[str] = set()
    for name in (*ASK_V, "cep", "mse", "aepo", "sfbc", "idql", "iql"):
        method = small(name)
        nodes = [make_node(part, "data", known) for part in method.components(setup).values()]
        labels |= {n.label for n in sort_upstream_first(nodes) if n.component.kind == "in-support-critic"}
    assert len(labels) == 1


def test_the_conservative_critic_is_what_the_method_cql_trains_by_default():
    setup = tiny_setup()
    conservative = dataclasses.replace(setup.critic_config, kind="cql")
    assert dataclasses.replace(setup, critic_config=conservative).q_critic() == CQL().actor(setup)
    assert dataclasses.replace(setup, critic_config=conservative).q_critic() != CQL(alpha=1.0).actor(setup)


def test_an_ensemble_is_regressed_on_the_fitted_v():
    setup = setup_of("in-support")
    ensemble = DiffusionDICE(select="ensemble", candidates=3).components(setup)["critic"]
    assert ensemble.upstream() == {"critic": setup.critic()}


@dataclass(frozen=True)
class GuidedByQ(SlotMethod):
    """Guidance by Q, and a selection by a weight of Q and V."""

    title: ClassVar[str] = "Guided by Q"
    paper: ClassVar[str] = "-"
    rho: ClassVar[Rho | None] = Rho(default=1.0)

    def guidance(self) -> PlugIn:
        return PlugIn(1.0)

    def selection(self) -> Draw:
        return Draw.by_weight(3, "hard-expectile")


@every_kind
def test_a_slot_that_asks_q_and_one_that_asks_v_too_have_one_critic(kind: CriticKind):
    assert GuidedByQ().components(setup_of(kind))["critic"] == setup_of(kind).critic()


@pytest.mark.parametrize("name", ["swg", "cql", "td3-bc", "dql"])
@pytest.mark.parametrize("kind", ["in-support", "cql"])
def test_keys_change_with_every_setting_that_has_an_effect_and_with_no_other(name: str, kind: CriticKind):
    method = small(name)
    if name == "dql":
        method = dataclasses.replace(method, critic="q-learning")  # pyright: ignore
    nodes = nodes_of(method, setup_of(kind))
    labels = {node.label for node in nodes}
    for node in nodes:
        for setting in leaves(node.component):
            label = make_node(changed(node.component, *setting), "data", {}).label
            assert (label in labels) == is_idle(node.component, setting[0]), setting


@every_kind
def test_the_kind_is_no_setting_of_an_actor_critic(kind: CriticKind):
    for name in ("cql", "td3-bc"):
        assert get_method(name)().components(setup_of(kind)) == get_method(name)().components(tiny_setup())


def test_settings_of_other_kinds_go_back_to_their_defaults():
    every = CriticSettings(steps=7, support_states=5, support_actions=6, inverse_temperature=2.0, penalty=3.0)
    kept = {kind: dataclasses.replace(every, kind=kind).reset_other_kinds() for kind in KINDS}
    assert kept["iql"] == CriticSettings(steps=7)
    support = {"support_states": 5, "support_actions": 6, "inverse_temperature": 2.0}
    assert kept["in-support"] == CriticSettings(steps=7, kind="in-support", **support)  # pyright: ignore
    assert kept["cql"] == CriticSettings(steps=7, kind="cql", penalty=3.0)
    assert every.keep({"steps"}) == CriticConfig(steps=7)
