"""What the harness asks of every registered method, held on a tiny task: a new file is picked up by its name."""

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
import torch
from tiny import ACTIONS, HIGH, LOW, OBSERVATIONS, act, make_policy, small, tiny_setup
from torch import Tensor

from bench.runner.nodes import make_node
from critics.iql import IQL
from methods import Component, Denoiser, Method, Policy, SeedStreams, SlotPolicy, get_method, method_names
from methods.cep import CEP
from methods.ddice import DiffusionDICE
from methods.idql import IDQL

SEEDS = (0, 1, 2)
BATCH = 6

every_method = pytest.mark.parametrize("name", method_names())


def policy_of(name: str, seeds: tuple[int, ...] = SEEDS) -> Policy:
    return make_policy(small(name), tiny_setup(), seeds)[0]


def observations_of(seeds: tuple[int, ...]) -> Tensor:
    """(seed, batch, observation): the same for a seed whatever its company."""
    return SeedStreams(seeds, "observations").normal(BATCH, OBSERVATIONS)


def act_on(policy: Policy, seeds: tuple[int, ...], rho: float, purpose: str = "evaluation") -> Tensor:
    return act(policy, observations_of(seeds), rho, seeds, purpose)


def strength(name: str) -> float:
    rho = get_method(name).rho
    return 0.0 if rho is None else rho.default


@every_method
def test_it_says_what_it_is(name: str):
    cls = get_method(name)
    assert issubclass(cls, Method)
    assert cls.title
    assert cls.paper
    assert dataclasses.is_dataclass(cls)
    assert hash(cls()) == hash(cls())
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(cls(), "title", "other")  # noqa: B010 - a class attribute to the type checker
    if cls.rho is not None:
        rho = cls.rho
        assert rho.low < rho.high
        assert all(rho.low <= scale <= rho.high for scale in (*rho.grid, rho.default))


@every_method
def test_it_acts_with_finite_actions_in_range_and_counts_what_it_did(name: str):
    policy = policy_of(name)
    assert isinstance(policy, Policy)
    actions = act_on(policy, SEEDS, strength(name))
    assert actions.shape == (3, BATCH, ACTIONS)
    assert actions.isfinite().all()
    assert (actions >= torch.tensor(LOW)).all()
    assert (actions <= torch.tensor(HIGH)).all()
    assert actions.std() > 0.1  # not all clipped into one corner
    for row in range(3):
        counts = policy.counts.of_seed(row)
        numbers = [number for levels in counts["interventions"].values() for number in levels]
        numbers += counts["evaluations"].values()
        assert all(type(number) is int and number >= 0 for number in numbers)
        network = (
            "function" if isinstance(policy, SlotPolicy) else "beside"
        )  # the denoiser's passes, or an actor's
        assert counts["evaluations"][network] >= BATCH
        assert (counts["evaluations"]["guided_rows"] > 0) == (strength(name) != 0)
        assert json.loads(json.dumps(counts)) == counts


@every_method
def test_the_same_seeds_give_the_same_actions_and_the_noise_matters_where_actions_are_drawn(name: str):
    policy, rho = policy_of(name), strength(name)
    assert torch.equal(act_on(policy, SEEDS, rho), act_on(policy, SEEDS, rho))
    other = act_on(policy, SEEDS, rho, "another purpose")
    is_drawn = isinstance(policy, SlotPolicy)  # an actor acts by the mean of its policy
    assert torch.allclose(act_on(policy, SEEDS, rho), other) != is_drawn


@every_method
def test_a_seeds_actions_do_not_depend_on_its_company(name: str):
    """Trained and evaluated in threes, alone, and with others in another order."""
    rows = []
    for seeds in (SEEDS, (1,), (7, 1)):
        rows.append(act_on(policy_of(name, seeds), seeds, strength(name))[seeds.index(1)])
    for row in rows[1:]:
        torch.testing.assert_close(row, rows[0], rtol=1e-3, atol=1e-4)


guided_methods = pytest.mark.parametrize("name", [name for name in method_names() if get_method(name).rho])


@guided_methods
def test_rho_zero_is_the_denoiser_alone_and_another_rho_is_not(name: str):
    policy, models = make_policy(small(name), tiny_setup(), SEEDS)
    if not isinstance(policy, SlotPolicy):
        pytest.skip("a method with a policy of its own says itself what no guidance is")
    plain = dataclasses.replace(policy, denoiser=models["denoiser"], guidance=None)
    expected = act_on(plain, SEEDS, strength(name))
    assert torch.equal(act_on(policy, SEEDS, 0.0), expected)
    assert not torch.allclose(act_on(policy, SEEDS, strength(name)), expected)
    assert isinstance(policy.denoiser, Denoiser)


@guided_methods
def test_rows_have_each_their_own_rho(name: str):
    """In a mixed batch unguided rows are those of an unguided call, guided ones those of a guided call."""
    policy, strong = policy_of(name), strength(name)
    mixed = torch.zeros(3, BATCH)
    mixed[0, ::2], mixed[1, 1], mixed[2] = strong, 2 * strong, strong
    actions = act(policy, observations_of(SEEDS), mixed, SEEDS)
    for scale in (0.0, strong, 2 * strong):
        alike = act(policy, observations_of(SEEDS), scale, SEEDS)
        here = mixed == scale
        torch.testing.assert_close(actions[here], alike[here], rtol=0, atol=1e-6)
        assert not torch.allclose(actions[~here], alike[~here], atol=1e-3)


def leaves(config: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every field below a frozen dataclass that belongs in its key, as (path, value)."""
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if dataclasses.is_dataclass(value):
            yield from leaves(value, (*path, field.name))
        elif field.metadata.get("in_key") is not False:
            yield (*path, field.name), value


_NORMS = {"value_layer_norm", "value_layer_norm_epsilon", "value_hidden_norm"}
OF_V = frozenset({"expectile", "value_loss", *_NORMS, "imported"})
IDLE: Mapping[str, frozenset[str]] = {
    "in-support-critic": OF_V,
    "cql": OF_V,
    "td3-bc": OF_V,
    "valued-critic": frozenset({"discount", "polyak", "imported"}),
    "q-ensemble": frozenset({"imported"}),
    "dql-actor-critic": OF_V | {"steps", "batch_size", "precision"},
}
"""Settings `critic.*` that change nothing of a component of that kind: of a V that it lacks, or another's."""


def is_idle(config: Any, path: Sequence[str]) -> bool:
    """Whether a field is a setting of critics that changes nothing of the component that has it."""
    if path[0] == "config":
        return path[1] in IDLE.get(getattr(config, "kind", ""), ())
    return len(path) > 1 and is_idle(getattr(config, path[0]), path[1:])


def changed(config: Any, path: Sequence[str], value: Any) -> Any:
    """The dataclass with that one field set to something else."""
    if len(path) > 1:
        return dataclasses.replace(config, **{path[0]: changed(getattr(config, path[0]), path[1:], value)})
    hint = get_type_hints(type(config))[path[0]]
    match value:
        case bool():
            other = not value
        case int() | float():
            other = value + 1
        case str() if get_origin(hint) is Literal:
            other = next(choice for choice in get_args(hint) if choice != value)
        case str():
            other = f"{value}x"
        case tuple():
            other = (*value[:-1], value[-1] + 1)
        case _:
            assert value is None
            kinds = get_args(hint)
            other = 1.0 if float in kinds else "other" if str in kinds else 1
    return dataclasses.replace(config, **{path[0]: other})


@every_method
def test_components_have_stable_keys_that_change_with_every_setting(name: str):
    first, again = (small(name).components(tiny_setup()) for _ in range(2))
    assert first == again
    assert sum(len(list(leaves(component))) for component in first.values()) > 5
    for part, component in first.items():
        assert isinstance(component, Component)
        assert hash(component) == hash(again[part])
        label = make_node(component, "data", {}).label
        assert label == make_node(again[part], "data", {}).label
        assert label.startswith(f"{component.kind}-")
        assert label != make_node(component, "other data", {}).label
        settings = [setting for setting in leaves(component) if not is_idle(component, setting[0])]
        assert settings
        labels = [make_node(changed(component, *setting), "data", {}).label for setting in settings]
        assert label not in labels
        assert len(set(labels)) == len(labels)
        idle = [setting for setting in leaves(component) if is_idle(component, setting[0])]
        assert all(changed(component, *setting) == component for setting in idle)


def test_methods_share_the_components_that_are_the_same():
    setup, known = tiny_setup(), {}
    denoisers = {}
    behaviour = ("unguided", "idql", "cep", "ddice", "mse", "dps", "aepo", "sfbc")
    for name in (*behaviour, "swg", "swg-r"):
        denoisers[name] = make_node(get_method(name)().components(setup)["denoiser"], "data", known)
    assert len({denoisers[name].label for name in behaviour}) == 1
    assert denoisers["swg"] is denoisers["swg-r"]
    assert denoisers["swg"].label != denoisers["idql"].label
    shared = IQL(setup.critic_config, OBSERVATIONS, ACTIONS)
    assert IDQL().components(setup)["critic"] == shared
    assert DiffusionDICE(candidates=2).components(setup)["critic"] == shared
    energy = make_node(CEP().components(setup)["guidance"], "data", known)
    assert energy.upstream["critic"] is make_node(shared, "data", known)
    assert energy.upstream["support"].upstream["behaviour"] is denoisers["cep"]
